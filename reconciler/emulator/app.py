"""The emulator as a Transport: it finds the method a request means and answers as the service would.

It refuses to know any kind by name, and takes any host."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.emulator import behaviour, control, lifecycle, masks, replies, requests
from reconciler.emulator.behaviour import Conduct
from reconciler.emulator.jobs import READS, JobMethods, Served
from reconciler.emulator.lifecycle import Timings
from reconciler.emulator.policies import PolicyMethods
from reconciler.emulator.projects import Projects
from reconciler.emulator.replies import Refusal
from reconciler.emulator.requests import Call
from reconciler.emulator.shapes import Shapes
from reconciler.emulator.state import Key, State
from reconciler.vocabulary.kinds import Kinds, Verb
from reconciler.vocabulary.ports import Clock
from reconciler.vocabulary.wire import Request, Response

_PATH = re.compile(
    r"/v1/projects/(?P<project>[^/:]+)(?:/locations/(?P<location>[^/:]+))?"
    r"/(?P<collection>[A-Za-z]+)(?:/(?P<job>[^/:]+))?(?::(?P<custom>[A-Za-z]+))?"
)

# (HTTP method, path names a job, custom verb): what it means and which parameters it takes
_METHODS: Mapping[tuple[str, bool, str], tuple[Verb, tuple[str, ...]]] = {
    ("POST", False, ""): (Verb.CREATE, ()),
    ("GET", False, ""): (Verb.LIST, ("filter", "pageSize", "pageToken", "readMask")),
    ("GET", True, ""): (Verb.GET, ()),
    ("DELETE", True, ""): (Verb.DELETE, ()),
    ("PATCH", True, ""): (Verb.PATCH, ("updateMask",)),
    ("POST", True, "cancel"): (Verb.CANCEL, ()),
    ("GET", True, "getIamPolicy"): (Verb.GET_IAM_POLICY, ("options.requestedPolicyVersion",)),
    ("POST", True, "setIamPolicy"): (Verb.SET_IAM_POLICY, ()),
    ("POST", True, "testIamPermissions"): (Verb.TEST_IAM_PERMISSIONS, ()),
}


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
        conduct: Mapping[str, Conduct] | None = None,
    ) -> None:
        """Open the database (a path, or ":memory:"). `projects` maps ids to numbers; `conduct` replaces the data files.

        Raises errors.StoreFailed where the database cannot be used.
        """
        conduct = behaviour.load() if conduct is None else conduct
        served = [
            Served(kind, conduct[kind.name], Shapes(kind, conduct[kind.name]))
            for kind in kinds.values()
            if kind.name in conduct
        ]
        self._served = {(one.kind.located, one.kind.collection): one for one in served}
        self._clock = clock
        self._projects = Projects(projects or {})
        self._state = State(database)
        self._jobs = JobMethods(self._state, ids, timings)
        self._policies = PolicyMethods(self._state, self._jobs)

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        try:
            call = requests.read(request)
        except Refusal as refusal:
            return replies.refused(refusal)
        try:
            answer = self._answer(call)
            selection = call.selection
        except Refusal as refusal:
            return replies.refused(refusal, call.pretty)
        except RecursionError:
            return replies.refused(Refusal("INVALID_ARGUMENT", "Message too deep. Max recursion depth reached."))
        except sqlite3.OperationalError:
            return replies.refused(Refusal("UNAVAILABLE", "The service is currently unavailable."), call.pretty)
        if answer is None:
            return replies.unknown_path()
        return replies.ok(answer if selection is None else masks.apply(selection, answer), call.pretty)

    def set_state(self, resource: str, state: str, error: Any = None) -> None:
        """Put the job of a full resource name into a state; raises LookupError for a name that is none."""
        try:
            found = self._set_state(f"/v1/{resource}", state, error)
        except Refusal as refusal:
            raise LookupError(refusal.message) from refusal
        if found is None:
            raise LookupError(f"{resource} is not the name of a job")

    def close(self) -> None:
        """Close the database."""
        self._state.close()

    def _answer(self, call: Call) -> Any:
        """Return the JSON to answer, None for a path or method that is not served."""
        if call.path.startswith(control.PREFIX):
            return self._control(call)
        found = _PATH.fullmatch(call.path)
        if found is None:
            return None
        if found["collection"] == "operations":
            return self._operation(call, found)
        served = self._served.get((found["location"] is not None, found["collection"]))
        method = _METHODS.get((call.method, found["job"] is not None, found["custom"] or ""))
        if served is None or method is None or not served.kind.can(method[0]):
            return None
        verb, parameters = method
        call.allow(parameters)
        return self._run(verb, served, self._key(served, found), call)

    def _run(self, verb: Verb, served: Served, key: Key, call: Call) -> Any:
        now = self._now()
        write = verb not in READS or self._state.has_due(now)
        with self._state.transaction(write):
            if write:
                self._state.advance(now)
            return self._method(verb, served, key, call, now)

    def _method(self, verb: Verb, served: Served, key: Key, call: Call, now: int) -> Any:
        methods: Mapping[Verb, Callable[[], Any]] = {
            Verb.CREATE: lambda: self._jobs.create(served, key, call, now),
            Verb.GET: lambda: self._jobs.get(served, key, call),
            Verb.LIST: lambda: self._jobs.list(served, key, call, now),
            Verb.CANCEL: lambda: self._jobs.cancel(served, key, call, now),
            Verb.DELETE: lambda: self._jobs.delete(served, key, call, now),
            Verb.PATCH: lambda: self._jobs.patch(served, key, call),
            Verb.GET_IAM_POLICY: lambda: self._policies.get(served, key, call),
            Verb.SET_IAM_POLICY: lambda: self._policies.set(served, key, call),
            Verb.TEST_IAM_PERMISSIONS: lambda: self._policies.test(served, key, call),
        }
        return methods[verb]()

    def _key(self, served: Served, found: re.Match[str]) -> Key:
        location = requests.segment(found["location"] or "")
        if location == "-":
            # unverified: no page documents the wildcard for job kinds
            raise Refusal("INVALID_ARGUMENT", "The wildcard location `-` is not supported.")
        project = self._projects.number(requests.segment(found["project"]))
        return Key(served.kind.name, project, location, requests.segment(found["job"] or ""))

    def _operation(self, call: Call, found: re.Match[str]) -> Any:
        if call.method != "GET" or found["job"] is None or found["custom"] or found["location"] is None:
            return None
        call.allow(())
        project = self._projects.number(requests.segment(found["project"]))
        name = f"projects/{project}/locations/{requests.segment(found['location'])}/operations/{found['job']}"
        with self._state.transaction(write=False):
            operation = self._state.operation(name)
        if operation is None:
            raise Refusal("NOT_FOUND", f"Operation {name} was not found.")
        return operation

    def _control(self, call: Call) -> Any:
        path = call.path.removeprefix(control.PREFIX)
        if (call.method, path) == ("GET", "clock"):
            return control.show_clock(self._clock)
        if (call.method, path) == ("POST", "clock:advance"):
            return control.advance_clock(self._clock, call)
        if call.method != "POST" or not path.endswith(":setState"):
            return None
        return self._set_state(f"/v1/{path.removesuffix(':setState')}", *control.asked_state(call))

    def _set_state(self, path: str, state: str, error: Any) -> Any:
        found = _PATH.fullmatch(path)
        served = self._served.get((found["location"] is not None, found["collection"])) if found else None
        if found is None or served is None or found["job"] is None:
            return None
        now = self._now()
        with self._state.transaction(write=True):
            self._state.advance(now)
            return self._jobs.set_state(served, self._key(served, found), state, error, now)

    def _now(self) -> int:
        return round(self._clock.now() * lifecycle.MICROSECONDS)
