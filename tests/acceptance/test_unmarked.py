"""A live job that lost our labels is told, left alone, and nothing starts beside it while it is active."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.vocabulary.wire import Request
from tests.support.stage import ML_JOB, Done, Service, Stage, lacking

JOBS = "/v1/projects/demo-project/jobs"
FIRST = "score_3fa94c1b_1"
Labels = dict[str, str]

LOSSES: dict[str, Callable[[Labels], Labels]] = {
    "all labels": lambda labels: {},
    "all of ours": lambda labels: {"team": "vision"},
    "owner and stack of others": lambda labels: {
        **labels,
        "reconciler_owner": "00000000",
        "reconciler_stack": "theirs",
    },
    "name and owner": lambda labels: {"reconciler_run": labels["reconciler_run"]},
}


def relabel(service: Service, change: Callable[[Labels], Labels], job: str = FIRST) -> None:
    """Set a job's labels as a person with a console does."""
    url = f"{service.url}{JOBS}/{job}"
    row = json.loads(service.emulator(Request("GET", url)).body)
    body = json.dumps({"labels": change(row.get("labels", {}))}).encode()
    reply = service.emulator(Request("PATCH", f"{url}?updateMask=labels", {}, body))
    assert reply.status == 200, reply.body


def state(service: Service, job: str = FIRST) -> str:
    return str(json.loads(service.emulator(Request("GET", f"{service.url}{JOBS}/{job}")).body)["state"])


def change(done: Done) -> Mapping[str, Any]:
    [found] = [each for each in done.json["changes"] if each["address"] == "Job/score"]
    return dict(found)


def edit(stage: Stage, old: str, new: str) -> None:
    file = stage.root / "score.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def stripped(stage: Stage, service: Service, request: pytest.FixtureRequest) -> Stage:
    """A stack whose running ml job lost its labels; a test names store and loss."""
    store, loss = getattr(request, "param", (".reconciler", "all labels"))
    (stage.root / "train.yaml").unlink()
    stage.stack(service.url, f"store: {store}\n")
    stage.write("score.yaml", ML_JOB)
    stage.ok("apply", "--yes")
    relabel(service, LOSSES[loss])
    service.requests.clear()
    return stage


every_loss = pytest.mark.parametrize(
    "stripped", [(store, loss) for store in ("none", ".reconciler") for loss in LOSSES], indirect=True, ids=str
)
each_store = pytest.mark.parametrize(
    "stripped", [("none", "all labels"), (".reconciler", "all labels")], indirect=True, ids=str
)


def left_alone(stage: Stage, service: Service, *arguments: str) -> None:
    """Plan, apply and hold that the job goes on, that no other is there, and that it is told."""
    planned = stage.run("plan", "-o", "json", *arguments)
    assert planned.code == 0, planned
    found = change(planned)
    assert (found["action"], found["reason"]) == ("noop", "unmarked")
    assert any(FIRST in note and "labels no longer say so" in note for note in found["notes"])
    stage.ok("apply", "--yes", "--allow-empty", "--allow-cancel", "9", "--allow-delete", "9", *arguments)
    assert service.writes == []
    assert [row["jobId"] for row in service.rows(JOBS, "jobs")] == [FIRST]


def ended(stage: Stage) -> list[Path]:
    """What the ledger holds of ends."""
    return [file for file in stage.root.glob(".reconciler/**/*") if file.is_file() and "ended" in file.name]


@every_loss
def test_an_active_job_that_lost_its_labels_is_left_alone_and_doubled_by_nothing(
    stripped: Stage, service: Service
) -> None:
    left_alone(stripped, service)
    assert state(service) in ("QUEUED", "PREPARING", "RUNNING")
    assert ended(stripped) == []
    left_alone(stripped, service)


@each_store
@pytest.mark.parametrize(
    "edited",
    [("score:1", "score:2"), ("metadata: {name: score}", "metadata: {name: score}\nlifecycle: {rerun: {token: t1}}")],
    ids=["another spec", "a token"],
)
def test_nothing_starts_beside_it_whatever_the_manifest_says(
    stripped: Stage, service: Service, edited: tuple[str, str]
) -> None:
    edit(stripped, *edited)
    left_alone(stripped, service)


@each_store
def test_nothing_starts_beside_it_by_rerun(stripped: Stage, service: Service) -> None:
    done = stripped.run("plan", "--rerun", "Job/score", "-o", "json")
    assert (change(done)["action"], change(done)["reason"]) == ("noop", "unmarked")


@each_store
@pytest.mark.parametrize("wanted", ["Cancelled", "Absent"])
def test_a_manifest_that_wants_it_stopped_or_absent_does_not_touch_it(
    stripped: Stage, service: Service, wanted: str
) -> None:
    edit(stripped, "metadata: {name: score}", f"metadata: {{name: score}}\nlifecycle: {{desired: {wanted}}}")
    left_alone(stripped, service)
    assert state(service) in ("QUEUED", "PREPARING", "RUNNING")


def test_the_removal_of_its_manifest_does_not_touch_it_and_blocks_nothing_by_number(
    stripped: Stage, service: Service
) -> None:
    (stripped.root / "score.yaml").unlink()
    stripped.job()
    done = stripped.run("plan", "-o", "json")
    assert done.code == 0
    assert (change(done)["action"], change(done)["reason"]) == ("noop", "unmarked")
    stripped.ok("apply", "--yes")
    assert [request.method for request in service.writes] == ["POST"]
    assert ended(stripped) == []


def test_destroy_does_not_touch_it(stripped: Stage, service: Service) -> None:
    done = stripped.ok("destroy", "--yes", "--delete")
    assert "unmarked" in done.out
    assert service.writes == []
    assert ended(stripped) == []


@each_store
def test_status_shows_it(stripped: Stage, service: Service) -> None:
    del service
    assert lacking(stripped.ok("status").out, ["1 (unmarked)", "unmarked"]) == []
    [address] = stripped.ok("status", "-o", "json").json["addresses"]
    assert [(run["number"], run["marked"]) for run in address["runs"]] == [(1, False)]


@each_store
def test_once_it_ended_the_same_spec_does_not_run_again(stripped: Stage, service: Service) -> None:
    service.emulator.set_state(f"projects/demo-project/jobs/{FIRST}", "FAILED")
    edit(stripped, "metadata: {name: score}", 'metadata: {name: score}\nlifecycle: {rerun: {"on": [failed]}}')
    left_alone(stripped, service)
    assert ended(stripped) == []


@each_store
@pytest.mark.parametrize("way", ["another spec", "--rerun"])
def test_once_it_ended_another_spec_and_a_wish_for_one_more_run_start_the_next(
    stripped: Stage, service: Service, way: str
) -> None:
    service.emulator.set_state(f"projects/demo-project/jobs/{FIRST}", "FAILED")
    if way == "another spec":
        edit(stripped, "score:1", "score:2")
    stripped.ok("apply", "--yes", *([] if way == "another spec" else ["--rerun", "Job/score"]))
    assert [row["jobId"] for row in service.rows(JOBS, "jobs")] == ["score_3fa94c1b_2", FIRST]


def test_once_it_ended_a_new_token_starts_the_next_where_the_ledger_knows_the_old_one(
    stripped: Stage, service: Service
) -> None:
    service.emulator.set_state(f"projects/demo-project/jobs/{FIRST}", "SUCCEEDED")
    edit(stripped, "metadata: {name: score}", "metadata: {name: score}\nlifecycle: {rerun: {token: t1}}")
    stripped.ok("apply", "--yes")
    assert len(service.rows(JOBS, "jobs")) == 2


@pytest.mark.parametrize("stripped", [("none", "all labels")], indirect=True, ids=str)
def test_a_token_that_it_may_carry_itself_is_not_taken_for_a_new_one(stripped: Stage, service: Service) -> None:
    service.emulator.set_state(f"projects/demo-project/jobs/{FIRST}", "SUCCEEDED")
    edit(stripped, "metadata: {name: score}", "metadata: {name: score}\nlifecycle: {rerun: {token: t1}}")
    left_alone(stripped, service)


@each_store
def test_behind_an_older_run_that_lists_show_it_is_found_too(stage: Stage, service: Service, stripped: Stage) -> None:
    assert stage is stripped
    service.emulator.set_state(f"projects/demo-project/jobs/{FIRST}", "SUCCEEDED")
    edit(stripped, "score:1", "score:2")
    stripped.ok("apply", "--yes")
    labels = next(row for row in service.rows(JOBS, "jobs") if row["jobId"] == "score_3fa94c1b_2")["labels"]
    relabel(service, lambda _: {**labels, "reconciler_run": "1-" + "0" * 32})
    relabel(service, lambda _: {}, "score_3fa94c1b_2")
    edit(stripped, "score:2", "score:3")
    done = stripped.run("plan", "-o", "json")
    assert (change(done)["action"], change(done)["reason"]) == ("noop", "unmarked")


def test_a_plan_made_before_the_loss_cancels_nothing(stage: Stage, service: Service) -> None:
    (stage.root / "train.yaml").unlink()
    stage.write("score.yaml", ML_JOB)
    stage.ok("apply", "--yes")
    edit(stage, "score:1", "score:2")
    stage.run("plan", "--allow-cancel", "1", "--out", "p.json")
    relabel(service, LOSSES["all of ours"])
    service.requests.clear()
    done = stage.run("apply", "p.json", "--allow-cancel", "1")
    assert done.code == 3
    assert "lost its labels" in done.err
    assert service.writes == []


def test_a_job_that_got_its_labels_back_is_ours_again(stage: Stage, service: Service) -> None:
    (stage.root / "train.yaml").unlink()
    stage.write("score.yaml", ML_JOB)
    stage.ok("apply", "--yes")
    [row] = service.rows(JOBS, "jobs")
    relabel(service, LOSSES["all labels"])
    stage.ok("apply", "--yes")
    relabel(service, lambda _: row["labels"])
    assert change(stage.run("plan", "-o", "json"))["reason"] == "up_to_date"
    service.emulator.set_state(f"projects/demo-project/jobs/{FIRST}", "SUCCEEDED")
    stage.ok("apply", "--yes")
    assert len(ended(stage)) == 1


def test_the_policy_of_an_unmarked_job_is_not_set(stripped: Stage, service: Service) -> None:
    policy = stripped.ok("iam", "get", "Job/score").out
    stripped.write("policy.json", policy)
    service.requests.clear()
    done = stripped.run("iam", "set", "Job/score", "policy.json")
    assert done.code == 1
    assert service.writes == []
