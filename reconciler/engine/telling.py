"""What a long use case tells while it works. The engine speaks in events; whoever listens decides how they look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event as Flag


@dataclass(frozen=True, slots=True)
class Event:
    """One step of an apply or a wait: `what` is a short sentence about `address`."""

    address: str
    what: str
    done: bool = False


Tell = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Control:
    """How a use case is steered: told to, and asked to stop. A set `stop` lets what is in flight finish."""

    tell: Tell
    stop: Flag
