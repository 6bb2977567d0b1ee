"""A store in a folder: lock, ledger and journals side by side. Nothing is created before the first write."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from reconciler.stores import disk, lock, store_format
from reconciler.stores.blobs import FolderBlobs
from reconciler.stores.commits import BlobCommits
from reconciler.stores.journal import Journals
from reconciler.stores.journal_files import FileLines
from reconciler.stores.kind_scopes import BlobKindScopes
from reconciler.stores.ledger import BlobLedger
from reconciler.vocabulary import errors, ports


class FolderStore:
    """vocabulary.ports.Store below `root`: `format`, `lock`, `ledger/`, `journal/`, `scopes/`, `commits/`.

    For this user only (0700, files 0600). `time_now` says what time a file written in a directory has now.
    """

    def __init__(
        self, root: Path, clock: ports.Clock, time_now: Callable[[Path], float | None] = disk.time_now
    ) -> None:
        self._root = root
        self._clock = clock
        self._commits = BlobCommits(FolderBlobs(root / "commits"), clock)
        self._kind_scopes = BlobKindScopes(FolderBlobs(root / "scopes"), clock)
        self.ledger: ports.Ledger = BlobLedger(FolderBlobs(root / "ledger"), clock)
        self.journals: ports.Journals = Journals(FileLines(root / "journal", clock, time_now), clock)

    def require_format(self) -> None:
        """Refuse a folder that a newer version wrote. Raises errors.StoreFailed."""
        said = self._format()
        if said is not None:
            store_format.require(said, str(self._root), str(self._root / store_format.NAME))

    def lock(self, purpose: str) -> AbstractContextManager[None]:
        """Hold the stack's lock, and say the store's format where nobody did; raises errors.LockHeld naming the holder."""
        return self._hold(purpose)

    @contextmanager
    def _hold(self, purpose: str) -> Iterator[None]:
        self.require_format()  # the lock of a newer version may be another one
        with lock.hold(self._root / "lock", purpose, self._clock):
            self._say_format()
            yield

    def _say_format(self) -> None:
        if self._format() is None:
            path = self._root / store_format.NAME
            with (
                disk.explaining(path, "write"),
                disk.written_aside(self._root, store_format.content()) as aside,
                suppress(FileExistsError),
            ):
                os.link(aside, path)
                disk.sync_directory(self._root)
        self.require_format()

    def _format(self) -> bytes | None:
        path = self._root / store_format.NAME
        with disk.explaining(path, "read"):
            return disk.read_small(path, store_format.LONGEST)

    def assert_held(self) -> None:
        """Do nothing: the system gives the lock to nobody else while this process lives."""

    def holder(self) -> ports.Holder | None:
        """Say who holds the lock; a lock of the system is always live, since it dies with its process."""
        found = lock.holding(self._root / "lock")
        return ports.Holder(found, live=True) if found else None

    def break_lock(self) -> None:
        """Raise errors.LockHeld where somebody holds the lock; a dead one holds nothing."""
        found = self.holder()
        if found is not None:
            raise errors.LockHeld(f"the lock is in use: {found.description}", "it is released when its process ends")

    def kind_scopes(self) -> tuple[ports.KindScope, ...]:
        """Return every kind and scope ever remembered."""
        return self._kind_scopes.all()

    def remember_kind_scopes(self, kind_scopes: Iterable[ports.KindScope]) -> None:
        """Remember kinds and scopes for good."""
        self._kind_scopes.remember(kind_scopes)

    def forget_kind_scopes(self, kind_scopes: Iterable[ports.KindScope]) -> None:
        """Forget kinds and scopes that a person gave up."""
        self._kind_scopes.forget(kind_scopes)

    def applied_commit(self) -> str:
        """Return the commit that was applied last, empty where none is known."""
        return self._commits.last()

    def remember_commit(self, commit: str) -> None:
        """Remember which commit is being applied."""
        self._commits.remember(commit)
