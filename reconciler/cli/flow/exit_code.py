"""What a plan and an apply end with: one number, the first that holds in the order that README gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.plans import Applied, Plan, Status


@dataclass(frozen=True, slots=True)
class Waited:
    """What --wait saw: how runs ended, whether time ran out first, and what made it look no longer."""

    ended: Mapping[str, Phase] = field(default_factory=dict)
    late: bool = False
    blind: errors.ReconcilerError | None = None


def of_plan(plan: Plan, *, detailed: bool) -> int:
    """Return 4 for a blocked plan, 2 for changes where that was asked for, else 0."""
    if plan.blocked:
        return 4
    return 2 if detailed and plan.has_changes else 0


def of_apply(applied: Applied, waited: Waited, signal_number: int) -> int:
    """Return 1 where nothing but failures came of it, 128 and more for a signal, 8 for a part, then what --wait saw."""
    stuck = [outcome for outcome in applied.outcomes if outcome.stuck]
    if stuck and all(outcome.status is Status.FAILED for outcome in applied.outcomes):
        return 1
    if signal_number:
        return 128 + signal_number
    if stuck:
        return 8
    if any(
        phase in (Phase.FAILED, Phase.CANCELLED, Phase.EXPIRED, Phase.ENDED_UNKNOWN) for phase in waited.ended.values()
    ):
        return 6
    return 7 if waited.late else 0
