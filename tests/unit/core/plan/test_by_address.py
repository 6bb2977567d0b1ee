"""What one change says beside its calls: notes, fields, start time, cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.plan import by_address
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import DesiredState, Lifecycle, OnChange, Rerun
from tests.support.jobs import KINDS, OTHER_CUSTOM_SPEC, World, live, manifest, remembered, verbs

KIND, ML = KINDS["CustomJob"], KINDS["Job"]
RUNNING, DONE, FAILED = Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED


def notes(
    *runs: Any, life: Lifecycle | None = None, kind: str = "CustomJob", ledger: Any = (), **fields: Any
) -> list[str]:
    change, _ = World(list(runs), list(ledger)).plan(manifest(kind, life=life, **fields), KINDS[kind])
    return [*change.notes]


def test_a_run_that_stays_says_nothing() -> None:
    for phase in (RUNNING, DONE):
        assert notes(live(manifest(), 1, phase)) == []


def test_a_run_that_failed_is_told_with_its_error_and_the_way_to_run_again() -> None:
    (told,) = notes(live(manifest(), 1, FAILED, error="no GPU left"))
    assert told.startswith("the run ended FAILED: no GPU left; ask for one more run")
    assert "--rerun CustomJob/train" in told


def test_a_long_error_is_cut() -> None:
    (told,) = notes(live(manifest(), 1, FAILED, error="x" * 5000))
    assert len(told) < 500


def test_what_only_the_ledger_remembers_is_told() -> None:
    run = live(manifest(), 1, RUNNING)
    assert "the run ended FAILED; ask" in notes(ledger=[remembered(run, FAILED)])[0]
    assert "it succeeded and its record is gone" in notes(ledger=[remembered(run, DONE)])[0]
    assert "nobody saw how" in notes(ledger=[remembered(run, None)])[0]
    assert "nobody saw how" in notes(live(manifest(), 1, Phase.ENDED_UNKNOWN))[0]


def test_an_active_run_that_is_kept_is_told_wherever_it_stands() -> None:
    keep = Lifecycle(on_change=OnChange.KEEP)
    other = live(manifest(spec=OTHER_CUSTOM_SPEC), 1, RUNNING)
    assert "the active run keeps its old spec: lifecycle.onChange is keep" in notes(other, life=keep)
    (beside,) = notes(other, live(manifest(), 2, DONE), life=keep)
    assert beside.startswith("change_kept: a second active run, of another spec, goes on")


@pytest.mark.parametrize("desired", [DesiredState.PRESENT, DesiredState.CANCELLED])
def test_another_run_that_is_still_stopping_is_told_once(desired: DesiredState) -> None:
    runs = [live(manifest(), number, phase) for number, phase in ((1, DONE), (2, Phase.STOPPING), (3, DONE))]
    found = notes(*runs, life=Lifecycle(desired=desired))
    head_stops = desired is DesiredState.PRESENT  # the oldest active run of the spec is the head, and has the reason
    assert found == ([] if head_stops else ["stopping: another run of it is still being cancelled"])
    beside = notes(live(manifest(), 1, RUNNING), live(manifest(), 2, Phase.STOPPING), life=Lifecycle(desired=desired))
    assert beside == (["stopping: another run of it is still being cancelled"] if head_stops else [])


@pytest.mark.parametrize(
    ("wanted", "told"), [(DesiredState.ABSENT, 1), (DesiredState.CANCELLED, 0), (DesiredState.PRESENT, 0)]
)
def test_cannot_delete_is_told_once_and_only_where_something_would_be_deleted(wanted: DesiredState, told: int) -> None:
    runs = [live(manifest("Job"), number, DONE, resource=f"r/{number}") for number in (1, 2, 3)]
    found = notes(*runs, life=Lifecycle(desired=wanted), kind="Job")
    assert [note.split(":")[0] for note in found] == ["cannot_delete"] * told


def test_the_start_time_is_the_heads() -> None:
    old = live(manifest(), 1, DONE, created="2026-01-01T00:00:00Z")
    new = live(manifest(), 2, RUNNING, created="2026-01-02T00:00:00Z")
    queued, _ = World([new, old]).plan(manifest(), KIND)
    assert queued.start_time == "2026-01-02T00:00:00Z"
    started = live(manifest(), 2, RUNNING, created="2026-01-02T00:00:00Z", row={"startTime": "2026-01-03T00:00:00Z"})
    assert World([started, old]).plan(manifest(), KIND)[0].start_time == "2026-01-03T00:00:00Z"
    assert World([]).plan(manifest(), KIND)[0].start_time == ""


def test_the_source_is_the_manifests_and_null_where_there_is_none() -> None:
    run = live(manifest(), 1, RUNNING)
    assert World([run]).plan(manifest(), KIND)[0].source == manifest().source
    removed, _ = World([run]).plan(None, KIND)
    assert (removed.source, removed.scope) == (None, run.scope)


def test_a_replace_names_the_fields_that_differ_and_asserts_both_sides() -> None:
    run = live(manifest(spec=OTHER_CUSTOM_SPEC), 1, RUNNING)
    change, losses = World([run]).plan(manifest(), KIND)
    assert [(field.path, field.before, field.after) for field in change.fields] == [
        ("spec.jobSpec.workerPoolSpecs[0].replicaCount", "2", "1")
    ]
    gone, fresh = change.assertions
    assert (gone.resource, gone.exists, gone.active, gone.run) == (run.resource, True, True, run.run_key)
    assert (fresh.resource, fresh.exists) == ("projects/demo/locations/us-central1/customJobs", False)
    assert fresh.run == change.operations[1].body["labels"]["reconciler_run"]
    assert losses.unwritten == ("CustomJob/train (running since 2026-01-01T00:01:00Z)",)


def test_a_label_of_another_hash_is_settled_by_the_comparison_and_not_the_hash() -> None:
    for phase in (RUNNING, DONE):
        run = live(manifest(), 1, phase, fingerprint="v1-" + "0" * 40)
        assert World([run]).plan(manifest(), KIND)[0].reason == "up_to_date"
        other = live(manifest(spec=OTHER_CUSTOM_SPEC), 1, phase, fingerprint="v9-" + "0" * 40)
        assert World([other]).plan(manifest(), KIND)[0].reason == "spec_changed"


def test_a_new_line_of_ignore_changes_starts_and_stops_nothing() -> None:
    for phase in (RUNNING, DONE, FAILED):
        run = live(manifest(), 1, phase)
        ignoring = manifest(life=Lifecycle(ignore_changes=("spec.jobSpec.scheduling",)))
        assert World([run]).plan(ignoring, KIND)[0].operations == ()


def test_a_field_taken_back_counts_only_under_a_label_of_our_version() -> None:
    rich = manifest(spec={"jobSpec": {"workerPoolSpecs": [{"replicaCount": "1"}], "network": "n"}})
    ours, theirs = live(rich, 1, RUNNING), live(rich, 1, RUNNING, fingerprint="v0-" + "0" * 40)
    assert World([ours]).plan(manifest(), KIND)[0].reason == "spec_changed"
    assert World([theirs]).plan(manifest(), KIND)[0].reason == "up_to_date"


def test_protection_blocks_even_the_replacement_of_a_run_that_is_stopping() -> None:
    life = Lifecycle(protect=True, on_change=OnChange.REPLACE)
    stopping = live(manifest(spec=OTHER_CUSTOM_SPEC), 1, Phase.STOPPING)
    change, losses = World([stopping]).plan(manifest(life=life), KIND)
    assert (change.action, losses.cancels) == ("replace", ())
    assert "lifecycle.protect" in losses.protected


def test_protection_lets_duplicates_be_healed() -> None:
    life = Lifecycle(protect=True)
    run = live(manifest(life=life), 1, RUNNING)
    duplicate = replace(run, resource="duplicate", create_time="2026-06-01T00:00:00Z")
    change, losses = World([run, duplicate]).plan(manifest(life=life), KIND)
    assert (change.reason, losses.protected, losses.cancels) == ("duplicate", "", ())


def test_the_body_of_a_create_holds_the_spec_the_labels_and_the_name() -> None:
    change, _ = World([]).plan(manifest(labels={"team": "a"}), KIND)
    body = change.operations[0].body
    assert list(body) == ["displayName", "jobSpec", "labels"]
    assert (body["displayName"], body["labels"]["team"]) == ("train", "a")
    named, _ = World([]).plan(manifest(spec={**manifest().spec, "displayName": "mine"}), KIND)
    assert named.operations[0].body["displayName"] == "mine"
    ml, _ = World([live(manifest("Job"), 4, FAILED)]).plan(
        manifest("Job", life=Lifecycle(rerun=Rerun(on=(FAILED,)))), ML
    )
    assert ml.operations[0].body["jobId"] == "train_3fa94c1b_5"
    assert verbs(ml) == ["create"]


def test_only_runs_whose_label_cannot_settle_it_are_fetched() -> None:
    strange = [
        live(manifest(), number, phase, fingerprint="x", resource=f"r{number}")
        for number, phase in enumerate((DONE, RUNNING, DONE, DONE))
    ]
    plain = live(manifest(), 9, RUNNING)
    told = by_address.to_compare(manifest(), [plain, *strange])
    assert [run.resource for run in told] == ["r1"]
    assert [run.resource for run in by_address.to_compare(manifest(), strange)] == ["r1", "r3"]
    off = manifest(life=Lifecycle(desired=DesiredState.ABSENT))
    assert by_address.to_compare(off, strange) == ()
