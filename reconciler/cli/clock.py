"""The clock on the wall."""

from __future__ import annotations

import time


class WallClock:
    """vocabulary.ports.Clock over the machine's time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)
