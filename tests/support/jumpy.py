"""A clock of a machine whose time somebody sets again and again, while time itself passes as on another clock."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from reconciler.vocabulary.ports import Clock

HOURS = 5 * 3600.0


@dataclass
class JumpyClock:
    """vocabulary.ports.Clock over `true`: after each sleep the machine believes that it is `hours` later, or earlier, in turn.

    `first` is by how much it is wrong before anybody slept.
    """

    true: Clock
    first: float = 0.0
    jumps: itertools.cycle[float] = field(default_factory=lambda: itertools.cycle((HOURS, -HOURS)))

    def __post_init__(self) -> None:
        self.ahead = self.first

    def now(self) -> float:
        return self.true.now() + self.ahead

    def monotonic(self) -> float:
        return self.true.monotonic()

    def sleep(self, seconds: float) -> None:
        self.true.sleep(seconds)
        self.ahead = self.first + next(self.jumps)
