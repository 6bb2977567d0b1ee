"""Whether the world still looks as it did when the plan was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from reconciler.core.plan import assertions
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import LedgerRun, Lifecycle, OnChange, Run
from reconciler.vocabulary.plans import Action, Assertion, Change, Operation
from tests.support.jobs import HERE, KINDS, OTHER_CUSTOM_SPEC, World, live, manifest, remembered

KIND = KINDS["CustomJob"]
RUN = live(manifest(), 1, Phase.RUNNING)
RUNNING, DONE = RUN, replace(RUN, phase=Phase.SUCCEEDED)
STOPPING = replace(RUN, phase=Phase.STOPPING)
OTHER_KEY = replace(RUN, run_key="1-" + "f" * 32)


def change(*verbs: str, active: bool = True, exists: bool = True) -> Change:
    operations = tuple(Operation(verb, RUN.resource, "r") for verb in verbs)
    told = Assertion(RUN.resource, exists, active, RUN.run_key)
    return Change("CustomJob/train", HERE, Action.CANCEL, "r", None, operations, (), (told,))


def failures(
    told: Change, runs: Sequence[Run], *, own: Sequence[str] = (), past: Sequence[LedgerRun] = ()
) -> list[str]:
    return assertions.failures(told, assertions.index(runs, past), own=own)


PRESENT: dict[str, tuple[Change, Run | None, tuple[str, ...], str]] = {
    # title: change, what is there now, what an unfinished apply did itself, the sentence's end ("" where it holds)
    "as it was": (change("cancel"), RUNNING, (), ""),
    "stopping now, still active": (change("cancel"), STOPPING, (), ""),
    "ended by itself, as the cancel wanted": (change("cancel"), DONE, (), ""),
    "ended by itself, before a cancel and delete": (change("cancel", "delete"), DONE, (), ""),
    "ended by itself, and no cancel wanted that": (change("patch"), DONE, (), "was active and is now SUCCEEDED"),
    "finished, as it was": (change("delete", active=False), DONE, (), ""),
    "finished before and active now": (change("delete", active=False), RUNNING, (), "was finished and is now RUNNING"),
    "gone": (change("cancel"), None, (), "existed and is gone"),
    "gone, and we deleted it": (change("cancel", "delete"), None, (RUN.resource,), ""),
    "gone, and we deleted another": (change("delete"), None, ("other",), "existed and is gone"),
    "another run key": (change("cancel"), OTHER_KEY, (), f"and is now run {OTHER_KEY.run_key}"),
    "no run key": (change("cancel"), replace(RUN, run_key=""), (), "and has lost its label"),
}


@pytest.mark.parametrize("title", PRESENT)
def test_a_run_that_was_there(title: str) -> None:
    told, now, own, ends = PRESENT[title]
    found = failures(told, [now] if now else [], own=own)
    assert [sentence.startswith("CustomJob/train: ") and sentence.endswith(ends) for sentence in found] == [
        True
    ] * bool(ends)


def test_a_cancel_of_another_job_does_not_excuse_this_one() -> None:
    told = replace(change("patch"), operations=(Operation("cancel", "other", "r"),))
    assert len(failures(told, [DONE])) == 1


def created() -> tuple[Change, World]:
    world = World([live(manifest(), 1, Phase.FAILED)])
    told, _ = world.plan(manifest(spec=OTHER_CUSTOM_SPEC), KIND)
    assert told.action is Action.CREATE
    return told, world


def test_a_create_holds_while_no_new_run_came() -> None:
    told, world = created()
    assert failures(told, world.runs) == []
    elsewhere = [live(manifest(name="other"), 9, Phase.RUNNING), live(manifest("NasJob", spec={}), 9, Phase.RUNNING)]
    assert failures(told, [*world.runs, *elsewhere]) == []


@pytest.mark.parametrize("number", [2, 3, 99])
@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.SUCCEEDED])
def test_a_create_is_stale_once_any_newer_run_of_the_address_is_there(number: int, phase: Phase) -> None:
    told, world = created()
    newer = live(manifest(), number, phase, resource="new")
    (sentence,) = failures(told, [*world.runs, newer])
    assert f"run {newer.run_key} did not exist and does now: new ({phase})" in sentence


@pytest.mark.parametrize(
    ("number", "name", "is_stale"), [(1, "train", False), (2, "train", True), (5, "train", True), (5, "other", False)]
)
def test_a_create_is_stale_once_the_ledger_knows_a_newer_run_that_nobody_finds(
    number: int, name: str, is_stale: bool
) -> None:
    told, world = created()
    old = remembered(live(manifest(name=name), number, Phase.RUNNING), Phase.SUCCEEDED)
    found = failures(told, world.runs, past=[old])
    assert [sentence for sentence in found if f"run {old.run_key} was started since" in sentence] == found
    assert bool(found) is is_stale


def test_a_run_of_another_owner_makes_no_create_stale() -> None:
    told, world = created()
    theirs = replace(live(manifest(), 9, Phase.RUNNING, resource="x"), owner="ffffffff")
    assert failures(told, [*world.runs, theirs]) == []


def test_a_create_that_an_unfinished_apply_of_this_plan_sent_holds() -> None:
    told, world = created()
    key = next(each.run for each in told.assertions if not each.exists)
    world.carry_out(told, KIND)
    assert len(failures(told, world.runs)) == 1
    assert failures(told, world.runs, own=[key]) == []
    assert len(failures(told, world.runs, own=["2-" + "f" * 32])) == 1


def test_all_that_fails_is_told() -> None:
    run = live(manifest(spec=OTHER_CUSTOM_SPEC), 1, Phase.RUNNING)
    world = World([run])
    told, _ = world.plan(manifest(life=Lifecycle(on_change=OnChange.REPLACE)), KIND)
    assert told.action is Action.REPLACE
    assert len(failures(told, [live(manifest(), 5, Phase.RUNNING, resource="x")])) == 2


def test_a_plan_half_carried_out_still_holds_with_what_it_did_itself() -> None:
    world = World([live(manifest(spec=OTHER_CUSTOM_SPEC), 1, Phase.RUNNING)])
    told, _ = world.plan(manifest(life=Lifecycle(on_change=OnChange.REPLACE)), KIND)
    key = next(each.run for each in told.assertions if not each.exists)
    world.carry_out(replace(told, operations=told.operations[:1]), KIND)
    assert failures(told, world.runs) == []
    world.carry_out(replace(told, operations=told.operations[1:]), KIND)
    assert failures(told, world.runs, own=[key]) == []


def test_a_change_that_calls_nothing_asserts_nothing() -> None:
    told, _ = World([RUN]).plan(manifest(), KIND)
    assert told.assertions == ()
    assert failures(told, []) == []
