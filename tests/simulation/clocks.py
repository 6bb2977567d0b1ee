"""What time it is for whom: runners believe clocks that are set wrong and jump, the files of a store have the true time.

No duration comes from here, and nothing here moves the true time.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

from tests.simulation import weather

HOUR = 3600.0
WRONG = (0.0, 90.0, 420.0, 2 * HOUR, 7 * HOUR)
"""Seconds by which a clock is wrong, either way."""
JUMPS = (45.0, 600.0, 3 * HOUR)
"""Seconds that a clock is set forward or back at once."""
OFTEN = 0.02
"""How likely an act is met by a jump."""
ELSEWHERE = 0.75
"""How likely a runner's next process is on another machine, whose clock is wrong in another way."""


class RunnerClock:
    """The clock that one runner believes. `struck` hears of each hit."""

    def __init__(self, chance: random.Random, struck: Callable[[weather.Cell, float], None]) -> None:
        self._chance = chance
        self._struck = struck
        self._ahead = self._drawn(WRONG)
        self._read = False

    def start(self) -> None:
        """Begin a process: on this machine, or on another one."""
        self._read = False
        if self._chance.random() < ELSEWHERE:
            self._ahead = self._drawn(WRONG)

    def told(self, true: float) -> float:
        """Return the time that the runner is told. The first wrong one a process is told counts as a hit."""
        if self._ahead and not self._read:
            self._read = True
            self._struck(weather.AHEAD if self._ahead > 0 else weather.BEHIND, self._ahead)
        return true + self._ahead

    def tick(self) -> None:
        """Jump, or do not."""
        if self._chance.random() < OFTEN:
            by = self._drawn(JUMPS)
            self._ahead += by
            self._struck(weather.JUMPS_ON if by > 0 else weather.JUMPS_BACK, by)

    def _drawn(self, seconds: tuple[float, ...]) -> float:
        return self._chance.choice(seconds) * self._chance.choice((1.0, -1.0))


class FileTimes:
    """The times of journals in a folder: each write gets the true time in place of the time of the machine that simulates."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._given: dict[str, int] = {}

    def of_a_file_written_now(self, folder: Path) -> float:
        """Return the true time, for stores.folder.FolderStore."""
        del folder
        return self._now()

    def set(self, folder: Path) -> None:
        """Give the true time to every journal that was written since the last look."""
        try:
            entries = os.scandir(folder / "journal")
        except FileNotFoundError:
            return
        with entries:
            for entry in entries:
                if entry.is_file() and self._given.get(entry.path) != entry.stat().st_mtime_ns:
                    os.utime(entry.path, (self._now(), self._now()))
                    self._given[entry.path] = Path(entry.path).stat().st_mtime_ns
