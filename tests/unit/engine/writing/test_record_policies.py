"""Policies that change after a run was started: recorded by every apply, and asked once the manifest is gone."""

from __future__ import annotations

import pytest

from reconciler.core.plan import guards
from reconciler.core.plan.build import Options, Revision
from reconciler.core.plan.selection import Selection
from reconciler.engine import plan as planner
from reconciler.stores.folder import FolderStore
from reconciler.stores.no_store import NoStore
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Desired, Removal
from reconciler.vocabulary.plans import Action
from tests.support import samples
from tests.support.site import Site, desired, reasons

each_text = pytest.mark.parametrize("text", samples.KIND_TEXTS.values(), ids=samples.KIND_TEXTS)
STRICT = Options(allowed=guards.Allowed(empty=True))


def under(text: str, life: str) -> tuple[Desired, ...]:
    """Return the manifest with this life cycle beside its onChange."""
    return desired(samples.swap(text, ("onRemoval: cancel", life)))


def held(site: Site) -> list[tuple[Removal, int]]:
    return [(run.removal, run.removals) for run in site.world().store.ledger.runs()]


def removed(site: Site) -> tuple[str, list[str]]:
    """What a plan without the manifest would do, and what blocks it."""
    plan = site.plan((), options=STRICT)
    [reason] = reasons(plan).values()
    return reason, [blocker.rule for blocker in plan.blocked]


@each_text
@pytest.mark.parametrize(
    ("first", "then", "becomes"),
    [
        ("delete", "keep", ("noop kept", [])),
        ("cancel", "keep", ("noop kept", [])),
        ("cancel", "ask", ("cancel removed", ["unwritten_cancel"])),
        ("delete", "ask", ("cancel removed", ["unwritten_cancel"])),
        ("delete", "cancel", ("cancel removed", [])),
    ],
)
def test_a_safer_policy_counts_from_the_next_apply_on(
    site: Site, text: str, first: str, then: str, becomes: tuple[str, list[str]]
) -> None:
    site.converge(under(text, f"onRemoval: {first}"))
    assert held(site) == [(Removal(first), 0)]
    for _ in range(2):
        site.converge(under(text, f"onRemoval: {then}"))
        assert held(site) == [(Removal(then), 1)]
    assert removed(site) == becomes


@pytest.mark.parametrize("text", [samples.CUSTOM, samples.NAS])
@pytest.mark.parametrize(
    ("first", "then", "becomes"),
    [
        ("keep", ["delete"], ("noop kept", [])),
        ("ask", ["cancel"], ("cancel removed", ["unwritten_cancel"])),
        ("cancel", ["keep", "cancel"], ("cancel removed", [])),
        ("delete", ["keep", "ask", "delete"], ("delete removed", [])),
    ],
)
def test_a_looser_policy_is_recorded_and_counts_as_far_as_the_label_goes(
    site: Site, text: str, first: str, then: list[str], becomes: tuple[str, list[str]]
) -> None:
    for policy in (first, *then):
        site.converge(under(text, f"onRemoval: {policy}"))
    assert held(site) == [(Removal(then[-1]), len(then))]
    assert removed(site) == becomes


def test_a_looser_policy_counts_in_full_where_the_label_can_be_patched(site: Site) -> None:
    site.converge(under(samples.ML, "onRemoval: keep"))
    site.converge(under(samples.ML, "onRemoval: cancel"))
    assert removed(site) == ("cancel removed", [])


@each_text
def test_protection_written_later_keeps_a_run_once_its_manifest_is_gone(site: Site, text: str) -> None:
    site.converge(desired(text))
    site.converge(under(text, "onRemoval: cancel, protect: true"))
    assert held(site) == [(Removal.KEEP, 1)]
    assert removed(site) == ("noop kept", [])


@each_text
@pytest.mark.parametrize("state", ["RUNNING", "FAILED", "SUCCEEDED"])
def test_an_apply_without_a_call_records(site: Site, text: str, state: str) -> None:
    site.converge(desired(text))
    site.emulator.set_state(str(site.rows()[0]["resource"]), state if "ml.g" in text else f"JOB_STATE_{state}")
    plan = site.plan(under(text, "onRemoval: keep"))
    before = len(site.audit.writes)
    assert [change.action for change in plan.changes] == [Action.UPDATE if "ml.g" in text else Action.NOOP]
    site.apply(plan, saved=True)
    assert len(site.audit.writes) - before == (1 if "ml.g" in text else 0)
    assert held(site) == [(Removal.KEEP, 1)]


def test_every_run_of_an_address_learns_of_the_policy_and_a_new_one_carries_it(site: Site) -> None:
    site.converge(desired(samples.CUSTOM))
    changed = samples.edited(samples.swap(samples.CUSTOM, ("onRemoval: cancel", "onRemoval: keep")))
    site.converge(desired(changed))
    assert held(site) == [(Removal.KEEP, 1), (Removal.KEEP, 0)]
    assert [change.on_removal is None for change in site.plan(desired(changed)).changes] == [False]


def test_a_renamed_manifest_speaks_for_the_runs_of_its_old_name(site: Site) -> None:
    site.converge(desired(samples.CUSTOM))
    new = samples.swap(
        samples.CUSTOM, ("name: train", "name: train-2, formerly: train"), ("onRemoval: cancel", "onRemoval: keep")
    )
    site.converge(desired(new))
    assert held(site) == [(Removal.KEEP, 1)]
    assert removed(site) == ("noop kept", [])


def test_a_plan_records_for_the_addresses_it_was_asked_for_alone(site: Site) -> None:
    site.converge(desired(samples.THREE))
    kept = desired(samples.THREE.replace("onRemoval: cancel", "onRemoval: keep"))
    site.converge(kept, Options(Selection(("CustomJob/*",)), allowed=guards.Allowed()))
    policies = {run.kind: run.removal for run in site.world().store.ledger.runs()}
    assert policies == {"CustomJob": Removal.KEEP, "Job": Removal.CANCEL, "NasJob": Removal.CANCEL}


def test_planning_records_nothing(site: Site) -> None:
    site.converge(desired(samples.CUSTOM))
    before = site.files()
    assert site.plan(under(samples.CUSTOM, "onRemoval: keep")).changes[0].on_removal is not None
    assert site.files() == before


def test_a_stale_or_blocked_plan_records_nothing(site: Site) -> None:
    site.converge(desired(samples.CUSTOM))
    edited = samples.swap(samples.CUSTOM, ("onRemoval: cancel", "onRemoval: keep"))
    plan = site.plan(desired(samples.edited(edited)))
    site.emulator.set_state(str(site.rows()[0]["resource"]), "JOB_STATE_SUCCEEDED")
    site.send("DELETE", str(site.rows()[0]["resource"]))
    with pytest.raises(errors.StalePlan):
        site.apply(plan)
    assert held(site) == [(Removal.CANCEL, 0)]


def test_without_a_store_the_label_is_all_there_is(site: Site) -> None:
    def world() -> NoStore:
        return NoStore(site.clock)

    for life in ("onRemoval: cancel", "onRemoval: keep"):
        opened = site.world(store=world())
        site.apply(site.plan(under(samples.CUSTOM, life), opened), opened)
    plan = site.plan((), site.world(store=world()))
    assert list(reasons(plan).values()) == ["cancel removed"]


class Overtaken(FolderStore):
    """A store whose lock somebody took over."""

    def assert_held(self) -> None:
        raise errors.LockHeld("somebody took the lock over", "wait")


def test_an_apply_that_lost_its_lock_records_nothing(site: Site) -> None:
    site.converge(desired(samples.CUSTOM))
    opened = site.world(store=Overtaken(site.folder, site.clock))
    with pytest.raises(errors.LockHeld):
        site.apply(site.plan(under(samples.CUSTOM, "onRemoval: delete"), opened), opened)
    assert held(site) == [(Removal.CANCEL, 0)]


def test_destroy_hears_the_manifest_of_a_renamed_run_that_no_apply_saw_yet(site: Site) -> None:
    site.converge(under(samples.CUSTOM, "onRemoval: cancel"))
    renamed = desired(
        samples.swap(
            samples.CUSTOM,
            ("name: train", "name: trained, formerly: train"),
            ("onRemoval: cancel", "protect: true"),
        )
    )
    world = site.world()
    plan = planner.destroy(world, site.stack, renamed, STRICT, Revision(), records=False).plan
    assert reasons(plan) == {"CustomJob/train": "noop kept"}
