"""How jobs live under each policy: as recorded, at once, by hand, by a seed. Seeds are looked at through the API alone."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import main
from reconciler.emulator import behaviour
from reconciler.emulator.state import lifecycle, random_lives
from reconciler.emulator.state.clocks import ManualClock
from tests.contract.test_emulator_command import send
from tests.support import service
from tests.support.emulator import emulating
from tests.support.service import CUSTOM, ML, NAS

KINDS = {CUSTOM: "CustomJob", NAS: "NasJob", ML: "Job"}
LONG = 100_000.0
"""Seconds after which every drawn life has ended: no job waits and runs longer than 7,500."""


def body(path: str, number: int) -> dict[str, Any]:
    if path == ML:
        return service.ml_job(f"job_{number}")
    made = service.custom_job() if path == CUSTOM else service.nas_job()
    return made | {"displayName": f"job-{number}"}


def place(path: str, made: dict[str, Any]) -> str:
    return f"{ML}/{made['jobId']}" if path == ML else f"/v1/{made['name']}"


def opened(life: str, wire: str = "in process", **more: Any) -> Any:
    return service.opened(wire, timings=lifecycle.preset(life), **more)


def outcome(job: dict[str, Any]) -> tuple[str, str]:
    """Return how a job ended, in its state and its error."""
    error = job.get("error", {}).get("message") or job.get("errorMessage", "")
    return job["state"].removeprefix("JOB_STATE_"), error


def outcomes(life: str, path: str, numbers: list[int], **more: Any) -> dict[int, tuple[Any, ...]]:
    """Create jobs in the order given and read, long after, how each ended and how long that took."""
    found = {}
    with opened(life, **more) as jobs:
        names = {number: place(path, jobs.create(path, body(path, number))) for number in numbers}
        begun = jobs.clock.now()
        jobs.clock.advance(LONG)
        for number, name in names.items():
            job = jobs.send("GET", name).json
            found[number] = (*outcome(job), round(seconds(job, "endTime") - begun, 1) if path != ML else 0)
    return found


def seconds(job: dict[str, Any], field: str) -> float:
    return datetime.fromisoformat(job[field]).timestamp()


@pytest.mark.parametrize("wire", service.WIRES)
@pytest.mark.parametrize("path", KINDS)
def test_an_instant_life_has_ended_by_the_next_read(path: str, wire: str) -> None:
    with opened("instant", wire) as jobs:
        name = place(path, jobs.create(path, body(path, 1)))
        assert outcome(jobs.send("GET", name).json) == ("SUCCEEDED", "")


@pytest.mark.parametrize("wire", service.WIRES)
@pytest.mark.parametrize("path", KINDS)
def test_a_life_by_hand_moves_when_told_and_not_before(path: str, wire: str) -> None:
    prefix = "" if path == ML else "JOB_STATE_"
    with opened("manual", wire) as jobs:
        made = jobs.create(path, body(path, 1))
        name = place(path, made)
        jobs.clock.advance(LONG)
        assert jobs.send("GET", name).json == made
        control = f"/emulator{name}:setState"
        jobs.send("POST", control, {"state": f"{prefix}RUNNING"})
        jobs.clock.advance(LONG)
        running = jobs.send("GET", name).json
        assert running["state"] == f"{prefix}RUNNING"
        assert "startTime" in running
        assert "endTime" not in running
        jobs.send("POST", control, {"state": f"{prefix}SUCCEEDED"})
        assert "endTime" in jobs.send("GET", name).json


@pytest.mark.parametrize("wire", service.WIRES)
def test_a_cancel_of_a_life_by_hand_is_taken_and_shows_when_told(wire: str) -> None:
    with opened("manual", wire) as jobs:
        name = place(CUSTOM, jobs.create(CUSTOM, body(CUSTOM, 1)))
        for _ in range(2):
            assert jobs.send("POST", f"{name}:cancel").status == 200
        jobs.clock.advance(LONG)
        assert jobs.send("GET", name).json["state"] == "JOB_STATE_PENDING"
        for state in ("JOB_STATE_CANCELLING", "JOB_STATE_CANCELLED"):
            jobs.send("POST", f"/emulator{name}:setState", {"state": state})
        ended = jobs.send("GET", name).json
        assert ended["error"] == {"code": 1, "message": "CANCELED"}
        assert jobs.send("POST", f"{name}:cancel").status == 400


def test_the_recorded_life_is_the_one_without_a_choice() -> None:
    assert lifecycle.preset("recorded") == lifecycle.RECORDED == lifecycle.Timings()


@pytest.mark.parametrize("name", ["", "fast", "random", "random:", "random:x", "random:1.5", "Instant", "manual:1"])
def test_a_life_that_is_none_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ValueError, match="recorded, instant, manual, random:SEED"):
        lifecycle.preset(name)


NUMBERS = list(range(40))


@pytest.mark.parametrize("path", KINDS)
def test_a_seed_draws_the_same_ends_whatever_ids_order_and_wire(path: str) -> None:
    first = outcomes("random:7", path, NUMBERS)
    turned = outcomes("random:7", path, NUMBERS[::-1], seed=99, wire="http")
    assert turned == first
    assert outcomes("random:8", path, NUMBERS) != first


def test_a_seed_draws_the_same_life_at_another_time() -> None:
    later = ManualClock(1_900_000_000.5)
    ends = {number: found[:2] for number, found in outcomes("random:7", CUSTOM, NUMBERS, clock=later).items()}
    assert ends == {number: found[:2] for number, found in outcomes("random:7", CUSTOM, NUMBERS).items()}


def test_jobs_that_say_the_same_draw_lives_of_their_own() -> None:
    with opened("random:7") as jobs:
        names = [place(CUSTOM, jobs.create(CUSTOM, body(CUSTOM, 1))) for _ in range(40)]
        jobs.clock.advance(LONG)
        found = Counter(outcome(jobs.send("GET", name).json) for name in names)
    assert len(found) > 3


def test_a_reset_lets_the_same_jobs_draw_the_same_lives_again() -> None:
    rounds = []
    with opened("random:7") as jobs:
        for _ in range(2):
            names = [place(CUSTOM, jobs.create(CUSTOM, body(CUSTOM, 1))) for _ in range(20)]
            jobs.clock.advance(LONG)
            rounds.append([outcome(jobs.send("GET", name).json) for name in names])
            assert jobs.send("POST", "/emulator/v1/reset").status == 200
    assert rounds[0] == rounds[1]


@pytest.fixture(scope="module", params=KINDS)
def many(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Four hundred drawn lives of each kind, ended, and the states each went through."""
    path = request.param
    with opened("random:3") as jobs:
        names = [place(path, jobs.create(path, body(path, number))) for number in range(400)]
        seen: dict[str, list[str]] = {name: [] for name in names}
        for _ in range(6):
            jobs.clock.advance(60)
            for name in names:
                seen[name].append(jobs.send("GET", name).json["state"].removeprefix("JOB_STATE_"))
        jobs.clock.advance(LONG)
        yield path, [{**jobs.send("GET", name).json, "seen": seen[name]} for name in names]


def test_every_way_of_the_data_is_drawn_about_as_often_as_it_weighs(many: tuple[str, list[dict[str, Any]]]) -> None:
    path, ended = many
    drawn_from = behaviour.load()[KINDS[path]].chances.runs
    drawn = Counter(outcome(job) for job in ended)
    total = sum(chance.weight for chance in drawn_from)
    for chance in drawn_from:
        told = chance.fields.get("error", {}).get("message") or chance.fields.get("errorMessage", "")
        key = (chance.state.removeprefix("JOB_STATE_"), told.replace("{location}", "us-central1"))
        share = len(ended) * chance.weight / total
        assert share / 3 <= drawn[key] <= share * 2 + 5, chance.name
    assert sum(drawn.values()) == len(ended)


def test_a_drawn_end_has_the_fields_of_its_state(many: tuple[str, list[dict[str, Any]]]) -> None:
    path, ended = many
    for job in ended:
        state, told = outcome(job)
        assert bool(told) == (state == "FAILED")
        assert "endTime" in job
        if path != ML:
            assert job["endTime"] == job["updateTime"]
            assert state != "FAILED" or job["error"]["code"] in (3, 5, 7, 8, 13)
        if path == NAS and state == "SUCCEEDED":
            assert job["nasJobOutput"]["multiTrialJobOutput"]["searchTrials"]


def test_a_job_without_quota_ends_without_having_run(many: tuple[str, list[dict[str, Any]]]) -> None:
    _, ended = many
    starved = [job for job in ended if "quota" in outcome(job)[1] or "exceeds" in outcome(job)[1]]
    assert starved
    assert not [job for job in starved if "RUNNING" in job["seen"]]
    assert [job for job in ended if "RUNNING" in job["seen"]]


SHOWN = 130
"""Seconds for which jobs are looked at after a cancel: longer than any takes."""


@pytest.fixture(scope="module")
def cancelled() -> list[list[str]]:
    """The states that jobs show, second by second, after a cancel in the first second in which they run."""
    rows: dict[str, list[str]] = {}
    with opened("random:3") as jobs:
        for number in range(100):
            jobs.create(CUSTOM, body(CUSTOM, number))
        for _ in range(300 + SHOWN):
            jobs.clock.advance(1)
            listed = jobs.rows(CUSTOM, "customJobs", pageSize="1000", fields="customJobs(name,state)")
            for job in listed:
                if job["name"] in rows:
                    rows[job["name"]].append(job["state"].removeprefix("JOB_STATE_"))
                elif job["state"] == "JOB_STATE_RUNNING":
                    assert jobs.send("POST", f"/v1/{job['name']}:cancel").json == {}
                    rows[job["name"]] = []
    return [seen[:SHOWN] for seen in rows.values() if len(seen) >= SHOWN]


def test_a_cancel_shows_late_or_half_way_or_not_at_all(cancelled: list[list[str]]) -> None:
    ways = Counter(("CANCELLING" in seen, seen[-1], seen.count("RUNNING") >= 10) for seen in cancelled)
    assert ways[False, "CANCELLED", False] > len(cancelled) / 3  # within seconds, CANCELLING never seen
    assert ways[True, "CANCELLED", False]  # half a minute of CANCELLING
    assert ways[False, "CANCELLED", True]  # goes on running for long
    assert ways[True, "SUCCEEDED", False] + ways[True, "FAILED", False]  # too late


def test_the_command_lets_jobs_live_as_told(tmp_path: Path) -> None:
    with emulating("--life", "instant", folder=tmp_path) as port:
        made = send(port, "POST", CUSTOM, service.custom_job())[1]
        assert send(port, "GET", f"/v1/{made['name']}")[1]["state"] == "JOB_STATE_SUCCEEDED"


def test_the_command_refuses_a_life_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["emulate", "--port", "0", "--life", "random"]) == 1
    assert "--life random: `random` is no life; there are recorded, instant" in capsys.readouterr().err


def test_drawn_steps_are_in_order_and_end_once() -> None:
    for kind, found in behaviour.load().items():
        for seed in range(200):
            about = f"{kind}:{random.Random(seed).random()}"
            for steps in (random_lives.life(found, seed, about, "here"), random_lives.cancel(found, seed, about)):
                assert [step.after for step in steps] == sorted(step.after for step in steps)
                assert [step.ends for step in steps] == [False] * (len(steps) - 1) + [True]
                assert {step.state for step in steps} <= set(found.state_numbers)


@pytest.mark.parametrize(("kind", "field"), [("CustomJob", "error"), ("NasJob", "error"), ("Job", "errorMessage")])
def test_a_drawn_cancel_brings_what_its_end_shows(kind: str, field: str) -> None:
    found = behaviour.load()[kind]
    ends = [random_lives.cancel(found, seed, "one")[-1] for seed in range(300)]
    assert {end.state.removeprefix("JOB_STATE_") for end in ends} >= {"CANCELLED", "SUCCEEDED"}
    for end in ends:
        state = end.state.removeprefix("JOB_STATE_")
        shown = {"CANCELLED": {field}, "FAILED": {field}, "SUCCEEDED": {"nasJobOutput"} if kind == "NasJob" else set()}
        assert set(end.fields) == shown[state]


@pytest.mark.parametrize("path", [CUSTOM, ML])
@pytest.mark.parametrize(("limit", "cut"), [("20s", True), ("8000s", False), ("0s", False)])
def test_a_drawn_run_ends_at_the_job_s_own_time_limit(path: str, limit: str, cut: bool) -> None:
    ended: Counter[str] = Counter()
    with opened("random:7") as jobs:
        for number in range(30):
            job = body(path, number)
            if path == CUSTOM:
                job["jobSpec"]["scheduling"] = {"timeout": limit}
            else:
                job["trainingInput"]["scheduling"] = {"maxRunningTime": limit}
            name = place(path, jobs.create(path, job))
            begun = jobs.clock.now()
            jobs.clock.advance(LONG)
            found = jobs.send("GET", name).json
            ended[outcome(found)[0]] += 1
            assert outcome(found)[0] != "CANCELLED" or seconds(found, "endTime") - begun < 322
    assert bool(ended["CANCELLED"]) is cut
    assert bool(ended["SUCCEEDED"]) is not cut
