"""A stack, its store and the emulator in one process, wired as the command line wires them, on a clock that a test owns.

A `Site` outlives the processes of a test: every `world` is a fresh one, with store objects of its own over one folder.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reconciler.api.endpoints import Endpoints
from reconciler.api.jobs import HttpJobs
from reconciler.core.documents import plan_json
from reconciler.core.plan import guards
from reconciler.core.plan.build import Options, Revision
from reconciler.core.validate import body
from reconciler.core.validate.manifests import Validator
from reconciler.emulator import app
from reconciler.emulator.state.clocks import ManualClock
from reconciler.engine import plan as planner
from reconciler.engine.events import Control
from reconciler.engine.world import World
from reconciler.engine.writing.apply import Applier, Settings
from reconciler.files import manifests, schemas
from reconciler.files.reading import Reading
from reconciler.stores.folder import FolderStore
from reconciler.transport.retry import retrying
from reconciler.vocabulary import ports
from reconciler.vocabulary.model import Desired, Stack
from reconciler.vocabulary.plans import Action, Applied, Plan
from reconciler.vocabulary.wire import Request, Response, Transport
from tests.support.stack import STACK

KINDS = schemas.load_kinds()
VALIDATOR = Validator(KINDS)
CHECK = body.BodyCheck()
ANYTHING = guards.Allowed(cancel=99, delete=99, empty=True)
EVERY_KIND = frozenset(KINDS)
ACTIVE = ("PENDING", "QUEUED", "RUNNING", "PREPARING", "CANCELLING")

Wrap = Callable[[Transport], Transport]


def desired(text: str, stack: Stack = STACK) -> tuple[Desired, ...]:
    """Read manifests that have to be valid."""
    reading = manifests.read_stream(text, "jobs.yaml") if text else Reading()
    checked = VALIDATOR.check(reading.documents, stack)
    assert (reading.problems, checked.problems) == ((), ())
    return checked.desired


class KnownSecrets:
    """vocabulary.ports.Secrets that answers every name with one value."""

    def fill(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        def filled(value: Any) -> Any:
            if isinstance(value, Mapping) and "valueFrom" in value:
                return {"name": value["name"], "value": "hunter2"}
            if isinstance(value, Mapping):
                return {key: filled(item) for key, item in value.items()}
            return [filled(item) for item in value] if isinstance(value, list) else value

        return {key: filled(item) for key, item in body.items()}

    def hide(self, text: str) -> str:
        return text


@dataclass(frozen=True)
class Exchange:
    """One request that reached the service, and how it was answered."""

    method: str
    path: str
    body: Any
    status: int
    reply: Any

    @property
    def is_create(self) -> bool:
        """True for a create that was carried out."""
        return self.method == "POST" and ":" not in self.path and self.status == 200


class Audit:
    """What the service saw. It counts the active runs of an address at the moment of every create."""

    def __init__(self, emulator: app.Emulator) -> None:
        self._emulator = emulator
        self._guard = threading.Lock()
        self.exchanges: list[Exchange] = []
        self.crowds: list[str] = []

    def __call__(self, request: Request) -> Response:
        with self._guard:
            reply = self._emulator(request)
            sent = json.loads(request.body) if request.body else None
            answered = json.loads(reply.body) if reply.body[:1] == b"{" else None
            done = Exchange(request.method, urlsplit(request.url).path, sent, reply.status, answered)
            self.exchanges.append(done)
            if done.is_create:
                self._look_for_crowds(done)
            return reply

    def _look_for_crowds(self, create: Exchange) -> None:
        labels = create.body["labels"]
        name = labels.get("reconciler_name", "")
        page = json.loads(self._emulator(Request("GET", f"http://embedded{create.path}?pageSize=100")).body)
        [rows] = page.values()
        active = [row for row in rows if is_active(row) and row.get("labels", {}).get("reconciler_name") == name]
        if name and len(active) > 1:
            self.crowds.append(f"{len(active)} active runs of {name} once {labels['reconciler_run']} was created")

    @property
    def writes(self) -> list[Exchange]:
        """Every request but GET, in order."""
        return [each for each in self.exchanges if each.method != "GET"]

    def repeated_keys(self) -> dict[str, int]:
        """Run keys that were created more than once."""
        keys = Counter(each.body["labels"].get("reconciler_run") for each in self.exchanges if each.is_create)
        return {key: count for key, count in keys.items() if key and count > 1}


def is_active(row: Mapping[str, Any]) -> bool:
    """Say whether a row of the service is work under way, in the API's own words."""
    return str(row["state"]).removeprefix("JOB_STATE_") in ACTIVE


class Site:
    """Everything that survives a process: the service, its clock, the stack's folder."""

    def __init__(self, root: Path, stack: Stack = STACK) -> None:
        self.root = root
        self.stack = stack
        self.clock = ManualClock()
        self.emulator = app.Emulator(KINDS, ":memory:", self.clock, app.random_ids(random.Random(7)))
        self.audit = Audit(self.emulator)

    def close(self) -> None:
        """Close the emulator's database."""
        self.emulator.close()

    @property
    def folder(self) -> Path:
        """Where the store lives."""
        return self.root / self.stack.store

    def world(
        self, wrap: Wrap = lambda transport: transport, *, page_size: int = 100, store: ports.Store | None = None
    ) -> World:
        """Connect as a new process does. One worker, so that requests come in one order."""
        steady = retrying(wrap(self.audit), self.clock, lambda: 0.5)
        api = HttpJobs(steady, Endpoints(self.stack.backend), self.clock, page_size)
        return World(api, KINDS, store or FolderStore(self.folder, self.clock), self.clock, workers=1)

    def plan(self, wanted: Sequence[Desired], world: World | None = None, options: Options | None = None) -> Plan:
        """Plan with everything allowed unless `options` say otherwise."""
        chosen = options or Options(allowed=ANYTHING)
        return planner.plan(world or self.world(), self.stack, wanted, chosen, Revision()).plan

    def apply(
        self,
        plan: Plan,
        world: World | None = None,
        *,
        saved: bool = False,
        parallelism: int = 1,
        keep_going: bool = False,
        control: Control | None = None,
    ) -> Applied:
        """Apply a plan, one change after another unless told otherwise; `saved` as from a file."""
        steered = control or Control(lambda event: None, threading.Event())
        applier = Applier(world or self.world(), self.stack, KnownSecrets(), CHECK, steered)
        settings = Settings(ANYTHING, saved=saved, parallelism=parallelism, keep_going=keep_going)
        return applier.apply(plan, plan_json.digest(plan), settings)

    def converge(self, wanted: Sequence[Desired], options: Options | None = None) -> Applied:
        """Plan and apply in one new process."""
        world = self.world()
        return self.apply(self.plan(wanted, world, options), world)

    def rows(self, path: str = "") -> list[dict[str, Any]]:
        """Every job there is, read past the code under test, ours or not; ordered as created."""
        found: list[dict[str, Any]] = []
        for kind in KINDS.values():
            for scope in self.stack.scopes:
                parent = f"projects/{scope.project}" + (f"/locations/{scope.location}" if kind.located else "")
                url = f"http://embedded/v1/{parent}/{kind.collection}?pageSize=100"
                reply = json.loads(self.emulator(Request("GET", url)).body)
                for row in reply.get(kind.list_field, []):
                    name = row.get("name") or f"{parent}/jobs/{row['jobId']}"
                    if name not in [each["resource"] for each in found]:
                        found.append({**row, "resource": name, "kind": kind.name})
        return sorted(found, key=lambda row: (row["createTime"], row["resource"]))

    def send(self, method: str, path: str, content: Any = None) -> Any:
        """Do something as somebody else would, past the audit."""
        encoded = b"" if content is None else json.dumps(content).encode()
        reply = self.emulator(Request(method, f"http://embedded/v1/{path}", {}, encoded))
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def files(self) -> dict[str, bytes]:
        """Every file below the site's folder, with its content."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


def calls(plan: Plan) -> list[str]:
    """What a plan would call, as `address verb reason`."""
    return [
        f"{change.address} {operation.verb} {operation.reason}"
        for change in plan.changes
        for operation in change.operations
    ]


def reasons(plan: Plan) -> dict[str, str]:
    """Address to `action reason`."""
    return {change.address: f"{change.action.value} {change.reason}" for change in plan.changes}


def is_empty(plan: Plan) -> bool:
    """True where a plan would call nothing and nothing blocks it."""
    return not plan.blocked and all(change.action is Action.NOOP for change in plan.changes)


def statuses(applied: Applied) -> list[str]:
    """What came of an apply, as `address operation status`."""
    return [f"{each.address} {each.operation} {each.status.value}" for each in applied.outcomes]


def lagging(site: Site, seconds: float) -> Wrap:
    """Hide jobs from lists for a while after their creation, as Google's lists may; a get shows them at once."""

    def wrap(transport: Transport) -> Transport:
        def send(request: Request) -> Response:
            reply = transport(request)
            path = urlsplit(request.url).path
            lists = [kind.list_field for kind in KINDS.values() if path.endswith(f"/{kind.collection}")]
            if request.method != "GET" or not lists or reply.status != 200:
                return reply
            page = json.loads(reply.body)
            for field in set(lists) & set(page):
                page[field] = [row for row in page[field] if _age(row, site.clock.now()) >= seconds]
            return replace(reply, body=json.dumps(page).encode())

        return send

    return wrap


def _age(row: Mapping[str, Any], now: float) -> float:
    return now - datetime.fromisoformat(row["createTime"]).timestamp()
