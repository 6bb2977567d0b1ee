"""The events of a running apply: one JSON object a line, written as they happen."""

from __future__ import annotations

import json
import os
import threading
from typing import Any

import pytest

from reconciler.vocabulary.wire import Request, Response
from tests.support.stage import CUSTOM, Service, Stage


def events(text: str) -> list[dict[str, Any]]:
    """Read the lines."""
    return [json.loads(line) for line in text.splitlines()]


def test_an_apply_tells_each_step_and_the_same_summary_as_its_json(stage: Stage, service: Service) -> None:
    stage.job("other")
    done = stage.ok("apply", "--yes", "--parallelism", 1, "-o", "jsonl", "-o", "json=outcome.jsn")
    told = events(done.out)
    assert [each["event"] for each in told] == ["plan", *["operation"] * 4, "summary"]
    outcome = json.loads((stage.root / "outcome.jsn").read_text("utf-8"))
    assert told[-1]["summary"] == outcome["summary"]
    assert told[0]["planDigest"] == told[-1]["planDigest"] == outcome["planDigest"]
    assert told[0]["summary"]["create"] == 2
    steps = [(each["address"], each["operation"], each["status"]) for each in told[1:-1]]
    addresses = ["CustomJob/other", "CustomJob/train"]
    assert steps == [(each, "create", status) for each in addresses for status in ("", "created")]
    assert [each["resource"] for each in told[2:-1:2]] == [each["resource"] for each in outcome["outcomes"]]
    assert all(each["time"] for each in told)


def test_waiting_and_failing_are_told_too(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes", "--wait=running", "-o", "jsonl=events.log")
    told = events((stage.root / "events.log").read_text("utf-8"))
    waits = [each for each in told if each["event"] == "wait"]
    assert [each["status"] for each in waits][-1] == "RUNNING"
    assert {each["address"] for each in waits} == {"CustomJob/train"}
    stage.job("second")
    service.spoil(
        "POST", CUSTOM, Response(403, {}, b'{"error": {"code": 403, "message": "no", "status": "FORBIDDEN"}}')
    )
    done = stage.run("apply", "--yes", "--select", "*/second", "-o", "jsonl")
    assert done.code == 1
    failed = events(done.out)[-2]
    assert (failed["operation"], failed["status"]) == ("create", "failed")
    assert "no" in failed["error"]


def test_a_stream_of_a_refused_apply_has_no_summary(stage: Stage) -> None:
    stage.stack()
    stage.job()
    stage.ok("plan", "--out", "a.plan.json")
    stage.ok("apply", "a.plan.json")
    done = stage.run("apply", "a.plan.json", "-o", "jsonl")
    assert done.code == 3
    assert [each["event"] for each in events(done.out)] == ["plan"]


def test_a_file_that_cannot_be_written_stops_before_any_call(stage: Stage) -> None:
    stage.stack()
    stage.job()
    done = stage.run("apply", "--yes", "-o", "jsonl=nowhere/events.log")
    assert done.code == 1
    assert "nowhere/events.log cannot be written" in done.err
    assert stage.run("plan", "-o", "json").json["summary"]["create"] == 1


@pytest.mark.parametrize("command", ["plan", "validate"])
def test_events_belong_to_an_apply(stage: Stage, command: str) -> None:
    stage.stack()
    done = stage.run(command, "-o", "jsonl")
    assert done.code == 1
    assert "belongs to apply and destroy" in done.err


def test_a_reader_that_goes_away_in_the_middle_stops_no_replace(stage: Stage, service: Service) -> None:
    stage.job()
    stage.ok("apply", "--yes")
    stage.job(replicas=2, more="lifecycle: {onChange: replace}\n")
    os.mkfifo(stage.root / "events")
    gone = threading.Event()

    def read_one_line() -> None:
        with (stage.root / "events").open() as reader:
            reader.readline()
        gone.set()

    def cancelled(request: Request, reply: Response) -> None:
        if request.url.endswith(":cancel"):
            assert gone.wait(20)

    service.after.append(cancelled)
    reader = threading.Thread(target=read_one_line)
    reader.start()
    done = stage.run("apply", "--yes", "--parallelism", 1, "-o", "jsonl=events", "-o", "json")
    reader.join()
    assert done.json["summary"]["replaced"] == 1
    assert done.code == 1
    assert "events lacks events" in done.err
    assert [row["state"] for row in service.rows()].count("JOB_STATE_CANCELLED") == 1
    assert len(service.rows()) == 2


def test_events_that_cannot_be_written_from_the_start_stop_before_any_call(stage: Stage, service: Service) -> None:
    done = stage.run("apply", "--yes", "-o", "jsonl=/dev/full")
    assert done.code == 1
    assert "/dev/full lacks events" in done.err
    assert service.writes == []


def test_what_was_done_is_told_where_the_wait_after_it_fails(stage: Stage, service: Service) -> None:
    service.spoil(
        "GET", "/customJobs/", Response(403, {}, b'{"error": {"code": 403, "message": "no", "status": "FORBIDDEN"}}')
    )
    done = stage.run("apply", "--yes", "--wait", "-o", "json", "-o", "jsonl=events.log")
    assert done.code == 1
    assert done.json["summary"]["created"] == 1
    assert events((stage.root / "events.log").read_text("utf-8"))[-1]["event"] == "summary"
    assert "403" in done.err
