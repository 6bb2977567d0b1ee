"""Lists under faults: they lag, their rows move between pages, their pages run short, their masks are not taken."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.api.endpoints import Endpoints
from reconciler.api.jobs import HttpJobs
from reconciler.emulator.faults.model import (
    EmptyPage,
    Fault,
    ListLag,
    MaskIgnored,
    MaskRefused,
    RowShift,
    ShortPages,
    Unreachable,
)
from reconciler.emulator.state.lifecycle import Timings
from reconciler.files import schemas
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Scope
from tests.support import service
from tests.support.service import CUSTOM, ML, WIRES, Service

KIND = schemas.load_kinds()["CustomJob"]
SCOPE = Scope("demo", "us-central1")
LAG = Fault(ListLag(30))


@pytest.fixture(params=WIRES)
def jobs(request: pytest.FixtureRequest) -> Iterator[Service]:
    with service.opened(request.param) as found:
        yield found


def made(jobs: Service, count: int = 1, **more: Any) -> list[str]:
    names = []
    for _ in range(count):
        names.append(jobs.create(CUSTOM, service.custom_job(**more))["name"])
        jobs.clock.advance(0.001)
    return names


def listed(jobs: Service, **query: str) -> list[str]:
    return [row["name"] for row in jobs.rows(CUSTOM, "customJobs", **query)]


def states(jobs: Service, **query: str) -> list[str]:
    return [row["state"].removeprefix("JOB_STATE_") for row in jobs.rows(CUSTOM, "customJobs", **query)]


def test_a_list_can_end_early_and_say_what_it_could_not_reach(jobs: Service) -> None:
    made(jobs, 3)
    jobs.emulator.inject(Fault(Unreachable(), first=2))
    first = jobs.send("GET", CUSTOM, pageSize="1").json
    second = jobs.send("GET", CUSTOM, pageSize="1", pageToken=first["nextPageToken"]).json
    assert len(first["customJobs"]) == 1
    assert second == {"unreachable": [first["customJobs"][0]["name"].partition("/customJobs")[0]]}


def test_a_lag_hides_a_new_job_from_lists_and_then_shows_it(jobs: Service) -> None:
    jobs.emulator.inject(LAG)
    [name] = made(jobs)
    assert listed(jobs) == []
    assert jobs.send("GET", f"/v1/{name}").status == 200
    jobs.clock.advance(29)
    assert listed(jobs) == []
    jobs.clock.advance(2)
    assert listed(jobs) == [name]


def test_a_lag_shows_a_deleted_job_until_it_is_old(jobs: Service) -> None:
    jobs.emulator.inject(LAG)
    [name] = made(jobs)
    jobs.clock.advance(1000)
    assert jobs.send("DELETE", f"/v1/{name}").status == 200
    assert listed(jobs) == [name]
    assert jobs.send("GET", f"/v1/{name}").status == 404
    jobs.clock.advance(31)
    assert listed(jobs) == []


def test_a_lag_shows_the_state_that_was(jobs: Service) -> None:
    jobs.emulator.inject(LAG)
    [name] = made(jobs)
    jobs.clock.advance(60)
    assert states(jobs) == ["RUNNING"]
    jobs.send("POST", f"/v1/{name}:cancel")
    jobs.clock.advance(20)
    assert states(jobs) == ["RUNNING"]
    assert states(jobs, filter="state=JOB_STATE_CANCELLED") == []
    assert jobs.send("GET", f"/v1/{name}").json["state"] == "JOB_STATE_CANCELLED"
    jobs.clock.advance(12)
    assert states(jobs) == states(jobs, filter="state=JOB_STATE_CANCELLED") == ["CANCELLED"]


@pytest.mark.parametrize("read_first", [True, False])
def test_lives_go_on_in_a_lagging_list_whether_or_not_somebody_looked(jobs: Service, read_first: bool) -> None:
    jobs.emulator.inject(LAG)
    [name] = made(jobs)
    jobs.clock.advance(620)
    if read_first:
        assert jobs.send("GET", f"/v1/{name}").json["state"] == "JOB_STATE_SUCCEEDED"
    assert states(jobs) == ["RUNNING"]
    jobs.clock.advance(20)
    assert states(jobs) == ["SUCCEEDED"]


def test_a_lag_goes_for_labels_and_the_filters_on_them(jobs: Service) -> None:
    jobs.emulator.inject(LAG)
    jobs.create(ML, service.ml_job("one", labels={"team": "old"}))
    jobs.clock.advance(60)
    assert jobs.send("PATCH", f"{ML}/one", {"labels": {"team": "new"}}, updateMask="labels").status == 200
    assert [row["labels"] for row in jobs.rows(ML, "jobs", filter="labels.team=old")] == [{"team": "old"}]
    assert jobs.rows(ML, "jobs", filter="labels.team=new") == []
    jobs.clock.advance(31)
    assert [row["labels"] for row in jobs.rows(ML, "jobs", filter="labels.team=new")] == [{"team": "new"}]


def test_a_row_that_is_up_to_date_carries_the_jobs_own_etag(jobs: Service) -> None:
    jobs.emulator.inject(LAG)
    jobs.create(ML, service.ml_job("one"))
    jobs.clock.advance(60)
    row = jobs.rows(ML, "jobs")[0]
    assert row == jobs.send("GET", f"{ML}/one").json


@pytest.mark.parametrize("seed", range(20))
def test_a_lagging_list_is_to_the_byte_what_the_list_was(seed: int) -> None:
    chance = random.Random(seed)
    faults = [Fault(ListLag(30), every=2)]
    with service.opened("in process", faults=faults, timings=Timings(speed=20)) as jobs:
        snapshots: dict[float, bytes] = {}
        compared = 0
        for number in range(80):
            for _ in range(chance.randrange(3)):
                disturb(jobs, chance, number)
            snapshots[jobs.clock.now()] = jobs.send("GET", ML, pageSize="100").body
            lagging = jobs.send("GET", ML, pageSize="100").body
            if jobs.clock.now() - 30 in snapshots:
                assert lagging == snapshots[jobs.clock.now() - 30]
                compared += 1
            jobs.clock.advance(chance.choice([0, 5, 10]))
        assert compared > 20


def disturb(jobs: Service, chance: random.Random, number: int) -> None:
    """Create, cancel, relabel or set the state of a job, whether or not that is possible."""
    job = f"{ML}/j{chance.randrange(number + 1)}"
    calls: list[tuple[str, str, Any]] = [
        ("POST", ML, service.ml_job(f"j{number}", labels={"n": str(number)})),
        ("POST", f"{job}:cancel", None),
        ("PATCH", f"{job}?updateMask=labels", {"labels": {"n": "new"}}),
        ("POST", f"/emulator{job}:setState", {"state": chance.choice(["FAILED", "RUNNING"])}),
    ]
    method, path, body = chance.choice(calls)
    assert jobs.send(method, path, body).status in (200, 400, 404, 409)


def test_a_lag_set_later_hides_the_jobs_that_are_young(jobs: Service) -> None:
    [old] = made(jobs)
    jobs.clock.advance(40)
    [young] = made(jobs)
    jobs.emulator.inject(LAG)
    assert listed(jobs) == [old]
    jobs.clock.advance(31)
    assert sorted(listed(jobs)) == sorted([old, young])


def test_a_lag_may_strike_one_list_alone(jobs: Service) -> None:
    jobs.emulator.inject(Fault(ListLag(30), first=2, last=2))
    [name] = made(jobs)
    assert [listed(jobs) for _ in range(3)] == [[name], [], [name]]


def test_two_lags_are_kept_apart(jobs: Service) -> None:
    jobs.emulator.inject(Fault(ListLag(10), every=2), Fault(ListLag(20), first=3, last=3))
    [name] = made(jobs)
    jobs.clock.advance(15)
    assert [listed(jobs) for _ in range(3)] == [[name], [name], []]


def test_taking_a_lag_away_shows_everything_at_once(jobs: Service) -> None:
    jobs.emulator.inject(LAG)
    [name] = made(jobs)
    assert listed(jobs) == []
    jobs.emulator.clear_faults()
    assert listed(jobs) == [name]


def test_a_refused_write_leaves_no_trace_in_a_lagging_list(jobs: Service) -> None:
    jobs.emulator.inject(LAG)
    jobs.create(ML, service.ml_job("one"))
    assert jobs.send("POST", ML, service.ml_job("one", labels={"a": "b"})).status == 409
    jobs.clock.advance(60)
    assert [row.get("labels") for row in jobs.rows(ML, "jobs")] == [None]


def test_a_refused_list_takes_nothing_from_a_lagging_one(jobs: Service) -> None:
    jobs.emulator.inject(LAG, Fault(MaskRefused(), "list"))
    [name] = made(jobs)
    jobs.clock.advance(31)
    assert jobs.send("GET", f"{CUSTOM}?readMask=name").status == 400
    assert listed(jobs) == [name]


def test_a_lag_works_over_a_database_file_and_after_a_restart(tmp_path: Path) -> None:
    database = str(tmp_path / "emulator.db")
    with service.opened("in process", database, faults=[LAG]) as jobs:
        clock = jobs.clock
        made(jobs, 3)
        assert listed(jobs) == []
    with service.opened("in process", database, faults=[LAG], clock=clock, seed=8) as jobs:
        made(jobs)
        assert listed(jobs) == []
        clock.advance(31)
        assert len(listed(jobs)) == 4


def test_a_job_and_its_state_set_over_the_control_path_show_late_too(jobs: Service) -> None:
    jobs.emulator.inject(LAG)
    [name] = made(jobs)
    jobs.clock.advance(60)
    jobs.emulator.set_state(name, "JOB_STATE_FAILED")
    assert states(jobs) == ["RUNNING"]
    jobs.clock.advance(31)
    assert states(jobs) == ["FAILED"]


def naive(jobs: Service, size: int = 2) -> list[str]:
    """Read page after page and believe it."""
    return listed(jobs, pageSize=str(size))


def test_a_naive_reader_misses_a_row_that_moved_between_pages(jobs: Service) -> None:
    names = made(jobs, 6)
    jobs.emulator.inject(Fault(RowShift("missed"), first=1, last=1))
    assert naive(jobs) == [names[5], names[4], names[2], names[1], names[0]]
    assert sorted(naive(jobs)) == sorted(names)


def test_a_naive_reader_sees_a_row_twice_and_the_job_methods_once(jobs: Service) -> None:
    names = made(jobs, 6)
    jobs.emulator.inject(Fault(RowShift("twice"), first=1, last=1))
    assert naive(jobs) == [names[5], names[4], names[4], names[3], names[2], names[1], names[0]]
    jobs.emulator.inject(Fault(RowShift("twice")))
    api = HttpJobs(jobs.transport, Endpoints("embedded"), jobs.clock, page_size=2)
    assert [row["name"] for page in api.list(KIND, SCOPE, "") for row in page] == names[::-1]


@pytest.mark.parametrize(("how", "rows"), [("missed", 1), ("missed", 9), ("twice", 1), ("twice", 9)])
@pytest.mark.parametrize("size", [1, 2, 5, 6, 7])
def test_a_list_whose_rows_move_all_the_time_still_ends(jobs: Service, how: str, rows: int, size: int) -> None:
    names = made(jobs, 6)
    jobs.emulator.inject(Fault(RowShift(how, rows)))
    seen = naive(jobs, size)
    assert set(seen) <= set(names)
    if how == "twice":
        assert set(seen) == set(names)


def test_rows_of_other_filters_do_not_come_in_by_a_shift(jobs: Service) -> None:
    wanted = []
    for _ in range(4):
        wanted += made(jobs, 1, labels={"team": "vision"})
        made(jobs, 1, labels={"team": "speech"})
    jobs.emulator.inject(Fault(RowShift("twice"), first=1, last=1))
    seen = listed(jobs, filter="labels.team=vision", pageSize="2")
    assert (len(seen), set(seen)) == (5, set(wanted))


def test_pages_may_be_shorter_than_asked_and_lose_nothing(jobs: Service) -> None:
    names = made(jobs, 5)
    jobs.emulator.inject(Fault(ShortPages(2)))
    pages = list(HttpJobs(jobs.transport, Endpoints("embedded"), jobs.clock).list(KIND, SCOPE, ""))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(row["name"] for page in pages for row in page) == sorted(names)


@pytest.mark.parametrize("nth", [1, 2])
def test_a_page_may_be_empty_and_go_on(jobs: Service, nth: int) -> None:
    names = made(jobs, 3)
    jobs.emulator.inject(Fault(EmptyPage(), first=nth, last=nth))
    pages = list(HttpJobs(jobs.transport, Endpoints("embedded"), jobs.clock, page_size=2).list(KIND, SCOPE, ""))
    assert [len(page) for page in pages].index(0) == nth - 1
    assert sorted(row["name"] for page in pages for row in page) == sorted(names)


def test_a_list_of_empty_pages_without_end_is_told() -> None:
    with service.opened("in process", faults=[Fault(EmptyPage())]) as jobs:
        api = HttpJobs(jobs.transport, Endpoints("embedded"), jobs.clock)
        with pytest.raises(errors.ApiError, match="does not end"):
            list(api.list(KIND, SCOPE, ""))


def test_a_refused_mask_is_400_and_a_list_without_one_is_read(jobs: Service) -> None:
    names = made(jobs, 3)
    jobs.emulator.inject(Fault(MaskRefused()))
    answer = jobs.send("GET", CUSTOM, readMask="name")
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")
    api = HttpJobs(jobs.transport, Endpoints("embedded"), jobs.clock)
    assert sorted(row["name"] for page in api.list(KIND, SCOPE, "", ("name",)) for row in page) == sorted(names)


def test_an_ignored_mask_answers_full_rows(jobs: Service) -> None:
    made(jobs)
    assert set(jobs.rows(CUSTOM, "customJobs", readMask="name")[0]) == {"name"}
    jobs.emulator.inject(Fault(MaskIgnored()))
    assert "jobSpec" in jobs.rows(CUSTOM, "customJobs", readMask="name")[0]
