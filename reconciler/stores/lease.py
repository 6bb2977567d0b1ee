"""One apply at a time on one bucket: an object that its holder renews, and that others may take once it ran out.

Whether it ran out is judged by the store's clock alone: when the generation was written, against the date of the reply.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress

from reconciler.stores import holder
from reconciler.stores.cloud_storage import Bucket, Stored
from reconciler.vocabulary import errors

LEASE = 60.0
"""Seconds a lease lasts from its last renewal. Three renewals fall into it, and all three have to fail."""

MISSED = 3

_LONGEST = 3600.0
"""Seconds: whatever a lease says of itself, it ends after this."""

_PARTING = 20.0
"""Seconds that leaving waits for a renewal under way; a lease not given back runs out by itself."""

_HINT = "wait until it is done; `reconciler unlock` shows the holder"


class Lease:
    """The lease of one process. `said` names the holder, `token` is this process's own; `quick` repeats nothing.

    Thread-safe. Raises errors.LockHeld where somebody else holds it, errors.StoreFailed where the bucket fails.
    """

    def __init__(
        self,
        bucket: Bucket,
        quick: Bucket,
        name: str,
        said: Mapping[str, str],
        token: str,
        length: float = LEASE,
        guard: AbstractContextManager[object] | None = None,
    ) -> None:
        self._bucket = bucket
        self._quick = quick
        self._name = name
        self._token = token
        self._length = length
        self._said = {**said, "token": token, "lease": f"{length:g}"}
        self._guard = guard or threading.Lock()
        self._generation = 0
        self._lost = ""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Take the lease, renew it as long as the block runs, and give it back."""
        leaving = threading.Event()
        renewing = threading.Thread(target=self._keep, args=(leaving,), name="lease", daemon=True)
        try:
            self._acquire()
            renewing.start()
            yield
        finally:
            leaving.set()
            if renewing.is_alive():
                renewing.join(_PARTING)
            if not renewing.is_alive():
                self._release()

    def check(self) -> None:
        """Make sure that the lease is still ours, with a third of it left at least. Raises errors.LockHeld.

        One look at the store; only where renewals were missed also a write.
        """
        if self._lost:
            raise errors.LockHeld(self._lost, _HINT)
        found = self._bucket.head(self._name)
        if found is None or not self._is_ours(found):
            raise self._lose(found)
        if found.age is None or found.age > self._length * (1 - 1 / MISSED):
            self._renew(self._bucket)

    def _acquire(self) -> None:
        expected = 0
        for _ in range(MISSED):
            made = self._bucket.insert(self._name, self._said, self._content(), expected)
            if made is not None:
                self._generation = made.generation
                self._said["started"] = holder.moment(made.created)
                return
            found = self._bucket.head(self._name)
            if found is not None and not expired(found):
                raise errors.LockHeld(
                    f"the stack is locked by {describe(found)} ({self._bucket.url(self._name)})", _HINT
                )
            expected = found.generation if found else 0
        raise errors.LockHeld(f"others took the lock at the same time ({self._bucket.url(self._name)})", "run again")

    def _keep(self, leaving: threading.Event) -> None:
        """Renew until the block ends; after a failure again soon, since the lease runs on."""
        pause = self._length / MISSED
        while not leaving.wait(pause):
            pause = self._length / MISSED
            try:
                self._renew(self._quick)
            except errors.LockHeld:
                return  # the next check says so to those who write
            except errors.ReconcilerError:
                pause /= 4

    def _renew(self, bucket: Bucket) -> None:
        """Write the lease anew over the generation we wrote last."""
        with self._guard:
            for _ in range(2):
                made = bucket.insert(self._name, self._said, self._content(), self._generation)
                found = made or bucket.head(self._name)
                if found is None or not self._is_ours(found):
                    raise self._lose(found)
                self._generation = found.generation
                if made is not None:
                    return
                # Not made and yet ours: an earlier renewal whose reply was lost. Now over that one.

    def _release(self) -> None:
        """Delete the lease if it is ours; where the bucket fails, it runs out by itself."""
        with suppress(errors.ReconcilerError), self._guard:
            found = self._quick.head(self._name)
            if found is not None and self._is_ours(found):
                # Over the patient transport: one object takes one write a second, and an apply may be shorter.
                self._bucket.delete(self._name, found.generation)

    def _is_ours(self, found: Stored) -> bool:
        return found.metadata.get("token") == self._token

    def _lose(self, found: Stored | None) -> errors.LockHeld:
        """Remember for every later check that the lease is gone, and build the error that says so."""
        who = f"it is held by {describe(found)}" if found else "somebody removed it"
        self._lost = f"the lock {self._bucket.url(self._name)} was lost: {who}"
        return errors.LockHeld(self._lost, _HINT)

    def _content(self) -> bytes:
        """What is in the metadata, for people who look at the object."""
        return json.dumps(self._said, sort_keys=True).encode()


def expired(found: Stored) -> bool:
    """Say whether a lease ran out, by the store's clock; without a date in its reply nothing has run out."""
    return found.age is not None and found.age > _length(found)


def describe(found: Stored) -> str:
    """Say who holds a lease, since when, and when it was renewed."""
    words = holder.describe({"started": holder.moment(found.created), **found.metadata})
    age = "at an unknown time" if found.age is None else f"{max(found.age, 0.0):.0f} s ago"
    return f"{words}, renewed {age}, good for {_length(found):.0f} s"


def _length(found: Stored) -> float:
    try:
        said = float(found.metadata.get("lease", ""))
    except ValueError:
        return LEASE
    return min(said, _LONGEST) if said > 0 else LEASE
