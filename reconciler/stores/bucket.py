"""A store in a Cloud Storage bucket: lock, ledger, journals and kind scopes below one prefix. Knows names, not HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from reconciler.stores import blobs, commits, holder, kind_scopes, lease, ledger, store_format
from reconciler.stores.blobs import InheritedBlobs, Listed
from reconciler.stores.cloud_storage import Bucket, carrying
from reconciler.stores.journal import Journals
from reconciler.stores.journal_objects import ObjectLines
from reconciler.vocabulary import errors, ports

_LONGEST = 1000
"""Characters of anything the lock says of its holder."""


class BucketBlobs:
    """Blobs in a bucket: the key is the object's name, the attributes are its metadata.

    So the service itself keeps two objects of one key apart. `names` are the attributes' names in order; the last one
    given is never empty. Small contents travel in the metadata too, so that a listing answers without a further read.
    """

    def __init__(self, bucket: Bucket, root: str, names: Sequence[str]) -> None:
        self._bucket = bucket
        self._root = root
        self._names = tuple(names)

    def put_if_absent(self, key: str, attributes: tuple[str, ...], content: bytes) -> bool:
        """Store an object unless the key is taken; return whether it was stored."""
        name = self._root + key
        blobs.require_sound(Listed(key, attributes), self._bucket.url(self._root))
        named = dict(zip(self._names, attributes, strict=False))
        said = {attribute: value for attribute, value in named.items() if value} | carrying(content)
        return self._bucket.insert(name, said, content) is not None

    def listing(self) -> Iterator[Listed]:
        """Yield every object, those of others too: what their names mean is not known here."""
        for stored in self._bucket.listing(self._root):
            given = [stored.metadata.get(name, "") for name in self._names]
            while given and not given[-1]:
                given.pop()
            yield Listed(stored.name.removeprefix(self._root), tuple(given), stored.content)

    def remove(self, item: Listed) -> None:
        """Remove an object; one that is gone costs nothing."""
        found = self._bucket.head(self._root + item.key)
        if found is not None:
            self._bucket.delete(found.name, found.generation)

    def read(self, item: Listed) -> bytes:
        """Return an object's content."""
        return self._bucket.read(self._root + item.key) if item.content is None else item.content


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a store draws from outside.

    `chance` gives names nobody else draws, `run` is the URL of a CI run, `guard` makes what keeps threads apart.
    """

    chance: Callable[[], str]
    run: str = ""
    length: float = lease.LEASE
    guard: Callable[[], AbstractContextManager[object]] = threading.Lock


class BucketStore:
    """vocabulary.ports.Store below `root` (empty, or ending with a slash): `format`, `lock`, `ledger/` and so on.

    `quick` is the same bucket over a transport that repeats nothing: renewals have a rhythm of their own. `formers` are
    roots the stack had before, whose ledgers are read and never written: their runs are this stack's.
    """

    def __init__(
        self, bucket: Bucket, quick: Bucket, root: str, clock: ports.Clock, drawn: Drawn, formers: Sequence[str] = ()
    ) -> None:
        self._roots = (root, *formers)
        own, *old = (BucketBlobs(bucket, f"{prefix}ledger/", ledger.ATTRIBUTES) for prefix in self._roots)
        self._bucket = bucket
        self._quick = quick
        self._lock = f"{root}lock"
        self._drawn = drawn
        self._lease: lease.Lease | None = None
        self._kind_scopes = kind_scopes.BlobKindScopes(
            BucketBlobs(bucket, f"{root}scopes/", kind_scopes.ATTRIBUTES), clock
        )
        self._commits = commits.BlobCommits(BucketBlobs(bucket, f"{root}commits/", commits.ATTRIBUTES), clock)
        self.ledger: ports.Ledger = ledger.BlobLedger(InheritedBlobs(own, old), clock)
        self.journals: ports.Journals = Journals(
            ObjectLines(bucket, f"{root}journal/", clock, drawn.chance), clock, self.assert_held
        )

    def require_format(self) -> None:
        """Refuse a root that a newer version wrote, a former one too. Raises errors.StoreFailed."""
        for root in self._roots:
            self._require_format(root)

    def _require_format(self, root: str) -> None:
        name = root + store_format.NAME
        found = self._bucket.head(name)
        if found is not None:
            said = self._bucket.read(name) if found.content is None else found.content
            store_format.require(said, self._bucket.url(root), self._bucket.url(name))

    def _say_format(self) -> None:
        name, said = self._roots[0] + store_format.NAME, store_format.content()
        if self._bucket.head(name) is None:
            self._bucket.insert(name, carrying(said), said)  # whoever was faster is asked below
        self._require_format(self._roots[0])

    def lock(self, purpose: str) -> AbstractContextManager[None]:
        """Hold the stack's lease, and say the store's format where nobody did; raises errors.LockHeld naming the holder."""
        return self._hold(purpose)

    @contextmanager
    def _hold(self, purpose: str) -> Iterator[None]:
        holding = {**holder.of_this_process(purpose), "run": self._drawn.run}
        said = {key: value[:_LONGEST] for key, value in holding.items()}
        drawn = self._drawn
        own = lease.Lease(self._bucket, self._quick, self._lock, said, drawn.chance(), drawn.length, drawn.guard())
        self.require_format()  # the lease of a newer version may be another one
        with own.held():
            self._lease = own
            try:
                self._say_format()
                yield
            finally:
                self._lease = None

    def assert_held(self) -> None:
        """Ask the store whether a lock taken here is still ours. Raises errors.LockHeld."""
        if self._lease is not None:
            self._lease.check()

    def holder(self) -> ports.Holder | None:
        """Say who holds the lock, and whether the lease still runs."""
        found = self._bucket.head(self._lock)
        return None if found is None else ports.Holder(lease.describe(found), live=not lease.expired(found))

    def break_lock(self) -> None:
        """Remove a lease that ran out. Raises errors.LockHeld where it runs, or was taken meanwhile."""
        found = self._bucket.head(self._lock)
        if found is None:
            return
        if not lease.expired(found) or not self._bucket.delete(found.name, found.generation):
            raise errors.LockHeld(f"the lock is in use: {lease.describe(found)}", "wait until its holder is done")

    def kind_scopes(self) -> tuple[ports.KindScope, ...]:
        """Return every kind and scope ever remembered."""
        return self._kind_scopes.all()

    def remember_kind_scopes(self, kind_scopes: Iterable[ports.KindScope]) -> None:
        """Remember kinds and scopes for good."""
        self._kind_scopes.remember(kind_scopes)

    def forget_kind_scopes(self, kind_scopes: Iterable[ports.KindScope]) -> None:
        """Forget kinds and scopes that a person gave up."""
        self.assert_held()
        self._kind_scopes.forget(kind_scopes)

    def applied_commit(self) -> str:
        """Return the commit that was applied last, empty where none is known."""
        return self._commits.last()

    def remember_commit(self, commit: str) -> None:
        """Remember which commit is being applied."""
        self.assert_held()
        self._commits.remember(commit)
