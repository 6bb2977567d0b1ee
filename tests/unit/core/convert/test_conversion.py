"""Conversion into manifests: what is recognised, what is bent and told, and what is left for validation to refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core import convert
from reconciler.core.validate.manifests import Validator
from reconciler.files import schemas
from reconciler.vocabulary.model import Document, Problem, Scope, Severity
from tests.support import stack

KINDS = schemas.load_kinds()
VALIDATOR = Validator(KINDS)
STACK = replace(stack.STACK, scopes=(stack.SCOPE, Scope("demo-project")))
POOL = {"containerSpec": {"imageUri": "gcr.io/p/i"}, "replicaCount": 1}
TRIALS = {"multiTrialAlgorithmSpec": {"searchTrialSpec": {"searchTrialJobSpec": {"workerPoolSpecs": [POOL]}}}}
PREDICTION = {"dataFormat": "JSON", "inputPaths": ["gs://b/in"], "outputPath": "gs://b/out", "modelName": "m"}


def converted(document: Any, *, name: str = "train", kind: str = "", **given: Any) -> convert.Converted:
    return convert.to_manifest(document, name=name, kind=KINDS[kind] if kind else None, kinds=KINDS, **given)


def pool_of(document: Any) -> Any:
    """The manifest's only worker pool, and the notes about it, their common path left out."""
    done = converted(document)
    (pool,) = done.manifest["spec"]["jobSpec"]["workerPoolSpecs"]
    start = "spec.jobSpec.workerPoolSpecs[0]."
    return pool, [note.removeprefix(start) for note in done.notes if note.startswith(start)]


def problems_of(manifest: dict[str, Any]) -> tuple[Problem, ...]:
    return VALIDATOR.check([Document("train.yaml", 0, 1, manifest)], STACK).problems


@pytest.mark.parametrize(
    ("document", "kind", "spec"),
    [
        ({"workerPoolSpecs": [POOL]}, "CustomJob", {"jobSpec": {"workerPoolSpecs": [POOL]}}),
        ({"worker_pool_specs": [POOL]}, "CustomJob", {"jobSpec": {"workerPoolSpecs": [POOL]}}),
        (
            {"displayName": "a", "workerPoolSpecs": [POOL]},
            "CustomJob",
            {"displayName": "a", "jobSpec": {"workerPoolSpecs": [POOL]}},
        ),
        (
            {"display_name": "a", "job_spec": {"workerPoolSpecs": [POOL]}},
            "CustomJob",
            {"displayName": "a", "jobSpec": {"workerPoolSpecs": [POOL]}},
        ),
        ({"nasJobSpec": TRIALS}, "NasJob", {"nasJobSpec": TRIALS}),
        (TRIALS, "NasJob", {"nasJobSpec": TRIALS}),
        ({"trainingInput": {"region": "r"}}, "Job", {"trainingInput": {"region": "r"}}),
        ({"scaleTier": "BASIC", "region": "r"}, "Job", {"trainingInput": {"scaleTier": "BASIC", "region": "r"}}),
        ({"predictionInput": PREDICTION}, "Job", {"predictionInput": PREDICTION}),
        (PREDICTION, "Job", {"predictionInput": PREDICTION}),
    ],
)
def test_the_top_keys_tell_the_kind(document: Any, kind: str, spec: Any) -> None:
    done = converted(document)
    assert (done.manifest["kind"], done.manifest["spec"], done.problems) == (kind, spec, ())
    assert done.manifest["apiVersion"] == KINDS[kind].api_version


def test_a_converted_manifest_is_valid() -> None:
    done = converted({"workerPoolSpecs": {"machineSpec": {"machineType": "n1-standard-4"}, **POOL}})
    assert problems_of(done.manifest) == ()


def test_a_manifest_stays_what_it_is() -> None:
    manifest = converted({"workerPoolSpecs": [POOL]}).manifest | {"lifecycle": {"onChange": "keep"}}
    again = converted(manifest)
    assert (again.manifest, again.notes, again.problems) == (manifest, (), ())
    assert list(again.manifest) == ["apiVersion", "kind", "metadata", "lifecycle", "spec"]


@pytest.mark.parametrize(
    ("document", "rule", "words"),
    [
        ({"steps": [], "images": []}, "unguessable-kind", "images, steps"),
        ({"steps": []}, "unguessable-kind", "CustomJob (jobSpec); Job (trainingInput or predictionInput)"),
        ({"serviceAccount": "a"}, "unguessable-kind", "CustomJob (jobSpec) or Job (trainingInput)"),
        ({"studySpec": {}, "trialJobSpec": {}}, "unsupported-kind", "HyperparameterTuningJob"),
        ({"pipelineSpec": {}, "displayName": "a"}, "unsupported-kind", "PipelineJob"),
        ({"apiVersion": "v1", "kind": "Pod", "spec": {}}, "unsupported-kind", '"Pod"'),
        ([POOL], "not-a-job", "a list"),
        (None, "not-a-job", "empty"),
        ("words", "not-a-job", "no map"),
    ],
)
def test_what_is_no_job_here_is_refused_by_name(document: Any, rule: str, words: str) -> None:
    done = converted(document)
    (problem,) = done.problems
    assert (done.manifest, problem.rule) == ({}, rule)
    assert words in f"{problem.message} {problem.hint}"


def test_a_given_kind_settles_what_the_keys_leave_open() -> None:
    assert converted({"serviceAccount": "a"}, kind="CustomJob").manifest["spec"] == {"jobSpec": {"serviceAccount": "a"}}


def test_a_given_kind_that_contradicts_a_manifest_is_refused() -> None:
    done = converted(converted({"workerPoolSpecs": [POOL]}).manifest, kind="NasJob")
    assert [problem.rule for problem in done.problems] == ["conflicting-kind"]


@pytest.mark.parametrize(
    ("written", "bent", "note"),
    [
        ({"containerSpec": {"args": "--a"}}, {"containerSpec": {"args": ["--a"]}}, "containerSpec.args: a single item"),
        (
            {"containerSpec": {"args": "--a 1"}},
            {"containerSpec": {"args": ["--a 1"]}},
            "containerSpec.args: a single item became a list of one. It is one item still",
        ),
        (
            {"machineSpec": {"acceleratorCount": "2"}},
            {"machineSpec": {"acceleratorCount": 2}},
            'machineSpec.acceleratorCount: the text "2" became the number 2.',
        ),
        (
            {"machineSpec": {"acceleratorCount": 2.0}},
            {"machineSpec": {"acceleratorCount": 2}},
            "machineSpec.acceleratorCount: the number 2.0 became the number 2.",
        ),
        (
            {"containerSpec": {"args": [7]}},
            {"containerSpec": {"args": ["7"]}},
            'containerSpec.args[0]: the number 7 became the text "7".',
        ),
        (
            {"containerSpec": {"args": [1e-5]}},
            {"containerSpec": {"args": ["1e-05"]}},
            'containerSpec.args[0]: the number 1e-05 became the text "1e-05": check',
        ),
        (
            {"containerSpec": {"args": [True]}},
            {"containerSpec": {"args": ["true"]}},
            'containerSpec.args[0]: the boolean true became the text "true": check',
        ),
        ({"containerSpec": {"env": None}}, {"containerSpec": {}}, "containerSpec.env: had no value and was dropped."),
        ({"container_spec": {}}, {"containerSpec": {}}, "containerSpec: was spelt container_spec."),
        (
            {"containerSpec": {"env": [{"name": "A_TOKEN", "value": 5}]}},
            {"containerSpec": {"env": [{"name": "A_TOKEN", "value": "5"}]}},
            "containerSpec.env[0].value: the number became the text.",
        ),
    ],
)
def test_what_gcloud_bends_is_bent_and_told(written: Any, bent: Any, note: str) -> None:
    pool, notes = pool_of({"workerPoolSpecs": [written]})
    assert pool == bent
    assert [told.startswith(note) for told in notes] == [True]


@pytest.mark.parametrize(
    "written",
    [
        {"replicaCount": "1"},
        {"machineSpec": {"acceleratorType": "nvidia-tesla-t4"}},
        {"machineSpec": {"acceleratorCount": "two"}},
        {"machineSpec": {"acceleratorCount": True}},
        {"containerSpec": {"args": ["$HOME", "${X}", None]}},
        {"containerSpec": {"imageUri": {"TRAIN_IMAGE": None}}},
        {"machinespec": {}},
    ],
)
def test_what_is_legal_or_a_guess_stays_as_it_was_written(written: Any) -> None:
    assert pool_of({"workerPoolSpecs": [written]}) == (written, [])


def test_text_is_read_as_the_number_it_is() -> None:
    written = {"parameterName": "lr", "type": "DOUBLE", "minValue": "1e-5", "maxValue": "5"}
    done = converted({"trainingInput": {"hyperparameters": {"params": [written]}}})
    (parameter,) = done.manifest["spec"]["trainingInput"]["hyperparameters"]["params"]
    assert (parameter["minValue"], parameter["maxValue"]) == (1e-5, 5)


def test_an_unquoted_brace_in_place_of_a_message_is_refused_once() -> None:
    done = converted({"workerPoolSpecs": [{"machineSpec": {"MACHINE": None}}]})
    assert [(problem.rule, "{MACHINE}" in problem.message) for problem in done.problems] == [("placeholder", True)]


def test_two_spellings_of_one_field_are_left_for_validation() -> None:
    done = converted({"workerPoolSpecs": [POOL | {"replica_count": 2}]})
    assert "duplicate-key" in [problem.rule for problem in problems_of(done.manifest)]


def test_what_the_service_sets_is_dropped_and_told() -> None:
    live = {
        "name": "projects/1/locations/us-central1/customJobs/2",
        "displayName": "a",
        "jobSpec": {"workerPoolSpecs": [POOL]},
        "state": "JOB_STATE_RUNNING",
        "createTime": "2026-01-01T00:00:00Z",
        "labels": {"team": "vision", "reconciler_stack": "other"},
    }
    done = converted(live)
    assert done.manifest["spec"] == {"displayName": "a", "jobSpec": live["jobSpec"]}
    assert done.manifest["metadata"] == {"name": "train", "labels": {"team": "vision"}}
    dropped = [note.split(":")[0] for note in done.notes if "dropped" in note]
    assert dropped == ["spec.name", "spec.state", "spec.createTime", "metadata.labels"]


def test_output_only_fields_below_the_top_are_dropped() -> None:
    done = converted({"predictionInput": PREDICTION | {"framework": "TENSORFLOW"}})
    assert done.manifest["spec"] == {"predictionInput": PREDICTION}
    assert "spec.predictionInput.framework: is set by the service and was dropped." in done.notes


@pytest.mark.parametrize(
    ("job_id", "name"),
    [("Train_Mnist_2", "train-mnist-2"), ("a${date}", "file"), ("9lives", "file"), (7, "file")],
)
def test_a_job_id_names_the_manifest_where_it_can(job_id: Any, name: str) -> None:
    done = converted({"jobId": job_id, "trainingInput": {"region": "r"}}, name="file")
    assert done.manifest["metadata"] == {"name": name}
    assert "jobId" not in done.manifest["spec"]
    assert any("jobId" in note for note in done.notes)


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("train", "train"),
        ("Train_GPU v2.config", "train-gpu-v2-config"),
        ("001", "job-001"),
        ("--", ""),
        ("", ""),
        ("é" * 80, "e" * 63),
        ("a" * 62 + "_b", "a" * 62),
    ],
)
def test_the_file_names_the_manifest(stem: str, name: str) -> None:
    metadata = converted({"workerPoolSpecs": [POOL]}, name=stem).manifest["metadata"]
    assert metadata == ({"name": name} if name else {})


def test_the_stack_says_where_a_job_lives() -> None:
    done = converted({"workerPoolSpecs": [POOL]}, project="demo-project", location="us-central1")
    expected = {"name": "train", "project": "demo-project", "location": "us-central1"}
    assert done.manifest["metadata"] == expected
    assert 'metadata.location: "us-central1" was taken from the stack.' in done.notes


@pytest.mark.parametrize(("written", "region"), [({}, "us-central1"), ({"region": "europe-west1"}, "europe-west1")])
def test_the_stack_fills_only_a_missing_region(written: Any, region: str) -> None:
    done = converted({"trainingInput": {"scaleTier": "BASIC"} | written}, location="us-central1")
    assert done.manifest["spec"]["trainingInput"]["region"] == region
    assert "location" not in done.manifest["metadata"]


def test_a_document_is_not_changed() -> None:
    document = {"jobId": "a", "trainingInput": {"args": "--a"}}
    converted(document, location="us-central1", sets=(("trainingInput.args[1]", "--b"),))
    assert document == {"jobId": "a", "trainingInput": {"args": "--a"}}


@pytest.mark.parametrize(
    ("pool", "severity"),
    [
        ({"containerSpec": {"imageUri": "gcr.io/${PROJECT}/i"}}, Severity.WARNING),
        ({"containerSpec": {"imageUri": "a"}, "machineSpec": {"machineType": "<TYPE>"}}, Severity.WARNING),
        ({"containerSpec": {"imageUri": "a"}, "replicaCount": "${N}"}, Severity.ERROR),
        ({"containerSpec": {"imageUri": {"IMAGE": None}}}, Severity.ERROR),
        ({"containerSpec": {}}, Severity.ERROR),
    ],
)
def test_a_blank_in_plain_text_is_a_warning_of_the_conversion(pool: Any, severity: Severity) -> None:
    manifest = converted({"workerPoolSpecs": [pool]}).manifest
    found = problems_of(manifest)
    assert [problem.severity for problem in found] == [Severity.ERROR]
    softened = convert.soften(found, manifest, KINDS["CustomJob"])
    assert [problem.severity for problem in softened] == [severity]
