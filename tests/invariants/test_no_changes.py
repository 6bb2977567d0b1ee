"""Whatever is live: a plan that says "Live jobs match the manifests" is right, as a second reader of the runs sees it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from reconciler.renderers import headline
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import DesiredState
from reconciler.vocabulary.plans import Action, Part, Plan
from tests.support.jobs import KINDS, World
from tests.unit.core.plan.addresses import DIMENSIONS, Case, case_at, desired_of, narrowed, size, world_of

STRIDE = 997
"""A prime, so that a sample of the product meets every value of every dimension."""


def is_as_wanted(case: Case, world: World) -> bool:
    """Judge by the runs alone, in other words than the decision table's."""
    desired = desired_of(case)
    active = [run for run in world.runs if run.phase.active]
    if case.wanted is None or case.wanted is DesiredState.ABSENT:
        return not world.runs
    if case.wanted is DesiredState.CANCELLED:
        return not active
    here = [run for run in world.runs if (run.fingerprint, run.scope) == (desired.fingerprint, desired.scope)]
    if active:
        return all(run in here and run.phase is not Phase.STOPPING for run in active)
    if case.ledger not in ("none", "other spec"):  # a run of this spec, newer than every live one, whose record is gone
        return case.ledger == "succeeded"
    newest = max(world.runs, key=lambda run: run.number, default=None)
    return newest is not None and newest in here and newest.phase is Phase.SUCCEEDED


def judge(case: Case, seen: Counter[tuple[DesiredState | None, bool]]) -> None:
    """Plan a case; what calls nothing and says that it matches has to."""
    world = world_of(case)
    if case.wanted is None and not world.runs:
        return  # no manifest and no run: there is no such address
    change, losses = world.plan(desired_of(case) if case.wanted else None, KINDS[case.kind])
    if change.action is not Action.NOOP or losses.protected or losses.refused:
        return
    says = headline.is_match(Plan("s", "3fa94c1b", "embedded", "", None, (), (), (change,)))
    right = is_as_wanted(case, world)
    assert right or not says, f"{case}: {change.reason} {change.notes}"
    assert says or not right or case.token != "none", (
        f"{case}: {change.reason} {change.notes}"
    )  # a token wants one more
    seen[case.wanted, says] += 1


def test_a_plan_says_that_live_jobs_match_where_they_do_and_nowhere_else() -> None:
    seen: Counter[tuple[DesiredState | None, bool]] = Counter()
    for index in range(0, size(DIMENSIONS), STRIDE):
        judge(case_at(index, DIMENSIONS), seen)
    quiet = narrowed(token="none", on_change=DIMENSIONS["on_change"][1:], rerun=False, protect=False, kind="CustomJob")
    for index in range(0, size(quiet), 7):
        judge(case_at(index, quiet), seen)
    for wanted in (DesiredState.PRESENT, DesiredState.CANCELLED):
        assert seen[wanted, True]
        assert seen[wanted, False]
    assert seen[DesiredState.ABSENT, True]
    assert seen[None, False]
    assert not seen[None, True]


def test_nothing_is_said_of_addresses_that_were_not_looked_at() -> None:
    change, _ = world_of(Case(phase=Phase.RUNNING)).plan(desired_of(Case()), KINDS["CustomJob"])
    whole = Plan("s", "3fa94c1b", "embedded", "", None, (), (), (change,))
    assert headline.is_match(whole)
    for part in (Part(select=("*",)), Part(exclude=("*/x",)), Part(changed_since="main")):
        assert not headline.is_match(replace(whole, part=part))
