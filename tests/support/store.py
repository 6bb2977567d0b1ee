"""A store before a store, and every write to it as an act of whoever writes. Keeps nothing of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from reconciler.vocabulary import ports
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import LedgerRun, Removal

Result = TypeVar("Result")


class Writer(Protocol):
    """Who writes: it may carry the work out, or be gone before, amid or after it."""

    def write(self, step: str, work: Callable[[], Result], more: str = "") -> Result:
        """Carry out a step of a store; `more` says what it is about."""


class Front:
    """vocabulary.ports.Store that passes everything on; ledger and journals may be put in place of the store's."""

    def __init__(self, store: ports.Store) -> None:
        self._store = store
        self.ledger: ports.Ledger = store.ledger
        self.journals: ports.Journals = store.journals

    def require_format(self) -> None:
        self._store.require_format()

    def lock(self, purpose: str) -> AbstractContextManager[None]:
        return self._store.lock(purpose)

    def assert_held(self) -> None:
        self._store.assert_held()

    def holder(self) -> ports.Holder | None:
        return self._store.holder()

    def break_lock(self) -> None:
        self._store.break_lock()

    def kind_scopes(self) -> tuple[ports.KindScope, ...]:
        return self._store.kind_scopes()

    def remember_kind_scopes(self, kind_scopes: Iterable[ports.KindScope]) -> None:
        self._store.remember_kind_scopes(kind_scopes)

    def forget_kind_scopes(self, kind_scopes: Iterable[ports.KindScope]) -> None:
        self._store.forget_kind_scopes(kind_scopes)

    def applied_commit(self) -> str:
        return self._store.applied_commit()

    def remember_commit(self, commit: str) -> None:
        self._store.remember_commit(commit)


class WrittenStore(Front):
    """Every write is a step of the writer; reads go straight to the store."""

    def __init__(self, store: ports.Store, writer: Writer) -> None:
        super().__init__(store)
        self._writer = writer
        self.ledger = WrittenLedger(store.ledger, writer)
        self.journals = WrittenJournals(store.journals, writer)

    @contextmanager
    def _hold(self, purpose: str) -> Iterator[None]:
        with ExitStack() as held:
            self._writer.write("lock", lambda: held.enter_context(self._store.lock(purpose)))
            yield

    def lock(self, purpose: str) -> AbstractContextManager[None]:
        return self._hold(purpose)

    def remember_kind_scopes(self, kind_scopes: Iterable[ports.KindScope]) -> None:
        self._writer.write("remember", lambda: self._store.remember_kind_scopes(kind_scopes))

    def forget_kind_scopes(self, kind_scopes: Iterable[ports.KindScope]) -> None:
        self._writer.write("forget", lambda: self._store.forget_kind_scopes(kind_scopes))

    def remember_commit(self, commit: str) -> None:
        self._writer.write("commit", lambda: self._store.remember_commit(commit))


@dataclass(frozen=True)
class WrittenLedger:
    ledger: ports.Ledger
    writer: Writer

    def runs(self) -> tuple[LedgerRun, ...]:
        return self.ledger.runs()

    def started(self, run: LedgerRun) -> None:
        self.writer.write("started", lambda: self.ledger.started(run), f"{run.address} {run.run_key}")

    def ended(self, run: LedgerRun, phase: Phase) -> None:
        more = f"{run.address} {run.run_key} {phase.value}"
        self.writer.write("ended", lambda: self.ledger.ended(run, phase), more)

    def removal_changed(self, run: LedgerRun, removal: Removal) -> None:
        more = f"{run.address} {run.run_key} {removal.value}"
        self.writer.write("removal", lambda: self.ledger.removal_changed(run, removal), more)


class WrittenJournals:
    def __init__(self, journals: ports.Journals, writer: Writer) -> None:
        self.journals = journals
        self.writer = writer

    def open(self, digest: str) -> ports.Journal:
        opened = self.writer.write("open", lambda: self.journals.open(digest), digest[:15])
        return WrittenJournal(opened, self.writer)

    def open_intents(self) -> tuple[ports.Intent, ...]:
        return self.journals.open_intents()

    def state(self, digest: str) -> str:
        return self.journals.state(digest)

    def intents(self, digest: str) -> tuple[ports.Intent, ...]:
        return self.journals.intents(digest)

    def settle(self, intent: ports.Intent, status: str, resource: str = "") -> None:
        more = f"{intent.address} {intent.verb} {status}"
        self.writer.write("settle", lambda: self.journals.settle(intent, status, resource), more)


@dataclass(frozen=True)
class WrittenJournal:
    journal: ports.Journal
    writer: Writer

    def intent(self, address: str, verb: str, resource: str, run_key: str = "") -> ports.Intent:
        more = f"{address} {verb} {run_key}"
        return self.writer.write("intent", lambda: self.journal.intent(address, verb, resource, run_key), more)

    def outcome(self, intent: ports.Intent, status: str, resource: str = "", error: str = "") -> None:
        more = f"{intent.address} {intent.verb} {status}"
        self.writer.write("outcome", lambda: self.journal.outcome(intent, status, resource, error), more)

    def close(self) -> None:
        self.writer.write("close", self.journal.close)
