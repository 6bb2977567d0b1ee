"""What lists promise, over both faces of the emulator: pages, order, filters, masks, trimming."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.emulator import behaviour
from tests.support import service
from tests.support.service import CUSTOM, ML, NAS, Service


@pytest.fixture(params=service.WIRES)
def jobs(request: pytest.FixtureRequest) -> Iterator[Service]:
    with service.opened(request.param) as found:
        yield found


@pytest.fixture(scope="module", params=service.WIRES)
def filled(request: pytest.FixtureRequest) -> Iterator[Service]:
    """Five jobs a to e, made one minute apart; a and b share a team, c was cancelled."""
    labels = {"a": {"team": "vision", "n": "1"}, "b": {"team": "vision"}, "c": {"team": "speech"}, "d": {"empty": ""}}
    with service.opened(request.param) as found:
        for name in "abcde":
            found.create(CUSTOM, service.custom_job(displayName=f"job_{name}", labels=labels.get(name, {})))
            found.clock.advance(60)
            if name == "c":
                row = found.rows(CUSTOM, "customJobs", filter="display_name=job_c")[0]
                found.emulator.set_state(row["name"], "JOB_STATE_CANCELLED")
        yield found


def names(jobs: Service, **query: str) -> str:
    rows = jobs.rows(CUSTOM, "customJobs", **query)
    return "".join(sorted(row["displayName"].removeprefix("job_") for row in rows))


@pytest.mark.parametrize(("path", "query"), [(CUSTOM, {}), (NAS, {}), (ML, {}), (CUSTOM, {"filter": 'state="x"'})])
def test_a_list_of_nothing_is_an_empty_object(jobs: Service, path: str, query: dict[str, str]) -> None:
    query = {key: value.replace("x", "JOB_STATE_FAILED") for key, value in query.items()}
    assert jobs.send("GET", path, **query).body == b"{}\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "abcde"),
        ("labels.team=vision", "ab"),
        ('labels.team="vision"', "ab"),
        ("labels.team:vision", "ab"),
        ("labels.team:vis*", "ab"),
        ("labels.team:*", "abc"),
        ("labels:team", "abc"),
        ("labels.empty:*", "d"),
        ('labels.empty=""', "d"),
        ("labels.team!=vision", "c"),
        ("NOT labels.team=vision", "cde"),
        ("-labels.team:*", "de"),
        ("labels.team=vision AND labels.n=1", "a"),
        ("labels.team=vision labels.n=1", "a"),
        ("labels.n=1 OR labels.team=speech", "ac"),
        ("labels.team=vision AND labels.n=1 OR display_name=job_b", "ab"),
        ("(labels.team=vision AND labels.n=1) OR display_name=job_c", "ac"),
        ("NOT (labels.team=vision OR labels.team=speech)", "de"),
        ('display_name="job_a"', "a"),
        ("displayName=job_a", "a"),
        ("display_name!=job_a", "bcde"),
        ('display_name:"job_*"', "abcde"),
        ('display_name:"*_b"', "b"),
        ('display_name="job"', ""),
        ('state="JOB_STATE_CANCELLED"', "c"),
        ("state!=JOB_STATE_CANCELLED", "abde"),
        ('state=JOB_STATE_CANCELLED OR display_name="job_e"', "ce"),
        ('create_time>"2025-06-15T15:08:40Z"', "de"),
        ('create_time>="2025-06-15T15:08:40Z"', "cde"),
        ("create_time<2025-06-15T15:08:40Z", "ab"),
        ('createTime="2025-06-15T17:08:40+02:00"', "c"),
        ('create_time!="2025-06-15T15:08:40Z"', "abde"),
        ("display_name:job_?", ""),
        ('display_name="*o*_*a*"', "a"),
        ('display_name:"j*b*_*" AND NOT display_name:"*_[a-d]"', "abcde"),
        (r'display_name:"job\_a"', "a"),
        (r'display_name:"job_\*"', ""),
        ("display_name='job_a'", "a"),
        ("display_name='job_a'display_name=\"job_a\"", "a"),
        ("(((labels.team=vision)))", "ab"),
        ("-(labels.team=vision OR labels.team=speech) AND display_name!=job_e", "d"),
        ("NOT(labels:team)", "de"),
        ("labels.team=vision OR labels.team=speech AND labels.n=1", "a"),
        ("labels.team=vision OR labels.team=speech labels.n=1", "a"),
        ("labels.team=vision labels.n=1 OR display_name=job_b AND labels:team", "ab"),
        ("labels.none!=x", ""),
        ('create_time>="2025-06-15T15:08:40.000000Z"', "cde"),
        ('create_time>"2025-06-15T15:08:39.9999999Z"', "cde"),
        ('create_time<"2025-06-15T15:08:40.0000001Z"', "abc"),
        ('create_time="2025-06-15T15:08:40.0000001Z"', ""),
        ('create_time!="2025-06-15T15:08:40.0000001Z"', "abcde"),
        ("create_time>0001-01-01T00:00:00+23:59", "abcde"),
        ("create_time<9999-12-31T23:59:59-23:59", "abcde"),
    ],
)
def test_a_filter_finds_exactly_its_jobs(filled: Service, text: str, found: str) -> None:
    assert names(filled, filter=text) == found


@pytest.mark.parametrize(
    "text",
    [
        "labels.team",
        "labels.team=",
        "labels=vision",
        "labels.team>vision",
        "labels.a.b=c",
        "AND",
        "state=RUNNING",
        "state>JOB_STATE_RUNNING",
        "update_time>2025-06-15T15:08:40Z",
        "name=x",
        "display_name>a",
        "create_time>yesterday",
        "create_time>2025-06-15T15:08:40",
        "create_time:*",
        "(labels.team=vision",
        "labels.team=vision)",
        'display_name="job_a',
        "labels.team=vision AND",
        "labels.team=vision OR AND",
        "NOT",
        "!",
        "labels.team==vision",
        "labels.team=!vision",
        "labels.team=a=b",
        "labels.team= AND labels.n=1",
        "labels.team=vision and labels.n=1",
        "vision",
        '"vision"',
        "NOT NOT labels.team=vision",
        "--labels.team=vision",
        "labels:team*x.y(z)",
        "create_time>20250615T150840Z",
        "create_time>2025-06-15 15:08:40Z",
        "create_time>2025-02-30T00:00:00Z",
        "create_time>2025-06-15T15:08:40.1234567890Z",
        "error.code=3",
        "end_time>2025-06-15T15:08:40Z",
        "(" * 60 + "state=JOB_STATE_FAILED" + ")" * 60,
        " ".join(["labels.a=b"] * 300),
    ],
)
def test_a_filter_that_is_none_is_refused(filled: Service, text: str) -> None:
    answer = filled.send("GET", CUSTOM, filter=text)
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "text",
    [
        "display_name=" + "x" * 60_000,
        'display_name="' + "[*" * 20_000 + '"',
        "(" * 50_000,
        "NOT " * 10_000,
        "-" * 50_000,
        " " * 49_000 + "(",
        "labels.a=b OR " * 3_000 + "labels.a=b",
        "a." * 20_000 + "a=b",
        '"' + "\\" * 40_000,
    ],
)
def test_a_filter_of_any_size_is_refused_in_no_time(text: str) -> None:
    with service.opened("in process") as jobs:
        before = time.process_time()
        answer = jobs.send("GET", CUSTOM, filter=text)
        assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")
        assert len(answer.message) < 50_500
        assert time.process_time() - before < 2


def test_a_value_with_many_wildcards_takes_no_time_to_match() -> None:
    with service.opened("in process") as jobs:
        jobs.create(CUSTOM, service.custom_job(displayName="a" * 128))
        before = time.process_time()
        assert jobs.rows(CUSTOM, "customJobs", filter='display_name:"' + "*a" * 100 + '*b"') == []
        assert len(jobs.rows(CUSTOM, "customJobs", filter='display_name:"' + "*a" * 100 + '*"')) == 1
        assert time.process_time() - before < 2


@pytest.mark.parametrize("name", ["create_time", "startTime", "end_time", "updateTime"])
def test_the_times_a_filter_compares_are_data(name: str) -> None:
    documents = list(behaviour.documents())
    for entry in documents[0]["kinds"]:
        entry["filter"]["times"] = ["createTime", "startTime", "endTime", "updateTime"]
    with service.opened("in process", behaviours=behaviour.parse(documents)) as jobs:
        jobs.create(CUSTOM, service.custom_job(displayName="job_a"))
        jobs.clock.advance(10_000)
        jobs.create(CUSTOM, service.custom_job(displayName="job_b"))
        alive = "" if name in ("startTime", "end_time") else "b"
        assert names(jobs, filter=f"{name}<2025-06-15T16:00:00Z") == "a"
        assert names(jobs, filter=f"{name}!=2020-01-01T00:00:00Z") == "a" + alive
        assert names(jobs, filter=f"NOT {name}!=2020-01-01T00:00:00Z") == ("" if alive else "b")
        assert names(jobs, filter=f"{name}!=2020-01-01T00:00:00.0000001Z") == "a" + alive


def test_rows_come_newest_update_first(filled: Service) -> None:
    rows = filled.rows(CUSTOM, "customJobs")
    updates = [row["updateTime"] for row in rows]
    assert len(set(updates)) == 5
    assert rows[0]["displayName"] == "job_e"
    assert updates == sorted(updates, reverse=True)


@pytest.mark.parametrize("size", ["1", "2", "5", "100"])
@pytest.mark.parametrize("text", ["", "labels.team:*"])
def test_pages_hold_every_row_once(filled: Service, size: str, text: str) -> None:
    paged = filled.rows(CUSTOM, "customJobs", pageSize=size, filter=text)
    assert paged == filled.rows(CUSTOM, "customJobs", filter=text)


def test_the_last_page_carries_no_token(filled: Service) -> None:
    assert "nextPageToken" in filled.send("GET", CUSTOM, pageSize="4").json
    assert "nextPageToken" not in filled.send("GET", CUSTOM, pageSize="5").json


@pytest.mark.parametrize(
    "changed",
    [
        {"filter": "labels.team:*"},
        {"readMask": "name"},
        {"pageToken": "bm9uc2Vuc2U"},
        {"pageToken": "%%%"},
        {"pageToken": "é"},
    ],
)
def test_a_token_is_bound_to_its_list(filled: Service, changed: dict[str, str]) -> None:
    token = filled.send("GET", CUSTOM, pageSize="2").json["nextPageToken"]
    answer = filled.send("GET", CUSTOM, **{"pageSize": "2", "pageToken": token, **changed})
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")


def test_a_token_is_bound_to_its_parent(filled: Service) -> None:
    token = filled.send("GET", CUSTOM, pageSize="2").json["nextPageToken"]
    assert filled.send("GET", CUSTOM.replace("demo", "other"), pageToken=token).status == 400


@pytest.mark.parametrize("size", ["-1", "x", "1.5"])
def test_a_page_size_that_is_none_is_refused(filled: Service, size: str) -> None:
    assert filled.send("GET", CUSTOM, pageSize=size).status == 400


@pytest.mark.parametrize(
    ("path", "field", "default", "most"), [(CUSTOM, "customJobs", 100, 1000), (ML, "jobs", 20, 100)]
)
def test_a_page_has_its_default_and_its_largest_size(path: str, field: str, default: int, most: int) -> None:
    with service.opened("in process") as jobs:
        for number in range(most + 1):
            jobs.create(path, service.ml_job(f"j{number}") if path == ML else service.custom_job())
        assert len(jobs.send("GET", path).json[field]) == default
        assert len(jobs.send("GET", path, pageSize=str(most + 1)).json[field]) == most
        assert len(jobs.rows(path, field)) == most + 1


@pytest.mark.parametrize(
    ("mask", "keys"),
    [
        ("name", {"name"}),
        ("name,display_name,create_time", {"name", "displayName", "createTime"}),
        ("displayName", {"displayName"}),
        ("*", {"name", "displayName", "jobSpec", "state", "createTime", "startTime", "updateTime", "labels"}),
    ],
)
def test_a_read_mask_keeps_what_it_names(filled: Service, mask: str, keys: set[str]) -> None:
    rows = filled.rows(CUSTOM, "customJobs", readMask=mask, filter="display_name=job_a")
    assert [set(row) for row in rows] == [keys]


def test_a_read_mask_reaches_into_messages_and_maps(filled: Service) -> None:
    mask = "labels.team,job_spec.worker_pool_specs.replica_count"
    rows = filled.rows(CUSTOM, "customJobs", readMask=mask, filter="display_name=job_a")
    assert rows == [{"labels": {"team": "vision"}, "jobSpec": {"workerPoolSpecs": [{"replicaCount": "1"}]}}]


@pytest.mark.parametrize("mask", ["nonsense", "name,nope", "name,"])
def test_a_read_mask_of_unknown_fields_is_refused(filled: Service, mask: str) -> None:
    assert filled.send("GET", CUSTOM, readMask=mask).status == 400


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        ("customJobs(displayName)", {"customJobs": [{"displayName": "job_e"}]}),
        ("customJobs/displayName", {"customJobs": [{"displayName": "job_e"}]}),
        ("customJobs(displayName,labels/none)", {"customJobs": [{"displayName": "job_e"}]}),
    ],
)
def test_fields_select_parts_of_a_reply(filled: Service, selection: str, found: Any) -> None:
    assert filled.send("GET", CUSTOM, fields=selection, pageSize="1").json == found
    more = filled.send("GET", CUSTOM, fields=f"nextPageToken,{selection}", pageSize="1").json
    assert set(more) == {"customJobs", "nextPageToken"}


@pytest.mark.parametrize("selection", ["customJobs(", "customJobs)", ",", "a(b", "a(b))", "(" * 100])
def test_a_malformed_field_selection_is_refused(filled: Service, selection: str) -> None:
    assert filled.send("GET", CUSTOM, fields=selection).status == 400


def test_a_list_leaves_out_the_output_of_nas_jobs(jobs: Service) -> None:
    made = jobs.create(NAS, service.nas_job())
    jobs.clock.advance(10_000)
    assert "nasJobOutput" in jobs.send("GET", f"/v1/{made['name']}").json
    rows = jobs.rows(NAS, "nasJobs")
    assert [row["name"] for row in rows] == [made["name"]]
    assert "nasJobOutput" not in rows[0]


def test_a_list_sees_only_its_own_project_location_and_kind(jobs: Service) -> None:
    made = jobs.create(CUSTOM, service.custom_job())
    jobs.create(CUSTOM.replace("us-central1", "europe-west4"), service.custom_job())
    jobs.create(CUSTOM.replace("demo", "other"), service.custom_job())
    jobs.create(NAS, service.nas_job())
    assert [row["name"] for row in jobs.rows(CUSTOM, "customJobs")] == [made["name"]]


def test_the_location_wildcard_is_refused_rather_than_found_empty(jobs: Service) -> None:
    assert jobs.send("GET", CUSTOM.replace("us-central1", "-")).status == 400


def test_a_row_moves_to_the_front_when_its_state_changes(jobs: Service) -> None:
    first = jobs.create(CUSTOM, service.custom_job())
    second = jobs.create(CUSTOM, service.custom_job())
    assert [row["name"] for row in jobs.rows(CUSTOM, "customJobs")] == [second["name"], first["name"]]
    jobs.clock.advance(1)
    jobs.emulator.set_state(first["name"], "JOB_STATE_RUNNING")
    assert [row["name"] for row in jobs.rows(CUSTOM, "customJobs")] == [first["name"], second["name"]]


def test_ml_lists_forget_jobs_after_ninety_days_but_get_does_not(jobs: Service) -> None:
    jobs.create(ML, service.ml_job("old"))
    jobs.clock.advance(89 * 86_400)
    jobs.create(ML, service.ml_job("new"))
    assert {row["jobId"] for row in jobs.rows(ML, "jobs")} == {"old", "new"}
    jobs.clock.advance(2 * 86_400)
    assert {row["jobId"] for row in jobs.rows(ML, "jobs")} == {"new"}
    assert jobs.send("GET", f"{ML}/old").status == 200


@pytest.mark.parametrize(
    ("text", "found"),
    [("jobId:rnn*", {"rnn_1", "rnn_2"}), ("jobId:rnn* AND labels.n=2", {"rnn_2"}), ("state:FAILED", set())],
)
def test_ml_filters_speak_of_job_ids(jobs: Service, text: str, found: set[str]) -> None:
    for job in ("rnn_1", "rnn_2", "cnn_1"):
        jobs.create(ML, service.ml_job(job, labels={"n": job[-1]}))
    assert {row["jobId"] for row in jobs.rows(ML, "jobs", filter=text)} == found
