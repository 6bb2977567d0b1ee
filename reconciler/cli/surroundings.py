"""What one run of the command line takes from outside: variables, time, chance and stdin. Made once, in `main`, and handed on."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from reconciler.cli import clock, environment
from reconciler.cli.environment import Environment
from reconciler.vocabulary.ports import Clock


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A test hands over its own; no other module of `cli` asks the process itself.

    `ticks` are seconds that pass for real, whatever the clock says.
    """

    environment: Environment
    clock: Clock
    ticks: Callable[[], float]
    chance: random.Random
    stdin: TextIO


def of_process() -> Surroundings:
    """Return what surrounds this process."""
    return Surroundings(environment.of_process(), clock.WallClock(), clock.ticks, random.SystemRandom(), sys.stdin)
