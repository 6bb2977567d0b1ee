"""The clock on the wall, and the one that is never set."""

from __future__ import annotations

import time


def ticks() -> float:
    """Seconds that pass for real, from no moment in particular; setting the machine's time does not move them."""
    return time.monotonic()


class WallClock:
    """vocabulary.ports.Clock over the machine's time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)
