"""What the emulator takes, refuses and echoes in a create, over both of its faces, in the service's error shapes."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import service
from tests.support.service import CUSTOM, ML, NAS, Service

POOL = "custom_job.job_spec.worker_pool_specs[0]"
DISK = {"bootDiskType": "pd-ssd", "bootDiskSizeGb": 100}


@pytest.fixture(scope="module", params=service.WIRES)
def jobs(request: pytest.FixtureRequest) -> Iterator[Service]:
    with service.opened(request.param) as found:
        yield found


def with_pool(**more: Any) -> dict[str, Any]:
    job = service.custom_job()
    job["jobSpec"]["workerPoolSpecs"][0] |= more
    return job


def with_spec(**more: Any) -> dict[str, Any]:
    job = service.custom_job()
    job["jobSpec"] |= more
    return job


@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        (
            with_pool(colour="red"),
            POOL,
            f"Invalid JSON payload received. Unknown name \"colour\" at '{POOL}': Cannot find field.",
        ),
        (
            service.custom_job(requestId="1"),
            "custom_job",
            "Invalid JSON payload received. Unknown name \"requestId\" at 'custom_job': Cannot find field.",
        ),
        (with_pool(replicaCount="many"), f"{POOL}.replica_count", None),
        (with_pool(replicaCount=1.5), f"{POOL}.replica_count", None),
        (with_pool(replicaCount=2**63), f"{POOL}.replica_count", None),
        (with_pool(replicaCount=True), f"{POOL}.replica_count", None),
        (with_pool(diskSpec={"bootDiskSizeGb": 2**31}), f"{POOL}.disk_spec.boot_disk_size_gb", None),
        (with_pool(containerSpec={"imageUri": 5}), f"{POOL}.container_spec.image_uri", None),
        (with_pool(containerSpec={"imageUri": "i", "args": "one"}), f"{POOL}.container_spec.args", None),
        (with_pool(containerSpec={"imageUri": "i", "args": [1]}), f"{POOL}.container_spec.args[0]", None),
        (with_pool(containerSpec={"imageUri": "i", "args": [None]}), f"{POOL}.container_spec.args[0]", None),
        (
            with_pool(machineSpec={"acceleratorType": "nvidia-tesla-v100", "acceleratorCount": 1}),
            f"{POOL}.machine_spec.accelerator_type",
            f"Invalid value at '{POOL}.machine_spec.accelerator_type' "
            '(type.googleapis.com/google.cloud.aiplatform.v1.AcceleratorType), "nvidia-tesla-v100"',
        ),
        (with_pool(machineSpec={"acceleratorType": 999}), f"{POOL}.machine_spec.accelerator_type", None),
        (
            with_pool(machineSpec="n1-standard-4"),
            f"{POOL}.machine_spec",
            f"Invalid value at '{POOL}.machine_spec' "
            '(type.googleapis.com/google.cloud.aiplatform.v1.MachineSpec), "n1-standard-4"',
        ),
        (with_spec(scheduling={"timeout": "1h"}), "custom_job.job_spec.scheduling.timeout", None),
        (with_spec(scheduling={"timeout": 3600}), "custom_job.job_spec.scheduling.timeout", None),
        (with_spec(enableWebAccess="true"), "custom_job.job_spec.enable_web_access", None),
        (service.custom_job(labels=["a"]), "custom_job.labels", None),
        (service.custom_job(labels={"a": 1}), "custom_job.labels[0].value", None),
        (
            with_pool(pythonPackageSpec={"executorImageUri": "e"}),
            POOL,
            f"Invalid value at '{POOL}' (oneof), oneof field 'task' is already set. Cannot set 'pythonPackageSpec'",
        ),
        (
            with_pool(containerSpec={"imageUri": "i", "env": [{"name": "A", "valueFrom": {"env": "B"}}]}),
            f"{POOL}.container_spec.env[0]",
            None,
        ),
        (service.custom_job(display_name="twice"), "custom_job", None),
        ([], "custom_job", None),
        ("text", "custom_job", None),
    ],
)
def test_json_that_does_not_fit_the_message_is_refused_with_its_path(
    jobs: Service, body: Any, field: str, text: str | None
) -> None:
    answer = jobs.send("POST", CUSTOM, body)
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")
    violations = [one for detail in answer.json["error"]["details"] for one in detail["fieldViolations"]]
    assert [one["field"] for one in violations] == [field]
    assert violations[0]["description"] == (text or answer.message)
    assert answer.message == violations[0]["description"]


def test_all_json_violations_are_told_at_once(jobs: Service) -> None:
    answer = jobs.send("POST", CUSTOM, {"colour": 1, "displayName": 2, "jobSpec": {"shade": 3}})
    assert len(answer.message.splitlines()) == 3


@pytest.mark.parametrize(
    "raw", [b"{", b'{"displayName": NaN}', b"\xff", b'{"displayName": "\\ud800"}', b"[" * 100_000, b'{"a":1}x']
)
def test_a_body_that_is_no_json_is_refused(jobs: Service, raw: bytes) -> None:
    answer = jobs.send_bytes("POST", CUSTOM, raw)
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("path", "body", "found"),
    [
        (CUSTOM, {}, ["display_name", "job_spec"]),
        (CUSTOM, {"displayName": "", "jobSpec": {}}, ["display_name", "job_spec.worker_pool_specs"]),
        (CUSTOM, service.custom_job(displayName="x" * 129), ["display_name"]),
        (
            CUSTOM,
            with_pool(machineSpec={"acceleratorType": "NVIDIA_L4"}),
            ["job_spec.worker_pool_specs[0].machine_spec.accelerator_type"],
        ),
        (
            CUSTOM,
            with_pool(machineSpec={"acceleratorCount": 1}),
            ["job_spec.worker_pool_specs[0].machine_spec.accelerator_type"],
        ),
        (
            CUSTOM,
            with_spec(workerPoolSpecs=[{}, with_pool()["jobSpec"]["workerPoolSpecs"][0]]),
            ["job_spec.worker_pool_specs[0]"],
        ),
        (CUSTOM, with_pool(containerSpec={}), ["job_spec.worker_pool_specs[0].container_spec.image_uri"]),
        (
            CUSTOM,
            with_pool(containerSpec={"imageUri": "i", "env": [{"value": "x"}, {"name": "1A"}]}),
            [
                "job_spec.worker_pool_specs[0].container_spec.env[0].name",
                "job_spec.worker_pool_specs[0].container_spec.env[1].name",
            ],
        ),
        (CUSTOM, with_spec(baseOutputDirectory={}), ["job_spec.base_output_directory.output_uri_prefix"]),
        (CUSTOM, service.custom_job(encryptionSpec={}), ["encryption_spec.kms_key_name"]),
        (NAS, {"displayName": "x"}, ["nas_job_spec"]),
        (
            NAS,
            {"displayName": "x", "nasJobSpec": {"multiTrialAlgorithmSpec": {"metric": {"metricId": "m"}}}},
            [
                "nas_job_spec.multi_trial_algorithm_spec.metric.goal",
                "nas_job_spec.multi_trial_algorithm_spec.search_trial_spec",
            ],
        ),
    ],
)
def test_what_the_job_logic_refuses_is_one_numbered_list(jobs: Service, path: str, body: Any, found: list[str]) -> None:
    answer = jobs.send("POST", path, body)
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")
    head, *entries, tail = answer.message.split("\t")
    assert (head, tail) == ("List of found errors:", "")
    fields = [entry.partition("Field: ")[2].partition("; Message: ") for entry in entries]
    assert [field for field, _, _ in fields] == found
    assert all(text for _, _, text in fields)
    # recorded: statmike/vertex-ai-mlops#6, the same fields and texts once more as details
    [detail] = answer.json["error"]["details"]
    assert [(one["field"], one["description"]) for one in detail["fieldViolations"]] == [
        (field, text) for field, _, text in fields
    ]


def test_the_accelerator_pair_is_refused_word_for_word_as_recorded(jobs: Service) -> None:
    answer = jobs.send("POST", CUSTOM, with_pool(machineSpec={"acceleratorCount": 1}))
    assert answer.message == (
        "List of found errors:\t1.Field: job_spec.worker_pool_specs[0].machine_spec.accelerator_type; "
        "Message: Both `accelerator_type` and `accelerator_count` should be specified or none.\t"
    )


@pytest.mark.parametrize("path", [CUSTOM, NAS, ML])
@pytest.mark.parametrize(
    ("labels", "fits"),
    [
        ({f"k{number}": "v" for number in range(64)}, True),
        ({f"k{number}": "v" for number in range(65)}, False),
        ({"k" * 63: "v" * 63}, True),
        ({"k" * 64: "v"}, False),
        ({"k": "v" * 64}, False),
        ({"k": "é" * 63}, True),
        ({"k": "日" * 43}, False),
        ({"k": ""}, True),
        ({"": "v"}, False),
        ({"Team": "v"}, False),
        ({"team": "Vision"}, False),
        ({"team": "a.b"}, False),
        ({"_team": "v"}, False),
        ({"1team": "-v_"}, True),
        ({"équipe": "vision"}, True),
    ],
)
def test_labels_follow_the_recorded_rule(jobs: Service, path: str, labels: dict[str, str], fits: bool) -> None:
    job = f"j{zlib.crc32(str(labels).encode())}"
    bodies = {CUSTOM: service.custom_job(), NAS: service.nas_job(), ML: service.ml_job(job)}
    answer = jobs.send("POST", path, bodies[path] | {"labels": labels})
    assert answer.status == (200 if fits else 400)
    if fits:
        assert answer.json["labels"] == labels
    else:
        assert "labels" in answer.message


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ({"replicaCount": 1}, {"replicaCount": "1"}),
        ({"replicaCount": "007"}, {"replicaCount": "7"}),
        ({"replica_count": 2.0}, {"replicaCount": "2"}),
        ({"replicaCount": 0}, {}),
        ({"replicaCount": None}, {}),
        ({"diskSpec": {}}, {}),
        (
            {"diskSpec": {"bootDiskType": "pd-standard"}},
            {"diskSpec": {"bootDiskType": "pd-standard", "bootDiskSizeGb": 100}},
        ),
        ({"diskSpec": {"bootDiskSizeGb": "50"}}, {"diskSpec": {"bootDiskType": "pd-ssd", "bootDiskSizeGb": 50}}),
        ({"nfsMounts": []}, {}),
        ({"machineSpec": {}}, {"machineSpec": {}}),
        (
            {"machine_spec": {"machine_type": "n1", "accelerator_type": 9, "accelerator_count": "1"}},
            {"machineSpec": {"machineType": "n1", "acceleratorType": "NVIDIA_A100_80GB", "acceleratorCount": 1}},
        ),
        (
            {
                "machineSpec": {
                    "machineType": "n1",
                    "acceleratorType": "ACCELERATOR_TYPE_UNSPECIFIED",
                    "acceleratorCount": 0,
                }
            },
            {"machineSpec": {"machineType": "n1"}},
        ),
        (
            {"containerSpec": {"imageUri": "i", "args": ["", "a"], "env": [{"name": "A", "value": ""}]}},
            {"containerSpec": {"imageUri": "i", "args": ["", "a"], "env": [{"name": "A"}]}},
        ),
    ],
)
def test_a_pool_comes_back_in_canonical_form_with_its_disk(jobs: Service, sent: Any, echoed: Any) -> None:
    pool = {"containerSpec": {"imageUri": "i"}}
    made = jobs.create(CUSTOM, {"displayName": "x", "jobSpec": {"workerPoolSpecs": [pool | sent]}})
    assert made["jobSpec"]["workerPoolSpecs"] == [pool | {"diskSpec": DISK} | echoed]


def test_empty_pools_keep_their_place_and_get_no_disk(jobs: Service) -> None:
    pool = service.custom_job()["jobSpec"]["workerPoolSpecs"][0]
    made = jobs.create(CUSTOM, with_spec(workerPoolSpecs=[pool, {}, {"replicaCount": 0}, pool]))
    pools = made["jobSpec"]["workerPoolSpecs"]
    assert [bool(one) for one in pools] == [True, False, False, True]
    assert pools[0] == pools[3]


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ("3600s", "3600s"),
        ("3600.0s", "3600s"),
        ("3.5s", "3.500s"),
        ("0.0001s", "0.000100s"),
        ("1.1234567s", "1.123456700s"),
        ("007s", "7s"),
        ("0s", "0s"),
        ("-0s", "0s"),
    ],
)
def test_durations_come_back_canonical_and_a_zero_one_stays(jobs: Service, sent: str, echoed: str) -> None:
    made = jobs.create(CUSTOM, with_spec(scheduling={"maxWaitDuration": sent}))
    assert made["jobSpec"]["scheduling"] == {"maxWaitDuration": echoed}


@pytest.mark.parametrize(
    "extra",
    [
        {"name": "projects/1/locations/l/customJobs/1", "state": "JOB_STATE_SUCCEEDED", "createTime": "then"},
        {"error": {"code": 3}, "endTime": "x", "end_time": None, "satisfiesPzs": True, "webAccessUris": {"a": "b"}},
    ],
)
def test_output_only_fields_of_the_caller_are_dropped(jobs: Service, extra: dict[str, Any]) -> None:
    plain, made = jobs.create(CUSTOM, service.custom_job()), jobs.create(CUSTOM, service.custom_job(**extra))
    assert {key: value for key, value in made.items() if key not in ("name", "createTime", "updateTime")} == {
        key: value for key, value in plain.items() if key not in ("name", "createTime", "updateTime")
    }


def test_what_was_not_said_is_not_echoed_but_for_the_disk(jobs: Service) -> None:
    sent = service.custom_job()
    made = jobs.create(CUSTOM, sent)
    expected = copy.deepcopy(sent)
    expected["jobSpec"]["workerPoolSpecs"][0] |= {"replicaCount": "1", "diskSpec": DISK}
    assert set(made) == {"name", "displayName", "jobSpec", "state", "createTime", "updateTime"}
    assert made["jobSpec"] == expected["jobSpec"]


def test_disks_are_filled_into_the_trials_of_nas_jobs_and_counts_stay_numbers(jobs: Service) -> None:
    made = jobs.create(NAS, service.nas_job())
    trial = made["nasJobSpec"]["multiTrialAlgorithmSpec"]["searchTrialSpec"]
    assert trial["searchTrialJobSpec"]["workerPoolSpecs"][0]["diskSpec"] == DISK
    assert (trial["maxTrialCount"], trial["maxParallelTrialCount"]) == (4, 2)


def test_a_resumed_nas_job_is_taken_with_the_nulls_of_googles_client(jobs: Service) -> None:
    job = service.nas_job(labels={"search_space": ""})
    algorithm = job["nasJobSpec"]["multiTrialAlgorithmSpec"] | {"metric": None, "multiTrialAlgorithm": None}
    job["nasJobSpec"] = {"resume_nas_job_id": "5", "searchSpaceSpec": None, "multiTrialAlgorithmSpec": algorithm}
    made = jobs.create(NAS, job)
    assert made["nasJobSpec"]["resumeNasJobId"] == "5"
    assert "searchSpaceSpec" not in made["nasJobSpec"]


def test_enums_are_numbers_for_who_asks_so(jobs: Service) -> None:
    machine = {"machineType": "n1", "acceleratorType": "NVIDIA_L4", "acceleratorCount": 1}
    sent = with_pool(machineSpec=machine)
    made = jobs.send("POST", CUSTOM, sent, **{"$alt": "json;enum-encoding=int"}).json
    assert made["state"] == 2
    assert made["jobSpec"]["workerPoolSpecs"][0]["machineSpec"]["acceleratorType"] == 11
    rows = jobs.rows(CUSTOM, "customJobs", **{"$alt": "json;enum-encoding=int", "filter": "display_name=train"})
    assert {type(row["state"]) for row in rows} == {int}


def test_replies_are_pretty_unless_asked_otherwise(jobs: Service) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    pretty = jobs.send("GET", f"/v1/{made['name']}")
    compact = jobs.send("GET", f"/v1/{made['name']}", prettyPrint="false")
    assert pretty.body.startswith(b'{\n  "name": ')
    assert compact.body.count(b"\n") == 1
    assert pretty.json == compact.json


def test_replies_carry_the_recorded_headers(jobs: Service) -> None:
    headers = jobs.send("GET", CUSTOM).headers
    recorded = {"content-type": "application/json; charset=UTF-8", "server": "ESF", "vary": "Origin, X-Origin, Referer"}
    assert {name: headers.get(name) for name in recorded} == recorded


def test_the_recorded_404_is_matched_to_the_byte(jobs: Service) -> None:
    assert len(jobs.send("GET", f"{CUSTOM}/1").body) == 112


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1/projects/demo"),
        ("GET", "/v1/projects/demo/locations/us-central1/models"),
        ("GET", "/v1/projects/demo/customJobs"),
        ("GET", "/v1/projects/demo/locations/us-central1/jobs"),
        ("PATCH", f"{CUSTOM}/1"),
        ("GET", f"{CUSTOM}/1:getIamPolicy"),
        ("POST", f"{CUSTOM}/1:explode"),
        ("PUT", CUSTOM),
        ("DELETE", f"{ML}/one"),
        ("POST", "/v1/projects/demo/locations/us-central1/operations/1"),
        ("GET", "/emulator/v1/nothing"),
        ("GET", f"{NAS}/1/operations"),
        ("GET", f"{CUSTOM}/1/nasTrialDetails"),
        ("POST", f"{CUSTOM}/1/operations/2"),
        ("POST", f"{CUSTOM}/1/operations/2:undelete"),
        ("POST", f"{NAS}/1/nasTrialDetails/2:cancel"),
        ("DELETE", "/v1/projects/demo/operations/2"),
        ("POST", "/v1/projects/demo/operations/2:wait"),
        ("GET", f"{ML}/one/operations"),
        ("GET", f"{CUSTOM}/1/operations/2/more"),
        ("GET", "/v1/projects/demo/locations/us-central1/operations/1/operations"),
        ("GET", "/v1beta1/projects/demo/locations/us-central1/customJobs"),
    ],
)
def test_unknown_paths_and_methods_are_a_404_in_html(jobs: Service, method: str, path: str) -> None:
    answer = jobs.send(method, path)
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [("POST", CUSTOM, "requestId"), ("GET", CUSTOM, "orderBy"), ("GET", f"{CUSTOM}/1", "view")],
)
def test_unknown_query_parameters_are_refused(jobs: Service, method: str, path: str, name: str) -> None:
    answer = jobs.send(method, path, **{name: "1"})
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")
    assert answer.message.startswith(
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.'
    )


def test_a_pool_that_only_names_a_machine_is_accepted_as_job_files_in_use_have_it(jobs: Service) -> None:
    first = with_pool()["jobSpec"]["workerPoolSpecs"][0]
    answer = jobs.send(
        "POST", CUSTOM, with_spec(workerPoolSpecs=[first, {"machineSpec": {"machineType": "n1-standard-4"}}])
    )
    assert answer.status == 200
