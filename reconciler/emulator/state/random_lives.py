"""Lives drawn by a seed: how long a job waits and runs, how it ends, how a cancel shows. What can be drawn is data.

The same seed and the same words about a job draw the same life, whatever was drawn before. It holds no clock.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.emulator.behaviour import Behaviour, Chance, Step


class RandomLives:
    """What a seed draws for jobs by what they say: neither an id nor a time is the same in the next run of a test.

    Of jobs that say the same each draws for itself; they are counted since the start, or since `forget`.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._alike: Counter[str] = Counter()

    def life(self, behaviour: Behaviour, body: Mapping[str, Any], location: str) -> tuple[Step, ...]:
        """Draw the life of the next job that says just this."""
        about = _about(behaviour, body)
        self._alike[about] += 1
        return life(behaviour, self._seed, f"{self._alike[about]}:{about}", location, time_limit(behaviour, body))

    def cancel(self, behaviour: Behaviour, body: Mapping[str, Any]) -> tuple[Step, ...]:
        """Draw the cancel of a job."""
        return cancel(behaviour, self._seed, _about(behaviour, body))

    def forget(self) -> None:
        """Draw for the next jobs as for the first ones."""
        self._alike.clear()


def life(behaviour: Behaviour, seed: int, about: str, location: str, limit: float = math.inf) -> tuple[Step, ...]:
    """Draw the steps of a job's life. `about` tells jobs apart; `location` is the one that error texts name.

    A run longer than `limit` seconds is cut off there, and ends as by a cancel.
    """
    chosen = random.Random(f"{seed}:life:{about}")
    chance = _drawn(behaviour.chances.runs, chosen)
    waits = round(chosen.uniform(*behaviour.chances.waits), 3)
    *before, running, _ = behaviour.timeline
    steps = [step for step in before if step.after < waits]
    if not chance.lasts:
        return (*steps, _end(chance, waits, behaviour, location))
    lasts = round(chosen.uniform(*chance.lasts), 3)
    cut = replace(behaviour.cancel[-1], after=waits + limit) if lasts > limit else None
    return (*steps, replace(running, after=waits), cut or _end(chance, waits + lasts, behaviour, location))


def cancel(behaviour: Behaviour, seed: int, about: str) -> tuple[Step, ...]:
    """Draw the steps of a cancel: it may show late, show CANCELLING or not, and may come too late."""
    chosen = random.Random(f"{seed}:cancel:{about}")
    steps: list[Step] = []
    for step in _drawn(behaviour.chances.cancels, chosen).steps:
        after = round(chosen.uniform(*step.between), 3)
        ends = step.state in behaviour.terminal
        steps.append(Step(after, step.state, ends=ends, fields=step.fields or _own(behaviour, step.state)))
    return tuple(steps)


def _drawn(chances: Sequence[Chance], chosen: random.Random) -> Chance:
    [found] = chosen.choices(chances, weights=[chance.weight for chance in chances])
    return found


def _end(chance: Chance, after: float, behaviour: Behaviour, location: str) -> Step:
    fields = chance.fields or _own(behaviour, chance.state)
    return Step(after, chance.state, ends=True, fields=_filled(fields, location))


def _own(behaviour: Behaviour, state: str) -> Mapping[str, Any]:
    """Return what the kind's own steps to a state bring with them, such as the output of a job that succeeded."""
    return next((step.fields for step in (*behaviour.timeline, *behaviour.cancel) if step.state == state), {})


def _filled(value: Any, location: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(item, location) for name, item in value.items()}
    return value.replace("{location}", location) if isinstance(value, str) else value


def time_limit(behaviour: Behaviour, body: Mapping[str, Any]) -> float:
    """Read for how many seconds a job may run; one that says nothing, or 0s, is not cut off."""
    value: Any = body
    for name in behaviour.time_limit:
        value = value.get(name, {})
    seconds = float(value.removesuffix("s")) if isinstance(value, str) else 0.0
    return seconds or math.inf


def _about(behaviour: Behaviour, body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, ensure_ascii=False)
    return f"{behaviour.kind}:{hashlib.sha256(text.encode()).hexdigest()}"
