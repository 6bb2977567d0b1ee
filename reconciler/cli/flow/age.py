"""How old something may be that was written earlier, maybe on another machine: what --max-age asks of plans and snapshots."""

from __future__ import annotations

from datetime import UTC, datetime

from reconciler.vocabulary import errors
from reconciler.vocabulary.ports import Clock

SKEW = 300.0
"""Seconds that the clocks of two machines may differ: what is from further ahead has a time nobody can believe."""


def require(created: str, most: float, clock: Clock, what: str, again: str) -> None:
    """Hold what was written at `created` to `most` seconds. Raises errors.StalePlan, or errors.PlanUnreadable for no time."""
    try:
        made = datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as cause:
        raise errors.PlanUnreadable(f"the {what}'s createdAt is {created!r}, no time", again) from cause
    age = clock.now() - made
    if age > most:
        raise errors.StalePlan(f"the {what} is {age:.0f} s old and --max-age allows {most:.0f} s", again)
    if age < -SKEW:
        raise errors.StalePlan(f"the {what} was made {-age:.0f} s in the future", f"set the clock, then {again}")
