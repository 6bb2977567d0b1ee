"""The hand-written schemas of the stack file and the plan file."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from reconciler.core.documents import plan_json
from reconciler.files import schemas
from reconciler.vocabulary import plans
from reconciler.vocabulary.model import Removal, Scope, Source

STACK = schemas.load_schema("reconciler/v1/Stack.json")
PLAN = schemas.load_schema("reconciler/v1/Plan.json")

FULL_STACK: dict[str, Any] = {
    "apiVersion": "reconciler/v1",
    "kind": "Stack",
    "metadata": {"name": "vision-training", "uid": "3fa94c1b", "formerUids": ["00000000"]},
    "spec": {
        "backend": "embedded",
        "scopes": [{"project": "demo-project", "locations": ["us-central1", "europe-west4"]}, {"project": "other-1"}],
        "defaults": {
            "project": "demo-project",
            "location": "us-central1",
            "labels": {"team": "vision"},
            "lifecycle": {"onRemoval": "keep"},
        },
        "kinds": ["CustomJob", "NasJob"],
        "manifests": ["**/*.yaml"],
        "ignore": ["drafts/*"],
        "limits": {"cancel": "30%", "delete": "12.5%", "from": 10},
        "store": ".reconciler",
        "settle": "30s",
    },
}


def verdicts(schema: Any, value: Any) -> tuple[bool, bool]:
    return jsonschema.Draft7Validator(schema).is_valid(value), jsonschema_rs.Draft7Validator(schema).is_valid(value)


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Copy a document with the value at a dotted path set, or taken out where the value is Ellipsis."""
    copied = copy.deepcopy(document)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    node: Any = copied
    for step in steps:
        node = node[step]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return copied


@pytest.mark.parametrize("name", ["ManifestName", "Labels", "Lifecycle"])
@pytest.mark.parametrize("kind", sorted(schemas.load_kinds()))
def test_stack_and_manifests_mean_the_same_by_the_same_word(kind: str, name: str) -> None:
    assert STACK["definitions"][name] == schemas.load_kinds()[kind].schema["definitions"][name]


def test_stack_and_manifests_spell_projects_and_locations_alike() -> None:
    metadata = schemas.load_kinds()["CustomJob"].schema["properties"]["metadata"]["properties"]
    assert STACK["definitions"]["Project"]["pattern"] == metadata["project"]["pattern"]
    assert STACK["definitions"]["Location"]["pattern"] == metadata["location"]["pattern"]


def test_a_full_stack_and_a_bare_one_are_taken() -> None:
    bare = {**FULL_STACK, "spec": {"backend": "google", "scopes": [{"project": "p"}]}}
    assert verdicts(STACK, FULL_STACK) == (True, True)
    assert verdicts(STACK, bare) == (True, True)


@pytest.mark.parametrize(
    ("path", "value", "taken"),
    [
        ("spec.backend", "google", True),
        ("spec.backend", "http://127.0.0.1:8080", True),
        ("spec.backend", "http://[::1]:8080", True),
        ("spec.backend", "http://localhost:8080/", True),
        ("spec.backend", "http://10.0.0.1:8080", False),
        ("spec.backend", "https://example.com", False),
        ("spec.backend", "http://127.0.0.1:8080@example.com", False),
        ("spec.backend", "http://127.0.0.1.example.com:80", False),
        ("spec.backend", ..., False),
        ("spec.scopes", ..., False),
        ("spec.scopes", [], False),
        ("spec.scopes.0.locations", [], False),
        ("spec.scopes.0.regions", ["us-central1"], False),
        ("spec.scopes.0.project", "a/b", False),
        ("spec.limits.cancel", "100%", True),
        ("spec.limits.cancel", "101%", False),
        ("spec.limits.cancel", "30", False),
        ("spec.limits.cancel", 0.3, False),
        ("spec.limits.from", -1, False),
        ("spec.store", "none", True),
        ("spec.store", "gs://bucket/prefix", True),
        ("spec.store", "", False),
        ("spec.settle", "0s", True),
        ("spec.settle", "half a minute", False),
        ("spec.settle", 30, False),
        ("spec.defaults.lifecycle.onRemoval", "remove", False),
        ("spec.defaults.labels.reconciler_owner", "x", False),
        ("spec.defaults.namespace", "x", False),
        ("spec.kinds", ["custom-job"], False),
        ("spec.prune", True, False),
        ("metadata.uid", ..., False),
        ("metadata.uid", "3FA94C1B", False),
        ("metadata.uid", 12345678, False),
        ("metadata.labels", {}, False),
        ("metadata.name", "Vision", False),
        ("kind", "Stacks", False),
        ("apiVersion", "reconciler/v2", False),
    ],
)
def test_a_stack_file_is_read_strictly(path: str, value: Any, taken: bool) -> None:
    assert verdicts(STACK, changed(FULL_STACK, path, value)) == (taken, taken)


def full_plan() -> dict[str, Any]:
    run = "1-" + "0" * 32
    job = "projects/1/locations/us-central1/customJobs/7"
    parent = "projects/demo/locations/us-central1/customJobs"
    replace = plans.Change(
        address="CustomJob/train",
        scope=Scope("demo", "us-central1"),
        action=plans.Action.REPLACE,
        reason="spec_changed",
        source=Source("train.yaml", 1),
        operations=(
            plans.Operation("cancel", job, "spec_changed"),
            plans.Operation("create", parent, "spec_changed", {"displayName": "train"}),
        ),
        fields=(
            plans.FieldChange("spec.jobSpec.workerPoolSpecs[0].replicaCount", 1, 2, "resources"),
            plans.FieldChange("spec.jobSpec.network", plans.ABSENT, "projects/1/global/networks/n", "network"),
            plans.FieldChange("spec.jobSpec.experiment", "e", plans.ABSENT, "spec"),
            plans.FieldChange("metadata.location", "us-east1", "us-central1", "scope"),
            plans.FieldChange(
                "spec.jobSpec.workerPoolSpecs[0].containerSpec.env[0].value",
                "(sensitive)",
                "(sensitive)",
                "environment",
                sensitive=True,
            ),
        ),
        assertions=(
            plans.Assertion(job, exists=True, active=True, run=run),
            plans.Assertion(parent, exists=False, run=run),
        ),
        notes=("cosmetic: labels differ",),
        start_time="2026-01-01T00:00:00Z",
        on_removal=plans.OnRemoval(Removal.KEEP, (run,)),
    )
    orphan = plans.Change("Job/old", Scope("demo"), plans.Action.NOOP, "kept", None)
    plan = plans.Plan(
        stack="vision-training",
        uid="3fa94c1b",
        backend="embedded",
        revision="",
        dirty=None,
        scopes=(
            plans.ScopeCount("CustomJob", Scope("demo", "us-central1"), 12),
            plans.ScopeCount("Job", Scope("demo"), 0),
        ),
        blocked=(
            plans.Blocker("unwritten_cancel", "one run", {"cancel": 1}),
            plans.Blocker("protected", "it is"),
        ),
        changes=(replace, orphan),
        against=plans.Against(f"sha256:{'0' * 64}", "2025-12-31T23:00:00Z"),
        differs=("train.yaml",),
        unknown="fatal: detected dubious ownership",
        part=plans.Part(("CustomJob/*",), (), "origin/main"),
    )
    written: dict[str, Any] = json.loads(json.dumps(plan_json.to_json(plan, "2026-01-01T00:00:00Z", "0.1.0")))
    return written


def test_a_plan_as_it_is_written_fits_its_schema() -> None:
    plan = full_plan()
    assert [error.message for error in jsonschema.Draft7Validator(PLAN).iter_errors(plan)] == []
    assert verdicts(PLAN, plan) == (True, True)
    assert set(plan) == set(PLAN["properties"]) == set(PLAN["required"])
    change = PLAN["definitions"]["Change"]
    assert set(plan["changes"][0]) == set(change["properties"]) == set(change["required"])


def test_a_plan_of_nothing_fits_the_schema_too() -> None:
    orphan = plans.Change("Job/old", Scope("demo"), plans.Action.NOOP, "kept", None)
    plan = plans.Plan("s", "3fa94c1b", "embedded", "", None, (), (), (orphan,))
    document = plan_json.to_json(plan, "2026-01-01T00:00:00Z", "0.1.0")
    assert verdicts(PLAN, json.loads(json.dumps(document))) == (True, True)


def test_the_plan_schema_knows_every_action_and_every_class() -> None:
    change = PLAN["definitions"]["Change"]["properties"]
    actions = [action.value for action in plans.Action]
    assert sorted(change["action"]["enum"]) == sorted(PLAN["properties"]["summary"]["required"]) == sorted(actions)
    classes = {
        node["x-class"]
        for kind in schemas.load_kinds().values()
        for definition in kind.schema["definitions"].values()
        for node in definition.get("properties", {}).values()
        if "x-class" in node
    }
    assert classes | {"spec", "cosmetic", "scope"} == set(
        PLAN["definitions"]["FieldChange"]["properties"]["class"]["enum"]
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("formatVersion", "2.0"),
        ("formatVersion", "1.0"),
        ("formatVersion", ...),
        ("createdAt", "yesterday"),
        ("digest", "md5:0"),
        ("seal", ...),
        ("comment", "x"),
        ("tool.name", "terraform"),
        ("stack.uid", "x"),
        ("source.dirty", "no"),
        ("source.dirty", ...),
        ("source.differs", None),
        ("source.differs", [""]),
        ("source.unknown", ""),
        ("source.unknown", ...),
        ("selection", ...),
        ("selection", {}),
        ("selection.select", "CustomJob/*"),
        ("selection.exclude", [""]),
        ("selection.changedSince", ""),
        ("selection.rerun", []),
        ("against", ...),
        ("changes.0.starts", {}),
        ("changes.0.starts", ...),
        ("changes.0.bound", "x"),
        ("changes.0.onRemoval", ...),
        ("changes.0.onRemoval.runs", []),
        ("changes.0.source.base", "b.yaml"),
        ("changes.0.source.patches", ...),
        ("scopes.0.runs", -1),
        ("blocked.0.needs", {"luck": 1}),
        ("summary.noop", ...),
        ("changes.0.address", "train"),
        ("changes.0.action", "destroy"),
        ("changes.0.source", {"file": "train.yaml"}),
        ("changes.0.operations.0.verb", "get"),
        ("changes.0.operations.0.body", None),
        ("changes.0.operations.0.resource", ""),
        ("changes.0.operations.0.force", True),
        ("changes.0.fields.0.class", "money"),
        ("changes.0.fields.0.path", ...),
        ("changes.0.assertions.0.active", ...),
        ("changes.0.assertions.1.active", False),
        ("changes.0.assertions.0.run", ...),
        ("changes.0.notes", [1]),
        ("changes.0.dependsOn", ["prepare"]),
        ("changes.0.when", "now"),
        ("against.digest", "none"),
        ("against.createdAt", ...),
        ("against.seal", "x"),
    ],
)
def test_a_plan_file_is_read_strictly(path: str, value: Any) -> None:
    assert verdicts(PLAN, changed(full_plan(), path, value)) == (False, False)
