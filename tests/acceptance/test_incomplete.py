"""A reading known to have gaps blocks a plan and stops an apply; a place that is gone for good can be forgotten."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator

import pytest

from reconciler.emulator.faults.model import Fault, ShortPages, Unreachable
from reconciler.vocabulary.wire import Response
from tests.support import cloud_storage
from tests.support.cloud_storage import BUCKET, CloudStorage
from tests.support.faults import refusal
from tests.support.stage import PROJECT, Service, Stage, lacking, told

FORBIDDEN = refusal(403, "PERMISSION_DENIED", "Permission 'aiplatform.customJobs.list' denied (or it may not exist).")
MISSING = refusal(404, "NOT_FOUND", "The project was deleted.")
BROKEN = refusal(503, "UNAVAILABLE", "Down.")


def blocks(stage: Stage, *arguments: str) -> list[tuple[str, str]]:
    """The guards that block a plan, which comes with exit code 4 then."""
    done = stage.run("plan", "-o", "json", *arguments)
    found = [(each["rule"], each["message"]) for each in done.json["blocked"]]
    assert done.code == (4 if found else 0), done
    return found


# ---------------------------------------------------------------- a list that says itself what it lacks


def test_a_plan_over_a_list_that_could_not_reach_everything_is_printed_saved_and_blocked(
    stage: Stage, service: Service
) -> None:
    service.emulator.inject(Fault(Unreachable()))
    done = stage.run("plan", "--out", "p.json")
    assert done.code == 4
    text = " ".join(done.out.split())
    assert lacking(text, ["Blocked: incomplete", "CustomJob in demo-project/us-central1", "could not reach"]) == []
    assert "CustomJob/train" in text
    [found] = json.loads((stage.root / "p.json").read_text())["blocked"]
    assert (found["rule"], found["needs"]) == ("incomplete", {})
    for target in ("p.json", "."):
        flags = ["--yes", "--allow-cancel", "9", "--allow-delete", "9", "--allow-empty"]
        assert stage.run("apply", target, *flags).code == 4
    assert service.writes == []


def test_a_gap_on_a_later_page_blocks_too_and_what_was_read_is_kept(stage: Stage, service: Service) -> None:
    stage.stack(service.url, "store: none\n")
    for name in ("other", "third"):
        stage.job(name)
    stage.ok("apply", "--yes")
    service.emulator.inject(Fault(ShortPages(1)))
    service.emulator.inject(Fault(Unreachable(), first=3))
    done = stage.run("plan", "-o", "json")
    assert done.code == 4
    [found] = done.json["blocked"]
    assert found["rule"] == "incomplete"
    assert "noop" in [change["action"] for change in done.json["changes"]]


def test_a_plan_that_was_whole_is_not_applied_over_a_reading_that_is_not(stage: Stage, service: Service) -> None:
    stage.ok("plan", "--out", "p.json")
    service.emulator.inject(Fault(Unreachable(), last=1))
    done = stage.run("apply", "p.json")
    assert done.code == 4
    told(done, "incomplete", "could not reach")
    assert service.writes == []
    stage.ok("apply", "p.json")
    assert len(service.writes) == 1


def test_the_gap_may_open_between_plan_and_lock(stage: Stage, service: Service) -> None:
    service.emulator.inject(Fault(Unreachable(), first=3))  # after the plan's two lists: by owner and by stack name
    done = stage.run("apply", "--yes")
    assert done.code == 4
    assert service.writes == []


def test_an_apply_refused_for_a_gap_records_no_outcome_of_runs_it_did_not_see(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes")
    service.emulator.inject(Fault(Unreachable()))
    assert stage.run("apply", "--yes").code == 4
    ended = [name for name in stage.files() if "ended" in name]
    assert ended == []


def test_a_create_whose_look_up_has_a_gap_stays_uncertain(stage: Stage, service: Service) -> None:
    service.emulator.inject(Fault(Unreachable(), first=5))  # after two lists of the plan and two under the lock
    service.spoils.append(lambda request: BROKEN if request.method == "POST" else None)
    done = stage.run("apply", "--yes", "-o", "json")
    assert done.code == 8
    assert done.json["summary"]["uncertain"] == 1
    assert len(service.writes) == 1


def test_status_shows_what_is_there_and_tells_of_the_gap(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes")
    service.emulator.inject(Fault(ShortPages(1)))
    service.emulator.inject(Fault(Unreachable()))
    done = stage.ok("status")
    assert "CustomJob/train" in done.out
    assert "Warning: incomplete" in done.err


def test_a_policy_is_not_read_or_written_by_guess(stage: Stage, service: Service) -> None:
    service.emulator.inject(Fault(Unreachable()))
    done = stage.run("iam", "get", "Job/score")
    assert done.code == 4
    told(done, "incomplete")


# ---------------------------------------------------------------- a place that the stack left


@pytest.fixture
def cloud() -> CloudStorage:
    return CloudStorage(page_size=2)


@pytest.fixture(params=["folder", "bucket"])
def left(request: pytest.FixtureRequest, stage: Stage, service: Service, cloud: CloudStorage) -> Iterator[Stage]:
    """A stack that ran a job in one project and then covers only another, where it has the manifest again."""
    with cloud_storage.serving(cloud) as url:
        stage.monkeypatch.setenv("RECONCILER_STORE_ENDPOINT", url)
        stage.stack(service.url, f"store: gs://{BUCKET}/team\n" if request.param == "bucket" else "")
        stage.ok("apply", "--yes")
        text = (stage.root / "reconciler.yaml").read_text()
        stage.write("reconciler.yaml", text.replace("project: demo-project", "project: new-project"))
        yield stage


def shut(service: Service, answer: Response = FORBIDDEN) -> None:
    """Close the old project: lists by its id and gets by its number. `new-project` stays open."""
    number = service.rows()[0]["name"].split("/")[1]
    for project in (PROJECT, number):
        service.spoil("GET", f"/projects/{project}/", answer)


@pytest.mark.parametrize("answer", [FORBIDDEN, MISSING], ids=["403", "404"])
def test_a_place_that_was_left_and_is_closed_blocks_and_names_the_way_out(
    left: Stage, service: Service, answer: Response
) -> None:
    assert [rule for rule, _ in blocks(left)] == ["scope_left"]
    shut(service, answer)
    [(rule, message)] = blocks(left)
    assert rule == "incomplete"
    said = json.loads(answer.body)["error"]["message"]
    forget = f"reconciler forget --scope {PROJECT}/us-central1 --kind CustomJob"
    assert lacking(message, [f"CustomJob in {PROJECT}/us-central1", "cannot be listed", said, forget]) == []
    assert left.run("apply", "--yes").code == 4


def test_a_forgotten_place_is_not_asked_for_again(left: Stage, service: Service) -> None:
    shut(service)
    done = left.ok("forget", "--scope", f"{PROJECT}/us-central1", "--kind", "CustomJob", "--yes")
    told(done, f"CustomJob in {PROJECT}/us-central1", "403", "1 run", "Forgotten")
    before = len(service.requests)
    assert blocks(left) == []
    assert [request.url for request in service.requests[before:] if "new-project" not in request.url] == []
    left.ok("apply", "--yes")
    assert blocks(left) == []


def test_a_run_whose_end_nobody_saw_counts_as_ended_unknown_once_its_place_is_forgotten(
    left: Stage, service: Service
) -> None:
    shut(service)
    left.ok("forget", "--scope", PROJECT, "--yes")
    [change] = left.ok("plan", "-o", "json").json["changes"]
    assert (change["action"], change["reason"]) == ("noop", "vanished")


def test_forgetting_asks_first_and_a_no_changes_nothing(left: Stage, service: Service) -> None:
    shut(service)
    done = left.run("forget", "--scope", PROJECT)
    assert done.code == 1
    told(done, f"CustomJob in {PROJECT}/us-central1", "nobody to ask", "--yes")
    assert [rule for rule, _ in blocks(left)] == ["incomplete"]


def test_a_place_where_runs_of_ours_are_active_is_not_forgotten(left: Stage, service: Service) -> None:
    done = left.run("forget", "--scope", PROJECT, "--yes")
    assert done.code == 4
    told(done, "1 active run", f"CustomJob in {PROJECT}/us-central1")
    assert [rule for rule, _ in blocks(left)] == ["scope_left"]


def test_a_place_that_answers_and_holds_nothing_active_can_be_forgotten(left: Stage, service: Service) -> None:
    service.emulator.set_state(service.rows()[0]["name"], "JOB_STATE_SUCCEEDED")
    told(left.ok("forget", "--scope", PROJECT, "--yes"), "nothing of this stack is active there", "Forgotten")
    before = len(service.requests)
    left.run("plan")
    assert [request.url for request in service.requests[before:] if f"projects/{PROJECT}" in request.url] == []


def test_a_place_whose_host_does_not_answer_can_be_forgotten_too(left: Stage, service: Service) -> None:
    shut(service, BROKEN)
    assert left.run("plan").code == 1
    left.ok("forget", "--scope", PROJECT, "--yes")
    assert blocks(left) == []


def test_the_gap_of_a_place_that_was_left_is_told_as_one(left: Stage, service: Service) -> None:
    service.emulator.inject(Fault(Unreachable(), path=f"*/{PROJECT}/*"))
    assert [rule for rule, _ in blocks(left)] == ["incomplete"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["--scope"]),
        (["--scope", ""], ["--scope", "empty"]),
        (["--scope", "nowhere"], ["nowhere", "remembers no such scope", f"CustomJob in {PROJECT}/us-central1"]),
        (["--scope", PROJECT, "--kind", "NasJob"], ["NasJob", "remembers no such scope"]),
        (["--scope", PROJECT, "--kind", "Nonsense"], ["Nonsense", "CustomJob"]),
        (["--scope", f"{PROJECT}/europe-west4"], ["europe-west4", "remembers no such scope"]),
        (["--scope", "a/b/c"], ["a/b/c", "PROJECT/LOCATION"]),
        (["--scope", f"{PROJECT}/"], ["PROJECT/LOCATION"]),
        (["CustomJob/train"], ["CustomJob/train", "not built yet", "--scope"]),
        (["CustomJob/train", "--scope", PROJECT], ["CustomJob/train", "not built yet"]),
    ],
)
def test_what_cannot_be_forgotten_is_said(
    left: Stage, service: Service, arguments: list[str], parts: list[str]
) -> None:
    before = left.files()
    done = left.run("forget", *arguments, "--yes")
    assert done.code == 1
    told(done, *parts)
    assert left.files() == before


def test_a_place_that_the_stack_covers_is_not_forgotten(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes")
    done = stage.run("forget", "--scope", f"{PROJECT}/us-central1", "--yes")
    assert done.code == 1
    told(done, "covers", "spec.scopes")


def test_nothing_is_forgotten_while_somebody_else_holds_the_lock(
    left: Stage, service: Service, cloud: CloudStorage
) -> None:
    shut(service)
    holder = {"purpose": "apply sha256:1", "user": "ann", "host": "h", "pid": "4", "token": "t", "lease": "60"}
    cloud.put("team/3fa94c1b/lock", b"", **holder)
    (left.root / ".reconciler").mkdir(exist_ok=True)
    held = os.open(left.root / ".reconciler" / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        assert left.run("forget", "--scope", PROJECT, "--yes").code == 5
    finally:
        os.close(held)
    assert [rule for rule, _ in blocks(left)] == ["incomplete"]


def test_a_forbidden_list_of_a_place_the_stack_covers_stays_an_error(left: Stage, service: Service) -> None:
    shut(service)
    service.spoil("GET", "/projects/new-project/", FORBIDDEN)
    assert left.run("plan").code == 1
