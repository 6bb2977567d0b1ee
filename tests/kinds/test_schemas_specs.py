"""What the published manifest schemas take and refuse, in the eyes of two independent validators."""

from __future__ import annotations

from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from reconciler.files import schemas

KINDS = schemas.load_kinds()
PYTHON = {name: jsonschema.Draft7Validator(kind.schema) for name, kind in KINDS.items()}
RUST = {name: jsonschema_rs.Draft7Validator(dict(kind.schema)) for name, kind in KINDS.items()}

POOL: dict[str, Any] = {
    "machineSpec": {"machineType": "n1-standard-4"},
    "replicaCount": 1,
    "containerSpec": {"imageUri": "gcr.io/p/i"},
}
PACKAGE: dict[str, Any] = {"executorImageUri": "gcr.io/p/e", "packageUris": ["gs://b/p.tar.gz"], "pythonModule": "a.b"}
TRAINING: dict[str, Any] = {"region": "us-central1", "masterConfig": {"imageUri": "gcr.io/p/i"}}
PREDICTION: dict[str, Any] = {
    "dataFormat": "JSON",
    "inputPaths": ["gs://b/in/*"],
    "outputPath": "gs://b/out",
    "region": "us-central1",
    "modelName": "projects/p/models/m",
}
SEARCH: dict[str, Any] = {
    "searchTrialJobSpec": {"workerPoolSpecs": [POOL]},
    "maxTrialCount": 10,
    "maxParallelTrialCount": 2,
}
METRIC = {"metricId": "top_1_accuracy", "goal": "MAXIMIZE"}
CUSTOM, NAS, ML = "CustomJob", "NasJob", "Job"


def manifest(kind: str, spec: Any, **more: Any) -> dict[str, Any]:
    return {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": {"name": "a"}, "spec": spec, **more}


def pools(*items: Any, **more: Any) -> Any:
    return {"jobSpec": {"workerPoolSpecs": list(items), **more}}


def pool(**changes: Any) -> Any:
    return pools({**POOL, **changes})


def machine(**fields: Any) -> Any:
    return pool(machineSpec={"machineType": "n1-standard-4", **fields})


def env(*items: Any) -> Any:
    return pool(containerSpec={"imageUri": "gcr.io/p/i", "env": list(items)})


def scheduling(**fields: Any) -> Any:
    return pools(POOL, scheduling=fields)


def nas(**fields: Any) -> Any:
    return {"nasJobSpec": {"multiTrialAlgorithmSpec": {"searchTrialSpec": SEARCH, **fields}}}


def training(**fields: Any) -> Any:
    return {"trainingInput": {**TRAINING, **fields}}


def tuning(*params: Any, **fields: Any) -> Any:
    return training(hyperparameters={"params": list(params), **fields})


def prediction(without: str = "", **fields: Any) -> Any:
    return {"predictionInput": {key: value for key, value in {**PREDICTION, **fields}.items() if key != without}}


def verdicts(kind: str, value: Any) -> tuple[bool, bool]:
    return PYTHON[kind].is_valid(value), RUST[kind].is_valid(value)


GOOD: dict[str, tuple[str, Any]] = {
    "one pool": (CUSTOM, pools(POOL)),
    "a display name": (CUSTOM, {"displayName": "d" * 128, **pools(POOL)}),
    "a key": (CUSTOM, {"encryptionSpec": {"kmsKeyName": "projects/p/k"}, **pools(POOL)}),
    "an empty pool in between": (CUSTOM, pools(POOL, {}, POOL)),
    "an empty pool at the end": (CUSTOM, pools(POOL, {})),
    "a pool without a task": (CUSTOM, pools(POOL, {"machineSpec": {"machineType": "n1-standard-4"}})),
    "a package": (CUSTOM, pools({"pythonPackageSpec": PACKAGE, "replicaCount": "1"})),
    "replicas as text": (CUSTOM, pool(replicaCount="3")),
    "replicas beyond 2^53 as text": (CUSTOM, pool(replicaCount="9007199254740993")),
    "accelerators": (CUSTOM, machine(acceleratorType="NVIDIA_L4", acceleratorCount=2)),
    "the unspecified accelerator alone": (CUSTOM, machine(acceleratorType="ACCELERATOR_TYPE_UNSPECIFIED")),
    "the unspecified one, count 0": (
        CUSTOM,
        machine(acceleratorType="ACCELERATOR_TYPE_UNSPECIFIED", acceleratorCount=0),
    ),
    "accelerator count 0 alone": (CUSTOM, machine(acceleratorCount=0)),
    "a TPU slice": (CUSTOM, machine(tpuTopology="2x2")),
    "a reservation": (CUSTOM, machine(reservationAffinity={"reservationAffinityType": "ANY_RESERVATION"})),
    "half a disk": (CUSTOM, pool(diskSpec={"bootDiskSizeGb": 200})),
    "env": (CUSTOM, env({"name": "A", "value": ""}, {"name": "_b1", "valueFrom": {"env": "RECONCILER_SECRET_B"}})),
    "a timeout": (CUSTOM, scheduling(timeout="3600s")),
    "a fraction": (CUSTOM, scheduling(timeout="0.5s")),
    "nine digits": (CUSTOM, scheduling(timeout="1.123456789s")),
    "no wait limit": (CUSTOM, scheduling(maxWaitDuration="0s", strategy="FLEX_START")),
    "a mount": (CUSTOM, pool(nfsMounts=[{"server": "10.0.0.2", "path": "/a", "mountPoint": "b"}])),
    "peering": (
        CUSTOM,
        pools(
            POOL,
            pscInterfaceConfig={
                "dnsPeeringConfigs": [{"domain": "corp.", "targetProject": "p", "targetNetwork": "n"}],
            },
        ),
    ),
    "a search": (NAS, nas(metric=METRIC, multiTrialAlgorithm="GRID_SEARCH")),
    "train trials": (
        NAS,
        nas(trainTrialSpec={"trainTrialJobSpec": pools(POOL)["jobSpec"], "maxParallelTrialCount": 1, "frequency": 5}),
    ),
    "a resumed search": (NAS, {"nasJobSpec": {"resumeNasJobId": "123"}}),
    "a resumed search with an algorithm": (
        NAS,
        {"nasJobSpec": {"resumeNasJobId": "123", "multiTrialAlgorithmSpec": {"searchTrialSpec": SEARCH}}},
    ),
    "a custom container": (ML, training(args=["--a"], jobDir="gs://b/j")),
    "a package for ml": (ML, {"trainingInput": {"region": "r", "packageUris": ["gs://b/p"], "pythonModule": "a.b"}}),
    "a custom tier": (ML, training(scaleTier="CUSTOM", masterType="n1-standard-4")),
    "workers": (ML, training(scaleTier="CUSTOM", masterType="m", workerCount="2", workerType="m")),
    "no workers": (ML, training(workerCount=0, evaluatorCount="0")),
    "own arguments": (ML, training(masterConfig={"imageUri": "i", "containerArgs": ["--a"]})),
    "tuning of a range": (ML, tuning({"parameterName": "x", "type": "DOUBLE", "minValue": 0.1, "maxValue": 1})),
    "tuning of points": (ML, tuning({"parameterName": "x", "type": "DISCRETE", "discreteValues": [1, 2.5]})),
    "tuning of names": (ML, tuning({"parameterName": "x", "type": "CATEGORICAL", "categoricalValues": ["a"]})),
    "resumed tuning": (ML, training(hyperparameters={"resumePreviousJobId": "j_1", "maxTrials": 100})),
    "top priority": (ML, training(scheduling={"priority": 1000, "maxWaitTime": "1800s"})),
    "a prediction": (ML, prediction()),
    "a prediction by uri": (ML, prediction(without="modelName", uri="gs://b/m", batchSize="64")),
}

BAD: dict[str, tuple[str, Any, str]] = {
    "no job spec": (CUSTOM, {"displayName": "d"}, "jobSpec"),
    "no pools": (CUSTOM, {"jobSpec": {}}, "workerPoolSpecs"),
    "an empty list of pools": (CUSTOM, pools(), "[]"),
    "an empty first pool": (CUSTOM, pools({}, POOL), "{}"),
    "a pool given as a map": (CUSTOM, {"jobSpec": {"workerPoolSpecs": POOL}}, "array"),
    "an unknown field": (CUSTOM, pool(machineSpecs={}), "machineSpecs"),
    "an output field": (CUSTOM, {"state": "JOB_STATE_RUNNING", **pools(POOL)}, "state"),
    "labels inside the spec": (CUSTOM, {"labels": {}, **pools(POOL)}, "labels"),
    "a long display name": (CUSTOM, {"displayName": "d" * 129, **pools(POOL)}, "d"),
    "two tasks": (CUSTOM, pool(pythonPackageSpec=PACKAGE), "should not be valid"),
    "no image": (CUSTOM, pool(containerSpec={"args": []}), "imageUri"),
    "no module": (CUSTOM, pools({"pythonPackageSpec": {**PACKAGE, "packageUris": 1}}), "1"),
    "an argument that is a number": (CUSTOM, pool(containerSpec={"imageUri": "i", "args": [1]}), "1"),
    "a replica count in words": (CUSTOM, pool(replicaCount="two"), "two"),
    "a replica count of 1.5": (CUSTOM, pool(replicaCount=1.5), "1.5"),
    "a replica count that is true": (CUSTOM, pool(replicaCount=True), "True"),
    "an accelerator without count": (CUSTOM, machine(acceleratorType="NVIDIA_L4"), "acceleratorCount"),
    "an accelerator with count 0": (CUSTOM, machine(acceleratorType="NVIDIA_L4", acceleratorCount=0), "0"),
    "a count without accelerator": (CUSTOM, machine(acceleratorCount=1), "acceleratorType"),
    "a count of the unspecified": (
        CUSTOM,
        machine(acceleratorType="ACCELERATOR_TYPE_UNSPECIFIED", acceleratorCount=1),
        "ACCELERATOR_TYPE_UNSPECIFIED",
    ),
    "a misspelt accelerator": (CUSTOM, machine(acceleratorType="NVIDIA_T4", acceleratorCount=1), "NVIDIA_T4"),
    "a count as text": (CUSTOM, machine(acceleratorType="NVIDIA_L4", acceleratorCount="1"), "'1'"),
    "a count beyond int32": (CUSTOM, machine(acceleratorType="NVIDIA_L4", acceleratorCount=2**31), str(2**31)),
    "a reservation without type": (CUSTOM, machine(reservationAffinity={"key": "k"}), "reservationAffinityType"),
    "an env name with a dash": (CUSTOM, env({"name": "A-B", "value": ""}), "A-B"),
    "an env without a value": (CUSTOM, env({"name": "A"}), "not valid"),
    "an env with two values": (CUSTOM, env({"name": "A", "value": "", "valueFrom": {"env": "B"}}), "not be valid"),
    "an env from nowhere": (CUSTOM, env({"name": "A", "valueFrom": {}}), "env"),
    "101 env variables": (CUSTOM, env(*({"name": f"A{i}", "value": ""} for i in range(101))), "A0"),
    "a timeout in hours": (CUSTOM, scheduling(timeout="1h"), "1h"),
    "a timeout as number": (CUSTOM, scheduling(timeout=3600), "3600"),
    "a timeout of ten digits": (CUSTOM, scheduling(timeout="1.1234567891s"), "1.1234567891s"),
    "an unknown strategy": (CUSTOM, scheduling(strategy="SPOTTY"), "SPOTTY"),
    "a domain without dot": (
        CUSTOM,
        pools(
            POOL,
            pscInterfaceConfig={"dnsPeeringConfigs": [{"domain": "c", "targetProject": "p", "targetNetwork": "n"}]},
        ),
        "c",
    ),
    "no algorithm": (NAS, {"nasJobSpec": {"searchSpaceSpec": "{}"}}, "not valid"),
    "no search": (NAS, {"nasJobSpec": {"multiTrialAlgorithmSpec": {"metric": METRIC}}}, "searchTrialSpec"),
    "a metric with a space": (NAS, nas(metric={**METRIC, "metricId": "a b"}), "a b"),
    "a metric without goal": (NAS, nas(metric={"metricId": "a"}), "goal"),
    "a trial count as text": (NAS, nas(searchTrialSpec={**SEARCH, "maxTrialCount": "10"}), "'10'"),
    "search output": (NAS, {**nas(), "nasJobOutput": {}}, "nasJobOutput"),
    "neither input": (ML, {}, "not valid"),
    "both inputs": (ML, {**training(), **prediction()}, "should not be valid"),
    "a job id": (ML, {**training(), "jobId": "j"}, "jobId"),
    "an etag": (ML, {**training(), "etag": "x"}, "etag"),
    "no region": (ML, {"trainingInput": {"masterConfig": {"imageUri": "i"}}}, "region"),
    "a custom tier without master": (ML, training(scaleTier="CUSTOM"), "masterType"),
    "workers without type": (ML, training(workerCount=2), "workerType"),
    "servers without type": (ML, training(parameterServerCount="1"), "parameterServerType"),
    "evaluators without type": (ML, training(evaluatorCount=1), "evaluatorType"),
    "arguments twice": (
        ML,
        training(args=["--a"], masterConfig={"imageUri": "i", "containerArgs": ["--a"]}),
        "should not be valid",
    ),
    "a tier in lower case": (ML, training(scaleTier="basic"), "basic"),
    "tuning without parameters": (ML, training(hyperparameters={"maxTrials": 1}), "not valid"),
    "a range without end": (ML, tuning({"parameterName": "x", "type": "INTEGER", "minValue": 1}), "maxValue"),
    "no points": (ML, tuning({"parameterName": "x", "type": "DISCRETE"}), "discreteValues"),
    "no names": (ML, tuning({"parameterName": "x", "type": "CATEGORICAL", "discreteValues": [1]}), "categoricalValues"),
    "a priority too high": (ML, training(scheduling={"priority": 1001}), "1001"),
    "a prediction of no model": (ML, prediction(without="modelName"), "not valid"),
    "a prediction of two models": (ML, prediction(uri="gs://b/m"), "should not be valid"),
    "a prediction without data": (ML, prediction(without="inputPaths"), "inputPaths"),
    "a field only the server writes": (ML, prediction(framework="TENSORFLOW"), "framework"),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_good_spec_is_taken_by_both_validators(case: str) -> None:
    kind, spec = GOOD[case]
    value = manifest(kind, spec)
    assert [error.message for error in PYTHON[kind].iter_errors(value)] == []
    assert verdicts(kind, value) == (True, True)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_spec_is_refused_by_both_validators_for_its_own_reason(case: str) -> None:
    kind, spec, reason = BAD[case]
    value = manifest(kind, spec)
    assert verdicts(kind, value) == (False, False)
    assert any(reason in error.message for error in PYTHON[kind].iter_errors(value))


@pytest.mark.parametrize("case", BAD)
def test_both_validators_find_the_same_places(case: str) -> None:
    kind, spec, _ = BAD[case]
    value = manifest(kind, spec)
    python = {tuple(error.absolute_path) for error in PYTHON[kind].iter_errors(value)}
    rust = {tuple(error.instance_path) for error in RUST[kind].iter_errors(value)}
    assert python == rust


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("two tasks", "Set only one of containerSpec, pythonPackageSpec."),
        ("an empty first pool", "The first worker pool must not be empty."),
        ("an accelerator without count", "Set both acceleratorType and acceleratorCount, or neither."),
        ("an env without a value", "Set one of value, valueFrom."),
        ("a custom tier without master", "masterType is required where scaleTier is CUSTOM."),
        ("no algorithm", "Set multiTrialAlgorithmSpec, or resumeNasJobId to go on with an earlier search."),
    ],
)
def test_a_condition_says_in_words_what_is_wrong(case: str, message: str) -> None:
    kind, spec, _ = BAD[case]
    said = []
    for error in RUST[kind].iter_errors(manifest(kind, spec)):
        node: Any = KINDS[kind].schema
        for step in error.schema_path:
            node = node[step]
            if isinstance(node, dict) and "x-message" in node:
                said.append(node["x-message"])
    assert message in said
