"""Labels and IAM bindings beside a run: what differs, and what is sent to mend it."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.plan import label_patches
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import Lifecycle, Removal
from reconciler.vocabulary.plans import ABSENT
from tests.support.jobs import KINDS, World, live, manifest, verbs

ML = KINDS["Job"]
A, B, C = "user:a@x.org", "user:b@x.org", "user:c@x.org"
CONDITION = {"title": "t", "expression": "request.time < x"}


def binding(role: str, *members: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "members": list(members), **more}


BINDINGS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]] = {
    # title: manifest, live, roles that differ
    "nothing": ([], [], []),
    "equal": ([binding("r", A, B)], [binding("r", A, B)], []),
    "another order": ([binding("r", A, B)], [binding("r", B, A)], []),
    "a member twice": ([binding("r", A, A)], [binding("r", A)], []),
    "a member more": ([binding("r", A, B)], [binding("r", A)], ["r"]),
    "a member less": ([binding("r", A)], [binding("r", A, B)], ["r"]),
    "a role the manifest does not name": ([binding("r", A)], [binding("r", A), binding("s", C)], []),
    "a role the job lacks": ([binding("r", A), binding("q", A)], [binding("r", A)], ["q"]),
    "a role without members, not there": ([binding("r")], [], []),
    "a role without members, there": ([binding("r")], [binding("r", A)], ["r"]),
    "a role without members, there without members": ([binding("r")], [binding("r")], []),
    "one role in two bindings": ([binding("r", A), binding("r", B)], [binding("r", A, B)], []),
    "an empty binding beside a full one": ([binding("r"), binding("r", A)], [binding("r", A)], []),
    "another condition": ([binding("r", A, condition=CONDITION)], [binding("r", A)], ["r"]),
    "the same condition": ([binding("r", A, condition=CONDITION)], [binding("r", A, condition=dict(CONDITION))], []),
    "a condition of null": ([binding("r", A, condition=None)], [binding("r", A)], []),
    "no members key": ([{"role": "r"}], [{"role": "r"}], []),
}  # fmt: skip


@pytest.mark.parametrize("title", BINDINGS)
def test_bindings_differ_role_by_role(title: str) -> None:
    wanted, there, roles = BINDINGS[title]
    assert [change.path for change in label_patches.iam_changes(wanted, there)] == [
        f"iamPolicy.bindings[{role}]" for role in roles
    ]


@pytest.mark.parametrize("title", BINDINGS)
def test_what_was_merged_differs_no_more(title: str) -> None:
    wanted, there, _ = BINDINGS[title]
    merged = label_patches.merge({"bindings": there, "etag": "e"}, wanted)
    assert label_patches.iam_changes(wanted, merged["bindings"]) == ()
    assert merged["etag"] == "e"


def test_members_are_shown_with_their_conditions() -> None:
    (change,) = label_patches.iam_changes([binding("r", B, A, condition=CONDITION), binding("r", C)], [])
    assert change.before is ABSENT
    assert change.after == [C, f"{A} if request.time < x", f"{B} if request.time < x"]


def test_merging_keeps_every_role_the_manifest_does_not_name() -> None:
    policy = {"etag": "e", "bindings": [binding("s", C), binding("r", A)]}
    assert label_patches.merge(policy, [binding("r", B)]) == {
        "etag": "e",
        "bindings": [binding("s", C), binding("r", B)],
    }
    assert policy["bindings"] == [binding("s", C), binding("r", A)]


def test_a_policy_with_a_condition_is_written_in_version_three() -> None:
    assert label_patches.merge({}, [binding("r", A, condition=CONDITION)])["version"] == 3
    assert "version" not in label_patches.merge({}, [binding("r", A)])


@pytest.mark.parametrize(
    ("labels", "there", "delta"),
    [
        ({}, {}, {}),
        ({"team": "a"}, {}, {"team": "a"}),
        ({"team": "a"}, {"team": "a"}, {}),
        ({"team": "a"}, {"team": "b"}, {"team": "a"}),
        ({}, {"person": "x"}, {}),
        ({"team": ""}, {}, {"team": ""}),
    ],
)
def test_only_labels_the_manifest_says_are_set(labels: Any, there: Any, delta: Any) -> None:
    run = live(manifest("Job"), 1, Phase.RUNNING, labels=there)
    assert label_patches.labels_to_set(manifest("Job", labels=labels), run) == delta


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.SUCCEEDED])
def test_labels_and_removal_are_patched_on_a_kind_that_can(phase: Phase) -> None:
    before = manifest("Job")
    after = manifest("Job", labels={"team": "a"}, life=Lifecycle(on_removal=Removal.CANCEL))
    world = World([live(before, 1, phase)])
    change, _ = world.plan(after, ML)
    assert (change.action, change.reason, verbs(change)) == ("update", "labels_changed", ["patch"])
    assert change.operations[0].body == {"labels": {"team": "a", "reconciler_removal": "cancel"}}
    (told,) = change.assertions
    assert (told.exists, told.active, told.run) == (True, phase.active, world.runs[0].run_key)
    world.carry_out(change, ML)
    assert not world.plan(after, ML)[0].operations


def test_labels_and_removal_are_only_told_on_a_kind_that_cannot_patch() -> None:
    kind = KINDS["CustomJob"]
    after = manifest(
        labels={"team": "a"}, life=Lifecycle(on_removal=Removal.CANCEL), spec={**manifest().spec, "displayName": "new"}
    )
    change, _ = World([live(manifest(), 1, Phase.RUNNING)]).plan(after, kind)
    assert (change.action, change.reason, change.operations) == ("noop", "up_to_date", ())
    told = " / ".join(change.notes)
    assert "cosmetic: displayName is 'train'" in told
    assert "metadata.labels.team" in told
    assert "onRemoval ask" in told


def test_labels_differ_in_the_order_of_their_names() -> None:
    run = live(manifest(), 1, Phase.RUNNING)
    found = label_patches.label_changes(manifest(labels={"b": "1", "a": "2", "c": "3"}), run)
    assert [change.path[-1] for change in found] == ["a", "b", "c"]


def test_a_policy_is_set_beside_a_run_and_beside_a_create() -> None:
    want = manifest("Job", iam=(binding("r", A),))
    fresh = World([])
    created, _ = fresh.plan(want, ML)
    assert verbs(created) == ["create", "setIamPolicy"]
    assert created.operations[1].resource == "projects/demo/jobs/train_3fa94c1b_1"
    fresh.carry_out(created, ML)
    assert not fresh.plan(want, ML)[0].operations
    run = live(want, 1, Phase.RUNNING)
    world = World([run], policies={run.resource: {"etag": "e", "bindings": [binding("s", B)]}})
    change, _ = world.plan(want, ML)
    assert (change.reason, verbs(change)) == ("policy_changed", ["setIamPolicy"])
    assert change.assertions[0].resource == run.resource


def test_a_manifest_without_a_policy_leaves_the_jobs_policy_alone() -> None:
    run = live(manifest("Job"), 1, Phase.RUNNING)
    world = World([run], policies={run.resource: {"bindings": [binding("s", B)]}})
    assert world.plan(manifest("Job"), ML)[0].operations == ()
