"""Lists that lag: copies of the jobs that hear of every change a while later. They know no HTTP and no kind."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from reconciler.emulator.state import lifecycle
from reconciler.emulator.state.database import State
from reconciler.emulator.state.rows import Change, Job, Key


class StaleLists:
    """One copy for every lag in use. A copy starts with what is there: changes before that are not undone, creates are."""

    def __init__(self, state: State) -> None:
        self._source = state
        self._stale: dict[float, _StaleCopy] = {}
        self._lock = threading.Lock()

    def keep(self, lags: Iterable[float], now: int) -> None:
        """Have copies for these lags in seconds and no others; `now` is in microseconds."""
        wanted = {lag for lag in lags if lag > 0}
        # the source's lock first, as for every write that is heard of here
        with self._source.transaction(write=False), self._lock:
            for lag in self._stale.keys() - wanted:
                self._stale.pop(lag).state.close()
            for lag in wanted - self._stale.keys():
                self._stale[lag] = _StaleCopy(self._source.copy(), round(lag * lifecycle.MICROSECONDS), now)

    def hear(self, at: int, changes: Sequence[Change]) -> None:
        """Take in what was changed by a request at a time."""
        with self._lock:
            for replica in self._stale.values():
                replica.pending.append((at, tuple(changes)))

    @contextlib.contextmanager
    def as_of(self, lag: float, now: int) -> Iterator[State]:
        """Hold the jobs as they were `lag` seconds ago; the source, whose transaction is open, where there is no copy."""
        with self._lock:
            replica = self._stale.get(lag)
            if replica is None:
                yield self._source
                return
            with replica.state.transaction(write=True):
                replica.catch_up(now)
            # By itself: a list that is refused rolls back, and what was heard must not be lost with it.
            with replica.state.transaction(write=False):
                yield replica.state

    def close(self) -> None:
        """Close every copy."""
        with self._lock:
            for replica in self._stale.values():
                replica.state.close()
            self._stale = {}


class _StaleCopy:
    """A copy and the changes it has not heard of yet. Jobs live on in it, so steps of a life need no telling."""

    def __init__(self, state: State, lag: int, now: int) -> None:
        self.state = state
        self.pending: deque[tuple[int, tuple[Change, ...]]] = deque()
        self._lag = lag
        with state.transaction(write=True):
            for job in state.created_after(now - lag):
                state.remove(job)
                self.pending.append((job.life.created, ((job.key, job),)))

    def catch_up(self, now: int) -> None:
        """Take in what is old enough, then let lives go on up to that time."""
        until = now - self._lag
        while self.pending and self.pending[0][0] <= until:
            for key, job in self.pending.popleft()[1]:
                self._take(key, job)
        self.state.advance(until)

    def _take(self, key: Key, job: Job | None) -> None:
        held = self.state.find(key)
        if job is None and held is not None:
            self.state.remove(held)
        elif job is not None and held is None:
            self.state.add(job)
        elif job is not None and held is not None:
            self.state.save(replace(job, id=held.id), relabel=True)
