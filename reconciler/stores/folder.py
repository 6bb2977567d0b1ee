"""A store in a folder: lock, ledger and journals side by side. Nothing is created before the first write."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from reconciler.stores import lock
from reconciler.stores.blobs import FolderBlobs
from reconciler.stores.journal import FolderJournals
from reconciler.stores.ledger import BlobLedger
from reconciler.vocabulary import ports


class FolderStore:
    """vocabulary.ports.Store below `root`: `lock`, `ledger/`, `journal/`; for this user only (0700, files 0600)."""

    def __init__(self, root: Path, clock: ports.Clock) -> None:
        self._root = root
        self._clock = clock
        self.ledger: ports.Ledger = BlobLedger(FolderBlobs(root / "ledger"), clock)
        self.journals: ports.Journals = FolderJournals(root / "journal", clock)

    def lock(self, purpose: str) -> AbstractContextManager[None]:
        """Hold the stack's lock; raises errors.LockHeld naming the holder."""
        return lock.hold(self._root / "lock", purpose, self._clock)
