"""What the emulator promises of searches: trials within their limits, their details, and the output of a finished one."""

from __future__ import annotations

import datetime
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.emulator.state.lifecycle import INSTANT
from tests.support import service
from tests.support.service import CUSTOM, NAS, Service


@pytest.fixture(params=service.WIRES)
def jobs(request: pytest.FixtureRequest) -> Iterator[Service]:
    with service.opened(request.param) as found:
        yield found


def search(most: int = 6, parallel: int = 2, trained: int = 0, frequency: int = 0, **more: Any) -> dict[str, Any]:
    job = service.nas_job()
    algorithm = job["nasJobSpec"]["multiTrialAlgorithmSpec"]
    algorithm["searchTrialSpec"] |= {"maxTrialCount": most, "maxParallelTrialCount": parallel} | more
    if trained:
        spec = algorithm["searchTrialSpec"]["searchTrialJobSpec"]
        stage = {"trainTrialJobSpec": spec, "maxParallelTrialCount": trained, "frequency": frequency}
        algorithm["trainTrialSpec"] = stage
    return job


def output(jobs: Service, name: str) -> Any:
    return jobs.send("GET", f"/v1/{name}").json["nasJobOutput"]["multiTrialJobOutput"]


def details(jobs: Service, name: str, **query: str) -> list[Any]:
    return jobs.rows(f"/v1/{name}/nasTrialDetails", "nasTrialDetails", **query)


def span(trial: Any) -> tuple[datetime.datetime, datetime.datetime]:
    start, end = (datetime.datetime.fromisoformat(trial[name]) for name in ("startTime", "endTime"))
    return start, end


def most_at_once(trials: list[Any]) -> int:
    spans = [span(trial) for trial in trials]
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)


def test_a_finished_search_ran_every_trial_within_its_parallel_limit(jobs: Service) -> None:
    made = jobs.create(NAS, search(most=7, parallel=3))
    jobs.clock.advance(10_000)
    ended = jobs.send("GET", f"/v1/{made['name']}").json
    trials = output(jobs, made["name"])["searchTrials"]
    assert [trial["id"] for trial in trials] == [str(number) for number in range(1, 8)]
    assert {trial["state"] for trial in trials} == {"SUCCEEDED"}
    assert most_at_once(trials) == 3
    assert all(ended["startTime"] < start["startTime"] for start in trials)
    assert max(trial["endTime"] for trial in trials) == ended["endTime"]
    for trial in trials:
        measured = trial["finalMeasurement"]
        start, end = span(trial)
        assert float(measured["elapsedDuration"].removesuffix("s")) == (end - start).total_seconds()
        assert [metric["metricId"] for metric in measured["metrics"]] == ["accuracy"]
        assert measured["stepCount"].isdecimal()


def test_trials_come_and_go_while_the_search_runs(jobs: Service) -> None:
    made = jobs.create(NAS, search(most=6, parallel=2))
    assert details(jobs, made["name"]) == []
    seen = []
    for seconds in (2, 3, 195, 200, 200):
        jobs.clock.advance(seconds)
        states = []
        for number in range(1, 7):
            answer = jobs.send("GET", f"/v1/{made['name']}/nasTrialDetails/{number}")
            states.append(answer.json["searchTrial"]["state"] if answer.status == 200 else "")
        seen.append(states)
    active, done = ["ACTIVE"] * 2, ["SUCCEEDED"] * 2
    assert seen == [
        [""] * 6,
        [*active, *[""] * 4],
        [*active, *[""] * 4],
        [*done, *active, "", ""],
        [*done, *done, *done],
    ]


def test_the_best_of_every_batch_are_trained_once_each(jobs: Service) -> None:
    made = jobs.create(NAS, search(most=9, parallel=3, trained=2, frequency=3))
    jobs.clock.advance(10_000)
    shown = output(jobs, made["name"])
    assert [trial["id"] for trial in shown["trainTrials"]] == ["1", "2", "3", "4", "5", "6"]
    assert most_at_once(shown["trainTrials"]) == 2
    rows = details(jobs, made["name"])
    trained = [row for row in rows if "trainTrial" in row]
    assert sorted(row["trainTrial"]["id"] for row in trained) == [trial["id"] for trial in shown["trainTrials"]]
    for row in trained:
        assert span(row["trainTrial"])[0] >= span(row["searchTrial"])[1]
    first = {row["searchTrial"]["id"] for row in trained if row["trainTrial"]["id"] in "12"}
    batch = [row["searchTrial"]["id"] for row in rows if int(row["searchTrial"]["id"]) <= 3]
    assert first == set(batch[:2])


@pytest.mark.parametrize(("goal", "down"), [("MAXIMIZE", True), ("MINIMIZE", False), (None, True)])
def test_details_are_listed_best_first(jobs: Service, goal: str | None, down: bool) -> None:
    job = search(most=8)
    job["nasJobSpec"]["multiTrialAlgorithmSpec"]["metric"] = {"metricId": "m", "goal": goal or "MAXIMIZE"}
    made = jobs.create(NAS, job)
    jobs.clock.advance(10_000)
    rows = details(jobs, made["name"])
    values = [row["searchTrial"]["finalMeasurement"]["metrics"][0]["value"] for row in rows]
    assert len(set(values)) > 2
    assert values == sorted(values, reverse=down)


def test_a_detail_names_itself_and_carries_its_parameters_as_text(jobs: Service) -> None:
    made = jobs.create(NAS, search())
    jobs.clock.advance(10_000)
    for row in details(jobs, made["name"]):
        assert set(row) == {"name", "parameters", "searchTrial"}
        assert row["name"] == f"{made['name']}/nasTrialDetails/{row['searchTrial']['id']}"
        assert isinstance(json.loads(row["parameters"]), dict)
        assert jobs.send("GET", f"/v1/{row['name']}").json == row


def test_details_are_paged_and_their_tokens_bound(jobs: Service) -> None:
    made, other = (jobs.create(NAS, search(most=5)) for _ in range(2))
    jobs.clock.advance(10_000)
    path = f"/v1/{made['name']}/nasTrialDetails"
    assert details(jobs, made["name"], pageSize="2") == details(jobs, made["name"])
    first = jobs.send("GET", path, pageSize="4").json
    assert len(first["nasTrialDetails"]) == 4
    assert "nextPageToken" not in jobs.send("GET", path, pageSize="5").json
    token = first["nextPageToken"]
    assert jobs.send("GET", f"/v1/{other['name']}/nasTrialDetails", pageToken=token).status == 400
    assert jobs.send("GET", path, pageToken="nonsense").status == 400
    assert jobs.send("GET", path, filter="id=1").status == 400


@pytest.mark.parametrize("suffix", ["", "/1"])
def test_the_details_of_a_search_that_is_not_there_are_a_404(jobs: Service, suffix: str) -> None:
    answer = jobs.send("GET", f"{NAS}/5/nasTrialDetails{suffix}")
    assert (answer.status, answer.message) == (404, "The NasJob does not exist.")


@pytest.mark.parametrize("trial", ["0", "7", "x", "01"])
def test_a_trial_that_is_not_there_is_a_404(jobs: Service, trial: str) -> None:
    made = jobs.create(NAS, search(most=6))
    jobs.clock.advance(10_000)
    assert jobs.send("GET", f"/v1/{made['name']}/nasTrialDetails/{trial}").status == 404


def test_states_of_trials_are_numbers_for_who_asks_so(jobs: Service) -> None:
    made = jobs.create(NAS, search(most=3, trained=1, frequency=1))
    jobs.clock.advance(10_000)
    numbers = {"$alt": "json;enum-encoding=int"}
    for row in details(jobs, made["name"], **numbers):
        assert (row["searchTrial"]["state"], row["trainTrial"]["state"]) == (4, 4)
    shown = jobs.send("GET", f"/v1/{made['name']}", **numbers).json["nasJobOutput"]["multiTrialJobOutput"]
    assert {trial["state"] for trial in (*shown["searchTrials"], *shown["trainTrials"])} == {4}


def test_a_cancelled_search_keeps_what_was_measured_and_starts_no_more(jobs: Service) -> None:
    made = jobs.create(NAS, search(most=6, parallel=2))
    jobs.clock.advance(300)
    before = details(jobs, made["name"])
    jobs.send("POST", f"/v1/{made['name']}:cancel")
    jobs.clock.advance(10_000)
    assert "nasJobOutput" not in jobs.send("GET", f"/v1/{made['name']}").json
    assert details(jobs, made["name"]) == before
    stopped = jobs.send("GET", f"/v1/{made['name']}/nasTrialDetails/3").json["searchTrial"]
    assert (stopped["state"], "endTime" in stopped) == ("STOPPING", False)
    assert jobs.send("GET", f"/v1/{made['name']}/nasTrialDetails/5").status == 404


def test_a_search_cancelled_before_it_ran_has_no_trials(jobs: Service) -> None:
    made = jobs.create(NAS, search())
    jobs.clock.advance(1)
    jobs.send("POST", f"/v1/{made['name']}:cancel")
    jobs.clock.advance(100)
    assert jobs.send("GET", f"/v1/{made['name']}").json["state"] == "JOB_STATE_CANCELLED"
    assert jobs.send("GET", f"/v1/{made['name']}/nasTrialDetails/1").status == 404


def test_a_search_that_fails_had_one_bad_trial_more_than_it_allows(jobs: Service) -> None:
    made = jobs.create(NAS, search(most=6, maxFailedTrialCount=2))
    jobs.clock.advance(60)
    jobs.emulator.set_state(made["name"], "JOB_STATE_FAILED", {"code": 3, "message": "Too many failed trials."})
    shown = [jobs.send("GET", f"/v1/{made['name']}/nasTrialDetails/{number}").json for number in range(1, 7)]
    states = [row["searchTrial"]["state"] for row in shown]
    assert states == ["SUCCEEDED"] * 3 + ["INFEASIBLE"] * 3
    assert all("finalMeasurement" not in row["searchTrial"] for row in shown[3:])
    assert len(details(jobs, made["name"])) == 3


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("JOB_STATE_FAILED", {"code": 8, "message": "Resources are insufficient in region: us-central1."}),
        ("JOB_STATE_FAILED", {"code": 7, "message": "Permission denied."}),
        ("JOB_STATE_FAILED", {"code": 5, "message": "No such image."}),
        ("JOB_STATE_EXPIRED", None),
        ("JOB_STATE_QUEUED", None),
    ],
)
def test_a_search_that_never_got_to_run_has_no_trials(jobs: Service, state: str, error: Any) -> None:
    made = jobs.create(NAS, search())
    jobs.clock.advance(400)
    assert details(jobs, made["name"])
    jobs.emulator.set_state(made["name"], state, error)
    assert details(jobs, made["name"]) == []
    assert jobs.send("GET", f"/v1/{made['name']}/nasTrialDetails/1").status == 404


def test_an_error_of_any_form_may_be_set(jobs: Service) -> None:
    made = jobs.create(NAS, search())
    jobs.clock.advance(400)
    jobs.emulator.set_state(made["name"], "JOB_STATE_FAILED", "in words")
    assert jobs.send("GET", f"/v1/{made['name']}/nasTrialDetails").status == 200


def test_a_search_set_to_succeeded_has_its_output(jobs: Service) -> None:
    made = jobs.create(NAS, search(most=3))
    jobs.emulator.set_state(made["name"], "JOB_STATE_SUCCEEDED")
    assert len(output(jobs, made["name"])["searchTrials"]) == 3


def test_an_instant_search_has_run_its_trials() -> None:
    with service.opened("in process", timings=INSTANT) as jobs:
        made = jobs.create(NAS, search(most=4, trained=1, frequency=2))
        shown = output(jobs, made["name"])
        assert [len(shown[stage]) for stage in ("searchTrials", "trainTrials")] == [4, 2]


@pytest.mark.parametrize("most", [2**31 - 1, 1000])
def test_a_search_of_any_size_is_answered(most: int) -> None:
    with service.opened("in process") as jobs:
        made = jobs.create(NAS, search(most=most, parallel=most, trained=3, frequency=1))
        jobs.clock.advance(10_000)
        assert len(output(jobs, made["name"])["searchTrials"]) == 1000
        assert len(details(jobs, made["name"])) == 1000


def test_a_custom_job_has_no_trials(jobs: Service) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    assert jobs.send("GET", f"/v1/{made['name']}/nasTrialDetails").status == 404


@given(
    most=st.integers(1, 30),
    parallel=st.integers(1, 8),
    trained=st.integers(0, 5),
    frequency=st.integers(1, 8),
    steps=st.lists(st.integers(1, 150), min_size=2, max_size=8),
    cancels=st.booleans(),
)
@settings(max_examples=60)
def test_no_trial_ever_breaks_a_limit_or_goes_back(
    most: int, parallel: int, trained: int, frequency: int, steps: list[int], cancels: bool
) -> None:
    with service.opened("in process") as jobs:
        made = jobs.create(NAS, search(most, parallel, trained, frequency))
        before: dict[str, str] = {}
        for at, seconds in enumerate(steps):
            jobs.clock.advance(seconds)
            found = {}
            for number in itertools.count(1):
                answer = jobs.send("GET", f"/v1/{made['name']}/nasTrialDetails/{number}")
                if answer.status == 404:
                    break
                for kind in ("searchTrial", "trainTrial"):
                    if kind in answer.json:
                        found[f"{kind} {answer.json[kind]['id']}"] = answer.json[kind]["state"]
            active = [name.split()[0] for name, state in found.items() if state == "ACTIVE"]
            assert active.count("searchTrial") <= parallel
            assert active.count("trainTrial") <= trained
            assert len([name for name in found if name.startswith("search")]) <= most
            assert all(found.get(name) == state for name, state in before.items() if state == "SUCCEEDED")
            assert before.keys() <= found.keys()
            before = found
            if cancels and at == 0:
                jobs.send("POST", f"/v1/{made['name']}:cancel")
