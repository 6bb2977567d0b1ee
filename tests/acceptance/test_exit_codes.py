"""Every exit code of the contract by a real cause, and which one wins where several hold."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.cli import main
from reconciler.vocabulary.wire import Request, Response
from tests.support.faults import is_create, refusal
from tests.support.stage import Service, Stage, bound, command_line

BROKEN = refusal(500, "INTERNAL", "Internal error encountered.")
REFUSED = refusal(400, "INVALID_ARGUMENT", "Quota project is closed.")
FORBIDDEN = refusal(403, "PERMISSION_DENIED", "Permission 'aiplatform.customJobs.list' denied.")


def lock(stage: Stage) -> int:
    folder = stage.root / ".reconciler"
    folder.mkdir(exist_ok=True)
    held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    return held


def test_0_says_done_and_nothing_to_do(stage: Stage, service: Service) -> None:
    assert stage.run("apply", "--yes").code == 0
    assert stage.run("apply", "--yes").code == 0
    assert stage.run("plan", "--detailed-exitcode").code == 0
    assert len(service.writes) == 1


def test_2_comes_only_where_it_was_asked_for_and_there_are_changes(stage: Stage, service: Service) -> None:
    assert stage.run("plan").code == 0
    for flag in ("--detailed-exitcode", "-detailed-exitcode"):
        assert stage.run("plan", flag).code == 2
    stage.ok("apply", "--yes")
    assert stage.run("plan", "-detailed-exitcode").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["nonsense"],
        [],
        ["plan", "--nonsense"],
        ["plan", "a", "b"],
        ["plan", "--out"],
        ["plan", "--allow-cancel", "-1"],
        ["plan", "--allow-cancel", "many"],
        ["plan", "-o", "nonsense"],
        ["plan", "-o", "text", "-o", "json"],
        ["apply", "--parallelism", "0"],
        ["apply", "--on-error", "panic"],
        ["apply", "--wait=forever"],
        ["apply", "--wait", "--timeout", "soon"],
        ["show"],
        ["convert"],
        ["explain", "NoKind", "--schema"],
        ["iam"],
        ["iam", "nonsense"],
    ],
)
def test_1_is_the_code_of_every_usage_error_and_2_of_none(stage: Stage, arguments: list[str]) -> None:
    stage.stack()
    stage.job()
    done = stage.run(*arguments)
    assert (done.code, done.out) == (1, "")
    assert done.err
    assert "Traceback" not in done.err


def test_3_refuses_a_plan_that_is_stale(stage: Stage, service: Service) -> None:
    stage.ok("plan", "--out", "a.plan.json")
    stage.ok("apply", "--yes")
    before = len(service.writes)
    done = stage.run("apply", "a.plan.json")
    assert done.code == 3
    assert len(service.writes) == before


def test_3_refuses_another_digest_than_the_one_approved(stage: Stage, service: Service) -> None:
    stage.ok("plan", "--out", "a.plan.json")
    digest = stage.ok("show", "a.plan.json", "--verify").out.strip()
    for target in ("a.plan.json", "."):
        for flag in ("--expect-digest", "--expect"):
            done = stage.run("apply", target, "--yes", flag, "sha256:0000")
            assert done.code == 3
            assert digest in done.err
            assert "sha256:0000" in done.err
    assert service.writes == []
    assert stage.run("apply", "a.plan.json", "--expect", digest).code == 0


def test_4_blocks_what_nobody_wrote_down_and_still_shows_and_saves_the_plan(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes")
    stage.job(replicas=2)
    for flags in ([], ["--detailed-exitcode"]):
        done = stage.run("plan", "--out", "a.plan.json", *flags)
        assert done.code == 4
        assert "--allow-cancel 1" in done.out
    assert stage.run("apply", "--yes").code == 4
    assert stage.run("apply", "a.plan.json").code == 4
    assert len(service.writes) == 1
    assert stage.run("apply", "a.plan.json", "--allow-cancel", "1").code == 0


def test_5_says_that_somebody_else_holds_the_lock(stage: Stage, service: Service) -> None:
    held = lock(stage)
    try:
        done = stage.run("apply", "--yes")
        assert done.code == 5
        assert service.writes == []
        assert stage.run("plan").code == 0
    finally:
        os.close(held)


@pytest.mark.parametrize("state", ["JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED"])
def test_6_says_that_a_job_waited_for_did_not_succeed(stage: Stage, service: Service, state: str) -> None:
    service.end_new_jobs(state)
    done = stage.run("apply", "--yes", "--wait")
    assert done.code == 6
    assert "created" in done.out


def test_6_is_not_told_without_wait_nor_of_a_job_that_succeeded(stage: Stage, service: Service) -> None:
    service.end_new_jobs("JOB_STATE_FAILED")
    assert stage.run("apply", "--yes").code == 0
    stage.job("other")
    service.after.clear()
    service.end_new_jobs("JOB_STATE_SUCCEEDED")
    assert stage.run("apply", "--yes", "--wait").code == 0


def test_7_says_that_the_wait_was_too_short(stage: Stage, service: Service) -> None:
    assert stage.run("apply", "--yes", "--wait", "--timeout", "30s").code == 7
    stage.job("other")
    assert stage.run("apply", "--yes", "--wait=running", "--timeout", "30s").code == 0
    stage.job("third")
    assert stage.run("apply", "--yes", "--wait=finished", "--timeout", "1h").code == 0


def test_8_says_that_one_create_was_refused_and_another_was_not(stage: Stage, service: Service) -> None:
    stage.job("bad")
    service.spoil("POST", "bad", REFUSED)
    done = stage.run("apply", "--yes", "--on-error", "continue", "-o", "json")
    assert done.code == 8
    assert {outcome["address"]: outcome["status"] for outcome in done.json["outcomes"]} == {
        "CustomJob/bad": "failed",
        "CustomJob/train": "created",
    }
    service.spoils.clear()
    assert stage.run("apply", "--yes").code == 0


def test_8_says_that_a_create_stayed_uncertain(stage: Stage, service: Service) -> None:
    service.spoils.append(lambda request: BROKEN if is_create(request) else None)
    done = stage.run("apply", "--yes", "-o", "json")
    assert done.code == 8
    assert done.json["summary"]["uncertain"] == 1


@pytest.mark.parametrize("policy", ["stop", "continue"])
@pytest.mark.parametrize("at_once", [1, 10])
def test_1_says_that_the_service_refused_everything(stage: Stage, service: Service, policy: str, at_once: int) -> None:
    stage.job("other")
    stage.job("third")
    service.spoils.append(lambda request: REFUSED if is_create(request) else None)
    done = stage.run("apply", "--yes", "--on-error", policy, "--parallelism", at_once)
    assert done.code == 1
    assert "Quota project is closed." in done.out


def edited(stage: Stage) -> list[str]:
    stage.run("plan", "--out", "a.plan.json")
    plan = json.loads((stage.root / "a.plan.json").read_text())
    plan["changes"][0]["reason"] = "rerun"
    stage.write("a.plan.json", json.dumps(plan))
    return ["a.plan.json"]


def stale(stage: Stage) -> list[str]:
    stage.job(replicas=2)
    stage.run("plan", "--out", "a.plan.json")
    stage.run("apply", "--yes", "--allow-cancel", "1")
    return ["a.plan.json"]


def blocked(stage: Stage) -> list[str]:
    stage.job(replicas=2)
    stage.run("plan", "--out", "a.plan.json")
    return ["a.plan.json"]


PRECEDENCE: list[tuple[str, Callable[[Stage], list[str]], bool, list[str], int]] = [
    ("an edited plan before a lock", edited, True, [], 3),
    ("an edited plan before a usage error", edited, False, ["--select", "*"], 3),
    ("a stale plan before its block", stale, False, [], 3),
    ("a lock before a block", blocked, True, [], 5),
    ("a usage error before a block", blocked, False, ["--wait", "--timeout", "soon"], 1),
]


@pytest.mark.parametrize(("what", "prepare", "locked", "more", "code"), PRECEDENCE, ids=[row[0] for row in PRECEDENCE])
def test_the_first_code_of_the_order_wins(
    stage: Stage,
    service: Service,
    what: str,
    prepare: Callable[[Stage], list[str]],
    locked: bool,
    more: list[str],
    code: int,
) -> None:
    stage.ok("apply", "--yes")
    target = prepare(stage)
    held = lock(stage) if locked else None
    try:
        assert stage.run("apply", *target, *more).code == code
    finally:
        if held is not None:
            os.close(held)


def test_8_wins_over_6_and_6_over_7(stage: Stage, service: Service) -> None:
    def end_one(request: Request, reply: Response) -> None:
        if is_create(request) and b'"train"' in request.body:
            service.emulator.set_state(json.loads(reply.body)["name"], "JOB_STATE_FAILED")

    service.after.append(end_one)
    stage.job("slow")
    assert stage.run("apply", "--yes", "--wait", "--timeout", "1s").code == 6
    stage.job("bad")
    stage.job("train", replicas=2)
    service.spoil("POST", '"bad"', REFUSED)
    assert stage.run("apply", "--yes", "--wait", "--timeout", "1s", "--on-error", "continue").code == 8


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_130_and_143_follow_a_signal_after_the_call_in_flight_was_recorded(
    stage: Stage, service: Service, number: signal.Signals, code: int
) -> None:
    """The signal arrives while the first create is at the service; the second create is never sent."""
    stage.job("other")
    at_the_service, told = threading.Event(), threading.Event()

    def hold(request: Request) -> Response | None:
        if is_create(request):
            at_the_service.set()
            told.wait(30)
        return None

    service.spoils.append(hold)
    with subprocess.Popen(
        command_line("apply", "--yes", "--parallelism", "1"), cwd=stage.root, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert at_the_service.wait(30)
        process.send_signal(number)
        assert process.stderr is not None
        assert process.stdout is not None
        while "Stopping" not in process.stderr.readline():
            assert process.poll() is None
        told.set()
        out, _ = process.communicate(timeout=30)
    assert process.returncode == code
    assert "created" in out
    assert len(service.writes) == 1
    journal = "".join(path.read_text() for path in Path(stage.root, ".reconciler", "journal").rglob("*.jsonl"))
    assert "created" in journal
    service.spoils.clear()
    assert stage.actions() == {"CustomJob/other": "noop", "CustomJob/train": "create"}


def test_a_second_signal_stops_at_once_and_the_next_apply_sends_nothing_twice(stage: Stage, service: Service) -> None:
    at_the_service, told = threading.Event(), threading.Event()

    def hold(request: Request, reply: Response) -> None:
        if is_create(request):
            at_the_service.set()
            told.wait(30)

    service.after.append(hold)
    with subprocess.Popen(
        command_line("apply", "--yes"), cwd=stage.root, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            assert at_the_service.wait(30)
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            while "Stopping" not in process.stderr.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=10)
        finally:
            told.set()
    assert process.returncode == 130
    assert stage.run("apply", "--yes").code == 0
    assert len(service.writes) == 1


def test_an_interrupt_while_planning_ends_quietly_with_130(stage: Stage, service: Service) -> None:
    listing, told = threading.Event(), threading.Event()

    def hold(request: Request) -> None:
        listing.set()
        told.wait(30)

    service.spoils.append(hold)
    with subprocess.Popen(
        command_line("plan"), cwd=stage.root, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert listing.wait(30)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        finally:
            told.set()
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err


def test_a_forbidden_list_is_an_error_and_never_an_empty_list(stage: Stage, service: Service) -> None:
    service.spoil("GET", "customJobs", FORBIDDEN)
    for arguments in (["plan"], ["apply", "--yes"], ["destroy", "--yes"], ["status"]):
        done = stage.run(*arguments)
        assert done.code == 1
        assert "aiplatform.customJobs.list" in done.err
    assert service.writes == []


def test_a_backend_that_cannot_be_reached_is_an_error_after_at_least_eight_tries(stage: Stage) -> None:
    with bound(lambda request: refusal(503, "UNAVAILABLE", "Down.")) as url:
        stage.stack(url)
        stage.job()
        assert stage.run("plan").code == 1
    before = stage.clock.now()
    done = stage.run("plan")
    assert done.code == 1
    assert url.removeprefix("http://") in done.err
    assert 30 < stage.clock.now() - before < 180


def test_run_without_arguments_reads_those_of_the_process(stage: Stage) -> None:
    stage.monkeypatch.setattr("sys.argv", ["reconciler", "version"])
    assert main.run() == 0
