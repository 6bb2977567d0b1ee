"""What the emulator promises of operations: under their location, under their job, and for an API without locations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.emulator import behaviour, switches
from reconciler.vocabulary.wire import Request
from tests.support import service
from tests.support.service import CUSTOM, NAS, Service

PLACE = "/v1/projects/demo/locations/us-central1"
OPERATIONS = f"{PLACE}/operations"
ML_OPERATIONS = "/v1/projects/demo/operations"


@pytest.fixture(params=service.WIRES)
def jobs(request: pytest.FixtureRequest) -> Iterator[Service]:
    with service.opened(request.param) as found:
        yield found


def deleted(jobs: Service, path: str = CUSTOM, body: Any = None) -> tuple[str, Any]:
    """The path of a job that was deleted a day after its creation, and the operation of its delete."""
    made = jobs.create(path, service.custom_job() if body is None else body)
    jobs.clock.advance(86_400)
    answer = jobs.send("DELETE", f"/v1/{made['name']}")
    assert answer.status == 200
    return f"/v1/{made['name']}", answer.json


def test_an_operation_is_read_listed_waited_for_and_dropped(jobs: Service) -> None:
    _, operation = deleted(jobs)
    path = f"/v1/{operation['name']}"
    assert jobs.send("GET", path).json == operation
    assert jobs.send("POST", f"{path}:wait").json == operation
    assert jobs.send("GET", OPERATIONS).json == {"operations": [operation]}
    assert jobs.send("DELETE", path).body == b"{}\n"
    assert jobs.send("GET", OPERATIONS).body == b"{}\n"
    for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", ":wait"), ("POST", ":cancel")):
        answer = jobs.send(method, path + suffix)
        assert (answer.status, answer.error) == (404, "NOT_FOUND")


def test_the_operation_of_a_delete_has_the_recorded_shape(jobs: Service) -> None:
    _, operation = deleted(jobs)
    generic = operation["metadata"].pop("genericMetadata")
    assert set(generic) == {"createTime", "updateTime"}
    assert generic["createTime"] == generic["updateTime"]
    prefix = "type.googleapis.com/google."
    assert operation == {
        "name": operation["name"],
        "metadata": {"@type": f"{prefix}cloud.aiplatform.v1.DeleteOperationMetadata"},
        "done": True,
        "response": {"@type": f"{prefix}protobuf.Empty"},
    }


def test_a_custom_job_lists_its_operations_under_their_own_names(jobs: Service) -> None:
    job, operation = deleted(jobs)
    deleted(jobs)
    below = f"{job}/operations"
    assert jobs.send("GET", below).json == {"operations": [operation]}
    path = f"{below}/{operation['name'].rpartition('/')[2]}"
    assert jobs.send("GET", path).json == operation
    assert jobs.send("POST", f"{path}:wait", timeout="1.5s").json == operation
    assert jobs.send("POST", f"{path}:cancel").status == 400
    assert jobs.send("DELETE", path).json == {}
    assert jobs.send("GET", below).json == {}
    assert jobs.send("GET", path).status == 404
    assert len(jobs.rows(OPERATIONS, "operations")) == 1


def test_an_operation_dropped_at_its_location_is_gone_from_its_job(jobs: Service) -> None:
    job, operation = deleted(jobs)
    jobs.send("DELETE", f"/v1/{operation['name']}")
    assert jobs.send("GET", f"{job}/operations").json == {}
    assert jobs.send("GET", f"{job}/operations/{operation['name'].rpartition('/')[2]}").status == 404


def test_the_operation_of_another_job_is_not_found(jobs: Service) -> None:
    job, _ = deleted(jobs)
    _, other = deleted(jobs)
    assert jobs.send("GET", f"{job}/operations/{other['name'].rpartition('/')[2]}").status == 404


def test_no_operation_of_jobs_can_be_cancelled(jobs: Service) -> None:
    _, operation = deleted(jobs)
    answer = jobs.send("POST", f"/v1/{operation['name']}:cancel", {})
    assert (answer.status, answer.error) == (400, "FAILED_PRECONDITION")
    assert answer.message == f"Operation {operation['name']} is not cancellable."


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 200),
        ({"timeout": ""}, 200),
        ({"timeout": "10s"}, 200),
        ({"timeout": "0.000000001s"}, 200),
        ({"timeout": "10"}, 400),
        ({"timeout": "-1s"}, 400),
        ({"timeout": "1h"}, 400),
        ({"seconds": "1"}, 400),
    ],
)
def test_a_wait_takes_a_duration(jobs: Service, query: dict[str, str], status: int) -> None:
    _, operation = deleted(jobs)
    assert jobs.send("POST", f"/v1/{operation['name']}:wait", **query).status == status


def test_a_polled_delete_is_done_once_it_is_waited_for() -> None:
    behaviours = switches.behaviours(behaviour.load(), {"delete-operation": "polled"})
    with service.opened("in process", behaviours=behaviours) as jobs:
        _, operation = deleted(jobs)
        assert set(operation) == {"name", "metadata"}
        assert jobs.send("POST", f"/v1/{operation['name']}:wait").json["done"] is True


def test_operations_are_paged_and_their_tokens_bound(jobs: Service) -> None:
    for path, body in ((CUSTOM, None), (NAS, service.nas_job())) * 3:
        deleted(jobs, path, body)
    every = jobs.send("GET", OPERATIONS).json["operations"]
    assert len(every) == 6
    assert jobs.rows(OPERATIONS, "operations", pageSize="4") == every
    token = jobs.send("GET", OPERATIONS, pageSize="2").json["nextPageToken"]
    assert jobs.send("GET", OPERATIONS, pageSize="5", pageToken=token).json == {"operations": every[2:]}
    for path, query in (
        (OPERATIONS, {"filter": "done=true"}),
        (OPERATIONS.replace("us-central1", "europe-west4"), {}),
        (CUSTOM, {}),
        (ML_OPERATIONS, {}),
    ):
        answer = jobs.send("GET", path, pageToken=token, **query)
        assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")
    assert jobs.send("GET", OPERATIONS, pageSize="-1").status == 400


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[Service, list[Any]]]:
    """A service with two operations, a day apart, older first."""
    with service.opened("in process") as found:
        yield found, [deleted(found)[1], deleted(found)[1]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("done=true", "01"),
        ("done=false", ""),
        ("done!=true", ""),
        ("NOT done:false", "01"),
        ('name="ZERO"', "0"),
        ("name!=ZERO", "1"),
        ("name:*/operations/*", "01"),
        ("metadata.genericMetadata.createTime>=SECOND", "1"),
        ("metadata.generic_metadata.update_time<SECOND", "0"),
        ("metadata.genericMetadata.createTime!=SECOND OR done=false", "0"),
    ],
)
def test_operations_are_filtered(two: tuple[Service, list[Any]], text: str, found: str) -> None:
    jobs, made = two
    second = made[1]["metadata"]["genericMetadata"]["createTime"]
    text = text.replace("ZERO", made[0]["name"]).replace("SECOND", second)
    rows = jobs.rows(OPERATIONS, "operations", filter=text)
    assert "".join(sorted(str(made.index(row)) for row in rows)) == found


@pytest.mark.parametrize("text", ["done=yes", "done>true", "state=x", "metadata=x", "response:*", "labels:a", "("])
def test_what_operations_do_not_have_is_refused_in_a_filter(two: tuple[Service, list[Any]], text: str) -> None:
    answer = two[0].send("GET", OPERATIONS, filter=text)
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")


def test_times_of_any_number_of_digits_are_compared_in_full() -> None:
    with service.opened("in process") as jobs:
        made = jobs.create(CUSTOM, service.custom_job())
        for seconds in (86_400, 0.5, 0.000001):
            jobs.clock.advance(seconds)
            jobs.emulator.set_state(made["name"], "JOB_STATE_SUCCEEDED")
            jobs.send("DELETE", f"/v1/{made['name']}")
            made = jobs.create(CUSTOM, service.custom_job())
        times = [row["metadata"]["genericMetadata"]["createTime"] for row in jobs.rows(OPERATIONS, "operations")]
        assert sorted(map(len, times)) == [20, 24, 27]
        for time in times:
            [row] = jobs.rows(OPERATIONS, "operations", filter=f"metadata.genericMetadata.createTime={time}")
            assert row["metadata"]["genericMetadata"]["createTime"] == time


def test_partial_success_is_not_implemented_unless_it_is_not_asked_for(jobs: Service) -> None:
    answer = jobs.send("GET", OPERATIONS, returnPartialSuccess="true")
    assert (answer.status, answer.error) == (501, "UNIMPLEMENTED")
    assert jobs.send("GET", OPERATIONS, returnPartialSuccess="false").json == {}


def test_jobs_of_ml_start_no_operations(jobs: Service) -> None:
    assert jobs.send("GET", ML_OPERATIONS).body == b"{}\n"
    for method, path in (("GET", f"{ML_OPERATIONS}/1"), ("POST", f"{ML_OPERATIONS}/1:cancel")):
        answer = jobs.send(method, path)
        assert (answer.status, answer.error) == (404, "NOT_FOUND")


def test_the_wildcard_location_is_refused(jobs: Service) -> None:
    assert jobs.send("GET", OPERATIONS.replace("us-central1", "-")).status == 400


def test_only_the_dropping_of_an_operation_is_told_as_a_change(jobs: Service) -> None:
    _, operation = deleted(jobs)
    for method, suffix in (("GET", ""), ("POST", ":wait"), ("POST", ":cancel"), ("DELETE", "")):
        jobs.send(method, f"/v1/{operation['name']}{suffix}")
    told = [entry.committed for entry in jobs.emulator.audit() if "/operations/" in entry.path]
    assert told == [False, False, False, True]


@pytest.mark.parametrize(
    ("host", "status"), [("ml.googleapis.com", 200), ("us-central1-aiplatform.googleapis.com", 404)]
)
def test_operations_of_a_project_are_those_of_ml(host: str, status: int) -> None:
    with service.opened("in process") as jobs:
        assert jobs.emulator(Request("GET", f"https://{host}{ML_OPERATIONS}", {}, b"")).status == status


def test_operations_survive_a_restart(tmp_path: Any) -> None:
    database = str(tmp_path / "emulator.db")
    with service.opened("in process", database) as first:
        job, operation = deleted(first)
    with service.opened("in process", database) as second:
        assert second.send("GET", f"{job}/operations").json == {"operations": [operation]}
