"""One project and location of the job APIs under probes: every exchange is observed. Knows no question and no report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from reconciler.api.endpoints import Endpoints
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kinds
from reconciler.vocabulary.model import Scope
from reconciler.vocabulary.ports import Clock
from reconciler.vocabulary.wire import Request, Transport

LABEL = "reconciler_probe"
"""Every job that a probe starts carries it."""

PATIENCE = 900.0
"""Seconds until a job counts as one that does not end."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Observation:
    """One exchange: what was asked, and what was seen. `status` 0 means that no reply came."""

    probe: str
    asked: str
    status: int
    code: str = ""
    message: str = ""
    note: str = ""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0


class Session:
    """One project and location; every exchange is observed. Jobs that were started are known until they are gone."""

    def __init__(
        self,
        transport: Transport,
        endpoints: Endpoints,
        kinds: Kinds,
        project: str,
        location: str,
        clock: Clock,
        mark: str,
    ) -> None:
        self._transport = transport
        self._endpoints = endpoints
        self.kinds = kinds
        self.project = project
        self.location = location
        self.clock = clock
        self.mark = mark
        self.probe = ""
        self.observed: list[Observation] = []
        self.started: list[str] = []

    def ask(
        self, method: str, kind: str, path: str = "", body: Any = None, place: str = "", **query: str
    ) -> Observation:
        """Send one request below the collection of a kind (`path` begins with / or :) and observe the reply."""
        found = self.kinds[kind]
        scope = Scope(self.project, (place or self.location) if found.located else "")
        if scope.location == "-":
            url = (
                self._endpoints.base(found, self.location) + f"/projects/{self.project}/locations/-/{found.collection}"
            )
        else:
            url = self._endpoints.collection_url(found, scope)
        shown = f"{url.partition('/v1/')[2]}{path}".replace(self.project, "PROJECT", 1)
        return self._observe(method, f"{url}{quote(path, safe='/:')}", shown, body, query)

    def read(self, kind: str, name: str) -> Observation:
        """Read a resource or operation by its whole name."""
        url = f"{self._endpoints.base(self.kinds[kind], self.location)}/{quote(name, safe='/')}"
        return self._observe("GET", url, name.replace(self.project, "PROJECT", 1), None, {})

    def start(self, kind: str, body: Json, **query: str) -> Observation:
        """Send a create. What is taken, though a refusal was hoped for, is known and ended later."""
        body = {**body, "labels": {LABEL: self.mark, **body.get("labels", {})}}
        seen = self.ask("POST", kind, body=body, **query)
        if seen.status == 200:
            self.started.append(f"{kind} {seen.body['name'].rpartition('/')[2]}")
        return seen

    def wait_ended(self, kind: str, job: str, until: str = "", every: float = 1.0) -> list[tuple[float, str]]:
        """Read a job until it has ended, or is in the state `until`; return the states with the seconds they took."""
        began = self.clock.now()
        seen: list[tuple[float, str]] = []
        while self.clock.now() - began < PATIENCE:
            read = self.ask("GET", kind, f"/{job}")
            if read.status != 200:
                break
            row = read.body
            state = str(row.get("state", ""))
            if not seen or seen[-1][1] != state:
                seen.append((round(self.clock.now() - began, 1), state))
            if state == until or not self.kinds[kind].phase(row).active:
                break
            self.clock.sleep(every)
        return seen

    def note(self, text: str) -> None:
        """Observe something that no single reply shows."""
        self.observed.append(Observation(self.probe, "", 0, note=text, at=self.clock.now()))

    def end_all(self) -> list[str]:
        """Cancel and delete what was started; return what could not be ended."""
        self.probe = "cleanup"
        left = []
        for started in self.started:
            kind, job = started.split()
            if self.ask("POST", kind, f"/{job}:cancel").status == 404:
                continue
            states = self.wait_ended(kind, job)
            if self.ask("DELETE", kind, f"/{job}").status not in (200, 404):
                left.append(f"{started}: {states[-1][1] if states else 'unknown'}")
        return left

    def _observe(self, method: str, url: str, shown: str, body: Any, query: Mapping[str, str]) -> Observation:
        asked = f"{method} {shown}{'?' + urlencode(query) if query else ''}"
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"accept": "application/json"} | ({"content-type": "application/json"} if content else {})
        whole = f"{url}?{urlencode(query)}" if query else url
        try:
            reply = self._transport(Request(method, whole, headers, content, once=method == "POST"))
        except errors.TransportFailed as failure:
            seen = Observation(self.probe, asked, 0, message=str(failure), at=self.clock.now())
        else:
            found = _parsed(reply.body)
            error = _error(found)
            code, message = str(error.get("status", "")), str(error.get("message", ""))
            seen = Observation(
                self.probe, asked, reply.status, code, message, "", found, dict(reply.headers), self.clock.now()
            )
        self.observed.append(seen)
        return seen


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body[:500].decode("utf-8", "replace")


def _error(found: Any) -> Mapping[str, Any]:
    inner = found[0] if isinstance(found, list) and found else found
    error = inner.get("error") if isinstance(inner, dict) else None
    return error if isinstance(error, dict) else {}
