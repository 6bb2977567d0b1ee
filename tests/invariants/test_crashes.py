"""A process may die at any write of an apply. The next plan and apply, or the same plan again, end where it would have.

Between two writes nothing changes on disk or at the service, so the moments tried are those around every write.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from reconciler.vocabulary import errors
from reconciler.vocabulary.plans import Plan
from tests.support import samples
from tests.support.mortal import Death, Moment, Mortal, moments
from tests.support.site import Site, desired, is_active, is_empty, lagging, statuses

New = Callable[..., Site]


@dataclass(frozen=True)
class Scenario:
    """What was applied, `age` seconds apart, and what is wanted; `running` names what is active in the end."""

    before: tuple[str, ...]
    after: str
    running: tuple[str, ...]
    age: float = 30.0
    thorough: bool = False


KEEP_ONE = samples.swap(samples.CUSTOM, ("name: train,", "name: other,"))
TWO = f"{samples.CUSTOM}---\n{samples.ML}"
ABSENT = ("{onChange: replace, onRemoval: cancel}", "{desired: Absent}")
SCENARIOS = {
    "create": Scenario((), samples.THREE, ("legacy", "search", "train"), thorough=True),
    "replace": Scenario((TWO,), samples.edited(TWO), ("legacy", "train")),
    "cancel by removal": Scenario((f"{KEEP_ONE}---\n{TWO}",), KEEP_ONE, ("other",)),
    "absent": Scenario((TWO,), samples.swap(TWO, ABSENT), ()),
    "patch and policy": Scenario(
        (samples.ML,),
        samples.swap(
            samples.ML, ("team: vision", "team: speech"), ("ann@", "bob@"), ("onRemoval: cancel", "onRemoval: ask")
        ),
        ("legacy",),
    ),
    "history": Scenario(
        (samples.CUSTOM, samples.edited(samples.CUSTOM)),
        samples.swap(samples.CUSTOM, ("gcr.io/a/b", "gcr.io/a/b:3"), ("onRemoval: cancel", "history: 1")),
        ("train",),
        age=700.0,
    ),
}


@dataclass(frozen=True)
class Return:
    """How somebody comes back: after how many seconds, and how far lists lag."""

    seconds: float
    lag: float


AT_ONCE, LATER = Return(0, lag=20), Return(60, lag=0)


def returns(scenario: Scenario, number: int, *, resume: bool) -> tuple[Return, ...]:
    """Take both ways for a thorough scenario, else in turn; new and old plan in opposite turns."""
    return (AT_ONCE, LATER) if scenario.thorough else ((AT_ONCE, LATER)[(number + resume) % 2],)


def prepared(new_site: New, scenario: Scenario) -> tuple[Site, Plan]:
    """Bring a new site to where the scenario starts, and plan."""
    site = new_site()
    for text in scenario.before:
        site.converge(desired(text))
        site.clock.advance(scenario.age)
    return site, site.plan(desired(scenario.after))


def run_until(
    site: Site, plan: Plan, moment: Moment, lag: float = 0, *, saved: bool = True, parallelism: int = 1
) -> Mortal:
    """Apply in a process that dies at a moment, or lives where there is no such moment."""
    process = Mortal(site, moment)
    world = site.world(lambda transport: process.wire(lagging(site, lag)(transport)), store=process.store())
    try:
        site.apply(plan, world, saved=saved, parallelism=parallelism)
    except Death:
        assert process.dead
    return process


def come_back(site: Site, plan: Plan, scenario: Scenario, how: Return, *, resume: bool) -> None:
    """Go on as a user would: the same plan if it is taken, else plan and apply."""
    site.clock.advance(how.seconds)
    slow = lagging(site, how.lag)
    if resume:
        try:
            site.apply(plan, site.world(slow), saved=True)
        except errors.PlanRefused as refused:
            assert refused.exit_code == 3
        else:
            return
    world = site.world(slow)
    site.apply(site.plan(desired(scenario.after), world), world)


def assert_settled(site: Site, scenario: Scenario, told: str) -> None:
    """One active run for each address that wants one, no create twice, and nothing left to do for anybody."""
    wanted = desired(scenario.after)
    active = sorted(row["labels"]["reconciler_name"] for row in site.rows() if is_active(row))
    assert active == sorted(scenario.running), told
    assert site.audit.repeated_keys() == {}, told
    assert site.audit.crowds == [], told
    assert is_empty(site.plan(wanted, site.world(lagging(site, 20)))), told
    store = site.world().store
    assert store.journals.open_intents() == (), told
    sent = len(site.audit.writes)
    assert site.converge(wanted).outcomes == (), told
    assert len(site.audit.writes) == sent, told
    keys = [run.run_key for run in store.ledger.runs()]
    assert len(keys) == len(set(keys)), told


@pytest.mark.parametrize("resume", [False, True], ids=["new plan", "same plan"])
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_dying_at_any_write_heals(new_site: New, scenario: Scenario, resume: bool) -> None:
    site, plan = prepared(new_site, scenario)
    whole = run_until(site, plan, Moment())
    assert_settled(site, scenario, "no death")
    assert "send" in whole.steps
    for number, moment in enumerate(moments(whole.steps)):
        for how in returns(scenario, number, resume=resume):
            told = f"{moment} of {whole.steps}, then {how}"
            site, plan = prepared(new_site, scenario)
            process = run_until(site, plan, moment, how.lag)
            assert process.dead, told
            come_back(site, plan, scenario, how, resume=resume)
            assert_settled(site, scenario, told)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_dying_over_and_over_heals(new_site: New, scenario: Scenario) -> None:
    for seed in range(2):
        chance = random.Random(seed)
        site, plan = prepared(new_site, scenario)
        for _ in range(10):
            moment = Moment(chance.randint(2, 9), chance.choice(["before", "after"]))
            run_until(site, plan, moment, chance.choice([0, 20]), saved=False)
            site.clock.advance(chance.choice([0, 5, 60]))
            plan = site.plan(desired(scenario.after), site.world(lagging(site, 20)))
        site.apply(plan)
        assert_settled(site, scenario, f"seed {seed}")


def test_dying_with_many_changes_under_way_heals(new_site: New) -> None:
    scenario = SCENARIOS["create"]
    for at in range(1, 18):
        site, plan = prepared(new_site, scenario)
        process = run_until(site, plan, Moment(at, "after"), lag=20, parallelism=10)
        assert process.dead
        come_back(site, plan, scenario, AT_ONCE, resume=bool(at % 2))
        assert_settled(site, scenario, f"{at} of {process.steps}")


def test_a_plan_that_was_carried_out_is_not_applied_again(site: Site) -> None:
    plan = site.plan(desired(samples.THREE))
    assert len(statuses(site.apply(plan, saved=True))) == 4
    sent = len(site.audit.writes)
    with pytest.raises(errors.PlanAlreadyApplied):
        site.apply(plan, saved=True)
    assert len(site.audit.writes) == sent
