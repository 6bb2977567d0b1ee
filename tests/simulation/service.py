"""The emulator with a back door: what really is there, and requests of people that no fault strikes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from reconciler.emulator import app, behaviour
from reconciler.emulator.faults.in_force import Effects
from reconciler.emulator.faults.model import Asked
from reconciler.emulator.wire import requests
from reconciler.emulator.wire.requests import Call
from reconciler.emulator.wire.routes import Route
from reconciler.vocabulary.wire import Request, Response
from tests.support.site import KINDS

PLACES = {
    "CustomJob": "projects/demo-project/locations/us-central1/customJobs",
    "NasJob": "projects/demo-project/locations/us-central1/nasJobs",
    "Job": "projects/demo-project/jobs",
}
ACTIVE = frozenset({"PENDING", "QUEUED", "RUNNING", "PREPARING", "CANCELLING"})


@cache
def behaviours() -> Mapping[str, behaviour.Behaviour]:
    """Read the behaviour of the kinds once."""
    return behaviour.load()


@dataclass(frozen=True)
class Live:
    """One job as it really is. `id` is the last segment of its resource name."""

    kind: str
    id: str
    state: str
    created: int
    labels: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def ending(self) -> bool:
        return self.state == "CANCELLING"

    @property
    def name(self) -> str:
        return self.labels.get("reconciler_name", "")

    @property
    def key(self) -> str:
        return self.labels.get("reconciler_run", "")

    @property
    def place(self) -> str:
        return f"{PLACES[self.kind]}/{self.id}"


class Service(app.Emulator):
    """The emulator as its own test sees it. It uses the emulator's inner parts, which no product code may."""

    def jobs(self) -> list[Live]:
        """Return every job, oldest first, past faults and audit."""
        with self._state.transaction(write=True):
            self._state.advance(self._now())
            return [
                Live(
                    job.key.kind,
                    job.key.job,
                    job.life.state.removeprefix("JOB_STATE_"),
                    job.life.created,
                    job.body.get("labels", {}),
                    job.body,
                )
                for job in self._state._jobs("1 ORDER BY created, job", ())
            ]

    before: Callable[[], None] = staticmethod(lambda: None)
    """Called before a job's record is deleted, as long as its last state can be seen."""

    def _respond(self, call: Call, route: Route | None, effects: Effects, asked: Asked) -> Response:
        if call.method == "DELETE":
            self.before()
        return super()._respond(call, route, effects, asked)

    def quietly(self, method: str, path: str, content: Any = None) -> Any:
        """Do something as people do, past all faults; None where the service refused."""
        encoded = b"" if content is None else json.dumps(content).encode()
        call = requests.read(Request(method, f"http://embedded/v1/{path}", {}, encoded))
        route = self._routes.find(call)
        reply = self._respond(call, route, Effects(), self._asked(call, route))
        return json.loads(reply.body) if reply.status == 200 else None

    def last_commit(self) -> bool:
        """Say whether the last call was a write that was carried out."""
        entries = self._audit._entries
        return bool(entries) and entries[-1].committed


KNOWN = {name: KINDS[name] for name in PLACES}
