"""Runs outside what the stack covers today: places it left, uids it had, and stacks of the same name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.plan import guards
from reconciler.core.plan.build import Options
from reconciler.engine.reading import coverage
from reconciler.vocabulary.model import Scope, Stack
from reconciler.vocabulary.plans import Plan
from tests.support import samples
from tests.support.site import ANYTHING, Site, calls, desired, is_active, is_empty, lagging
from tests.support.stack import STACK

CUSTOM = samples.KIND_TEXTS["CustomJob"]


def moved(site: Site, **changed: Any) -> None:
    """Edit the stack file."""
    site.stack = replace(site.stack, **changed)


def rules(plan: Plan) -> list[str]:
    return [blocker.rule for blocker in plan.blocked]


@pytest.fixture
def left(site: Site) -> Site:
    """A stack that ran a job in one place and then covers only another."""
    site.converge(desired(CUSTOM))
    moved(site, scopes=(Scope(site.stack.scopes[0].project, "europe-west4"),))
    return site


def test_a_place_that_left_the_stack_blocks_while_a_run_of_ours_is_active_there(left: Site) -> None:
    plan = left.plan(())
    assert rules(plan) == ["scope_left"]
    assert "CustomJob in" in plan.blocked[0].message


@pytest.mark.parametrize("text", samples.KIND_TEXTS.values(), ids=samples.KIND_TEXTS)
def test_a_run_lies_in_the_place_its_key_was_made_in(site: Site, text: str) -> None:
    site.converge(desired(text))
    [old] = site.world().store.ledger.runs()
    own = desired(text)[0].scope
    other = Scope("other-project", own.location)
    assert coverage.lies_in(old, old.kind, own, site.stack)
    assert not coverage.lies_in(old, old.kind, other, site.stack)
    assert not coverage.lies_in(old, old.kind, Scope(own.project, "europe-west4"), site.stack)
    # Of a run that was made in neither, kind and location are all that is known.
    elsewhere = replace(site.stack, scopes=(Scope("third-project", "us-central1"),))
    assert coverage.lies_in(old, old.kind, other, elsewhere)
    assert coverage.lies_in(old, old.kind, own, elsewhere)
    heir = replace(site.stack, uid="0" * 8, former_uids=(site.stack.uid,))
    assert not coverage.lies_in(old, old.kind, other, heir)


def test_nothing_lifts_a_place_that_was_left(left: Site) -> None:
    plan = left.plan(())
    assert not guards.permitted(plan.blocked[0], guards.Allowed(99, 99, empty=True))


def test_a_place_that_was_left_is_no_matter_once_its_runs_ended(left: Site) -> None:
    left.clock.advance(700)
    assert rules(left.plan(())) == []


def test_a_kind_that_left_the_stack_blocks_too(site: Site) -> None:
    site.converge(desired(CUSTOM))
    moved(site, kinds=("NasJob",))
    assert rules(site.plan(())) == ["scope_left"]


def renamed(stack: Stack, *former: str) -> Stack:
    return replace(stack, uid="0badcafe", former_uids=former)


def test_a_new_uid_alone_makes_the_old_runs_foreign(site: Site) -> None:
    site.converge(desired(CUSTOM))
    site.stack = renamed(site.stack)
    assert "foreign_owner" in rules(site.plan(desired(CUSTOM)))


def test_a_former_uid_takes_the_old_runs_over(site: Site) -> None:
    old = site.stack.uid
    site.converge(desired(CUSTOM))
    site.stack = renamed(site.stack, old)
    assert is_empty(site.plan(desired(CUSTOM)))
    site.converge((), Options(allowed=ANYTHING))
    assert [is_active(row) for row in site.rows()] == [False]


def test_a_run_started_after_the_take_over_carries_the_new_uid(site: Site) -> None:
    old = site.stack.uid
    site.converge(desired(CUSTOM))
    site.stack = renamed(site.stack, old)
    site.converge(desired(samples.edited(CUSTOM)))
    marks = [(row["labels"]["reconciler_owner"], row["labels"]["reconciler_run"][:2]) for row in site.rows()]
    assert marks == [(old, "1-"), ("0badcafe", "2-")]
    assert is_empty(site.plan(desired(samples.edited(CUSTOM))))


def test_a_run_that_lists_do_not_show_yet_is_found_in_its_own_project(tmp_path: Path) -> None:
    """Two projects share a location, and a job's name tells only its project's number."""
    scopes = (Scope("alpha-project", "us-central1"), *STACK.scopes)
    site = Site(tmp_path, replace(STACK, scopes=scopes))
    wanted = desired(CUSTOM, site.stack)
    site.converge(wanted)
    unseen = site.world(lagging(site, 20))
    assert calls(site.plan(wanted, unseen)) == []
    site.close()
