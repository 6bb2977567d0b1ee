"""An API is data: one more, of another version and on another host, is served without a line of code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from reconciler.emulator import behaviour
from reconciler.emulator.behaviour import rules
from reconciler.files import schemas
from reconciler.vocabulary.kinds import Kinds
from reconciler.vocabulary.wire import Request
from tests.support import service
from tests.support.service import Service

KINDS = schemas.load_kinds()
DOCUMENTS = list(behaviour.documents())
MINE = "/v2/projects/demo/locations/us-central1/jobs"
OPERATIONS = "projects/demo/locations/us-central1/operations"


def more_kinds() -> Kinds:
    """The kinds there are, and the ml job once more as a kind of a located API of version 2."""
    api = replace(KINDS["Job"].api, name="example.googleapis.com/v2", located=True)
    return {**KINDS, "Job2": replace(KINDS["Job"], name="Job2", api=api)}


def more_documents() -> list[dict[str, Any]]:
    ml = next(each for each in DOCUMENTS if each["api"].startswith("ml."))
    hosts = {"service": "example", "regions": ["us-central1"], "multi_regions": []}
    [kind] = ml["kinds"]
    more = {"api": "example.googleapis.com/v2", "title": "Example", "hosts": hosts, "kinds": [{**kind, "kind": "Job2"}]}
    for sort in rules.SORTS:
        more[sort] = [{**rule, "message": "Job2" if rule["message"] == "Job" else rule["message"]} for rule in ml[sort]]
    return [*DOCUMENTS, {**ml, **more}]


@pytest.fixture
def jobs() -> Iterator[Service]:
    with service.opened("in process", kinds=more_kinds(), behaviours=behaviour.parse(more_documents())) as opened:
        yield opened


def asked(jobs: Service, host: str, path: str) -> tuple[int, str]:
    reply = jobs.transport(Request("GET", f"https://{host}{path}"))
    return reply.status, reply.body.decode()


def test_a_kind_of_another_api_has_paths_and_names_of_its_own(jobs: Service) -> None:
    made = jobs.create(MINE, service.ml_job("mine"))
    jobs.create(service.ML, service.ml_job("theirs"))
    assert made["jobId"] == "mine"
    assert [row["jobId"] for row in jobs.rows(MINE, "jobs")] == ["mine"]
    assert [row["jobId"] for row in jobs.rows(service.ML, "jobs")] == ["theirs"]
    assert jobs.send("GET", f"{MINE.replace('v2', 'v1')}/mine").status == 404


def test_the_host_tells_which_api_is_meant(jobs: Service) -> None:
    jobs.create(MINE, service.ml_job("mine"))
    assert asked(jobs, "us-central1-example.googleapis.com", MINE)[0] == 200
    assert asked(jobs, "us-central1-aiplatform.googleapis.com", MINE)[0] == 404
    assert asked(jobs, "europe-west4-example.googleapis.com", MINE)[0] == 404
    assert asked(jobs, "example.googleapis.com", MINE)[0] == 400  # the global host serves no region


def test_operations_of_a_location_are_those_of_the_api_that_host_and_version_name(jobs: Service) -> None:
    assert asked(jobs, "us-central1-example.googleapis.com", f"/v2/{OPERATIONS}")[0] == 200
    assert asked(jobs, "us-central1-example.googleapis.com", f"/v1/{OPERATIONS}")[0] == 404
    assert asked(jobs, "us-central1-aiplatform.googleapis.com", f"/v1/{OPERATIONS}")[0] == 200
    waited = Request("POST", f"http://any.host/v2/{OPERATIONS}/1:wait")
    assert jobs.transport(waited).body.startswith(b"<!DOCTYPE")  # this API waits for no operation


def test_injected_errors_speak_of_the_api_that_was_called(jobs: Service) -> None:
    jobs.send("POST", "/emulator/v1/faults", {"faults": [{"action": "status", "body": "api_disabled"}]})
    told = {path: jobs.send("GET", path).message.split(" API ")[0] for path in (MINE, service.ML, service.CUSTOM)}
    assert told == {
        MINE: "Example",
        service.ML: "AI Platform Training & Prediction",
        service.CUSTOM: "Vertex AI",
    }
