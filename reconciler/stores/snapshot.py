"""The store of a stack as a snapshot remembers it: ledger and kind scopes can be read, and nothing can be written."""

from __future__ import annotations

from typing import Any

from reconciler.core.documents.snapshot_json import Snapshot
from reconciler.stores.journal import Journals
from reconciler.stores.no_store import MemoryLines
from reconciler.vocabulary import errors, ports
from reconciler.vocabulary.model import LedgerRun


class SnapshotLedger:
    """vocabulary.ports.Ledger, read only: anything but `runs` is refused."""

    def __init__(self, runs: tuple[LedgerRun, ...]) -> None:
        self._runs = runs

    def runs(self) -> tuple[LedgerRun, ...]:
        """Return every run that was on record."""
        return self._runs

    def __getattr__(self, name: str) -> Any:
        raise _refusal(name)


class SnapshotStore:
    """vocabulary.ports.Store, read only: what writes is refused.

    No intent is open: whoever took the snapshot waited for those there were.
    """

    def __init__(self, snapshot: Snapshot, clock: ports.Clock) -> None:
        self.ledger: ports.Ledger = SnapshotLedger(snapshot.ledger)
        self.journals: ports.Journals = Journals(MemoryLines(clock), clock)
        self._kind_scopes = snapshot.kind_scopes

    def require_format(self) -> None:
        """Do nothing: a snapshot has a format of its own, and was read by it."""

    def holder(self) -> ports.Holder | None:
        """Return None: a snapshot tells nothing of locks."""
        return None

    def kind_scopes(self) -> tuple[ports.KindScope, ...]:
        """Return every kind and scope that was remembered."""
        return self._kind_scopes

    def applied_commit(self) -> str:
        """Return no commit: a plan against a snapshot cannot be applied."""
        return ""

    def __getattr__(self, name: str) -> Any:
        raise _refusal(name)


def _refusal(name: str) -> errors.StoreFailed:
    return errors.StoreFailed(f"{name}: a snapshot of a store can be read only", "work with the stack's own store")
