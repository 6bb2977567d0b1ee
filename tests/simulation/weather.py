"""Which faults strike which calls of a schedule: cells of one table, drawn by the seed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from reconciler.emulator.faults import model
from reconciler.emulator.faults.model import (
    Action,
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
)

STORE = {
    "429 rate": "429",
    "500": "500",
    "500 done": "500 after",
    "503": "503",
    "drop before": "drop",
    "drop after": "drop after",
    "garbage": "garbage after",
}
"""Faults of a bucket, as its stand-in spells them."""
STORE_OPERATIONS = {"store write": ("insert", "insert", "delete"), "store read": ("list", "get", "read")}

LATE = ("create", "late")
"""A create that is carried out a while after its sender has given it up."""

Cell = tuple[str, str]
"""Operation and fault."""

CLOCK = "clock"
AHEAD, BEHIND, JUMPS_ON, JUMPS_BACK = ((CLOCK, name) for name in ("ahead", "behind", "jumps on", "jumps back"))
"""What is wrong with the time that a runner believes."""

OPERATIONS = ("list", "get", "create", "cancel", "delete", "patch", "getIamPolicy", "setIamPolicy")

ANYWHERE: dict[str, Action] = {
    "429 rate": Status(429, body="rate", retry_after=2),
    "429 hardware": Status(429, body="hardware_quota"),
    "500": Status(500),
    "500 done": Status(500, carried_out=True),
    "503": Status(503),
    "404 html": Status(404, body="html"),
    "refused": DropBefore(sent=False),
    "drop before": DropBefore(),
    "drop after": DropAfter(),
    "delay": Delay(1.0),
    "truncate": Truncate(),
    "garbage": Garbage(),
}
LISTS: dict[str, Action] = {
    "row missed": RowShift("missed"),
    "row twice": RowShift("twice"),
    "lag": ListLag(20.0),
    "mask refused": MaskRefused(),
    "mask ignored": MaskIgnored(),
    "short pages": ShortPages(1),
    "empty page": EmptyPage(),
}
CANCELS: dict[str, Action] = {"loses": CancelLoses("SUCCEEDED"), "loses, fails": CancelLoses("FAILED")}

BY_OPERATION: dict[str, dict[str, Action]] = {name: dict(ANYWHERE) for name in OPERATIONS}
BY_OPERATION["list"] |= LISTS
BY_OPERATION["cancel"] |= CANCELS
COLUMNS = (*OPERATIONS, *STORE_OPERATIONS, CLOCK)
CELLS: tuple[Cell, ...] = (
    *((name, fault) for name, found in BY_OPERATION.items() for fault in found),
    LATE,
    *((name, fault) for name in STORE_OPERATIONS for fault in STORE),
    AHEAD,
    BEHIND,
    JUMPS_ON,
    JUMPS_BACK,
)

OFTEN = {"create": 3, "list": 3, "cancel": 5, "get": 2, "delete": 8, "patch": 6, "getIamPolicy": 3, "setIamPolicy": 5}
"""Operations with the weights of faults that may strike; the rare ones are the heavier for it."""


def calls_hit(found: Counter[Cell]) -> int:
    """Count what struck calls: wrong clocks are everywhere, and make no schedule a hard one by themselves."""
    return sum(count for cell, count in found.items() if cell[0] != CLOCK)


@dataclass(frozen=True)
class Gust:
    """One fault and the cell it counts for."""

    cell: Cell
    fault: Fault


def draw(chance: random.Random, *, first: bool) -> list[Gust]:
    """Draw the faults of a round: some certain to strike, some that may. In the `first` there is little but creates."""
    most = chance.randint(1, 3) if first else chance.randint(0, 1)
    found = [gust(chance, chance.choice(("list", "list", "create")), certain=True) for _ in range(most)]
    for _ in range(chance.randint(1, 3) if first else chance.randint(2, 5)):
        [operation] = chance.choices(tuple(OFTEN), tuple(OFTEN.values()))
        found.append(gust(chance, operation, certain=False))
    chance.shuffle(found)
    return found


@dataclass(frozen=True)
class StoreGust:
    """One fault of a bucket: it strikes `times` times after `skip` calls that go well."""

    cell: Cell
    how: str
    operation: str
    times: int
    skip: int


def draw_store(chance: random.Random) -> list[StoreGust]:
    """Draw the faults of a bucket in a round."""
    found = []
    for _ in range(chance.choice((0, 1, 1, 2))):
        column = chance.choice(tuple(STORE_OPERATIONS))
        name = chance.choice(tuple(STORE))
        operation = chance.choice(STORE_OPERATIONS[column])
        found.append(
            StoreGust((column, name), STORE[name], operation, chance.choice((1, 1, 2, 8)), chance.randint(0, 8))
        )
    return found


def lag(seconds: float) -> Gust:
    """Let every list lag."""
    return Gust(("list", "lag"), Fault(ListLag(seconds), "list"))


def gust(chance: random.Random, operation: str, *, certain: bool) -> Gust:
    """Draw a fault of one operation; a certain one strikes among the first calls."""
    choices = {
        name: each for name, each in BY_OPERATION[operation].items() if not (certain and isinstance(each, RowShift))
    }
    name = chance.choice(tuple(choices))
    if operation == "list" and chance.random() < 0.3:
        name = chance.choice(("lag", "lag", "404 html", "garbage") if certain else ("lag", "row missed", "row twice"))
    if operation == "cancel" and chance.random() < 0.2:
        name = chance.choice(tuple(CANCELS))
    action = choices[name]
    if isinstance(action, ListLag):
        return Gust((operation, name), Fault(ListLag(chance.choice((3.0, 12.0, 25.0))), operation))
    if isinstance(action, Delay):
        # A create that comes late and a list that lags have to fit into `settle` together: the contract promises no more.
        action = Delay(chance.choice((0.5, 2.0, 3.0) if operation == "create" else (1.0, 6.0, 12.0)))
    seed = chance.randrange(1000)
    first = chance.randint(1, 3) if certain else 1
    last = first + chance.choice((0, 0, 1, 2, 14)) if certain else None
    if operation in ("list", "get", "create") and not certain:
        odds = chance.choice((0.05, 0.2, 0.5))
    else:
        odds = 1.0
        last = last if certain else chance.randint(1, 3)
    return Gust((operation, name), Fault(action, operation, first=first, last=last, probability=odds, seed=seed))


def hits(gusts: list[Gust], shown: list[dict[str, object]]) -> Counter[Cell]:
    """Count how often each cell was struck; `shown` is what the emulator tells of its faults, in the same order."""
    found: Counter[Cell] = Counter()
    for gust, told in zip(gusts, shown, strict=True):
        struck = told["hits"]
        assert isinstance(struck, int)
        found[gust.cell] += struck
    return found


assert set(model.NAMES.values()) >= {type(action) for found in BY_OPERATION.values() for action in found.values()}
