"""What every kind's methods promise, over both faces of the emulator: create, get, cancel, delete, life cycle, restart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.state.lifecycle import INSTANT, Timings
from tests.support import service
from tests.support.service import CUSTOM, ML, NAS, Service

LOCATED = [(CUSTOM, service.custom_job(), "CustomJob"), (NAS, service.nas_job(), "NasJob")]


@pytest.fixture(params=service.WIRES)
def jobs(request: pytest.FixtureRequest) -> Iterator[Service]:
    with service.opened(request.param) as found:
        yield found


def states(jobs: Service, path: str, moments: list[float]) -> list[str]:
    seen, passed = [], 0.0
    for moment in moments:
        jobs.clock.advance(moment - passed)
        passed = moment
        seen.append(jobs.send("GET", path).json["state"].removeprefix("JOB_STATE_"))
    return seen


@pytest.mark.parametrize(("path", "body", "noun"), LOCATED)
def test_create_answers_the_job_itself_pending_with_a_server_made_name(
    jobs: Service, path: str, body: Any, noun: str
) -> None:
    made = jobs.create(path, body)
    collection = path.rpartition("/")[2]
    assert re.fullmatch(rf"projects/[0-9]+/locations/us-central1/{collection}/[0-9]{{18,19}}", made["name"])
    assert made["state"] == "JOB_STATE_PENDING"
    assert made["createTime"] == made["updateTime"]
    assert "startTime" not in made


@pytest.mark.parametrize(("path", "body", "noun"), LOCATED)
def test_get_answers_what_create_answered(jobs: Service, path: str, body: Any, noun: str) -> None:
    made = jobs.create(path, body)
    assert jobs.send("GET", f"/v1/{made['name']}").json == made


@pytest.mark.parametrize(("path", "body", "noun"), LOCATED)
@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("DELETE", ""), ("POST", ":cancel")])
def test_a_missing_job_is_a_404_without_details(
    jobs: Service, path: str, body: Any, noun: str, method: str, suffix: str
) -> None:
    answer = jobs.send(method, f"{path}/123{suffix}")
    assert answer.status == 404
    assert answer.json == {"error": {"code": 404, "message": f"The {noun} does not exist.", "status": "NOT_FOUND"}}


def test_a_project_may_be_given_as_id_or_as_number(jobs: Service) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    by_id = f"{CUSTOM}/{made['name'].rpartition('/')[2]}"
    assert jobs.send("GET", by_id).json == jobs.send("GET", f"/v1/{made['name']}").json


def test_project_numbers_can_be_given(tmp_path: Path) -> None:
    with service.opened("in process", projects={"demo": "42"}) as jobs:
        assert jobs.create(CUSTOM, service.custom_job())["name"].startswith("projects/42/")


def test_every_create_makes_another_job_with_a_later_time(jobs: Service) -> None:
    first, second = (jobs.create(CUSTOM, service.custom_job()) for _ in range(2))
    assert first["name"] != second["name"]
    assert first["createTime"] != second["createTime"]


def test_a_custom_job_goes_back_to_queued_before_it_runs(jobs: Service) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    seen = states(jobs, f"/v1/{made['name']}", [0, 0.4, 2.6, 3, 599.9, 600])
    assert seen == ["PENDING", "QUEUED", "PENDING", "RUNNING", "RUNNING", "SUCCEEDED"]


def test_a_start_time_shows_while_the_job_is_still_queued(jobs: Service) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    jobs.clock.advance(0.4)
    queued = jobs.send("GET", f"/v1/{made['name']}").json
    assert queued["startTime"] == queued["updateTime"] != made["updateTime"]


def test_a_finished_job_has_an_end_time_and_no_error(jobs: Service) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    jobs.clock.advance(10_000)
    ended = jobs.send("GET", f"/v1/{made['name']}").json
    assert ended["endTime"] == ended["updateTime"]
    assert "error" not in ended


@pytest.mark.parametrize(("path", "body", "noun"), LOCATED)
def test_a_cancel_is_taken_at_once_and_shows_later(jobs: Service, path: str, body: Any, noun: str) -> None:
    made = jobs.create(path, body)
    answer = jobs.send("POST", f"/v1/{made['name']}:cancel")
    assert (answer.status, answer.body) == (200, b"{}\n")
    assert states(jobs, f"/v1/{made['name']}", [0.9, 1.1]) == ["QUEUED", "CANCELLED"]
    ended = jobs.send("GET", f"/v1/{made['name']}").json
    assert ended["error"] == {"code": 1, "message": "CANCELED"}
    assert ended["endTime"] == ended["updateTime"]


def test_a_job_that_ends_before_its_cancel_works_has_succeeded(jobs: Service) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    jobs.clock.advance(599.5)
    assert jobs.send("POST", f"/v1/{made['name']}:cancel").status == 200
    assert states(jobs, f"/v1/{made['name']}", [2]) == ["SUCCEEDED"]


def test_a_second_cancel_neither_fails_nor_delays_the_first(jobs: Service) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    jobs.send("POST", f"/v1/{made['name']}:cancel")
    jobs.clock.advance(0.8)
    assert jobs.send("POST", f"/v1/{made['name']}:cancel").status == 200
    assert states(jobs, f"/v1/{made['name']}", [0.3]) == ["CANCELLED"]


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_cancel_takes_an_empty_body_and_an_empty_object(jobs: Service, body: bytes) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    assert jobs.send_bytes("POST", f"/v1/{made['name']}:cancel", body).status == 200


@pytest.mark.parametrize(("path", "body", "noun"), LOCATED)
def test_a_finished_job_cannot_be_cancelled(jobs: Service, path: str, body: Any, noun: str) -> None:
    made = jobs.create(path, body)
    jobs.clock.advance(10_000)
    answer = jobs.send("POST", f"/v1/{made['name']}:cancel")
    assert (answer.status, answer.error) == (400, "FAILED_PRECONDITION")
    assert f'The {noun} "{made["name"]}" is in state JOB_STATE_SUCCEEDED' in answer.message


@pytest.mark.parametrize(("path", "body", "noun"), LOCATED)
def test_a_live_job_cannot_be_deleted(jobs: Service, path: str, body: Any, noun: str) -> None:
    made = jobs.create(path, body)
    answer = jobs.send("DELETE", f"/v1/{made['name']}")
    assert (answer.status, answer.error) == (400, "FAILED_PRECONDITION")
    assert jobs.send("GET", f"/v1/{made['name']}").status == 200


@pytest.mark.parametrize(("path", "body", "noun"), LOCATED)
def test_delete_answers_a_done_operation_of_the_location(jobs: Service, path: str, body: Any, noun: str) -> None:
    made = jobs.create(path, body)
    jobs.clock.advance(10_000)
    operation = jobs.send("DELETE", f"/v1/{made['name']}").json
    assert re.fullmatch(r"projects/[0-9]+/locations/us-central1/operations/[0-9]+", operation["name"])
    assert operation["done"] is True
    assert operation["response"] == {"@type": "type.googleapis.com/google.protobuf.Empty"}
    assert jobs.send("GET", f"/v1/{operation['name']}").json == operation
    assert jobs.send("GET", f"/v1/{made['name']}").status == 404
    assert jobs.send("GET", path).json == {}


def test_an_unknown_operation_is_a_404(jobs: Service) -> None:
    answer = jobs.send("GET", "/v1/projects/demo/locations/us-central1/operations/5")
    assert (answer.status, answer.error) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("state", "error", "ended"),
    [
        ("JOB_STATE_RUNNING", None, False),
        ("JOB_STATE_PAUSED", None, False),
        ("JOB_STATE_FAILED", {"code": 3, "message": "The replica workerpool0-0 exited with status 1."}, True),
        ("JOB_STATE_EXPIRED", None, True),
        ("JOB_STATE_PARTIALLY_SUCCEEDED", None, True),
    ],
)
def test_a_state_that_was_set_stays(jobs: Service, state: str, error: Any, ended: bool) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    body = {"state": state} | ({"error": error} if error else {})
    assert jobs.send("POST", f"/emulator/v1/{made['name']}:setState", body).status == 200
    jobs.clock.advance(10_000)
    found = jobs.send("GET", f"/v1/{made['name']}").json
    assert (found["state"], found.get("error"), "endTime" in found) == (state, error, ended)


def test_a_job_whose_state_was_set_can_be_cancelled_again(jobs: Service) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    jobs.send("POST", f"/v1/{made['name']}:cancel")
    jobs.emulator.set_state(made["name"], "JOB_STATE_RUNNING")
    jobs.send("POST", f"/v1/{made['name']}:cancel")
    assert states(jobs, f"/v1/{made['name']}", [0.5, 1.1]) == ["RUNNING", "CANCELLED"]


def test_a_state_can_be_set_by_a_call(jobs: Service) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    jobs.emulator.set_state(made["name"], "JOB_STATE_CANCELLED")
    assert jobs.send("GET", f"/v1/{made['name']}").json["error"] == {"code": 1, "message": "CANCELED"}
    for name in ("projects/demo/locations/us-central1/customJobs/5", "nonsense"):
        with pytest.raises(LookupError):
            jobs.emulator.set_state(name, "JOB_STATE_CANCELLED")


def test_the_clock_is_told_and_advanced_over_the_control_path(jobs: Service) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    before = jobs.send("GET", "/emulator/v1/clock").json
    assert before == {"now": made["createTime"], "settable": True}
    assert jobs.send("POST", "/emulator/v1/clock:advance", {"seconds": 700}).json["now"] > before["now"]
    assert jobs.send("GET", f"/v1/{made['name']}").json["state"] == "JOB_STATE_SUCCEEDED"


@pytest.mark.parametrize("body", [{}, {"seconds": -1}, {"seconds": "1"}, {"seconds": True}, []])
def test_an_advance_that_is_no_number_of_seconds_is_refused(jobs: Service, body: Any) -> None:
    assert jobs.send("POST", "/emulator/v1/clock:advance", body).status == 400


@pytest.mark.parametrize(
    ("timings", "seen"),
    [
        (INSTANT, ["SUCCEEDED", "SUCCEEDED"]),
        (Timings(speed=100), ["PENDING", "SUCCEEDED"]),
        (Timings(ends=False), ["PENDING", "RUNNING"]),
    ],
)
def test_timings_change_how_fast_jobs_live(timings: Timings, seen: list[str]) -> None:
    with service.opened("in process", timings=timings) as jobs:
        made = jobs.create(CUSTOM, service.custom_job())
        assert made["state"] == "JOB_STATE_PENDING"
        assert states(jobs, f"/v1/{made['name']}", [0, 601]) == seen


@pytest.mark.parametrize("path", [CUSTOM, NAS, ML])
def test_jobs_and_their_timelines_survive_a_restart(tmp_path: Path, path: str) -> None:
    database = str(tmp_path / "deep" / "emulator.db")
    bodies = {CUSTOM: service.custom_job(), NAS: service.nas_job(), ML: service.ml_job("one")}
    with service.opened("in process", database) as first:
        made = first.create(path, bodies[path])
        where = f"/v1/{made['name']}" if "name" in made else f"{ML}/one"
        clock = first.clock
    with service.opened("in process", database, clock=clock) as second:
        assert second.send("GET", where).json == made
        clock.advance(601)
        assert second.send("GET", where).json["state"].endswith("SUCCEEDED")


def test_ids_that_are_taken_are_drawn_again(tmp_path: Path) -> None:
    database = str(tmp_path / "emulator.db")
    names = []
    for _ in range(2):
        with service.opened("in process", database, seed=1) as jobs:
            names.append(jobs.create(CUSTOM, service.custom_job())["name"])
    assert len(set(names)) == 2
