"""A saved plan is applied while the world is as it was; else it is refused with exit 3, before any write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from reconciler.core.documents import plan_json
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Scope
from reconciler.vocabulary.plans import Plan
from reconciler.vocabulary.ports import Intent, Journals
from tests.support import samples
from tests.support.site import Site, desired, is_active, is_empty, statuses
from tests.support.store import Result, WrittenJournals

CUSTOM, ML = samples.CUSTOM, samples.ML
ABSENT = ("{onChange: replace, onRemoval: cancel}", "{desired: Absent}")
RELABELED = samples.swap(ML, ("team: vision", "team: speech"))
OTHER_POLICY = samples.swap(ML, ("ann@", "bob@"))


def state(name: str) -> Callable[[Site], None]:
    return lambda site: site.emulator.set_state(str(site.rows()[0]["resource"]), name)


def delete(site: Site) -> None:
    state("JOB_STATE_SUCCEEDED")(site)
    site.send("DELETE", str(site.rows()[0]["resource"]))


def relabel(**labels: str) -> Callable[[Site], None]:
    def act(site: Site) -> None:
        [row] = site.rows()
        body = {"labels": {**row["labels"], **labels}}
        site.send("PATCH", f"{row['resource']}?updateMask=labels", body)

    return act


def policy(member: str) -> Callable[[Site], None]:
    binding = {"role": "roles/ml.jobOwner", "members": [member]}
    return lambda site: site.send(
        "POST", f"{site.rows()[0]['resource']}:setIamPolicy", {"policy": {"bindings": [binding]}}
    )


def converge(text: str) -> Callable[[Site], None]:
    def act(site: Site) -> None:
        site.converge(desired(text))

    return act


def run_and_lose(site: Site) -> None:
    """Start the planned run by another plan, and lose its record."""
    site.converge(desired(f"{CUSTOM}---\n{samples.NAS}"))
    [custom] = [row for row in site.rows() if row["kind"] == "CustomJob"]
    site.emulator.set_state(str(custom["resource"]), "JOB_STATE_SUCCEEDED")
    site.send("DELETE", str(custom["resource"]))


@dataclass(frozen=True)
class Case:
    before: str
    wanted: str
    meanwhile: Callable[[Site], None]
    told: str = ""


STALE = {
    "a run appeared": Case("", CUSTOM, converge(f"{CUSTOM}---\n{ML}"), "did not exist and does now"),
    "an ml run appeared": Case("", ML, converge(f"{CUSTOM}---\n{ML}"), "did not exist and does now"),
    "another run appeared": Case("", CUSTOM, converge(samples.edited(CUSTOM)), "did not exist"),
    "a newer run replaced it": Case(
        CUSTOM, samples.edited(CUSTOM), converge(f"{samples.edited(CUSTOM)}---\n{ML}"), "does now"
    ),
    "a run came and went": Case("", CUSTOM, run_and_lose, "was started"),
    "the run to replace vanished": Case(CUSTOM, samples.edited(CUSTOM), delete, "existed and is gone"),
    "the run to delete vanished": Case(CUSTOM, samples.swap(CUSTOM, ABSENT), delete, "existed and is gone"),
    "the run to cancel vanished": Case(f"{CUSTOM}---\n{ML}", ML, delete, "existed and is gone"),
    "the run to patch finished": Case(ML, RELABELED, state("SUCCEEDED"), "was active and is now SUCCEEDED"),
    "another run has its name": Case(ML, RELABELED, relabel(reconciler_run="9-" + "0" * 32), "and is now run 9-"),
    "a label to set was changed": Case(ML, RELABELED, relabel(team="sound"), "team"),
    "a role to set was changed": Case(ML, OTHER_POLICY, policy("user:eve@example.com"), "roles/ml.jobOwner"),
}
STILL_GOOD = {
    "nothing changed": Case(CUSTOM, samples.edited(CUSTOM), lambda site: None),
    "the run to cancel ended by itself": Case(f"{CUSTOM}---\n{ML}", ML, state("JOB_STATE_FAILED")),
    "the run to replace ended by itself": Case(CUSTOM, samples.edited(CUSTOM), state("JOB_STATE_FAILED")),
    "the label is set already": Case(ML, RELABELED, relabel(team="speech")),
    "the role is set already": Case(ML, OTHER_POLICY, policy("user:bob@example.com")),
    "another label was changed": Case(ML, RELABELED, relabel(owner="ann")),
    "another job appeared": Case(CUSTOM, samples.edited(CUSTOM), converge(f"{CUSTOM}---\n{samples.NAS}")),
}


def saved(site: Site, case: Case) -> Plan:
    """Plan, save and read back, and let the world move on."""
    if case.before:
        site.converge(desired(case.before))
    site.clock.advance(10)
    document = plan_json.to_json(site.plan(desired(case.wanted)), "2026-01-01T00:00:00Z", "1.0")
    site.clock.advance(10)
    case.meanwhile(site)
    return plan_json.from_json(document).plan


@pytest.mark.parametrize("case", STALE.values(), ids=STALE)
def test_a_plan_of_another_world_is_refused_before_any_write(site: Site, case: Case) -> None:
    plan = saved(site, case)
    ledger, sent = site.world().store.ledger.runs(), len(site.audit.writes)
    with pytest.raises(errors.StalePlan, match=case.told) as refused:
        site.apply(plan, saved=True)
    assert refused.value.exit_code == 3
    assert len(site.audit.writes) == sent
    assert site.world().store.ledger.runs() == ledger
    site.converge(desired(case.wanted))
    assert is_empty(site.plan(desired(case.wanted)))


@pytest.mark.parametrize("case", STILL_GOOD.values(), ids=STILL_GOOD)
def test_a_plan_is_taken_while_what_it_touches_is_as_it_was(site: Site, case: Case) -> None:
    plan = saved(site, case)
    assert not [each for each in statuses(site.apply(plan, saved=True)) if each.endswith(("failed", "uncertain"))]
    assert [change.reason for change in site.plan(desired(case.wanted)).changes if change.operations] in (
        [],
        ["removed"],
    )
    names = [row["labels"]["reconciler_name"] for row in site.rows() if is_active(row)]
    assert len(names) == len(set(names))


def test_a_cancel_of_what_ended_by_itself_is_skipped(site: Site) -> None:
    plan = saved(site, STILL_GOOD["the run to cancel ended by itself"])
    assert statuses(site.apply(plan, saved=True)) == ["CustomJob/train cancel skipped"]


def test_a_resumed_plan_does_not_start_again_what_it_started_and_somebody_deleted(site: Site) -> None:
    plan = site.plan(desired(samples.THREE))
    stopped = site.world().store.journals
    digest = plan_json.digest(plan)
    custom = plan.changes[0].operations[0]
    row = site.send("POST", samples.PATHS["CustomJob"], custom.body)
    key = custom.body["labels"]["reconciler_run"]
    journal = stopped.open(digest)
    journal.intent("CustomJob/train", "create", custom.resource, key)
    site.converge(desired(CUSTOM))
    site.emulator.set_state(row["name"], "JOB_STATE_FAILED")
    site.send("DELETE", row["name"])
    with pytest.raises(errors.StalePlan, match="was started"):
        site.apply(plan, saved=True)


def test_a_plan_for_a_place_that_left_the_stack_is_refused_and_nothing_is_read(site: Site) -> None:
    plan = site.plan(desired(samples.CUSTOM))
    [change] = plan.changes
    moved = replace(plan, changes=(replace(change, scope=Scope("other-project", "europe-west4")),))
    with pytest.raises(errors.StalePlan, match=r"other-project/europe-west4, outside the stack's spec\.scopes"):
        site.apply(moved, saved=True)
    assert site.audit.writes == []


def test_a_plan_of_a_kind_that_nobody_here_knows_is_refused(site: Site) -> None:
    plan = site.plan(desired(samples.CUSTOM))
    [change] = plan.changes
    newer = replace(plan, changes=(replace(change, address="HyperJob/train"),))
    with pytest.raises(errors.PlanUnreadable, match="HyperJob") as refused:
        site.apply(newer, saved=True)
    assert refused.value.exit_code == 3
    assert site.audit.writes == []


class Plain:
    """A writer that nothing stops."""

    def write(self, step: str, work: Callable[[], Result], more: str = "") -> Result:
        return work()


class CountedJournals(WrittenJournals):
    """Journals that keep which of them were read."""

    def __init__(self, journals: Journals) -> None:
        super().__init__(journals, Plain())
        self.read: list[str] = []

    def intents(self, digest: str) -> tuple[Intent, ...]:
        self.read.append(digest)
        return super().intents(digest)


def test_a_resumed_plan_reads_its_journal_once_however_many_changes_it_has(site: Site) -> None:
    plan = site.plan(desired(samples.THREE))
    site.world().store.journals.open(plan_json.digest(plan))
    world = site.world()
    journals = CountedJournals(world.store.journals)
    world.store.journals = journals
    site.apply(plan, world, saved=True)
    assert journals.read == [plan_json.digest(plan)]


def test_a_body_that_may_not_be_sent_is_refused_before_the_run_it_would_replace_is_cancelled(site: Site) -> None:
    site.converge(desired(samples.CUSTOM))
    plan = site.plan(desired(samples.swap(samples.CUSTOM, ('replicaCount: "1"', 'replicaCount: "2"'))))
    [change] = plan.changes
    cancel, create = change.operations
    newer = {**create.body, "fieldOfAnotherVersion": True}
    change = replace(change, operations=(cancel, replace(create, body=newer)))
    sent = len(site.audit.writes)
    with pytest.raises(errors.PlanUnreadable, match=r"CustomJob/train .*fieldOfAnotherVersion"):
        site.apply(replace(plan, changes=(change,)), saved=True)
    assert len(site.audit.writes) == sent
