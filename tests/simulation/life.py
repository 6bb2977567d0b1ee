"""One process of a simulation: it gives the baton away before every act, and may die before, after or amid one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from reconciler.vocabulary import errors, ports
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import LedgerRun, Removal
from reconciler.vocabulary.wire import Request, Response, Transport
from tests.simulation.baton import Baton
from tests.support import mortal

Result = TypeVar("Result")
Death = mortal.Death


@dataclass(frozen=True)
class Fate:
    """When a process dies: at its `at`-th act of a sort (any, or `send` for what is no GET), never where it is 0."""

    at: int = 0
    sort: str = "any"
    how: str = "before"
    interrupt: int = 0
    """At which act it gets a signal instead; never where it is 0."""


class Life:
    """vocabulary.ports.Clock of one process, and the gate to everything it does outside itself."""

    def __init__(self, baton: Baton, fate: Fate, folder: Path, told: Callable[[str], None]) -> None:
        self._baton = baton
        self._fate = fate
        self._folder = folder
        self._told = told
        self._acts = 0
        self._sends = 0
        self.stop = threading.Event()
        self.dead = False

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return self._baton.now()

    def sleep(self, seconds: float) -> None:
        """Let time pass while others run."""
        self._breathe()
        self._baton.turn(seconds)
        self._breathe()

    def act(self, what: str, work: Callable[[], Result], *, send: bool = False) -> Result:
        """Do something that others can see, unless this is the end."""
        self._breathe()
        self._baton.turn()
        self._breathe()
        self._acts += 1
        self._sends += send
        if self._acts == self._fate.interrupt:
            self.stop.set()
        last = (self._sends if self._fate.sort == "send" else self._acts) == self._fate.at
        last = last and (send or self._fate.sort == "any")
        if last and self._fate.how == "before":
            self._die(what)
        sizes = _sizes(self._folder) if last and self._fate.how == "torn" else None
        try:
            done = work()
        except (errors.ReconcilerError, OSError) as failure:
            self._told(f"{what}: {type(failure).__name__}")
            raise
        else:
            self._told(f"{what}: {_shown(done)}" if _shown(done) else what)
            return done
        finally:
            if last:
                if sizes is not None:
                    _tear(self._folder, sizes)
                self._die(what)

    def _die(self, what: str) -> None:
        self.dead = True
        self._told(f"dies {self._fate.how} {what}")
        raise Death

    def _breathe(self) -> None:
        if self.dead:
            raise Death

    def wire(self, transport: Transport) -> Transport:
        """Pass requests through this life."""

        def send(request: Request) -> Response:
            path = request.url.partition("/v1/")[2] or request.url
            return self.act(f"{request.method} {path}", lambda: transport(request), send=request.method != "GET")

        return send


def _sizes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in folder.glob("journal/*.jsonl")}


def _tear(folder: Path, before: dict[Path, int]) -> None:
    """Cut the line in half that this very act wrote: what stood there before it has long been synced."""
    for path, size in _sizes(folder).items():
        if path in before and size > before[path]:
            os.truncate(path, before[path] + (size - before[path]) // 2)


def _shown(done: object) -> str:
    return str(done.status) if isinstance(done, Response) else ""


class LivingStore:
    """vocabulary.ports.Store in a folder whose writes are acts of a life."""

    def __init__(self, store: ports.Store, life: Life) -> None:
        self._store = store
        self._life = life
        self.ledger: ports.Ledger = LivingLedger(store.ledger, life)
        self.journals: ports.Journals = LivingJournals(store.journals, life)

    @contextmanager
    def _hold(self, purpose: str) -> Iterator[None]:
        with ExitStack() as held:
            self._life.act("lock", lambda: held.enter_context(self._store.lock(purpose)))
            yield

    def lock(self, purpose: str) -> AbstractContextManager[None]:
        return self._hold(purpose)

    def assert_held(self) -> None:
        self._store.assert_held()

    def holder(self) -> ports.Holder | None:
        return self._store.holder()

    def break_lock(self) -> None:
        self._store.break_lock()

    def kind_scopes(self) -> tuple[ports.KindScope, ...]:
        return self._store.kind_scopes()

    def remember_kind_scopes(self, places: Iterable[ports.KindScope]) -> None:
        self._life.act("remember places", lambda: self._store.remember_kind_scopes(places))


@dataclass(frozen=True)
class LivingLedger:
    ledger: ports.Ledger
    life: Life

    def runs(self) -> tuple[LedgerRun, ...]:
        return self.ledger.runs()

    def started(self, run: LedgerRun) -> None:
        self.life.act(f"ledger started {run.address} {run.run_key}", lambda: self.ledger.started(run))

    def ended(self, run: LedgerRun, phase: Phase) -> None:
        told = f"ledger ended {run.address} {run.run_key} {phase.value}"
        self.life.act(told, lambda: self.ledger.ended(run, phase))

    def removal_changed(self, run: LedgerRun, removal: Removal) -> None:
        told = f"ledger removal {run.address} {run.run_key} {removal.value}"
        self.life.act(told, lambda: self.ledger.removal_changed(run, removal))


@dataclass(frozen=True)
class LivingJournals:
    journals: ports.Journals
    life: Life

    def open(self, digest: str) -> ports.Journal:
        return LivingJournal(self.life.act(f"journal {digest[:15]}", lambda: self.journals.open(digest)), self.life)

    def open_intents(self) -> tuple[ports.Intent, ...]:
        return self.journals.open_intents()

    def state(self, digest: str) -> str:
        return self.journals.state(digest)

    def intents(self, digest: str) -> tuple[ports.Intent, ...]:
        return self.journals.intents(digest)

    def settle(self, intent: ports.Intent, status: str, resource: str = "") -> None:
        told = f"journal settle {intent.address} {intent.verb} {status}"
        self.life.act(told, lambda: self.journals.settle(intent, status, resource))


@dataclass(frozen=True)
class LivingJournal:
    journal: ports.Journal
    life: Life

    def intent(self, address: str, verb: str, resource: str, run_key: str = "") -> ports.Intent:
        told = f"journal intent {address} {verb} {run_key}"
        return self.life.act(told, lambda: self.journal.intent(address, verb, resource, run_key))

    def outcome(self, intent: ports.Intent, status: str, resource: str = "", error: str = "") -> None:
        told = f"journal outcome {intent.address} {intent.verb} {status}"
        self.life.act(told, lambda: self.journal.outcome(intent, status, resource, error))

    def close(self) -> None:
        self.life.act("journal close", self.journal.close)
