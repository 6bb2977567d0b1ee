"""The faults in force: it counts calls and says which faults hit each. What they do to it is done elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, get_args

from reconciler.emulator.faults import model
from reconciler.emulator.faults.model import (
    Asked,
    CancelLoses,
    Delay,
    DropAfter,
    DropBefore,
    EmptyPage,
    Fault,
    Garbage,
    ListLag,
    MaskIgnored,
    MaskRefused,
    MethodFault,
    ReplyFault,
    RowShift,
    ShortPages,
    Status,
    Truncate,
    Unreachable,
)

_REPLY_FAULTS = get_args(ReplyFault)


@dataclass(frozen=True, slots=True)
class Deviations:
    """What a method does otherwise than asked; by default nothing."""

    lag: float = 0.0
    shift: RowShift | None = None
    most_rows: int = 0
    empty: bool = False
    unreachable: bool = False
    refuse_mask: bool = False
    ignore_mask: bool = False
    cancel_ends: str = ""


@dataclass(frozen=True, slots=True)
class Effects:
    """What faults do to one call: first `delay` seconds, then a fault instead of the reply, and deviations of the method."""

    delay: float = 0.0
    reply_fault: ReplyFault | None = None
    deviations: Deviations = field(default_factory=Deviations)


@dataclass(slots=True)
class _Standing:
    fault: Fault
    seen: int = 0
    hits: int = 0


class FaultsInForce:
    """Faults in the order they were injected, with their counts. Calls may come from many threads."""

    def __init__(self) -> None:
        self._standing: list[_Standing] = []
        self._lock = threading.Lock()

    def inject(self, *faults: Fault) -> None:
        """Add faults; their counts start at the next call."""
        with self._lock:
            self._standing = [*self._standing, *map(_Standing, faults)]

    def clear(self) -> None:
        """Take every fault away."""
        with self._lock:
            self._standing = []

    def lags(self, more: Iterable[Fault] = ()) -> frozenset[float]:
        """Return the lags, in seconds, that lists may be asked to have under these faults and `more`."""
        actions = [fault.action for fault in (*(standing.fault for standing in self._standing), *more)]
        return frozenset(float(action.seconds) for action in actions if isinstance(action, ListLag))

    def show(self) -> list[dict[str, Any]]:
        """Write the faults with the calls each matched and hit."""
        with self._lock:
            return [{**model.show(one.fault), "seen": one.seen, "hits": one.hits} for one in self._standing]

    def effects_on(self, asked: Asked) -> Effects:
        """Count a call and say what faults do to it. Of faults instead of the reply only the first one counts."""
        if not self._standing:
            return Effects()
        hitting: list[model.Action] = []
        with self._lock:
            for standing in self._standing:
                if not standing.fault.matches(asked):
                    continue
                standing.seen += 1
                action = standing.fault.action
                taken = isinstance(action, _REPLY_FAULTS) and any(isinstance(each, _REPLY_FAULTS) for each in hitting)
                if not taken and standing.fault.hits(standing.seen):
                    standing.hits += 1
                    hitting.append(action)
        return _effects(hitting)


def _effects(hitting: Iterable[model.Action]) -> Effects:
    delay: float = 0.0
    reply_fault: ReplyFault | None = None
    deviations: dict[str, Any] = {}
    for action in hitting:
        match action:
            case Delay(seconds):
                delay += seconds
            case Status() | DropBefore() | DropAfter() | Truncate() | Garbage():
                reply_fault = action
            case _:
                deviations |= _deviations_of(action)
    return Effects(delay, reply_fault, Deviations(**deviations))


def _deviations_of(action: MethodFault) -> dict[str, Any]:
    match action:
        case ListLag(seconds):
            return {"lag": seconds}
        case RowShift():
            return {"shift": action}
        case ShortPages(rows):
            return {"most_rows": rows}
        case EmptyPage():
            return {"empty": True}
        case Unreachable():
            return {"unreachable": True}
        case MaskRefused():
            return {"refuse_mask": True}
        case MaskIgnored():
            return {"ignore_mask": True}
        case CancelLoses(state):
            return {"cancel_ends": state}
