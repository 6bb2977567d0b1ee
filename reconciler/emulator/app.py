"""The emulator as a Transport: it lets faults hit a request and answers as the service would.

It refuses to know any kind by name."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.emulator import behaviour
from reconciler.emulator.behaviour import Api, Behaviour
from reconciler.emulator.control import audit, dump, paths
from reconciler.emulator.control.audit import Audit
from reconciler.emulator.faults import broken_replies
from reconciler.emulator.faults.in_force import Deviations, Effects, FaultsInForce
from reconciler.emulator.faults.model import Asked, Fault
from reconciler.emulator.messages.served import Served
from reconciler.emulator.messages.shapes import Shapes
from reconciler.emulator.methods import children, lists
from reconciler.emulator.methods.children import ChildMethods
from reconciler.emulator.methods.iam import PolicyMethods
from reconciler.emulator.methods.jobs import JobMethods
from reconciler.emulator.state import lifecycle
from reconciler.emulator.state.clocks import SettableClock
from reconciler.emulator.state.database import State
from reconciler.emulator.state.lifecycle import Timings
from reconciler.emulator.state.rows import Change, Key
from reconciler.emulator.state.stale_lists import StaleLists
from reconciler.emulator.wire import field_masks, hosts, replies, requests
from reconciler.emulator.wire.project_numbers import ProjectNumbers
from reconciler.emulator.wire.replies import Refusal
from reconciler.emulator.wire.requests import Call
from reconciler.emulator.wire.routes import PathParts, Route, Routes
from reconciler.vocabulary.kinds import Kinds, Verb
from reconciler.vocabulary.ports import Clock
from reconciler.vocabulary.wire import Request, Response

if TYPE_CHECKING:
    from reconciler.emulator.running.service import Machine, Running


def random_ids(source: random.Random) -> Callable[[], str]:
    """Draw ids as the service does: positive int64 of 18 or 19 digits (recorded)."""
    return lambda: str(source.randrange(10**17, 2**63))


class Emulator:
    """Google's job APIs over SQLite. Calls may come from many threads, and processes may share a database file."""

    def __init__(
        self,
        kinds: Kinds,
        database: str,
        clock: Clock,
        ids: Callable[[], str],
        timings: Timings = lifecycle.RECORDED,
        projects: Mapping[str, str] | None = None,
        behaviours: Mapping[str, Behaviour] | None = None,
        faults: Iterable[Fault] = (),
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        """Open the database (a path, or ":memory:"). `projects` maps ids to numbers; `behaviours` replace the data files.

        `faults` hit calls from the first call on; `sleep` is how a delay passes, by default on the clock. Raises
        errors.StoreFailed where the database cannot be used.
        """
        behaviours = behaviour.load() if behaviours is None else behaviours
        self._routes = Routes(
            Served(kind, behaviours[kind.name], Shapes(kind, behaviours[kind.name]))
            for kind in kinds.values()
            if kind.name in behaviours
        )
        self._database = database
        self._runner: Running | None = None
        self._clock = clock
        self._sleep = sleep or clock.sleep
        self._projects = ProjectNumbers(projects or {})
        self._state = State(database, self._hear)
        self._jobs = JobMethods(self._state, ids, timings)
        self._policies = PolicyMethods(self._state, self._jobs)
        self._children = ChildMethods(self._state, self._jobs)
        self._stale = StaleLists(self._state)
        self._audit = Audit()
        self._faults = FaultsInForce()
        self.inject(*faults)

    def __call__(self, request: Request) -> Response:
        """Answer one request. Raises broken_replies.Cut where a fault cuts the connection."""
        try:
            call = requests.read(request)
        except Refusal as refusal:
            return replies.refused(refusal)
        if call.path.startswith(paths.PREFIX):
            return self._reply(call, lambda: self._control(call))
        route = self._routes.find(call)
        asked = self._asked(call, route)
        effects = self._faults.effects_on(asked)
        if effects.delay:
            self._sleep(effects.delay)
        return self._respond(call, route, effects, asked)

    def inject(self, *faults: Fault) -> None:
        """Let more faults hit calls from the next one on."""
        self._stale.keep(self._faults.lags(faults), self._now())
        self._faults.inject(*faults)

    def clear_faults(self) -> None:
        """Take all faults away; lists are at once what the jobs are."""
        self._faults.clear()
        self._stale.keep((), self._now())

    def faults(self) -> list[dict[str, Any]]:
        """Write the faults in force as files have them, with how many calls each has `seen` and `hits`."""
        return self._faults.show()

    def audit(self) -> tuple[audit.Entry, ...]:
        """Return the last 100,000 calls of the APIs, oldest first."""
        return self._audit.entries()

    def set_state(self, resource: str, state: str, error: Any = None) -> None:
        """Put the job of a full resource name into a state; raises LookupError for a name that is none."""
        try:
            found = self._set_state(resource, state, error)
        except Refusal as refusal:
            raise LookupError(refusal.message) from refusal
        if found is None:
            raise LookupError(f"{resource} is not the name of a job")

    def run_jobs(self, machine: Machine) -> None:
        """Really run the commands of jobs that are created from now on. Raises errors.StoreFailed."""
        from reconciler.emulator.running.service import Running

        self._runner = Running(self._database, self._state, self._routes.of_kinds, self._now, machine)
        self._jobs.runner = self._runner

    def close(self) -> None:
        """End what runs, then close the database."""
        if self._runner is not None:
            self._runner.close()
        self._stale.close()
        self._state.close()

    def _respond(self, call: Call, route: Route | None, effects: Effects, asked: Asked) -> Response:
        """Answer, or do what a fault does instead; both go into the audit."""
        reply, committed, status = None, False, 0
        try:
            if effects.reply_fault is None or effects.reply_fault.carried_out:
                reply = self._reply(call, lambda: self._answer(call, route, effects.deviations))
                committed = reply.status == 200 and route is not None and route.writes
            shown = (
                broken_replies.shown(effects.reply_fault, reply, asked) if effects.reply_fault is not None else reply
            )
            assert shown is not None
            status = shown.status
            return shown
        finally:
            run_key = _run_key(call) if route is not None and route.verb is Verb.CREATE else ""
            method, time = route.method if route else "", lifecycle.timestamp(self._now(), 6)
            who = {"verb": method, "time": time, "client": call.client, "agent": call.agent}
            self._audit.record(call.method, call.path, status, committed, run_key, **who)

    def _reply(self, call: Call, answer: Callable[[], Any]) -> Response:
        """Write what a method answers, None for what is not served, or why it refuses."""
        try:
            found = answer()
        except Refusal as refusal:
            return replies.refused(refusal, call.pretty)
        except RecursionError:
            return replies.refused(replies.too_deep())
        except sqlite3.OperationalError:
            return replies.refused(replies.unavailable(), call.pretty)
        if found is None:
            return replies.unknown_path()
        return replies.ok(found, call.pretty)

    def _answer(self, call: Call, route: Route | None, deviations: Deviations) -> Any:
        """Return the JSON to answer, None for a path or method that is not served."""
        if route is None or not self._is_served_at(call.host, route):
            return None
        call.allow(route.parameters)
        selection = call.selection and field_masks.expand(call.selection, children.reply_of(route))
        found = self._run(route, self._key(route.kind, route.parts), call, deviations)
        return field_masks.apply(selection, found) if selection else found

    def _is_served_at(self, host: str, route: Route) -> bool:
        """Say whether a host serves the API; raises Refusal where its location is another than the path's."""
        location = requests.segment(route.parts.location)
        field = "name" if route.parts.job or route.parts.child else "parent"
        return any(hosts.serves(host, api, location, field) for api in route.apis)

    def _run(self, route: Route, key: Key, call: Call, deviations: Deviations) -> Any:
        now = self._now()
        write = route.writes or self._state.has_due(now)
        with self._state.transaction(write):
            if write:
                self._state.advance(now)
            if route.served is None or route.verb is None:
                return self._children.answer(route, key, call, now)
            return self._method(route.verb, route.served, key, call, now, deviations)

    def _method(self, verb: Verb, served: Served, key: Key, call: Call, now: int, deviations: Deviations) -> Any:
        methods: Mapping[Verb, Callable[[], Any]] = {
            Verb.CREATE: lambda: self._jobs.create(served, key, call, now),
            Verb.GET: lambda: self._jobs.get(served, key, call),
            Verb.LIST: lambda: self._list(served, key, call, now, deviations),
            Verb.CANCEL: lambda: self._jobs.cancel(served, key, call, now, deviations.cancel_ends),
            Verb.DELETE: lambda: self._jobs.delete(served, key, call, now),
            Verb.PATCH: lambda: self._jobs.patch(served, key, call),
            Verb.GET_IAM_POLICY: lambda: self._policies.get(served, key, call),
            Verb.SET_IAM_POLICY: lambda: self._policies.set(served, key, call),
            Verb.TEST_IAM_PERMISSIONS: lambda: self._policies.test(served, key, call),
        }
        return methods[verb]()

    def _list(self, served: Served, scope: Key, call: Call, now: int, deviations: Deviations) -> Any:
        with self._stale.as_of(deviations.lag, now) as state:
            return lists.answer(served, state, scope, call, now, deviations, self._jobs.show)

    def _hear(self, changes: Sequence[Change]) -> None:
        self._stale.hear(self._now(), changes)
        if self._runner is not None:
            self._runner.hear(changes)

    def _key(self, kind: str, parts: PathParts) -> Key:
        location = requests.segment(parts.location)
        if location == "-":
            # unverified: no page documents the wildcard for job kinds
            raise Refusal("INVALID_ARGUMENT", "The wildcard location `-` is not supported.")
        project = self._projects.number(requests.segment(parts.project))
        return Key(kind, project, location, requests.segment(parts.job))

    def _control(self, call: Call) -> Any:
        path = call.path.removeprefix(paths.PREFIX)
        answers: Mapping[tuple[str, str], Callable[[], Any]] = {
            ("GET", "clock"): lambda: paths.show_clock(self._clock),
            ("POST", "clock:advance"): lambda: paths.advance_clock(self._clock, call),
            ("GET", "audit"): lambda: paths.show_audit(self.audit(), call),
            ("GET", "snapshot"): lambda: self._dump(call),
            ("POST", "snapshot:restore"): lambda: self._restore(call),
            ("POST", "reset"): self._reset,
            ("GET", "faults"): self._show_faults,
            ("POST", "faults"): lambda: self._inject_asked(call),
            ("DELETE", "faults"): self._clear_asked,
        }
        answer = answers.get((call.method, path))
        if answer is not None:
            return answer()
        if call.method == "GET" and path.endswith(":logs"):
            return self._logs(path.removesuffix(":logs"), call)
        if call.method != "POST" or not path.endswith(":setState"):
            return None
        return self._set_state(path.removesuffix(":setState"), *paths.asked_state(call))

    def _logs(self, resource: str, call: Call) -> Any:
        found = self._routes.job(resource)
        if found is None:
            return None
        served, parts = found
        key, now = self._key(served.kind.name, parts), self._now()
        due = self._state.has_due(now)
        with self._state.transaction(write=due):
            if due:
                self._state.advance(now)
            job = self._jobs.found(served, key)
        if self._runner is None:
            raise Refusal("FAILED_PRECONDITION", "This emulator runs no jobs, so there is no output: see --run-jobs.")
        return self._runner.logs(served, job, call)

    def _dump(self, call: Call) -> Any:
        now = self._now()
        with self._state.transaction(write=True):
            self._state.advance(now)
            return dump.take(self._state, call.after("a number"), now)

    def _restore(self, call: Call) -> Any:
        """Replace all jobs by those of a dump; a clock that can be set is not left behind it."""
        jobs, at = dump.read(call.json(), self._routes.of_kinds)
        with self._state.transaction(write=True):
            dump.restore(self._state, jobs, keep=paths.asked_keep(call))
        if isinstance(self._clock, SettableClock):
            self._clock.advance(max(0, at - self._now()) / lifecycle.MICROSECONDS)
        return {"jobs": len(jobs)}

    def _reset(self) -> Any:
        """Be as new but for the clock: no jobs, no operations, no faults, no calls."""
        self.clear_faults()
        with self._state.transaction(write=True):
            self._state.clear()
            self._jobs.forget()
        self._audit.clear()
        return {}

    def _show_faults(self) -> Any:
        return {"faults": self.faults()}

    def _inject_asked(self, call: Call) -> Any:
        self.inject(*paths.asked_faults(call, self._routes.kinds))
        return self._show_faults()

    def _clear_asked(self) -> Any:
        self.clear_faults()
        return self._show_faults()

    def _set_state(self, resource: str, state: str, error: Any) -> Any:
        found = self._routes.job(resource)
        if found is None:
            return None
        served, parts = found
        now = self._now()
        with self._state.transaction(write=True):
            self._state.advance(now)
            return self._jobs.set_state(served, self._key(served.kind.name, parts), state, error, now)

    def _asked(self, call: Call, route: Route | None) -> Asked:
        """Return what faults may look at in a call."""
        method, kind = (route.method, route.kind) if route else ("", "")
        masked, continued = bool(call.query.get("readMask")), bool(call.query.get("pageToken"))
        api = self._api(call, route)
        service, title = (api.service, api.title) if api else ("", "")
        return Asked(call.method, method, call.path, kind, masked, continued, service, title)

    def _api(self, call: Call, route: Route | None) -> Api | None:
        """Return the API a call is for, as far as path and host tell; of several that it can be, the first by name."""
        version, located = call.path[1:].partition("/")[0], "/locations/" in call.path
        apis = (
            route.apis
            if route
            else [api for each in (located, not located) for api in self._routes.apis(version, located=each)]
        )
        return next((api for api in apis if hosts.location(call.host, api.hosts) is not None), None)

    def _now(self) -> int:
        return round(self._clock.now() * lifecycle.MICROSECONDS)


def _run_key(call: Call) -> str:
    """Read the run label of a create's body, empty where there is none; the body may be anything."""
    try:
        found = json.loads(call.body)["labels"][audit.RUN_LABEL]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return found if isinstance(found, str) else ""
