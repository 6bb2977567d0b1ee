"""Processes that die at a chosen write: before it, after it was carried out and before the answer came, or half way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from reconciler.stores.folder import FolderStore
from reconciler.vocabulary import ports
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import LedgerRun, Removal
from reconciler.vocabulary.wire import Request, Response, Transport
from tests.support.site import Site

Result = TypeVar("Result")
JOURNAL_LINES = ("intent", "outcome", "settle")


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

    def write(self, step: str, act: Callable[[], Result]) -> Result:
        """Carry out a write unless this is the end."""
        with self._guard:
            self._breathe()
            self.steps.append(step)
            self.dead = len(self.steps) == self._moment.at
            last = self.dead
        if not last:
            return act()
        if self._moment.how != "before":
            act()
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
        return MortalStore(FolderStore(self._site.folder, self._site.clock), self)

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


class MortalStore:
    """vocabulary.ports.Store whose writes may be the last."""

    def __init__(self, store: ports.Store, process: Mortal) -> None:
        self._store = store
        self.ledger: ports.Ledger = MortalLedger(store.ledger, process)
        self.journals: ports.Journals = MortalJournals(store.journals, process)

    def __getattr__(self, name: str) -> Any:
        """Whatever writes nothing that a plan depends on goes straight to the store."""
        return getattr(self._store, name)

    def lock(self, purpose: str) -> AbstractContextManager[None]:
        return self._store.lock(purpose)


@dataclass(frozen=True)
class MortalLedger:
    ledger: ports.Ledger
    process: Mortal

    def runs(self) -> tuple[LedgerRun, ...]:
        return self.ledger.runs()

    def started(self, run: LedgerRun) -> None:
        self.process.write("started", lambda: self.ledger.started(run))

    def ended(self, run: LedgerRun, phase: Phase) -> None:
        self.process.write("ended", lambda: self.ledger.ended(run, phase))

    def removal_changed(self, run: LedgerRun, removal: Removal) -> None:
        self.process.write("removal", lambda: self.ledger.removal_changed(run, removal))


@dataclass(frozen=True)
class MortalJournals:
    journals: ports.Journals
    process: Mortal

    def open(self, digest: str) -> ports.Journal:
        return MortalJournal(self.process.write("open", lambda: self.journals.open(digest)), self.process)

    def open_intents(self) -> tuple[ports.Intent, ...]:
        return self.journals.open_intents()

    def state(self, digest: str) -> str:
        return self.journals.state(digest)

    def intents(self, digest: str) -> tuple[ports.Intent, ...]:
        return self.journals.intents(digest)

    def settle(self, intent: ports.Intent, status: str, resource: str = "") -> None:
        self.process.write("settle", lambda: self.journals.settle(intent, status, resource))


@dataclass(frozen=True)
class MortalJournal:
    journal: ports.Journal
    process: Mortal

    def intent(self, address: str, verb: str, resource: str, run_key: str = "") -> ports.Intent:
        return self.process.write("intent", lambda: self.journal.intent(address, verb, resource, run_key))

    def outcome(self, intent: ports.Intent, status: str, resource: str = "", error: str = "") -> None:
        self.process.write("outcome", lambda: self.journal.outcome(intent, status, resource, error))

    def close(self) -> None:
        self.process.write("close", self.journal.close)
