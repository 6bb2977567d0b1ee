"""The faults in force: it counts calls and says what strikes each. What a strike does is done elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, get_args

from reconciler.emulator.faults import model
from reconciler.emulator.faults.model import (
    Asked,
    Bending,
    Breaking,
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
    RowShift,
    ShortPages,
    Status,
    Truncate,
    Unreachable,
)

_BREAKING = get_args(Breaking)


@dataclass(frozen=True, slots=True)
class Bent:
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
class Strike:
    """All that strikes one call: first `delay` seconds, then what takes the reply's place, and what bends the method."""

    delay: float = 0.0
    breaking: Breaking | None = None
    bent: Bent = field(default_factory=Bent)


@dataclass(slots=True)
class _Standing:
    fault: Fault
    seen: int = 0
    hits: int = 0


class Strikes:
    """Faults in the order they were injected, with their counts. Calls may come from many threads."""

    def __init__(self, given: Iterable[Fault] = ()) -> None:
        self._standing = [_Standing(fault) for fault in given]
        self._lock = threading.Lock()

    def inject(self, fault: Fault) -> None:
        """Add a fault; its count starts at the next call."""
        with self._lock:
            self._standing = [*self._standing, _Standing(fault)]

    def clear(self) -> None:
        """Take every fault away."""
        with self._lock:
            self._standing = []

    def lags(self, more: Iterable[Fault] = ()) -> frozenset[float]:
        """Return the lags, in seconds, that lists may be asked to have under these faults and `more`."""
        actions = [fault.action for fault in (*(standing.fault for standing in self._standing), *more)]
        return frozenset(float(action.seconds) for action in actions if isinstance(action, ListLag))

    def show(self) -> list[dict[str, Any]]:
        """Write the faults with the calls each matched and struck."""
        with self._lock:
            return [{**model.show(one.fault), "seen": one.seen, "hits": one.hits} for one in self._standing]

    def strike(self, asked: Asked) -> Strike:
        """Count a call and say what strikes it. Of faults that take the reply's place only the first one does."""
        if not self._standing:
            return Strike()
        struck: list[model.Action] = []
        with self._lock:
            for standing in self._standing:
                if not standing.fault.matches(asked):
                    continue
                standing.seen += 1
                action = standing.fault.action
                taken = isinstance(action, _BREAKING) and any(isinstance(each, _BREAKING) for each in struck)
                if not taken and standing.fault.strikes(standing.seen):
                    standing.hits += 1
                    struck.append(action)
        return _strike(struck)


def _strike(struck: Iterable[model.Action]) -> Strike:
    delay: float = 0.0
    breaking: Breaking | None = None
    bending: dict[str, Any] = {}
    for action in struck:
        match action:
            case Delay(seconds):
                delay += seconds
            case Status() | DropBefore() | DropAfter() | Truncate() | Garbage():
                breaking = action
            case _:
                bending |= _bends(action)
    return Strike(delay, breaking, Bent(**bending))


def _bends(action: Bending) -> dict[str, Any]:
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
