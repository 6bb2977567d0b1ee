"""The labels written on a job, and what they say when read back."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.runs import labels, run_key
from reconciler.core.runs.identity import Identity, run_of
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import Lifecycle, Removal
from tests.support.jobs import HERE, KINDS, STACK, live, manifest

KIND = KINDS["CustomJob"]
KEY = "12-" + "a" * 32
DIGEST = "v1-" + "b" * 40
LABEL = re.compile(r"[a-z0-9_-]{0,63}")


def test_a_stamp_holds_the_users_labels_and_ours_in_order() -> None:
    life = Lifecycle(on_removal=Removal.CANCEL)
    want = manifest(name="train-mnist", fingerprint=DIGEST, labels={"team": "vision"}, life=life)
    assert list(labels.stamp(want, STACK, KEY, "c" * 32).items()) == [
        ("reconciler_fingerprint", DIGEST),
        ("reconciler_kind", "customjob"),
        ("reconciler_name", "train-mnist"),
        ("reconciler_owner", "3fa94c1b"),
        ("reconciler_removal", "cancel"),
        ("reconciler_run", KEY),
        ("reconciler_shard", "b"),
        ("reconciler_stack", "vision"),
        ("reconciler_token", "c" * 32),
        ("team", "vision"),
    ]


def test_every_label_of_ours_is_one_the_api_takes() -> None:
    for kind in KINDS:
        for key, value in labels.stamp(manifest(kind, name="x" * 63), STACK, KEY, "c" * 32).items():
            assert LABEL.fullmatch(key)
            assert LABEL.fullmatch(value)


def test_a_user_cannot_overwrite_our_labels() -> None:
    want = manifest(labels={"reconciler_owner": "00000000", "reconciler_name": "other"})
    stamped = labels.stamp(want, STACK, KEY, "")
    assert (stamped["reconciler_owner"], stamped["reconciler_name"]) == ("3fa94c1b", "train")


@pytest.mark.parametrize("removal", Removal)
def test_a_protected_job_is_stamped_keep(removal: Removal) -> None:
    plain = labels.stamp(manifest(life=Lifecycle(on_removal=removal)), STACK, KEY, "")
    kept = labels.stamp(manifest(life=Lifecycle(on_removal=removal, protect=True)), STACK, KEY, "")
    assert (plain["reconciler_removal"], kept["reconciler_removal"]) == (removal.value, "keep")


def test_no_token_leaves_no_label() -> None:
    assert "reconciler_token" not in labels.stamp(manifest(), STACK, KEY, "")


def test_what_is_stamped_is_read_back() -> None:
    want = manifest(name="train-mnist", fingerprint=DIGEST, life=Lifecycle(on_removal=Removal.DELETE))
    row = {
        "name": "projects/1/locations/us-central1/customJobs/5",
        "state": "JOB_STATE_FAILED",
        "createTime": "t1",
        "endTime": "t2",
        "error": {"code": 8, "message": "no GPU"},
        "labels": labels.stamp(want, STACK, KEY, "c" * 32),
    }
    run = labels.read(row, KIND, HERE, "projects/1/locations/us-central1/customJobs/5")
    assert run is not None
    assert (run.kind, run.name, run.owner, run.number) == ("CustomJob", "train-mnist", "3fa94c1b", 12)
    assert (run.fingerprint, run.run_key, run.token, run.removal) == (DIGEST, KEY, "c" * 32, Removal.DELETE)
    assert (run.phase, run.state, run.error) == (Phase.FAILED, "JOB_STATE_FAILED", "no GPU")
    assert (run.create_time, run.end_time, run.scope) == ("t1", "t2", HERE)


@pytest.mark.parametrize(
    "given",
    [None, {}, {"team": "a"}, {"reconciler_name": "a"}, {"reconciler_kind": "customjob"},
     {"reconciler_kind": "customjob", "reconciler_name": ""}, {"reconciler_kind": "nasjob", "reconciler_name": "a"},
     {"reconciler_kind": "CustomJob", "reconciler_name": "a"}],
)  # fmt: skip
def test_a_row_without_our_kind_and_name_is_no_run(given: Any) -> None:
    assert labels.read({"labels": given}, KIND, HERE, "r") is None


def test_a_job_without_labels_is_read_alike_under_an_identity_from_elsewhere() -> None:
    row = {"name": "projects/1/locations/us-central1/customJobs/5", "state": "JOB_STATE_RUNNING", "createTime": "t1"}
    stamped = {**row, "labels": labels.stamp(manifest(fingerprint=DIGEST), STACK, KEY, "")}
    ours = labels.read(stamped, KIND, HERE, row["name"])
    bound = run_of(Identity("found", "3fa94c1b"), row, KIND, HERE, row["name"])
    assert ours is not None
    assert (bound.address, bound.run_key, bound.number) == ("CustomJob/found", "", 0)
    assert (bound.phase, bound.state, bound.since, bound.resource) == (
        ours.phase,
        ours.state,
        ours.since,
        ours.resource,
    )


@pytest.mark.parametrize(
    ("error", "text"), [(None, ""), ({}, ""), ({"code": 1}, ""), ({"message": "m"}, "m"), ("plain", "plain"), ("", "")]
)
def test_an_error_is_read_as_a_status_or_as_text(error: Any, text: str) -> None:
    row = {"labels": {"reconciler_kind": "customjob", "reconciler_name": "a"}, "error": error}
    run = labels.read(row, KIND, HERE, "r")
    assert run is not None
    assert run.error == text


@pytest.mark.parametrize(("label", "removal"), [("keep", Removal.KEEP), ("", None), ("destroy", None), ("KEEP", None)])
def test_a_removal_label_nobody_knows_says_nothing(label: str, removal: Removal | None) -> None:
    row = {"labels": {"reconciler_kind": "customjob", "reconciler_name": "a", "reconciler_removal": label}}
    run = labels.read(row, KIND, HERE, "r")
    assert run is not None
    assert run.removal is removal


@pytest.mark.parametrize(
    ("key", "number"),
    [("1-" + "0" * 32, 1), ("999999999-" + "f" * 32, 999999999), ("0-" + "0" * 32, 0), ("1234567890-" + "0" * 32, 0),
     ("1-" + "0" * 31, 0), ("1-" + "0" * 33, 0), ("1-" + "G" * 32, 0), ("-1-" + "0" * 32, 0), ("", 0), ("x", 0),
     ("٣-" + "0" * 32, 0), ("1-" + "0" * 32 + "\n", 0)],
)  # fmt: skip
def test_the_number_of_a_run_key_is_read_strictly(key: str, number: int) -> None:
    assert run_key.number_of(key) == number


def test_times_are_ordered_as_instants_and_equal_ones_by_name() -> None:
    told = [
        ("", "b"),
        ("2026-01-01T00:00:36Z", "z"),
        ("2026-01-01T00:00:36.000Z", "zz"),
        ("2026-01-01T00:00:36.049Z", "a"),
        ("2026-01-01T00:00:36.1Z", "a"),
        ("2026-01-01T00:00:36.100000Z", "b"),
        ("2026-01-01T00:00:36.10Z", "c"),
        ("2026-01-01T00:00:36.12Z", "a"),
        ("2026-01-01T00:00:36.123456789Z", "a"),
        ("2026-01-01T00:00:37Z", "a"),
    ]
    runs = [live(manifest(), 1, Phase.RUNNING, created=created, resource=name) for created, name in told]
    for shuffled in (runs, runs[::-1], runs[5:] + runs[:5]):
        assert sorted(shuffled, key=labels.time_order) == runs


def test_each_uid_of_a_stack_its_name_and_a_run_have_a_filter_of_their_own() -> None:
    assert labels.list_filters(STACK) == (f'labels.reconciler_owner="{STACK.uid}"', 'labels.reconciler_stack="vision"')
    heir = replace(STACK, uid="0a0a0a0a", former_uids=("11111111", "22222222"))
    assert labels.list_filters(heir) == (
        'labels.reconciler_owner="0a0a0a0a"',
        'labels.reconciler_owner="11111111"',
        'labels.reconciler_owner="22222222"',
        'labels.reconciler_stack="vision"',
    )
    assert labels.run_filter(KEY) == f'labels.reconciler_run="{KEY}"'
