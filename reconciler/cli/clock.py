"""The clock on the wall, the one that is never set, and how a moment is written down."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from reconciler.vocabulary.ports import Clock


def ticks() -> float:
    """Seconds that pass for real, from no moment in particular; setting the machine's time does not move them."""
    return time.monotonic()


def rfc3339(clock: Clock) -> str:
    """Return a clock's time as RFC 3339 in UTC, whole seconds."""
    return datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class WallClock:
    """vocabulary.ports.Clock over the machine's time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds from no moment in particular; setting the machine's time does not move them."""
        return ticks()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)
