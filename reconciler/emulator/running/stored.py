"""The stored jobs as the supervisor sees and moves them. It starts nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from reconciler.emulator.messages.served import Served
from reconciler.emulator.running.ports import Move, Standing
from reconciler.emulator.state import lifecycle
from reconciler.emulator.state.database import State
from reconciler.emulator.state.rows import Key


class StoredJobs:
    """supervisor.Jobs over the emulator's state; `now` in microseconds since the epoch."""

    def __init__(self, state: State, served: Mapping[str, Served], now: Callable[[], int]) -> None:
        self._state = state
        self._served = served
        self._now = now

    def now(self) -> float:
        """Return the time the jobs live by, in seconds since the epoch."""
        return self._now() / lifecycle.MICROSECONDS

    def standing(self, key: Key) -> Standing | None:
        """Say how a job stands, None for one that is gone."""
        now = self._now()
        due = self._state.has_due(now)
        with self._state.transaction(write=due):
            if due:
                self._state.advance(now)
            job = self._state.find(key)
        return None if job is None else Standing(self._served[key.kind].is_terminal(job), job.life.cancelled)

    def move(self, key: Key, to: Move, code: int = 0, message: str = "") -> bool:
        """Take a job to a state, at once and for good. False where it is gone or over, or is cancelled and would go on."""
        served, now = self._served.get(key.kind), self._now()
        if served is None:
            return False
        with self._state.transaction(write=True):
            self._state.advance(now)
            job = self._state.find(key)
            if job is None or served.is_terminal(job):
                return False
            if job.life.cancelled and to in (Move.QUEUED, Move.RUNNING):
                return False
            error = {served.kind.error_field: served.error(code, message)} if message else None
            life = lifecycle.force(job.life, served.behaviour, served.state(to), now, error)
            self._state.save(replace(job, life=life, version=job.version + 1))
        return True
