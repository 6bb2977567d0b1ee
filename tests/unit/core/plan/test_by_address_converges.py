"""Every situation of an address: one change, and once it is carried out nothing is left to do.

The whole product has 1,244,160 situations. All 18,000 are walked in which a manifest wants a CustomJob (protection and
the removal stamp touch no operation there), all 5,184 in which nothing is wanted that differ in what is looked at then,
and of the whole product every 257th, which meets every pair of values: 28,026 in all.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest

from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import DesiredState, OnChange, Removal
from reconciler.vocabulary.plans import Action
from tests.support.jobs import KINDS, verbs
from tests.unit.core.plan.addresses import DIMENSIONS, Case, case_at, desired_of, narrowed, size, world_of

STRIDE = 257
"""A prime that divides the size of no dimension: its multiples walk the whole product and meet every pair of values."""


def carried_out(case: Case) -> str:
    """Plan, carry out, plan again; return the first reason. Asserts what holds for every situation."""
    world, kind = world_of(case), KINDS[case.kind]
    desired = desired_of(case) if case.wanted else None
    before = {run.resource: run for run in world.runs}
    change, losses = world.plan(desired, kind)
    calls = verbs(change)
    assert (change.action is Action.NOOP) == (not calls), case
    assert calls.count("create") <= 1, case
    assert calls == sorted(calls, key=["cancel", "delete", "patch", "create", "setIamPolicy"].index), case
    assert set(calls) <= {verb.value for verb in kind.verbs}, case
    if case.protect and desired and change.action in (Action.CANCEL, Action.DELETE, Action.REPLACE):
        stops = {each.reason for each in change.operations if each.verb in ("cancel", "delete")}
        assert losses.protected or stops <= {"duplicate", "stopping"}, case
    world.carry_out(change, kind)
    active = [run for run in world.runs if run.active]
    stopped = [run for run in active if run.phase is not Phase.STOPPING]
    if case.wanted is DesiredState.PRESENT:
        left = active if "create" in calls else stopped
        assert len(left) <= 1 or case.on_change in (OnChange.KEEP, OnChange.REFUSE), case
        assert len(active) == 1 or "create" not in calls, case
    elif case.wanted is not None or case.on_removal is not Removal.KEEP:
        removal_keeps = case.wanted is None and case.protect
        assert not stopped or removal_keeps, case
    else:
        assert {run.resource: run.phase for run in world.runs} == {key: run.phase for key, run in before.items()}, case
    again, _ = world.plan(desired, kind)
    assert not again.operations, (str(case), change.reason, calls, again.reason, verbs(again))
    return change.reason


def walk(dimensions: dict[str, tuple[object, ...]], stride: int = 1) -> Counter[str]:
    total = size(dimensions)
    reasons: Counter[str] = Counter()
    for index in range(0, total, stride):
        case = case_at(index, dimensions)
        reasons[carried_out(case)] += 1
    return reasons


@pytest.mark.parametrize("phase", DIMENSIONS["phase"], ids=str)
def test_a_second_plan_has_nothing_to_do_where_a_manifest_wants_a_run(phase: Phase | None) -> None:
    every = narrowed(
        wanted=DesiredState.PRESENT,
        phase=phase,
        spec="equal" if phase is None else DIMENSIONS["spec"],
        on_removal=Removal.ASK,
        protect=False,
        kind="CustomJob",
    )
    assert sum(walk(every).values()) == size(every)


@pytest.mark.parametrize("wanted", [DesiredState.CANCELLED, DesiredState.ABSENT, None], ids=str)
def test_a_second_plan_has_nothing_to_do_where_no_run_is_wanted(wanted: DesiredState | None) -> None:
    every = narrowed(
        wanted=wanted, spec="equal", token="none", on_change=OnChange.ASK, rerun=False, ledger=("none", "unknown")
    )
    assert sum(walk(every).values()) == size(every)


def test_a_second_plan_has_nothing_to_do_wherever_the_whole_product_is_sampled() -> None:
    pairs: set[tuple[tuple[str, Any], ...]] = set()
    for index in range(0, size(DIMENSIONS), STRIDE):
        case = case_at(index, DIMENSIONS)
        carried_out(case)
        values = [(name, getattr(case, name)) for name in DIMENSIONS]
        pairs.update(itertools.combinations(values, 2))
    assert pairs == {
        ((one, left), (two, right))
        for one, two in itertools.combinations(DIMENSIONS, 2)
        for left in DIMENSIONS[one]
        for right in DIMENSIONS[two]
    }
