"""What stands around `spec` in a manifest, in the eyes of two independent validators."""

from __future__ import annotations

from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from reconciler.files import schemas

KINDS = schemas.load_kinds()
PYTHON = {name: jsonschema.Draft7Validator(kind.schema) for name, kind in KINDS.items()}
RUST = {name: jsonschema_rs.Draft7Validator(dict(kind.schema)) for name, kind in KINDS.items()}

POOL: dict[str, Any] = {"containerSpec": {"imageUri": "gcr.io/p/i"}}
SPECS: dict[str, dict[str, Any]] = {
    "CustomJob": {"jobSpec": {"workerPoolSpecs": [POOL]}},
    "NasJob": {"nasJobSpec": {"resumeNasJobId": "123"}},
    "Job": {"trainingInput": {"region": "us-central1"}},
}


def manifest(kind: str, /, **changes: Any) -> dict[str, Any]:
    start = {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": {"name": "a"}, "spec": SPECS[kind]}
    return {**start, **changes}


def verdicts(kind: str, value: Any) -> tuple[bool, bool]:
    return PYTHON[kind].is_valid(value), RUST[kind].is_valid(value)


GOOD: dict[str, dict[str, Any]] = {
    "everything": {
        "metadata": {
            "name": "train-mnist-2",
            "project": "demo-project",
            "location": "us-central1",
            "labels": {"team": "vision", "empty": "", "0": "a_b-c", "größe": "groß"},
            "resource": "projects/p/locations/us-central1/customJobs/123",
            "formerly": "train-digits",
        },
        "lifecycle": {
            "desired": "Present",
            "onChange": "replace",
            "onRemoval": "keep",
            "rerun": {"on": ["failed", "cancelled", "expired"], "max": 3, "token": "again"},
            "history": 5,
            "protect": True,
            "ignoreChanges": ["spec.jobSpec.scheduling", "spec.jobSpec.workerPoolSpecs[].replicaCount"],
            "dependsOn": ["CustomJob/prepare-data"],
        },
    },
    "63 characters": {"metadata": {"name": "a" * 63, "labels": {"k" * 63: "v" * 63}}},
    "55 labels": {"metadata": {"name": "a", "labels": {f"l{i}": "v" for i in range(55)}}},
    "all of history": {"lifecycle": {"history": "all"}},
    "nothing at all": {"lifecycle": {}},
}

BAD: dict[str, dict[str, Any]] = {
    "no name": {"metadata": {}},
    "an upper-case name": {"metadata": {"name": "Train"}},
    "a name that ends in a dash": {"metadata": {"name": "train-"}},
    "a name that starts with a digit": {"metadata": {"name": "1train"}},
    "64 characters": {"metadata": {"name": "a" * 64}},
    "an unknown key": {"metadata": {"name": "a", "namespace": "b"}},
    "a project with a slash": {"metadata": {"name": "a", "project": "p/locations/x"}},
    "a location with a slash": {"metadata": {"name": "a", "location": "x/y"}},
    "a resource of another kind": {
        "metadata": {"name": "a", "resource": "projects/p/locations/us-central1/nasJobs/1"},
    },
    "a label of ours": {"metadata": {"name": "a", "labels": {"reconciler_stack": "x"}}},
    "an upper-case label": {"metadata": {"name": "a", "labels": {"Team": "x"}}},
    "a label with a dot": {"metadata": {"name": "a", "labels": {"team.a": "x"}}},
    "a label that starts with a dash": {"metadata": {"name": "a", "labels": {"-a": "x"}}},
    "an empty label key": {"metadata": {"name": "a", "labels": {"": "x"}}},
    "an upper-case label value": {"metadata": {"name": "a", "labels": {"a": "X"}}},
    "a label value that is a number": {"metadata": {"name": "a", "labels": {"a": 1}}},
    "a label value of 64 characters": {"metadata": {"name": "a", "labels": {"a": "x" * 64}}},
    "a label key of 64 characters": {"metadata": {"name": "a", "labels": {"x" * 64: "a"}}},
    "56 labels": {"metadata": {"name": "a", "labels": {f"l{i}": "v" for i in range(56)}}},
    "an unknown wish": {"lifecycle": {"desired": "Running"}},
    "an unknown policy": {"lifecycle": {"onChange": "delete"}},
    "an unknown key of lifecycle": {"lifecycle": {"onDelete": "keep"}},
    "a rerun on success": {"lifecycle": {"rerun": {"on": ["succeeded"]}}},
    "no runs at all": {"lifecycle": {"rerun": {"max": 0}}},
    "half a history": {"lifecycle": {"history": 0.5}},
    "protect as text": {"lifecycle": {"protect": "yes"}},
    "an ignored path outside the spec": {"lifecycle": {"ignoreChanges": ["metadata.labels"]}},
    "a dependency without kind": {"lifecycle": {"dependsOn": ["prepare"]}},
    "a policy on a kind without IAM": {"iamPolicy": {"bindings": []}},
    "another kind": {"kind": "NasJob"},
    "another API version": {"apiVersion": "aiplatform.googleapis.com/v1beta1"},
    "an unknown top-level key": {"status": {}},
}


@pytest.mark.parametrize("case", GOOD)
def test_good_metadata_is_taken(case: str) -> None:
    assert verdicts("CustomJob", manifest("CustomJob", **GOOD[case])) == (True, True)


@pytest.mark.parametrize("case", BAD)
def test_bad_metadata_is_refused(case: str) -> None:
    assert verdicts("CustomJob", manifest("CustomJob", **BAD[case])) == (False, False)


@pytest.mark.parametrize(
    ("lifecycle", "taken"),
    [(None, False), ({}, False), ({"desired": "Present"}, False), ({"desired": "Absent"}, True)],
)
@pytest.mark.parametrize("kind", KINDS)
def test_only_an_absent_job_may_leave_its_spec_out(kind: str, lifecycle: Any, taken: bool) -> None:
    value = manifest(kind)
    del value["spec"]
    if lifecycle is not None:
        value["lifecycle"] = lifecycle
    assert verdicts(kind, value) == (taken, taken)


def test_an_ml_job_has_no_location() -> None:
    metadata = {"name": "a", "resource": "projects/p/jobs/j_1"}
    assert verdicts("Job", manifest("Job", metadata=metadata)) == (True, True)
    assert verdicts("Job", manifest("Job", metadata={**metadata, "location": "us-central1"})) == (False, False)


BINDING = {"role": "roles/ml.jobOwner", "members": ["user:a@example.com"]}
CONDITION = {"expression": "request.time < timestamp('2030-01-01T00:00:00Z')", "title": "for now"}


@pytest.mark.parametrize(
    ("policy", "taken"),
    [
        ({"bindings": []}, True),
        ({"bindings": [BINDING]}, True),
        ({"bindings": [{**BINDING, "condition": CONDITION}]}, True),
        ({"bindings": [{**BINDING, "condition": {"title": "for now"}}]}, False),
        ({"bindings": [{"role": "roles/ml.jobOwner"}]}, False),
        ({"bindings": [{**BINDING, "member": "user:a@example.com"}]}, False),
        ({"bindings": [BINDING], "etag": "ACAB"}, False),
        ({}, False),
    ],
)
def test_an_ml_job_has_a_policy_of_bindings(policy: dict[str, Any], taken: bool) -> None:
    assert verdicts("Job", manifest("Job", iamPolicy=policy)) == (taken, taken)
