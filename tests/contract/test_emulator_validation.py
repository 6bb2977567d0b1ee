"""What the service's own checks refuse and take, rule by rule, in its words where they were recorded."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.vocabulary.wire import Request
from tests.support import service
from tests.support.service import CUSTOM, ML, NAS, Answer, Service

KEY = "projects/p/locations/{}/keyRings/r/cryptoKeys/k"
BOARD = "projects/1/locations/us-central1/tensorboards/2"
POOL = "job_spec.worker_pool_specs[0]"
SEARCH = "nas_job_spec.multi_trial_algorithm_spec.search_trial_spec"

# recorded: statmike/vertex-ai-mlops#6
LABELS = (
    "There can be no more than 64 labels attached to a single resource. Label keys and values can only contain "
    "lowercase letters, numbers, dashes and underscores. Label keys must start with a letter or number, must be less "
    "than 64 characters in length, and must be less that 128 bytes in length when encoded in UTF-8. Label values must "
    "be less than 64 characters in length, and must be less that 128 bytes in length when encoded in UTF-8."
)


@pytest.fixture(scope="module", params=service.WIRES)
def jobs(request: pytest.FixtureRequest) -> Iterator[Service]:
    with service.opened(request.param) as found:
        yield found


def spec(**more: Any) -> dict[str, Any]:
    job = service.custom_job()
    job["jobSpec"] |= more
    return job


def pool(**more: Any) -> dict[str, Any]:
    job = service.custom_job()
    job["jobSpec"]["workerPoolSpecs"][0] |= more
    return job


def machine(**more: Any) -> dict[str, Any]:
    return pool(machineSpec={"machineType": "n1-standard-4", **more})


def search(**more: Any) -> dict[str, Any]:
    job = service.nas_job()
    job["nasJobSpec"]["multiTrialAlgorithmSpec"]["searchTrialSpec"] |= more
    return job


def training(**more: Any) -> dict[str, Any]:
    job = service.ml_job("one")
    job["trainingInput"] |= more
    return job


def fields(answer: Answer) -> list[str]:
    """Check that message and details tell the same, and return the fields they name."""
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT"), answer.body
    [detail] = answer.json["error"]["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    found = [(one["field"], one["description"]) for one in detail["fieldViolations"]]
    if answer.message.startswith("List of found errors:"):
        told = "".join(f"\t{n}.Field: {field}; Message: {text}" for n, (field, text) in enumerate(found, 1))
        assert answer.message == f"List of found errors:{told}\t"
    else:
        assert answer.message == "\n".join(f"Field: {field} Error: {text}" for field, text in found)
    return [field for field, _ in found]


REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    (CUSTOM, service.custom_job(displayName="é" * 129), ["display_name"]),
    (CUSTOM, service.custom_job(encryptionSpec={"kmsKeyName": "my-key"}), ["encryption_spec.kms_key_name"]),
    (
        CUSTOM,
        service.custom_job(encryptionSpec={"kmsKeyName": KEY.format("europe-west4")}),
        ["encryption_spec.kms_key_name"],
    ),
    (NAS, service.nas_job(encryptionSpec={"kmsKeyName": KEY.format("global")}), ["encryption_spec.kms_key_name"]),
    (CUSTOM, spec(tensorboard="board"), ["job_spec.tensorboard"]),
    (CUSTOM, spec(persistentResourceId="Mine_1"), ["job_spec.persistent_resource_id"]),
    (CUSTOM, spec(persistentResourceId="mine-"), ["job_spec.persistent_resource_id"]),
    (CUSTOM, spec(scheduling={"timeout": "-1s"}), ["job_spec.scheduling.timeout"]),
    (CUSTOM, spec(scheduling={"maxWaitDuration": "-0.5s"}), ["job_spec.scheduling.max_wait_duration"]),
    (CUSTOM, spec(workerPoolSpecs=[{}, pool()["jobSpec"]["workerPoolSpecs"][0]]), [POOL]),
    (CUSTOM, spec(workerPoolSpecs=[]), ["job_spec.worker_pool_specs"]),
    (CUSTOM, pool(replicaCount=-1), [f"{POOL}.replica_count"]),
    (CUSTOM, pool(diskSpec={"bootDiskSizeGb": -5}), [f"{POOL}.disk_spec.boot_disk_size_gb"]),
    (CUSTOM, machine(acceleratorType="NVIDIA_L4"), [f"{POOL}.machine_spec.accelerator_type"]),
    (CUSTOM, machine(acceleratorCount=2), [f"{POOL}.machine_spec.accelerator_type"]),
    (
        CUSTOM,
        machine(acceleratorType="NVIDIA_L4", acceleratorCount=-1),
        [f"{POOL}.machine_spec.accelerator_count"],
    ),
    (
        CUSTOM,
        spec(pscInterfaceConfig={"dnsPeeringConfigs": [{"domain": "a.b", "targetProject": "p", "targetNetwork": "n"}]}),
        ["job_spec.psc_interface_config.dns_peering_configs[0].domain"],
    ),
    (NAS, search(maxTrialCount=-1), [f"{SEARCH}.max_trial_count"]),
    (NAS, search(maxFailedTrialCount=-1), [f"{SEARCH}.max_failed_trial_count"]),
    (NAS, {"displayName": "n", "nasJobSpec": {"resumeNasJobId": "job-5"}}, ["nas_job_spec.resume_nas_job_id"]),
    (
        NAS,
        {
            "displayName": "n",
            "nasJobSpec": {
                "multiTrialAlgorithmSpec": {
                    **service.nas_job()["nasJobSpec"]["multiTrialAlgorithmSpec"],
                    "metric": {"metricId": "top 1", "goal": "MAXIMIZE"},
                }
            },
        },
        ["nas_job_spec.multi_trial_algorithm_spec.metric.metric_id"],
    ),
    (ML, service.ml_job("1one"), ["job_id"]),
    (ML, service.ml_job("one-two"), ["job_id"]),
    (ML, service.ml_job("x" * 129), ["job_id"]),
    (ML, {"jobId": "one"}, ["job"]),
    (ML, {"jobId": "one", "trainingInput": {}}, ["training_input.region"]),
    (ML, training(scaleTier="CUSTOM"), ["training_input.master_type"]),
    (ML, training(workerCount=2), ["training_input.worker_type"]),
    (ML, training(parameterServerCount="1"), ["training_input.parameter_server_type"]),
    (ML, training(evaluatorCount=1), ["training_input.evaluator_type"]),
    (ML, training(workerCount=-2, workerType="n1"), ["training_input.worker_count"]),
    (ML, training(scheduling={"priority": 1001}), ["training_input.scheduling.priority"]),
    (ML, training(scheduling={"maxWaitTime": "1799s"}), ["training_input.scheduling.max_wait_time"]),
    (
        ML,
        training(args=["a"], masterConfig={"containerArgs": ["b"]}),
        ["training_input.master_config.container_args"],
    ),
    (
        ML,
        {
            "jobId": "one",
            "predictionInput": {"dataFormat": "JSON", "inputPaths": ["gs://b/i"], "outputPath": "gs://b/o"},
        },
        ["prediction_input", "prediction_input.region"],
    ),
]


@pytest.mark.parametrize(("path", "body", "named"), REFUSED)
def test_each_check_names_its_field_in_message_and_details(
    jobs: Service, path: str, body: Any, named: list[str]
) -> None:
    assert fields(jobs.send("POST", path, body)) == named


TAKEN: list[tuple[str, dict[str, Any]]] = [
    (CUSTOM, service.custom_job(displayName="é" * 128)),
    (CUSTOM, service.custom_job(encryptionSpec={"kmsKeyName": KEY.format("us-central1")})),
    (CUSTOM, spec(tensorboard=BOARD)),
    (CUSTOM, spec(persistentResourceId="mine-1")),
    (CUSTOM, spec(persistentResourceId="m")),
    (CUSTOM, spec(scheduling={"timeout": "1209600s", "maxWaitDuration": "0s"})),
    (CUSTOM, machine(acceleratorType="NVIDIA_TESLA_T4", acceleratorCount=1)),
    (CUSTOM, machine(acceleratorType="ACCELERATOR_TYPE_UNSPECIFIED", acceleratorCount=0)),
    (CUSTOM, pool(machineSpec={"machineType": "e2-standard-4"})),
    (CUSTOM, spec(network="NETWORK_ID")),
    (NAS, search(maxFailedTrialCount=0)),
    (NAS, {"displayName": "n", "nasJobSpec": {"resumeNasJobId": "1234567890123456789"}}),
    (ML, training(scaleTier="CUSTOM", masterType="n1-standard-4") | {"jobId": "custom"}),
    (ML, training(workerCount=0) | {"jobId": "no_workers"}),
    (ML, training(workerCount=2, workerType="n1") | {"jobId": "workers"}),
    (ML, training(scheduling={"priority": 1000, "maxWaitTime": "1800s"}) | {"jobId": "scheduled"}),
    (ML, training(args=[], masterConfig={"containerArgs": ["b"]}) | {"jobId": "container_args"}),
]


@pytest.mark.parametrize(("path", "body"), TAKEN)
def test_what_is_just_within_the_rules_is_taken(jobs: Service, path: str, body: Any) -> None:
    answer = jobs.send("POST", path, body)
    assert answer.status == 200, answer.body


def test_all_that_is_wrong_with_a_job_is_told_in_one_reply_by_field(jobs: Service) -> None:
    body = pool(replicaCount=-1, machineSpec={"acceleratorCount": 1})
    body |= {"displayName": "x" * 200, "labels": {"A": "b"}}
    body["jobSpec"]["tensorboard"] = "board"
    assert fields(jobs.send("POST", CUSTOM, body)) == [
        "custom_job.labels",
        "display_name",
        "job_spec.tensorboard",
        f"{POOL}.machine_spec.accelerator_type",
        f"{POOL}.replica_count",
    ]


@pytest.mark.parametrize(("path", "owner"), [(CUSTOM, "custom_job"), (NAS, "nas_job"), (ML, "job")])
def test_bad_labels_are_one_violation_in_the_recorded_words(jobs: Service, path: str, owner: str) -> None:
    bodies = {CUSTOM: service.custom_job(), NAS: service.nas_job(), ML: service.ml_job("labelled")}
    answer = jobs.send("POST", path, bodies[path] | {"labels": {"Team": "A.B", "_x": "y" * 64}})
    assert fields(answer) == [f"{owner}.labels"]
    assert LABELS in answer.message


@pytest.mark.parametrize(
    "family", ["c2-standard-8", "c3-standard-4", "e2-standard-8", "m1-ultramem-40", "n2-standard-8"]
)
def test_a_machine_that_takes_no_accelerator_is_refused_in_the_recorded_sentence(jobs: Service, family: str) -> None:
    body = machine(machineType=family, acceleratorType="NVIDIA_TESLA_K80", acceleratorCount=1)
    answer = jobs.send("POST", CUSTOM, body)
    assert answer.json["error"] == {
        "code": 400,
        "message": f'Accelerator "NVIDIA_TESLA_K80" is not supported for machine type "{family}"',
        "status": "INVALID_ARGUMENT",
    }


def test_machines_inside_the_trials_of_a_search_are_checked_too(jobs: Service) -> None:
    wrong = {"machineType": "e2-standard-8", "acceleratorType": "NVIDIA_L4", "acceleratorCount": 1}
    trial = {"workerPoolSpecs": [{"machineSpec": wrong, "containerSpec": {"imageUri": "i"}}]}
    answer = jobs.send("POST", NAS, search(searchTrialJobSpec=trial))
    assert answer.message == 'Accelerator "NVIDIA_L4" is not supported for machine type "e2-standard-8"'


def test_fields_are_told_before_machines(jobs: Service) -> None:
    body = machine(machineType="e2-standard-8", acceleratorType="NVIDIA_L4", acceleratorCount=1)
    assert fields(jobs.send("POST", CUSTOM, body | {"displayName": ""})) == ["display_name"]


def test_json_that_does_not_fit_is_told_before_any_rule_of_jobs(jobs: Service) -> None:
    answer = jobs.send("POST", CUSTOM, {"displayName": 5, "colour": "red", "jobSpec": {"workerPoolSpecs": {}}})
    assert answer.message.splitlines() == [
        "Invalid value at 'custom_job.display_name' (TYPE_STRING), 5",
        "Invalid JSON payload received. Unknown name \"colour\" at 'custom_job': Cannot find field.",
        "Invalid value at 'custom_job.job_spec.worker_pool_specs' (repeated), {}",
    ]
    [detail] = answer.json["error"]["details"]
    assert [one["field"] for one in detail["fieldViolations"]] == [
        "custom_job.display_name",
        "custom_job",
        "custom_job.job_spec.worker_pool_specs",
    ]


def test_both_inputs_of_an_ml_job_are_refused_by_the_json_layer(jobs: Service) -> None:
    answer = jobs.send("POST", ML, {**service.ml_job("both"), "predictionInput": {"region": "r"}})
    assert answer.message == (
        "Invalid value at 'job' (oneof), oneof field 'input' is already set. Cannot set 'predictionInput'"
    )


def test_a_taken_id_is_a_409_that_names_its_field(jobs: Service) -> None:
    jobs.create(ML, service.ml_job("taken"))
    answer = jobs.send("POST", ML, service.ml_job("taken"))
    assert (answer.status, answer.error) == (409, "ALREADY_EXISTS")
    [violation] = answer.json["error"]["details"][0]["fieldViolations"]
    assert violation["field"] == "job.job_id"
    assert answer.message == f"Field: job.job_id Error: {violation['description']}"


def test_ml_labels_are_held_to_the_same_rule_when_they_are_changed(jobs: Service) -> None:
    jobs.create(ML, service.ml_job("relabelled"))
    answer = jobs.send("PATCH", f"{ML}/relabelled", {"labels": {"Team": "x"}}, updateMask="labels")
    assert fields(answer) == ["job.labels"]


MISMATCH = "The provided location ID doesn't match the endpoint. The valid location ID is `{}`."


@pytest.mark.parametrize(
    ("host", "location"),
    [
        ("us-central1-aiplatform.googleapis.com", "us-central1"),
        ("us-central1-aiplatform.mtls.googleapis.com", "us-central1"),
        ("europe-west4-aiplatform.googleapis.com", "europe-west4"),
        ("aiplatform.us.rep.googleapis.com", "us"),
        ("aiplatform.eu.rep.googleapis.com", "eu"),
        ("aiplatform.googleapis.com", "global"),
    ],
)
def test_a_host_serves_its_own_location_and_refuses_another(jobs: Service, host: str, location: str) -> None:
    own, other = (
        f"/v1/projects/demo/locations/{location}/customJobs",
        "/v1/projects/demo/locations/asia-east1/customJobs",
    )
    assert at(jobs, host, "GET", own).status == 200
    for method, path, field in (("GET", other, "parent"), ("GET", f"{other}/5", "name"), ("POST", other, "parent")):
        answer = at(jobs, host, method, path, service.custom_job() if method == "POST" else None)
        assert fields(answer) == [field]
        assert answer.message == f"List of found errors:\t1.Field: {field}; Message: {MISMATCH.format(location)}\t"


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("eu-aiplatform.googleapis.com", CUSTOM),  # recorded: kubeflow/pipelines#5727
        ("mars-north1-aiplatform.googleapis.com", CUSTOM),
        ("aiplatform.asia.rep.googleapis.com", CUSTOM),
        ("ml.googleapis.com", CUSTOM),
        ("storage.googleapis.com", CUSTOM),
        ("aiplatform.googleapis.com", ML),
        ("us-central1-ml.googleapis.com", ML),
    ],
)
def test_a_host_that_is_none_of_the_api_is_a_404_in_html(jobs: Service, host: str, path: str) -> None:
    answer = at(jobs, host, "GET", path)
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("host", ["ml.googleapis.com", "127.0.0.1:8085", "localhost"])
def test_ml_jobs_are_served_by_their_one_host_and_by_loopback(jobs: Service, host: str) -> None:
    assert at(jobs, host, "GET", ML).status == 200


def at(jobs: Service, host: str, method: str, path: str, body: Any = None) -> Answer:
    """Send a request to a host by its name, as DNS or a Host header does."""
    raw = json.dumps(body).encode() if body is not None else b""
    if not jobs.port:
        reply = jobs.transport(Request(method, f"https://{host}{path}", {}, raw))
        return Answer(reply.status, reply.headers, reply.body)
    connection = http.client.HTTPConnection("127.0.0.1", jobs.port, timeout=30)
    try:
        connection.request(method, path, raw or None, {"Host": host})
        got = connection.getresponse()
        return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
    finally:
        connection.close()
