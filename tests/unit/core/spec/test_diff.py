"""Which fields of a live job differ from a manifest, and which only seem to."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings

from reconciler.core.spec import diff
from reconciler.files import schemas
from reconciler.vocabulary.plans import ABSENT
from tests.unit.core.spec.test_normalize import documents, echoed, specs

KINDS = schemas.load_kinds()
CUSTOM, ML = KINDS["CustomJob"], KINDS["Job"]


def job(*pools: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"jobSpec": {"workerPoolSpecs": list(pools), **more}}


def box(*env: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"containerSpec": {"imageUri": "i", **({"env": list(env)} if env else {}), **more}}


def paths(desired: Any, live: Any, *, ours: bool, ignore: tuple[str, ...] = ()) -> list[str]:
    return [
        change.path.removeprefix("spec.jobSpec.")
        for change in diff.compare(desired, live, CUSTOM, ours=ours, ignore=ignore)
    ]


P0 = "workerPoolSpecs[0]"
ONE = {"replicaCount": "1"}

DIFFERENCES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str], list[str]]] = {
    # title: manifest, live, paths where the job is ours, paths where it is not
    "equal": (job(ONE), job(ONE), [], []),
    "number and text": (job({"replicaCount": 1}), job(ONE), [], []),
    "another number": (job({"replicaCount": 2}), job(ONE), [f"{P0}.replicaCount"], [f"{P0}.replicaCount"]),
    "snake case": ({"job_spec": {"worker_pool_specs": [{"replica_count": 1}]}}, job(ONE), [], []),
    "what the server owns": (job(ONE), {**job(ONE), "state": "X", "createTime": "t", "labels": {"a": "b"}}, [], []),
    "a field nobody knows": (job(ONE), job(ONE, newThing={"a": 1}), [], []),
    "a server default": (job(ONE), job({**ONE, "diskSpec": {"bootDiskType": "pd-ssd", "bootDiskSizeGb": 100}}), [], []),
    "another server default": (
        job(ONE),
        job({**ONE, "diskSpec": {"bootDiskType": "hyperdisk-balanced", "bootDiskSizeGb": 100}}),
        [],
        [],
    ),
    "half of it a server default": (
        job(ONE),
        job({**ONE, "diskSpec": {"bootDiskType": "pd-ssd", "bootDiskSizeGb": 200}}),
        [f"{P0}.diskSpec"],
        [],
    ),
    "a server default beside what the manifest says": (
        job({**ONE, "diskSpec": {"bootDiskSizeGb": 200}}),
        job({**ONE, "diskSpec": {"bootDiskType": "hyperdisk-balanced", "bootDiskSizeGb": 200}}),
        [],
        [],
    ),
    "a server default the manifest says otherwise": (
        job({**ONE, "diskSpec": {"bootDiskType": "pd-ssd"}}),
        job({**ONE, "diskSpec": {"bootDiskType": "hyperdisk-balanced", "bootDiskSizeGb": 100}}),
        [f"{P0}.diskSpec.bootDiskType"],
        [f"{P0}.diskSpec.bootDiskType"],
    ),
    "a field taken back": (job(ONE), job({**ONE, "machineSpec": {"machineType": "a"}}), [f"{P0}.machineSpec"], []),
    "a list taken back": (job(box()), job(box(args=["a"])), [f"{P0}.containerSpec.args"], []),
    "a scalar taken back": (job(ONE), job(ONE, enableWebAccess=True), ["enableWebAccess"], []),
    "a default the live job prints": (job(ONE), job(ONE, enableWebAccess=False, serviceAccount=""), [], []),
    "an explicit zero": (job(ONE, scheduling={"disableRetries": False}), job(ONE), [], []),
    "an explicit zero where the live job has more": (
        job({**ONE, "machineSpec": {"machineType": "a", "acceleratorCount": 0}}),
        job({**ONE, "machineSpec": {"machineType": "a", "acceleratorCount": 2}}),
        [f"{P0}.machineSpec.acceleratorCount"],
        [f"{P0}.machineSpec.acceleratorCount"],
    ),
    "zero seconds is not absent": (
        job(ONE, scheduling={"maxWaitDuration": "0s"}),
        job(ONE, scheduling={"timeout": "5s"}),
        ["scheduling.maxWaitDuration", "scheduling.timeout"],
        ["scheduling"],
    ),
    "a duration in another spelling": (
        job(ONE, scheduling={"timeout": "5.0s"}),
        job(ONE, scheduling={"timeout": "5s"}),
        [],
        [],
    ),
    "an empty message and an absent one": (job(ONE, scheduling={}), job(ONE), [], []),
    "an absent message and an empty one": (job(ONE), job(ONE, scheduling={}), [], []),
    "a field the live job lacks": (job({**ONE, **box()}), job(ONE), [f"{P0}.containerSpec"], [f"{P0}.containerSpec"]),
    "a pool more": (job(ONE, ONE), job(ONE), ["workerPoolSpecs[1]"], ["workerPoolSpecs[1]"]),
    "a pool less": (job(ONE), job(ONE, ONE), ["workerPoolSpecs[1]"], ["workerPoolSpecs[1]"]),
    "an empty pool holds its place": (job(ONE, {}, ONE), job(ONE, {}, ONE), [], []),
    "a pool moved past an empty one": (
        job(ONE, {}, ONE),
        job(ONE, ONE, {}),
        ["workerPoolSpecs[1].replicaCount", "workerPoolSpecs[2].replicaCount"],
        ["workerPoolSpecs[2].replicaCount"],
    ),
    "arguments in another order": (
        job(box(args=["a", "b"])),
        job(box(args=["b", "a"])),
        [f"{P0}.containerSpec.args[0]", f"{P0}.containerSpec.args[1]"],
        [f"{P0}.containerSpec.args[0]", f"{P0}.containerSpec.args[1]"],
    ),
    "an argument put in front": (
        job(box(args=["x", "a"])),
        job(box(args=["a"])),
        [f"{P0}.containerSpec.args[0]", f"{P0}.containerSpec.args[1]"],
        [f"{P0}.containerSpec.args[0]", f"{P0}.containerSpec.args[1]"],
    ),
    "another type": (job(ONE), {"jobSpec": {"workerPoolSpecs": "x"}}, ["workerPoolSpecs"], ["workerPoolSpecs"]),
    "a whole spec gone": (job(ONE), {}, ["spec.jobSpec"], ["spec.jobSpec"]),
}  # fmt: skip


@pytest.mark.parametrize("title", DIFFERENCES)
def test_a_job_of_ours_differs_in(title: str) -> None:
    desired, live, ours, _ = DIFFERENCES[title]
    assert paths(desired, live, ours=True) == ours


@pytest.mark.parametrize("title", DIFFERENCES)
def test_a_job_whose_label_is_of_another_version_differs_in(title: str) -> None:
    desired, live, _, theirs = DIFFERENCES[title]
    assert paths(desired, live, ours=False) == theirs


def test_differences_come_in_the_order_of_their_paths() -> None:
    args = [f"{number}" for number in range(12)]
    desired, live = (
        job({**box(args=args), **ONE}, ONE),
        job({**box(args=["x"] * 12, imageUri="j"), "replicaCount": "2"}),
    )
    found = paths(desired, live, ours=True)
    assert found == [
        *(f"{P0}.containerSpec.args[{number}]" for number in range(12)),
        f"{P0}.containerSpec.imageUri",
        f"{P0}.replicaCount",
        "workerPoolSpecs[1]",
    ]


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        (("spec.jobSpec.scheduling",), [f"{P0}.machineSpec.machineType"]),
        (("jobSpec.scheduling",), [f"{P0}.machineSpec.machineType"]),
        (("spec.jobSpec.scheduling.timeout",), [f"{P0}.machineSpec.machineType"]),
        (("spec.jobSpec.workerPoolSpecs[].machineSpec",), ["scheduling.timeout"]),
        (("spec.jobSpec.workerPoolSpecs[*].machineSpec.machineType",), ["scheduling.timeout"]),
        (("spec.jobSpec.workerPoolSpecs[0]",), ["scheduling.timeout"]),
        (("spec.jobSpec.workerPoolSpecs[1]",), ["scheduling.timeout", f"{P0}.machineSpec.machineType"]),
        (("spec.jobSpec",), []),
    ],
)
def test_ignored_fields_are_not_compared(ignore: tuple[str, ...], left: list[str]) -> None:
    desired = job({"machineSpec": {"machineType": "a"}}, scheduling={"timeout": "1s"})
    live = job({"machineSpec": {"machineType": "b"}}, scheduling={"timeout": "2s"})
    assert paths(desired, live, ours=True, ignore=ignore) == left


@pytest.mark.parametrize(
    ("path", "cls"),
    [
        (("displayName",), "cosmetic"),
        (("jobSpec", "workerPoolSpecs", 0, "containerSpec", "imageUri"), "image"),
        (("jobSpec", "workerPoolSpecs", 0, "containerSpec", "args", 0), "command"),
        (("jobSpec", "workerPoolSpecs", 0, "containerSpec", "env", 0, "value"), "environment"),
        (("jobSpec", "workerPoolSpecs", 0, "machineSpec", "acceleratorCount"), "resources"),
        (("jobSpec", "workerPoolSpecs", 0, "diskSpec", "bootDiskSizeGb"), "resources"),
        (("jobSpec", "scheduling", "timeout"), "scheduling"),
        (("jobSpec", "network"), "network"),
        (("jobSpec", "serviceAccount"), "identity"),
        (("jobSpec", "workerPoolSpecs", 1), "spec"),
        (("jobSpec", "enableWebAccess"), "spec"),
        (("noSuchField", "below"), "spec"),
        ((), "spec"),
    ],
)
def test_a_field_belongs_to_the_class_nearest_above_it(path: tuple[str | int, ...], cls: str) -> None:
    assert diff.class_of(path, CUSTOM) == cls


def test_only_a_cosmetic_difference_asks_for_no_new_run() -> None:
    live = {**job(ONE), "displayName": "old"}
    (cosmetic,) = diff.compare({**job(ONE), "displayName": "new"}, live, CUSTOM, ours=True)
    assert (cosmetic.path, cosmetic.before, cosmetic.after) == ("spec.displayName", "old", "new")
    assert not diff.counts(cosmetic)
    (real,) = diff.compare({**job(ONE, ONE), "displayName": "old"}, live, CUSTOM, ours=True)
    assert diff.counts(real)


def test_a_side_that_lacks_the_field_is_absent_and_not_null() -> None:
    (added,) = diff.compare(job(ONE, network="n"), job(ONE), CUSTOM, ours=True)
    (removed,) = diff.compare(job(ONE), job(ONE, network="n"), CUSTOM, ours=True)
    assert (added.before, added.after) == (ABSENT, "n")
    assert (removed.before, removed.after) == ("n", ABSENT)


def test_a_server_default_of_the_facts_is_compared_in_the_live_jobs_spelling() -> None:
    schema = copy.deepcopy(dict(CUSTOM.schema))
    schema["definitions"]["WorkerPoolSpec"]["properties"]["replicaCount"]["x-server-default"] = 1
    kind = replace(CUSTOM, schema=schema)
    assert (
        diff.compare(
            job({"machineSpec": {"machineType": "a"}}),
            job({"machineSpec": {"machineType": "a"}, **ONE}),
            kind,
            ours=True,
        )
        == ()
    )


# ---------------------------------------------------------------- secrets

SECRET = "hunter2"
FROM = {"valueFrom": {"env": "RECONCILER_SECRET_DB"}}


def test_a_value_that_comes_from_elsewhere_is_never_compared() -> None:
    desired, live = job(box({"name": "DB", **FROM})), job(box({"name": "DB", "value": SECRET}))
    assert paths(desired, live, ours=True) == []
    assert paths(desired, live, ours=False) == []


LEAKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a secret name changes": (job(box({"name": "API_KEY", "value": "new"})), job(box({"name": "API_KEY", "value": SECRET}))),
    "a secret name is taken back": (job(box()), job(box({"name": "API_KEY", "value": SECRET}))),
    "the whole container differs": (job(ONE), job(box({"name": "DB_PASSWORD", "value": SECRET}))),
    "a value from elsewhere is taken back": (job(box()), job(box({"name": "DB", "value": SECRET}))),
    "a value from elsewhere loses its place": (
        job(box({"name": "NEW", "value": "x"}, {"name": "DB", **FROM})),
        job(box({"name": "DB", "value": SECRET})),
    ),
    "a value from elsewhere moves to the front": (
        job(box({"name": "DB", **FROM}, {"name": "A", "value": "1"})),
        job(box({"name": "A", "value": "1"}, {"name": "DB", "value": SECRET})),
    ),
    "a variable is renamed": (job(box({"name": "NEW", "value": "x"})), job(box({"name": "DB", "value": SECRET}))),
    "one of two of a name comes from elsewhere": (
        job(box({"name": "DB", "value": "x"}, {"name": "DB", **FROM})),
        job(box({"name": "DB", "value": SECRET}, {"name": "DB", "value": SECRET})),
    ),
    "a pool of another shape": (
        job({"pythonPackageSpec": {"pythonModule": "m"}}),
        job(box({"name": "DB", "value": SECRET})),
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", LEAKS)
@pytest.mark.parametrize("ours", [True, False])
def test_a_live_secret_never_enters_a_difference(title: str, ours: bool) -> None:
    desired, live = LEAKS[title]
    found = diff.compare(desired, live, CUSTOM, ours=ours)
    assert SECRET not in repr(found)
    assert found or not ours


@pytest.mark.parametrize(("name", "shown"), [("EPOCHS", "10"), ("MONKEYS", "10"), ("API_KEY", "(sensitive)")])
def test_a_plain_value_that_the_manifest_writes_out_shows(name: str, shown: str) -> None:
    (change,) = diff.compare(
        job(box({"name": name, "value": "20"})), job(box({"name": name, "value": "10"})), CUSTOM, ours=True
    )
    assert change.before == shown
    assert change.sensitive is (shown == "(sensitive)")


def test_a_secret_that_the_manifest_writes_out_is_compared_and_not_shown() -> None:
    (change,) = diff.compare(
        job(box({"name": "API_KEY", "value": "new"})), job(box({"name": "API_KEY", "value": "old"})), CUSTOM, ours=True
    )
    assert (change.before, change.after, change.sensitive) == ("(sensitive)", "(sensitive)", True)


def test_an_ml_job_is_no_different_where_the_service_leaves_the_basic_tier_out() -> None:
    desired = {"trainingInput": {"region": "r", "scaleTier": "BASIC", "args": ["a"]}}
    live = {
        "jobId": "x",
        "etag": "e",
        "state": "QUEUED",
        "trainingInput": {"region": "r", "args": ["a"]},
        "trainingOutput": {},
    }
    assert diff.compare(desired, live, ML, ours=True) == ()


# ---------------------------------------------------------------- laws


@given(specs)
@settings(max_examples=150, deadline=None)
def test_what_a_service_echoes_is_no_difference(spec: Any) -> None:
    live = {**echoed(spec, CUSTOM.spec_schema, CUSTOM.schema), "state": "JOB_STATE_PENDING", "displayName": "a"}
    for ours in (True, False):
        assert diff.compare({"displayName": "a", **spec}, live, CUSTOM, ours=ours) == ()


@example([[{"name": [None]}]], [[{}]])
@given(documents, documents)
@settings(max_examples=300, deadline=None)
def test_no_reply_of_any_shape_makes_the_comparison_crash(desired: Any, live: Any) -> None:
    for ours in (True, False):
        found = diff.compare({"jobSpec": desired}, {"jobSpec": live, "labels": live}, CUSTOM, ours=ours)
        assert all(change.path.startswith("spec.jobSpec") for change in found)
        assert not any(change.before is ABSENT and change.after is ABSENT for change in found)


@given(documents)
@settings(max_examples=150, deadline=None)
def test_a_spec_never_differs_from_itself(spec: Any) -> None:
    assert diff.compare({"jobSpec": spec}, {"jobSpec": copy.deepcopy(spec)}, CUSTOM, ours=True) == ()
