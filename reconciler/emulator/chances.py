"""Lives drawn by a seed: how long a job waits and runs, how it ends, how a cancel shows. What can be drawn is data.

The same seed and the same words about a job draw the same life, whatever was drawn before. It holds no clock.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from reconciler.emulator.behaviour import Chance, Conduct, Step

_One = TypeVar("_One", bound=Chance)


def life(conduct: Conduct, seed: int, about: str, place: str) -> tuple[Step, ...]:
    """Draw the steps of a job's life. `about` tells jobs apart; `place` is the location that error texts name."""
    chosen = random.Random(f"{seed}:life:{about}")
    chance = _drawn(conduct.chances.runs, chosen)
    waits = round(chosen.uniform(*conduct.chances.waits), 3)
    *before, running, end = conduct.timeline
    steps = [step for step in before if step.after < waits]
    if not chance.lasts:
        return (*steps, _end(chance, waits, conduct, place))
    lasts = round(chosen.uniform(*chance.lasts), 3)
    last = (
        replace(end, after=waits + lasts) if chance.state == end.state else _end(chance, waits + lasts, conduct, place)
    )
    return (*steps, replace(running, after=waits), last)


def cancel(conduct: Conduct, seed: int, about: str) -> tuple[Step, ...]:
    """Draw the steps of a cancel: it may show late, show CANCELLING or not, and may come too late."""
    chosen = random.Random(f"{seed}:cancel:{about}")
    steps: list[Step] = []
    for step in _drawn(conduct.chances.cancels, chosen).steps:
        after = round(chosen.uniform(*step.between), 3)
        ends = step.state in conduct.terminal
        steps.append(Step(after, step.state, ends=ends, fields=step.fields or _own(conduct, step.state)))
    return tuple(steps)


def _drawn(chances: Sequence[_One], chosen: random.Random) -> _One:
    [found] = chosen.choices(chances, weights=[chance.weight for chance in chances])
    return found


def _end(chance: Chance, after: float, conduct: Conduct, place: str) -> Step:
    fields = chance.fields or _own(conduct, chance.state)
    return Step(after, chance.state, ends=True, fields=_filled(fields, place))


def _own(conduct: Conduct, state: str) -> Mapping[str, Any]:
    """Return what the kind's own steps to a state bring with them, such as the output of a job that succeeded."""
    return next((step.fields for step in (*conduct.timeline, *conduct.cancel) if step.state == state), {})


def _filled(value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(item, place) for name, item in value.items()}
    return value.replace("{location}", place) if isinstance(value, str) else value
