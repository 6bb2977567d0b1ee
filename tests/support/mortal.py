"""Processes that die at a chosen write: before it, after it was carried out and before the answer came, or half way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from reconciler.stores.folder import FolderStore
from reconciler.vocabulary import ports
from reconciler.vocabulary.wire import Request, Response, Transport
from tests.support.site import Site
from tests.support.store import WrittenStore

Result = TypeVar("Result")
JOURNAL_LINES = ("intent", "outcome", "settle")
NO_MOMENTS = ("lock", "remember", "forget")
"""Steps of a store that leave nothing behind on which a plan depends."""


class Death(BaseException):
    """The process is gone: nothing catches this, and nothing after it is carried out."""


@dataclass(frozen=True)
class Moment:
    """When to die: at the `at`-th write, counted from 1, `before` or `after` it, or with its journal line `torn`."""

    at: int = 0
    how: str = "before"


class Mortal:
    """One process. `steps` are the writes it came to, in order; reads change nothing and are no moment to die at."""

    def __init__(self, site: Site, moment: Moment) -> None:
        self._site = site
        self._moment = moment
        self._guard = threading.Lock()
        self.steps: list[str] = []
        self.dead = False

    def write(self, step: str, work: Callable[[], Result], more: str = "") -> Result:
        """Carry out a write unless this is the end."""
        if step in NO_MOMENTS:
            return work()
        with self._guard:
            self._breathe()
            self.steps.append(step)
            self.dead = len(self.steps) == self._moment.at
            last = self.dead
        if not last:
            return work()
        if self._moment.how != "before":
            work()
        if self._moment.how == "torn":
            tear(self._site.folder)
        raise Death

    def wire(self, transport: Transport) -> Transport:
        """Count what is sent that is no GET."""

        def send(request: Request) -> Response:
            self._breathe()
            if request.method == "GET":
                return transport(request)
            return self.write("send", lambda: transport(request))

        return send

    def store(self) -> ports.Store:
        """Open the site's store, counting what is written."""
        return WrittenStore(FolderStore(self._site.folder, self._site.clock), self)

    def _breathe(self) -> None:
        if self.dead:
            raise Death


def moments(steps: list[str]) -> list[Moment]:
    """Every moment at which dying leaves another world behind."""
    found = []
    for at, step in enumerate(steps, start=1):
        found.append(Moment(at))
        if step == "send":
            found.append(Moment(at, "after"))
        if step in JOURNAL_LINES:
            found.append(Moment(at, "torn"))
    return [*found, Moment(len(steps), "after")]


def tear(folder: Path) -> None:
    """Cut the last line of the journal that was written last in half."""
    path = max((folder / "journal").rglob("*.jsonl"), key=lambda file: file.stat().st_mtime_ns)
    content = path.read_bytes()
    start = content[:-1].rfind(b"\n") + 1
    path.write_bytes(content[: start + (len(content) - start) // 2])
