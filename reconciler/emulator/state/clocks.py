"""Clocks that a test or a control call can set. The system's own clock is handed in by whoever builds the emulator."""

from __future__ import annotations

import threading
from typing import Protocol, runtime_checkable


@runtime_checkable
class SettableClock(Protocol):
    """A clock whose time moves only when told."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""

    def advance(self, seconds: float) -> None:
        """Move forward."""


class ManualClock:
    """Time that stands still until somebody advances it or sleeps on it."""

    def __init__(self, start: float = 1_750_000_000.0) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        """Return the same time: it never goes back."""
        return self.now()

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        with self._lock:
            self._now += seconds

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.advance(seconds)
