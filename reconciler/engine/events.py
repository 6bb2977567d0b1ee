"""What a long use case tells while it works. The engine speaks in events; whoever listens decides how they look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event as Flag


@dataclass(frozen=True, slots=True)
class Event:
    """One step of an apply or a wait.

    `operation` is a verb of the plan, or `wait`. `status` is what came of it, the phase of a run that is waited for, or
    empty where it has just begun. `done` says that nothing follows for this operation.
    """

    address: str
    operation: str
    status: str = ""
    resource: str = ""
    error: str = ""
    done: bool = False


Tell = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Control:
    """How a use case is steered: told to, and asked to stop. A set `stop` lets what is in flight finish."""

    tell: Tell
    stop: Flag
