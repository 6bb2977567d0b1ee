"""The store of a stack that says `store: none`: it remembers nothing once the process ends, and locks nobody out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

from reconciler.vocabulary import errors, ports
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import LedgerRun, Removal


class NoLedger:
    """vocabulary.ports.Ledger that forgets at once: the live jobs' labels are all there is."""

    def runs(self) -> tuple[LedgerRun, ...]:
        """Return no run."""
        return ()

    def started(self, run: LedgerRun) -> None:
        """Forget that a run exists."""

    def ended(self, run: LedgerRun, phase: Phase) -> None:
        """Forget how a run ended."""

    def removal_changed(self, run: LedgerRun, removal: Removal) -> None:
        """Forget what the manifest says now."""


class MemoryJournals:
    """vocabulary.ports.Journals for one process: they guard against sending twice while it runs, no longer."""

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock
        self._journals: dict[str, MemoryJournal] = {}

    def open(self, digest: str) -> MemoryJournal:
        """Start the journal of a plan, go on with an open one, or start a further one after a closed one."""
        journal = self._journals.get(digest)
        if journal is None or (journal.closed and not journal.pending):
            journal = self._journals[digest] = MemoryJournal(digest, self._clock)
        return journal

    def open_intents(self) -> tuple[ports.Intent, ...]:
        """Return the intents of any journal that have no outcome yet, oldest first."""
        pending = [intent for journal in self._journals.values() for intent in tuple(journal.pending.values())]
        return tuple(sorted(pending, key=lambda intent: intent.at))

    def state(self, digest: str) -> str:
        """Say `none`, `open` or `closed`."""
        journal = self._journals.get(digest)
        if journal is None:
            return "none"
        return "closed" if journal.closed else "open"

    def intents(self, digest: str) -> tuple[ports.Intent, ...]:
        """Return every intent of a plan's open journal, with or without an outcome."""
        journal = self._journals.get(digest)
        return () if journal is None or journal.closed else tuple(journal.written)

    def settle(self, intent: ports.Intent, status: str, resource: str = "") -> None:
        """Record what a later look-up found out about an open intent. Raises errors.StoreFailed where none holds it."""
        journal = self._journals.get(intent.id.rpartition("/")[0])
        if journal is None:
            raise errors.StoreFailed(f"no journal of this process holds the intent {intent.id}", "plan again")
        journal.outcome(intent, status, resource)


class MemoryJournal:
    """vocabulary.ports.Journal in memory; single dictionary operations make it safe for threads."""

    def __init__(self, digest: str, clock: ports.Clock) -> None:
        self._digest = digest
        self._clock = clock
        self._numbers = itertools.count(1)
        self.written: list[ports.Intent] = []
        self.pending: dict[str, ports.Intent] = {}
        self.closed = False

    def intent(self, address: str, verb: str, resource: str, run_key: str = "") -> ports.Intent:
        """Remember what is about to be sent."""
        number = next(self._numbers)
        intent = ports.Intent(f"{self._digest}/{number}", address, verb, resource, run_key, self._clock.now())
        self.written.append(intent)
        self.pending[intent.id] = intent
        return intent

    def outcome(self, intent: ports.Intent, status: str, resource: str = "", error: str = "") -> None:
        """Forget an intent whose outcome is known."""
        del status, resource, error  # nobody can ask for them once the process is over
        self.pending.pop(intent.id, None)

    def close(self) -> None:
        """Mark the plan as spent."""
        self.closed = True


class NoStore:
    """vocabulary.ports.Store for `store: none`."""

    def __init__(self, clock: ports.Clock) -> None:
        self.ledger: ports.Ledger = NoLedger()
        self.journals: ports.Journals = MemoryJournals(clock)

    def lock(self, purpose: str) -> AbstractContextManager[None]:
        """Lock nothing: without a place to write, nobody could be told."""
        del purpose
        return nullcontext()

    def assert_held(self) -> None:
        """Do nothing: there is no lock to lose."""

    def holder(self) -> ports.Holder | None:
        """Return None: nobody can hold what is not kept."""
        return None

    def break_lock(self) -> None:
        """Do nothing: there is no lock."""

    def kind_scopes(self) -> tuple[ports.KindScope, ...]:
        """Return no place."""
        return ()

    def remember_kind_scopes(self, kind_scopes: Iterable[ports.KindScope]) -> None:
        """Forget them at once."""

    def forget_kind_scopes(self, kind_scopes: Iterable[ports.KindScope]) -> None:
        """Do nothing: none is remembered."""
