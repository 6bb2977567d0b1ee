"""What a page costs does not grow with the jobs behind it: counted in SQLite's own steps, so that no clock decides."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.emulator import behaviour
from reconciler.emulator.state import database
from tests.support import service
from tests.support.service import CUSTOM, Service

SMALL, LARGE = 2_000, 16_000
SHARDS = 16


def filled(jobs: Service, most: int) -> None:
    """Store many ended jobs: one made as callers do, the others copies of it."""
    jobs.create(CUSTOM, service.custom_job())
    jobs.clock.advance(1000)
    jobs.send("GET", CUSTOM)
    store = jobs.emulator._state
    with store.transaction(write=True):
        [one] = store.stored_after(0, 1)
        for number in range(1, most):
            labels = {"stack": "vision", "name": f"train-{number}", "shard": f"{number % SHARDS:x}"}
            life = replace(one.life, created=one.life.created + number, updated=one.life.updated + number)
            job = replace(
                one, key=replace(one.key, job=str(10**18 + number)), body={**one.body, "labels": labels}, life=life
            )
            assert store.add(job)


@contextmanager
def steps(jobs: Service) -> Iterator[list[int]]:
    """Count the steps of SQLite's machine, in hundreds."""
    counted = [0]

    def count() -> int:
        counted[0] += 1
        return 0

    connection = jobs.emulator._state._connection
    connection.set_progress_handler(count, 100)
    yield counted
    connection.set_progress_handler(None, 0)


def last_token(jobs: Service, size: int) -> str:
    """The token of the last page."""
    token = ""
    while True:
        page = jobs.send(
            "GET", CUSTOM, pageSize=str(size), readMask="name", **({"pageToken": token} if token else {})
        ).json
        if "nextPageToken" not in page:
            return token
        token = page["nextPageToken"]


def costs(most: int, by_creation: bool) -> dict[str, int]:
    """The steps of some lists among that many jobs."""
    behaviours = {name: replace(one, by_creation=by_creation) for name, one in behaviour.load().items()}
    with service.opened("in process", behaviours=behaviours) as jobs:
        filled(jobs, most)
        asked = {
            "first page": {},
            "last page": {"pageToken": last_token(jobs, 100), "readMask": "name"},
            "a label of one job": {"filter": "labels.stack=vision AND labels.name=train-77"},
            "a label of no job": {"filter": "labels.stack=another"},
            "one of sixteen": {"filter": "labels.shard=3"},
            "a time": {"filter": 'create_time>"2020-01-01T00:00:00Z"'},
        }
        found = {}
        for name, query in asked.items():
            with steps(jobs) as counted:
                assert jobs.send("GET", CUSTOM, pageSize="100", **query).status == 200
            found[name] = counted[0]
        return found


@pytest.mark.parametrize("by_creation", [False, True], ids=["by update", "by creation"])
def test_a_page_costs_as_much_among_many_jobs_as_among_few(monkeypatch: pytest.MonkeyPatch, by_creation: bool) -> None:
    monkeypatch.setattr(database, "_FEW", 50)
    few, many = costs(SMALL, by_creation), costs(LARGE, by_creation)
    # the factor between the two is 8; a search through an index grows with its logarithm
    assert {name: many[name] <= 2 * few[name] + 20 for name in few} == dict.fromkeys(few, True), (few, many)


@pytest.mark.parametrize("few", [0, 3, 10**6])
def test_a_list_is_the_same_whether_a_label_leads_or_not(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(database, "_FEW", few)
    with service.opened("in process") as jobs:
        filled(jobs, 40)
        jobs.create(service.NAS, service.nas_job(labels={"shard": "3", "name": "train-3"}))
        listed = {}
        for text in (
            "labels.shard=3",
            "labels.shard=3 labels.name:train-3",
            "labels.stack=vision AND NOT labels.shard=3",
        ):
            rows = jobs.rows(CUSTOM, "customJobs", filter=text, pageSize="2")
            listed[text] = [row["labels"]["name"] for row in rows]
        [alone] = jobs.rows(service.NAS, "nasJobs", filter="labels.shard=3")
    assert listed["labels.shard=3"] == ["train-35", "train-19", "train-3"]
    assert listed["labels.shard=3 labels.name:train-3"] == ["train-3"]
    assert len(listed["labels.stack=vision AND NOT labels.shard=3"]) == 36
    assert alone["displayName"] == "search"


def test_every_job_is_on_one_page_and_a_page_takes_no_more_memory_at_the_end() -> None:
    with service.opened("in process") as jobs:
        filled(jobs, SMALL)
        names: list[str] = []
        peaks = []
        token = ""
        tracemalloc.start()
        try:
            while True:
                tracemalloc.reset_peak()
                page = jobs.send("GET", CUSTOM, pageSize="200", **({"pageToken": token} if token else {})).json
                peaks.append(tracemalloc.get_traced_memory()[1])
                names += [row["name"] for row in page["customJobs"]]
                token = page.get("nextPageToken", "")
                if not token:
                    break
        finally:
            tracemalloc.stop()
    assert len(names) == len(set(names)) == SMALL
    assert peaks[-1] < 2 * peaks[0]


def test_jobs_that_slept_long_move_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_AT_ONCE", 7)
    with service.opened("in process") as jobs:
        for _ in range(20):
            jobs.create(CUSTOM, service.custom_job())
        jobs.clock.advance(1000)
        rows = jobs.rows(CUSTOM, "customJobs")
        assert [row["state"] for row in rows] == ["JOB_STATE_SUCCEEDED"] * 20
        assert len({row["name"] for row in rows}) == 20


def test_a_full_disk_is_told_and_what_was_there_stays(tmp_path: Path) -> None:
    with service.opened("http", str(tmp_path / "jobs.db")) as jobs:
        made = jobs.create(CUSTOM, service.custom_job())["name"]
        connection = jobs.emulator._state._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        big = service.custom_job(displayName="x" * 100)
        big["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]["args"] = ["y" * 100_000]
        refused = jobs.send("POST", CUSTOM, big)
        assert (refused.status, refused.error) == (503, "UNAVAILABLE")
        assert [row["name"] for row in jobs.rows(CUSTOM, "customJobs")] == [made]
        connection.execute(f"PRAGMA max_page_count={pages + 1000}")
        jobs.create(CUSTOM, big)
        assert len(jobs.rows(CUSTOM, "customJobs")) == 2
