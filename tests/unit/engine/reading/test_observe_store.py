"""What a store is needed for, and what is left without one or after it was lost."""

from __future__ import annotations

import shutil

import pytest

from reconciler.engine.reading.settle import POLL
from reconciler.engine.world import World
from reconciler.stores.no_store import NoStore
from tests.support import samples
from tests.support.site import Site, desired, is_active, is_empty, lagging, reasons
from tests.support.stack import STACK

every_kind = pytest.mark.parametrize("kind", samples.KIND_TEXTS)


def forgetful(site: Site, lag: float = 0) -> World:
    """Connect as a stack does that says `store: none`."""
    return site.world(lagging(site, lag), store=NoStore(site.clock))


@every_kind
def test_a_run_doubled_for_want_of_a_store_is_healed_by_the_next_apply(site: Site, kind: str) -> None:
    wanted = desired(samples.KIND_TEXTS[kind])
    for _ in range(2):
        world = forgetful(site, lag=20)
        site.apply(site.plan(wanted, world), world)
        site.clock.advance(5)
    assert len(site.rows()) == (1 if kind == "Job" else 2)  # the id of an ml job is ours to know, whatever lists show
    site.clock.advance(60)
    world = forgetful(site)
    site.apply(site.plan(wanted, world), world)
    assert [is_active(row) for row in site.rows()] == [True, False][: len(site.rows())]
    assert is_empty(site.plan(wanted, forgetful(site)))
    site.clock.advance(700)
    assert is_empty(site.plan(wanted, forgetful(site)))


@every_kind
@pytest.mark.parametrize("seconds", [0, 10, 700])
def test_losing_the_store_changes_nothing_while_the_records_are_there(site: Site, kind: str, seconds: float) -> None:
    wanted = desired(samples.KIND_TEXTS[kind])
    site.converge(wanted)
    site.clock.advance(seconds)
    shutil.rmtree(site.folder)
    assert is_empty(site.plan(wanted))
    assert site.converge(wanted).outcomes == ()
    assert len(site.world().store.ledger.runs()) == 1
    site.converge(desired(samples.edited(samples.KIND_TEXTS[kind])))
    assert [row["labels"]["reconciler_run"][:2] for row in site.rows()] == ["1-", "2-"]


@every_kind
def test_a_store_that_says_none_forgets_and_a_stack_lives_on_labels(site: Site, kind: str) -> None:
    wanted = desired(samples.KIND_TEXTS[kind])
    for want in (wanted, desired(samples.edited(samples.KIND_TEXTS[kind])), wanted):
        world = forgetful(site)
        site.apply(site.plan(want, world), world)
        assert is_empty(site.plan(want, forgetful(site)))
        site.clock.advance(10)
    assert [is_active(row) for row in site.rows()] == [False, False, True]
    assert site.files() == {}


def test_the_policy_of_the_run_that_stands_is_kept_while_a_duplicate_is_newer(site: Site) -> None:
    wanted = desired(samples.ML)
    site.converge(wanted)
    [row] = site.rows()
    duplicate = {"jobId": "legacy_duplicate", "trainingInput": row["trainingInput"], "labels": row["labels"]}
    site.clock.advance(10)
    site.send("POST", samples.PATHS["Job"], duplicate)
    site.converge(wanted)
    site.send("POST", f"{row['resource']}:setIamPolicy", {"policy": {"bindings": []}})
    assert reasons(site.plan(wanted)) == {"Job/legacy": "update policy_changed"}


def test_an_intent_of_a_clock_that_runs_ahead_is_waited_for_no_longer_than_lists_lag(site: Site) -> None:
    journal = site.world().store.journals.open("sha256:" + "a" * 64)
    before = site.clock.now()
    site.clock.advance(1_000_000)
    journal.intent("CustomJob/train", "create", samples.PATHS["CustomJob"], "1-" + "0" * 32)
    site.clock.advance(-1_000_000)
    site.plan(desired(samples.CUSTOM))
    assert STACK.settle <= site.clock.now() - before <= STACK.settle + POLL
