"""The control path: snapshots that put everything back, a reset, and an audit that answers who did what when."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reconciler.emulator.control import audit, dump
from reconciler.emulator.control.audit import Audit, Entry, Wanted
from reconciler.emulator.state import lifecycle
from reconciler.emulator.state.clocks import ManualClock
from reconciler.emulator.state.rows import Job
from reconciler.vocabulary.wire import Request
from tests.support import service
from tests.support.service import CUSTOM, ML, NAS, WIRES, Service

SNAPSHOT = "/emulator/v1/snapshot"
RESTORE = "/emulator/v1/snapshot:restore"
AUDIT = "/emulator/v1/audit"
FIELDS = {CUSTOM: "customJobs", NAS: "nasJobs", ML: "jobs"}


@pytest.fixture(params=WIRES)
def jobs(request: pytest.FixtureRequest) -> Iterator[Service]:
    with service.opened(request.param) as found:
        yield found


def populated(jobs: Service) -> None:
    """Jobs of every kind in every sort of moment: waiting, running, being cancelled, ended, failed by hand, with IAM."""
    cancelled = jobs.create(CUSTOM, service.custom_job(labels={"team": "vision", "note": "ä"}))
    ended = jobs.create(NAS, service.nas_job())
    failed = jobs.create(CUSTOM, service.custom_job())
    jobs.create(ML, service.ml_job("one", labels={"team": "tabular"}))
    jobs.clock.advance(700)
    error = {"code": 3, "message": "out of memory"}
    jobs.send("POST", f"/emulator/v1/{failed['name']}:setState", {"state": "JOB_STATE_FAILED", "error": error})
    jobs.send(
        "POST",
        f"{ML}/one:setIamPolicy",
        {"policy": {"bindings": [{"role": "roles/viewer", "members": ["user:a@b.co"]}]}},
    )
    jobs.create(CUSTOM, service.custom_job())
    jobs.clock.advance(5)
    assert jobs.send("GET", f"/v1/{ended['name']}").json["state"] == "JOB_STATE_SUCCEEDED"
    fresh = jobs.create(CUSTOM, service.custom_job(labels={"x": "y"}))
    assert jobs.send("POST", f"/v1/{fresh['name']}:cancel").status == 200
    assert cancelled["state"] == "JOB_STATE_PENDING"


def everything(jobs: Service) -> Any:
    """What callers can see."""
    rows = {path: jobs.rows(path, field) for path, field in FIELDS.items()}
    found = jobs.rows(CUSTOM, "customJobs", filter="labels.x=y OR labels.team=vision")
    policy = jobs.send("GET", f"{ML}/one:getIamPolicy")
    return rows, found, policy.status, policy.body


def test_a_snapshot_puts_everything_back_in_another_emulator(jobs: Service) -> None:
    populated(jobs)
    taken = jobs.send("GET", SNAPSHOT).json
    assert len(taken["jobs"]) == 6
    before = everything(jobs)
    with service.opened("in process", seed=99) as other:
        other.create(CUSTOM, service.custom_job(displayName="goes away"))
        assert other.send("POST", RESTORE, taken).json == {"jobs": 6}
        assert everything(other) == before
        assert other.send("GET", SNAPSHOT).json == taken
        for clock in (jobs.clock, other.clock):
            clock.advance(0.5)
        assert everything(other) == everything(jobs)
        for clock in (jobs.clock, other.clock):
            clock.advance(1000)
        assert everything(other) == everything(jobs) != before, "lives go on as they would have"


def test_a_snapshot_holds_every_field_of_a_job() -> None:
    with service.opened("in process") as jobs:
        populated(jobs)
        for shown in jobs.send("GET", SNAPSHOT).json["jobs"]:
            assert set(shown) == {field.name for field in dataclasses.fields(Job)} - {"id"}
            assert set(shown["life"]) == {field.name for field in dataclasses.fields(lifecycle.Life)}


def test_a_clock_that_can_be_set_follows_a_snapshot_and_never_goes_back(jobs: Service) -> None:
    taken = jobs.send("GET", SNAPSHOT).json
    told = jobs.send("GET", "/emulator/v1/clock").json["now"]
    with service.opened("in process", clock=ManualClock(5.0)) as early:
        early.send("POST", RESTORE, taken)
        assert early.send("GET", "/emulator/v1/clock").json["now"] == told
    jobs.clock.advance(60)
    jobs.send("POST", RESTORE, taken)
    assert jobs.send("GET", "/emulator/v1/clock").json["now"] != told


def test_many_jobs_come_and_go_back_in_parts() -> None:
    with service.opened("in process") as jobs, service.opened("in process", seed=8) as other:
        for _ in range(2 * dump.MOST + 1):
            jobs.create(CUSTOM, service.custom_job())
        sizes: list[int] = []
        after: dict[str, str] = {}
        path = RESTORE
        while True:
            part = jobs.send("GET", SNAPSHOT, **after).json
            assert other.send("POST", path, part, **({"keep": "true"} if after else {})).status == 200
            sizes.append(len(part["jobs"]))
            if "after" not in part:
                break
            after = {"after": str(part["after"])}
        assert sizes == [dump.MOST, dump.MOST, 1]
        assert everything(other) == everything(jobs)


def test_restoring_with_keep_replaces_jobs_of_the_same_key_alone(jobs: Service) -> None:
    one = jobs.create(CUSTOM, service.custom_job(displayName="one"))
    taken = jobs.send("GET", SNAPSHOT).json
    two = jobs.create(CUSTOM, service.custom_job(displayName="two"))
    taken["jobs"][0]["body"]["displayName"] = "edited"
    assert jobs.send("POST", RESTORE, taken, keep="true").json == {"jobs": 1}
    assert jobs.send("GET", f"/v1/{one['name']}").json["displayName"] == "edited"
    assert jobs.send("GET", f"/v1/{two['name']}").json["displayName"] == "two"


def test_lists_that_lag_hear_of_a_restore_later(jobs: Service) -> None:
    taken = jobs.send("GET", SNAPSHOT).json
    jobs.send("POST", "/emulator/v1/faults", {"faults": [{"action": "list_lag", "seconds": 30}]})
    jobs.create(CUSTOM, service.custom_job())
    jobs.clock.advance(31)
    assert len(jobs.rows(CUSTOM, "customJobs")) == 1
    jobs.send("POST", RESTORE, taken)
    assert len(jobs.rows(CUSTOM, "customJobs")) == 1
    jobs.clock.advance(31)
    assert jobs.rows(CUSTOM, "customJobs") == []


def _without(key: str) -> Callable[[Any], None]:
    return lambda job: job.pop(key)


def _with(place: str, value: Any) -> Callable[[Any], None]:
    def change(job: Any) -> None:
        *path, last = place.split(".")
        for name in path:
            job = job[int(name)] if isinstance(job, list) else job[name]
        job[int(last) if isinstance(job, list) else last] = value

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_without("body"), "jobs[0].body: it is missing"),
        (_with("extra", 1), "jobs[0].extra: a snapshot has no such key"),
        (_with("key.kind", "Pod"), "jobs[0].key.kind: one of CustomJob, Job, NasJob"),
        (_with("key.project", "demo"), "jobs[0].key: a project number"),
        (_with("key.location", ""), "jobs[0].key: a project number"),
        (_with("key.job", 7), "jobs[0].key.job"),
        (_with("key.job", "9" * 500), "jobs[0].key.job"),
        (_with("body.jobSpec", []), "jobs[0].body"),
        (_with("body.oops", 1), "jobs[0].body"),
        (_with("body.labels", {"a": 1}), "jobs[0].body"),
        (_with("life.state", "RUNNING"), "jobs[0].life.state"),
        (_with("life.created", "today"), "jobs[0].life.created"),
        (_with("life.created", True), "jobs[0].life.created"),
        (_with("life.created", 10**30), "jobs[0].life.created"),
        (_with("life.updated", -1), "jobs[0].life.updated"),
        (_with("life.ahead", {}), "jobs[0].life.ahead"),
        (_with("life.ahead.0", [1]), "jobs[0].life.ahead[0]"),
        (_with("life.ahead.0.1.state", "GONE"), "jobs[0].life.ahead[0].state"),
        (_with("life.ahead.0.0", 10**17), "jobs[0].life.ahead: the steps are not in the order"),
        (_with("version", 0), "jobs[0].version"),
        (_with("policy", []), "jobs[0].policy"),
    ],
)
def test_a_snapshot_that_is_none_changes_nothing_and_names_the_place(change: Callable[[Any], None], told: str) -> None:
    with service.opened("in process") as jobs:
        jobs.create(CUSTOM, service.custom_job(displayName="stays"))
        taken = jobs.send("GET", SNAPSHOT).json
        wrong = copy.deepcopy(taken)
        change(wrong["jobs"][0])
        answer = jobs.send("POST", RESTORE, wrong)
        assert (answer.status, told in answer.message) == (400, True), answer.body
        assert jobs.send("GET", SNAPSHOT).json == taken


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"format": 2}',
        b'{"format": 1, "jobs": []}',
        b'{"format": 1, "now": 1, "jobs": 1}',
    ],
)
def test_what_is_no_snapshot_is_refused(jobs: Service, body: bytes) -> None:
    answer = jobs.send_bytes("POST", RESTORE, body)
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")


def test_a_reset_leaves_nothing_but_the_clock(jobs: Service) -> None:
    populated(jobs)
    made = jobs.rows(CUSTOM, "customJobs")
    [gone] = [row for row in made if row["state"] == "JOB_STATE_FAILED"]
    operation = jobs.send("DELETE", f"/v1/{gone['name']}").json["name"]
    jobs.send("POST", "/emulator/v1/faults", {"faults": [{"action": "status", "code": 503, "method": "get"}]})
    last = jobs.send("GET", AUDIT).json["calls"][-1]["n"]
    jobs.clock.advance(9)
    now = jobs.send("GET", "/emulator/v1/clock").json
    assert jobs.send("POST", "/emulator/v1/reset").json == {}
    assert jobs.send("GET", AUDIT).json == {"calls": []}
    assert [jobs.rows(path, field) for path, field in FIELDS.items()] == [[], [], []]
    assert jobs.send("GET", f"/v1/{operation}").status == 404
    assert jobs.send("GET", "/emulator/v1/faults").json == {"faults": []}
    assert jobs.send("GET", "/emulator/v1/clock").json == now
    assert jobs.send("GET", AUDIT).json["calls"][0]["n"] > last, "whoever follows the numbers misses nothing"
    assert jobs.create(ML, service.ml_job("one"))["jobId"] == "one"


def test_the_audit_tells_who_did_what_when(jobs: Service) -> None:
    made = jobs.create(CUSTOM, service.custom_job(labels={audit.RUN_LABEL: "1-abc"}))
    jobs.clock.advance(60)
    jobs.send("GET", f"{CUSTOM}/404")
    first, second = jobs.send("GET", AUDIT).json["calls"]
    assert first["time"] == made["createTime"]
    client, agent = first.pop("client"), first.pop("agent")
    assert first == {
        "n": 1, "method": "POST", "path": CUSTOM, "status": 200, "committed": True, "run_key": "1-abc", "verb": "create",
        "time": made["createTime"],
    }  # fmt: skip
    assert (second["verb"], second["status"], second["time"] > first["time"]) == ("get", 404, True)
    assert client.startswith("127.0.0.1:") if jobs.port else (client, agent) == ("", "")


def test_an_agent_is_told_by_its_own_name() -> None:
    with service.opened("in process") as jobs:
        jobs.transport(Request("GET", f"http://x{CUSTOM}", {"user-agent": "gcloud/1 " + "x" * 9999}))
        [call] = jobs.send("GET", AUDIT, agent="gcloud*").json["calls"]
        assert len(call["agent"]) == audit.LONGEST


ENTRIES = (
    Entry(1, "POST", CUSTOM, 200, True, verb="create", client="127.0.0.1:50", agent="one/1"),
    Entry(2, "GET", CUSTOM, 200, False, verb="list", client="127.0.0.1:51", agent="two/1"),
    Entry(3, "GET", f"{CUSTOM}/7", 404, False, verb="get", client="127.0.0.1:50", agent="one/2"),
    Entry(4, "POST", f"{CUSTOM}/7:cancel", 0, True, verb="cancel", client="[::1]:9", agent=""),
    Entry(5, "GET", "/nowhere", 429, False),
)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"after": 3}, [4, 5]),
        ({"method": "GET"}, [2, 3, 5]),
        ({"method": "cancel"}, [4]),
        ({"path": "*/customJobs"}, [1, 2]),
        ({"path": "*customJobs*"}, [1, 2, 3, 4]),
        ({"status": "404"}, [3]),
        ({"status": "4xx"}, [3, 5]),
        ({"status": "0"}, [4]),
        ({"client": "127.0.0.1"}, [1, 2, 3]),
        ({"client": "127.0.0.1:50"}, [1, 3]),
        ({"agent": "one/*"}, [1, 3]),
        ({"method": "GET", "status": "2xx", "agent": "two*"}, [2]),
        ({"method": "PUT"}, []),
    ],
)
def test_the_audit_can_be_filtered(wanted: Any, numbers: list[int]) -> None:
    assert [entry.n for entry in ENTRIES if Wanted(**wanted).matches(entry)] == numbers


def test_filters_of_the_audit_come_from_the_query(jobs: Service) -> None:
    for name in ("a", "b"):
        jobs.create(ML, service.ml_job(name))
    jobs.send("GET", f"{ML}/c")
    asked = f"{AUDIT}?method=create&path=*/jobs&status=2xx&after=1"
    assert [call["n"] for call in jobs.send("GET", asked).json["calls"]] == [2]


@pytest.mark.parametrize(
    "query", [{"after": "x"}, {"after": "-1"}, {"after": "²"}, {"status": "4x"}, {"status": "ok"}, {"methods": "GET"}]
)
def test_a_filter_of_the_audit_that_is_none_is_refused(jobs: Service, query: dict[str, str]) -> None:
    assert jobs.send("GET", AUDIT, **query).status == 400


def test_the_audit_keeps_a_bounded_part_of_what_callers_send() -> None:
    kept = Audit(most=2)
    for _ in range(3):
        kept.record("M" * 5000, "/" * 5000, 200, False, "k" * 5000, agent="a" * 5000)
    assert [entry.n for entry in kept.entries()] == [2, 3]
    assert all(
        len(text) == audit.LONGEST
        for entry in kept.entries()
        for text in (entry.method, entry.path, entry.run_key, entry.agent)
    )


def test_a_snapshot_is_json_that_another_program_can_edit(jobs: Service) -> None:
    jobs.create(CUSTOM, service.custom_job())
    taken = json.loads(jobs.send("GET", SNAPSHOT).body)
    failed = {"state": "JOB_STATE_FAILED", "ended": taken["now"], "ahead": [], "fields": {"error": {"code": 9}}}
    taken["jobs"][0]["life"] |= failed
    assert jobs.send("POST", RESTORE, taken).status == 200
    [row] = jobs.rows(CUSTOM, "customJobs", filter="state=JOB_STATE_FAILED")
    assert row["error"] == {"code": 9}
