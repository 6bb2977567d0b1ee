"""A stack whose store is a bucket: shared memory, one apply at a time, and `unlock`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

from reconciler.stores.lease import LEASE
from reconciler.vocabulary.wire import Request
from tests.support import cloud_storage
from tests.support.cloud_storage import BUCKET, CloudStorage
from tests.support.faults import is_create
from tests.support.stage import Done, Service, Stage

STORE = f"gs://{BUCKET}/team"
LOCK = "team/3fa94c1b/lock"


@pytest.fixture
def cloud(stage: Stage, service: Service) -> Iterator[CloudStorage]:
    found = CloudStorage(page_size=2)
    with cloud_storage.serving(found) as url:
        stage.stack(service.url, f"store: {STORE}\n")
        stage.monkeypatch.setenv("RECONCILER_STORE_ENDPOINT", url)
        yield found


def put_lock(cloud: CloudStorage) -> None:
    told = {"purpose": "apply sha256:1", "user": "ann", "host": "runner-7", "pid": "41", "token": "t", "lease": "60"}
    cloud.put(LOCK, b"", **told, run="https://ci.example.com/7", started="2027-01-15T08:00:00+00:00")


def test_a_plan_leaves_nothing_in_the_bucket_and_an_apply_all_it_needs(stage: Stage, cloud: CloudStorage) -> None:
    assert stage.ok("validate").code == 0
    stage.ok("plan")
    assert cloud.names() == []
    stage.ok("apply", "--yes")
    parts = {name.split("/")[2] for name in cloud.names("team/3fa94c1b/")}
    assert parts >= {"ledger", "journal"}
    assert "lock" not in parts
    assert not (stage.root / ".reconciler").exists()
    assert stage.actions() == {"CustomJob/train": "noop"}


def test_a_finished_run_is_remembered_when_its_record_is_gone(
    stage: Stage, service: Service, cloud: CloudStorage
) -> None:
    service.end_new_jobs("JOB_STATE_SUCCEEDED")
    stage.ok("apply", "--yes")
    stage.ok("apply", "--yes")
    [row] = service.rows()
    assert service.emulator(Request("DELETE", f"{service.url}/v1/{row['name']}")).status == 200
    assert service.rows() == []
    [change] = stage.ok("plan", "-o", "json").json["changes"]
    assert (change["action"], change["reason"]) == ("noop", "already_ran")


def test_a_stack_that_takes_runs_over_knows_how_they_ended(stage: Stage, service: Service, cloud: CloudStorage) -> None:
    service.end_new_jobs("JOB_STATE_SUCCEEDED")
    stage.ok("apply", "--yes")
    stage.ok("apply", "--yes")
    [row] = service.rows()
    assert service.emulator(Request("DELETE", f"{service.url}/v1/{row['name']}")).status == 200
    before = cloud.names()
    text = (stage.root / "reconciler.yaml").read_text()
    file = stage.write("reconciler.yaml", text.replace('uid: "3fa94c1b"', 'uid: "0badcafe"'))
    assert stage.actions() == {"CustomJob/train": "create"}
    file.write_text(text.replace('uid: "3fa94c1b"', 'uid: "0badcafe", formerUids: ["3fa94c1b"]'))
    [change] = stage.ok("plan", "-o", "json").json["changes"]
    assert (change["action"], change["reason"]) == ("noop", "already_ran")
    stage.ok("apply", "--yes")
    assert cloud.names("team/3fa94c1b/") == before


def test_a_saved_plan_is_refused_after_one_apply_from_another_machine(stage: Stage, cloud: CloudStorage) -> None:
    stage.ok("plan", "--out", "p.json")
    stage.ok("apply", "p.json")
    done = stage.run("apply", "p.json")
    assert done.code == 3
    assert "applied to its end before" in done.err


def test_a_second_apply_is_told_who_holds_the_lock(stage: Stage, service: Service, cloud: CloudStorage) -> None:
    put_lock(cloud)
    done = stage.run("apply", "--yes")
    assert done.code == 5
    for part in ("ann", "runner-7", "process 41", "https://ci.example.com/7", f"gs://{BUCKET}/{LOCK}", "unlock"):
        assert part in done.err
    assert service.writes == []


def test_of_three_processes_that_apply_at_once_two_are_told_so_and_each_job_runs_once(
    stage: Stage, service: Service, cloud: CloudStorage
) -> None:
    others_are_done = threading.Event()

    def hold_creates(request: Request) -> None:
        assert not is_create(request) or others_are_done.wait(30)

    service.spoils.append(hold_creates)
    for number in range(3):
        stage.job(f"train-{number}")
    with ThreadPoolExecutor(3) as pool:
        racing = as_completed([pool.submit(stage.real, "apply", "--yes") for _ in range(3)])
        losers = [next(racing).result(), next(racing).result()]
        others_are_done.set()
        winner = next(racing).result()
    assert [done.code for done in (*losers, winner)] == [5, 5, 0], (losers, winner)
    assert len(service.rows()) == 4
    assert cloud.names(LOCK) == []


def test_a_ci_run_is_named_in_the_lock(stage: Stage, service: Service, cloud: CloudStorage) -> None:
    for name, value in {"SERVER_URL": "https://github.com", "REPOSITORY": "o/r", "RUN_ID": "7"}.items():
        stage.monkeypatch.setenv(f"GITHUB_{name}", value)
    found: list[str] = []
    service.after.append(
        lambda request, reply: found.extend(cloud.things[n].metadata["run"] for n in cloud.names(LOCK))
    )
    stage.ok("apply", "--yes")
    assert set(found) == {"https://github.com/o/r/actions/runs/7"}


def test_unlock_says_that_nobody_holds_the_lock(stage: Stage, cloud: CloudStorage) -> None:
    assert "Nobody holds the lock" in stage.ok("unlock").err


def test_unlock_never_breaks_a_live_lock(stage: Stage, cloud: CloudStorage) -> None:
    put_lock(cloud)
    done = stage.run("unlock", "--yes")
    assert done.code == 5
    assert "apply sha256:1 of ann on runner-7" in done.err
    assert cloud.names(LOCK) == [LOCK]


def test_unlock_shows_a_dead_holder_and_removes_it_when_told(stage: Stage, cloud: CloudStorage) -> None:
    put_lock(cloud)
    cloud.time += LEASE + 2
    asked = stage.run("unlock")
    assert asked.code == 1
    assert "ann on runner-7" in asked.err
    assert "--yes" in asked.err
    assert cloud.names(LOCK) == [LOCK]
    assert "Unlocked" in stage.ok("unlock", "--yes").err
    assert cloud.names(LOCK) == []


@pytest.mark.parametrize("passed", [0.0, LEASE + 2])
def test_what_a_holder_wrote_of_itself_does_not_reach_the_terminal_raw(
    stage: Stage, cloud: CloudStorage, passed: float
) -> None:
    told = {"purpose": "\x1b[2Jgone", "user": "ann\r", "host": "h", "pid": "1", "token": "t"}
    cloud.put(LOCK, b"", **told)
    cloud.time += passed
    done = stage.run("unlock", "--yes")
    assert not {"\x1b", "\r"} & set(done.err + done.out)
    assert "gone" in done.err


def test_unlock_on_a_folder_store_only_reports(stage: Stage, service: Service) -> None:
    stage.stack(service.url)
    assert "Nobody holds the lock" in stage.ok("unlock", "--yes").err
    found: list[Done] = []
    service.after.append(lambda request, reply: found.append(stage.real("unlock", "--yes")))
    stage.ok("apply", "--yes")
    held = [done for done in found if done.code == 5]
    assert held
    assert "apply sha256:" in held[0].err


@pytest.mark.parametrize(
    ("endpoint", "parts"),
    [
        ("https://evil.example", ["RECONCILER_STORE_ENDPOINT", "not on this machine"]),
        ("http://169.254.169.254", ["not on this machine"]),
        ("nonsense", ["nonsense"]),
    ],
)
def test_the_stores_endpoint_is_on_this_machine_or_refused(
    stage: Stage, service: Service, cloud: CloudStorage, endpoint: str, parts: list[str]
) -> None:
    stage.monkeypatch.setenv("RECONCILER_STORE_ENDPOINT", endpoint)
    done = stage.run("plan")
    assert done.code == 1
    assert [part for part in parts if part not in done.err] == []
    assert service.requests == []


def test_a_bucket_that_is_missing_is_named_with_the_way_out(stage: Stage, cloud: CloudStorage) -> None:
    cloud.bucket = "another"
    done = stage.run("plan", "-o", "json")
    assert done.code == 1
    assert f"create the bucket gs://{BUCKET}" in done.err
    assert json.loads(done.out or "{}") == {}
