"""Whatever is sent, the emulator answers in its own shapes: no exception leaves it and nothing half done stays."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import service
from tests.support.service import CUSTOM, ML, NAS, Service

NAMES = st.sampled_from(
    (
        "displayName",
        "display_name",
        "jobSpec",
        "workerPoolSpecs",
        "worker_pool_specs",
        "machineSpec",
        "acceleratorType",
        "acceleratorCount",
        "containerSpec",
        "imageUri",
        "args",
        "env",
        "name",
        "value",
        "replicaCount",
        "diskSpec",
        "labels",
        "scheduling",
        "timeout",
        "nasJobSpec",
        "jobId",
        "trainingInput",
        "hyperparameters",
        "params",
        "multiTrialAlgorithmSpec",
        "metric",
        "goal",
        "error",
        "state",
        "etag",
        "x",
    )
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("NVIDIA_L4")
JSON = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(NAMES, below, max_size=4), max_leaves=12
)
WORDS = st.sampled_from(
    (
        "labels",
        ".",
        "team",
        "=",
        "!=",
        ":",
        "*",
        "AND",
        "OR",
        "NOT",
        "(",
        ")",
        '"a"',
        "state",
        "create_time",
        ">",
        "-",
        "'",
        "JOB_STATE_RUNNING",
        "2025-06-15T15:08:40Z",
        "display_name",
        "\\",
        "é",
        "<=",
        "[",
        "\x00",
        "jobId",
    )
)
QUICK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def jobs() -> Iterator[Service]:
    with service.opened("in process") as found:
        found.create(CUSTOM, service.custom_job(labels={"team": "vision"}))
        yield found


@QUICK
@given(body=JSON, path=st.sampled_from([CUSTOM, NAS, ML]))
def test_any_json_is_answered_as_a_create(jobs: Service, body: Any, path: str) -> None:
    answer = jobs.send_bytes("POST", path, json.dumps(body).encode())
    assert answer.status in (200, 400, 409)
    assert answer.json


@QUICK
@given(body=JSON, verb=st.sampled_from([":cancel", ":setIamPolicy", ":testIamPermissions", "?updateMask=labels,etag"]))
def test_any_json_is_answered_by_the_other_methods(jobs: Service, body: Any, verb: str) -> None:
    method = "PATCH" if verb.startswith("?") else "POST"
    assert jobs.send_bytes(method, f"{ML}/none{verb}", json.dumps(body).encode()).status in (200, 400, 404)


@QUICK
@given(words=st.lists(WORDS, max_size=8), glue=st.sampled_from(["", " "]), path=st.sampled_from([CUSTOM, ML]))
def test_any_filter_is_answered(jobs: Service, words: list[str], glue: str, path: str) -> None:
    assert jobs.send("GET", path, filter=glue.join(words)).status in (200, 400)


@QUICK
@given(
    token=st.text(max_size=20) | JSON.map(lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode())
)
def test_any_page_token_is_refused(jobs: Service, token: str) -> None:
    assert jobs.send("GET", CUSTOM, pageToken=token).status == (400 if token else 200)


@pytest.mark.parametrize(
    "position", [[2**70, "1"], [-1, "1"], [1, "\ud800"], [[], {}], ["x", "y"], [1, ""], [1.5e400, "1"]]
)
def test_a_forged_position_is_refused(jobs: Service, position: list[Any]) -> None:
    jobs.create(CUSTOM, service.custom_job())
    token = jobs.send("GET", CUSTOM, pageSize="1").json["nextPageToken"]
    binding = json.loads(base64.urlsafe_b64decode(token + "=="))[0]
    forged = base64.urlsafe_b64encode(json.dumps([binding, *position]).encode()).decode().rstrip("=")
    assert jobs.send("GET", CUSTOM, pageToken=forged).status == 400


@QUICK
@given(text=st.text(alphabet="a,()/*. {}é", max_size=12), name=st.sampled_from(["fields", "readMask"]))
def test_any_mask_is_answered(jobs: Service, text: str, name: str) -> None:
    assert jobs.send("GET", CUSTOM, **{name: text}).status in (200, 400)


@QUICK
@given(path=st.text(alphabet="/:v1projectslocations%customJobs.-?#é\x00", max_size=40))
def test_any_path_is_answered(jobs: Service, path: str) -> None:
    assert jobs.send("GET", f"/v1/projects/{path}").status in (200, 400, 404)


@pytest.mark.parametrize("depth", [900, 950, 980, 990, 5_000])
def test_a_deep_body_is_refused_not_fatal(jobs: Service, depth: int) -> None:
    raw = b'{"displayName": ' + b"[" * depth + b"]" * depth + b"}"
    assert jobs.send_bytes("POST", CUSTOM, raw).status == 400


def test_a_refused_create_leaves_nothing_behind(jobs: Service) -> None:
    before = len(jobs.rows(CUSTOM, "customJobs"))
    jobs.send("POST", CUSTOM, service.custom_job(labels={"Bad": "x"}))
    assert len(jobs.rows(CUSTOM, "customJobs")) == before
