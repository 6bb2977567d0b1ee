"""The life of one job as data moved by the clock: which steps lie ahead and what each changes. It holds no clock."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.emulator.behaviour import Behaviour, Step

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Timings:
    """The policy of lives: how fast the kinds' own timelines pass, or what stands instead of them.

    `speed` is a factor, infinite for moves that show on the next read; with `ends` False jobs run until told; with
    `moves` False they stay as they are until told. A `seed` draws every life from the kinds' chances instead.
    """

    speed: float = 1.0
    ends: bool = True
    moves: bool = True
    seed: int | None = None


RECORDED = Timings()
"""Life cycles pass as the data files have them."""

INSTANT = Timings(speed=math.inf)
"""Jobs have ended, and cancels have worked, by the next read."""

MANUAL = Timings(moves=False)
"""Jobs and cancels move through the control path alone."""

PRESETS = ("recorded", "instant", "manual", "random:SEED")
"""The policies by the names that a command line gives them."""


def preset(name: str) -> Timings:
    """Return the policy of a name among PRESETS, SEED a whole number. Raises ValueError for another."""
    fixed = {"recorded": RECORDED, "instant": INSTANT, "manual": MANUAL}
    if name in fixed:
        return fixed[name]
    kind, _, seed = name.partition(":")
    if kind == "random" and re.fullmatch(r"-?[0-9]{1,18}", seed):
        return Timings(seed=int(seed))
    raise ValueError(f"`{name}` is no life; there are {', '.join(PRESETS)}, SEED being a whole number")


@dataclass(frozen=True, slots=True)
class Life:
    """Where a job stands. Times are in microseconds since the epoch; `ahead` are the steps still to come."""

    state: str
    created: int
    updated: int
    started: int | None = None
    ended: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    ahead: tuple[tuple[int, Step], ...] = ()
    cancelled: bool = False

    @property
    def due(self) -> int | None:
        """When the next step happens."""
        return self.ahead[0][0] if self.ahead else None


def begin(state: str, fields: Mapping[str, Any], steps: Iterable[Step], timings: Timings, now: int) -> Life:
    """Start a life at `now` with all its steps ahead."""
    kept = tuple(step for step in steps if timings.moves and (timings.ends or not step.ends))
    return Life(state=state, created=now, updated=now, fields=fields, ahead=_schedule(kept, timings, now))


def advance(life: Life, now: int) -> Life:
    """Take every step that is due by `now`."""
    while life.ahead and life.ahead[0][0] <= now:
        at, step = life.ahead[0]
        life = replace(take(life, step, at), ahead=life.ahead[1:])
    return life


def take(life: Life, step: Step, at: int) -> Life:
    """Apply one step at a time; a startTime once set stays (recorded: it survives a cancel)."""
    return replace(
        life,
        state=step.state,
        updated=at,
        started=at if step.starts and life.started is None else life.started,
        ended=at if step.ends else life.ended,
        fields={**life.fields, **step.fields},
    )


def cancel(life: Life, steps: Iterable[Step], timings: Timings, now: int) -> Life:
    """Plan the steps of a cancel; a job that ends before them has won the race, a second cancel changes nothing."""
    if life.cancelled or not timings.moves:
        return replace(life, cancelled=True)
    planned = _schedule(steps, timings, now)
    if not planned:
        return life
    earlier = tuple((at, step) for at, step in life.ahead if at < planned[0][0])
    won = any(step.ends for _, step in earlier)
    return replace(life, ahead=earlier if won else earlier + planned, cancelled=True)


def force(life: Life, behaviour: Behaviour, state: str, now: int, fields: Mapping[str, Any] | None = None) -> Life:
    """Put a life into any state at once and drop what lay ahead: the control path of tests.

    `fields` are the output fields that come with it, by default those the kind's own steps to this state bring. A job
    led out of its end lives on without an endTime. Raises LookupError for a state that the kind does not have.
    """
    if state not in behaviour.state_numbers:
        raise LookupError(f"`{state}` is no state of {behaviour.kind}.")
    known = [step for step in (*behaviour.timeline, *behaviour.cancel) if step.state == state]
    given = fields if fields is not None else known[-1].fields if known else {}
    ends = state in behaviour.terminal
    step = Step(after=0, state=state, starts=any(each.starts for each in known), ends=ends, fields=given)
    forced = replace(take(life, step, max(now, life.updated)), ahead=(), cancelled=False)
    return forced if ends else replace(forced, ended=None)


def _schedule(steps: Iterable[Step], timings: Timings, now: int) -> tuple[tuple[int, Step], ...]:
    return tuple((now + round(step.after / timings.speed * MICROSECONDS), step) for step in steps)


def timestamp(microseconds: int, digits: int) -> str:
    """Write a time in UTC with 0, 3 or 6 fraction digits, at most `digits` (recorded: zeros go in threes)."""
    moment = datetime.datetime.fromtimestamp(microseconds // MICROSECONDS, tz=datetime.UTC)
    fraction = f"{microseconds % MICROSECONDS:06d}"[:digits]
    while fraction and fraction.endswith("000"):
        fraction = fraction[:-3]
    return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' + fraction if fraction else ''}Z"
