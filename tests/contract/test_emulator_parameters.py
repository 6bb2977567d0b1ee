"""Parameters that every method takes: their spellings, forms of replies, and which parts of a reply come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from google.auth.credentials import AnonymousCredentials
from googleapiclient import discovery
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.emulator.wire import field_masks
from reconciler.vocabulary.wire import Request
from tests.support import service
from tests.support.service import CUSTOM, ML, NAS, Service

OPERATIONS = "/v1/projects/demo/locations/us-central1/operations"


@pytest.fixture(scope="module", params=service.WIRES)
def jobs(request: pytest.FixtureRequest) -> Iterator[Service]:
    """Three jobs; one NAS job and one job of ml."""
    with service.opened(request.param) as found:
        for name in ("a", "b", "c"):
            found.create(CUSTOM, service.custom_job(displayName=name, labels={"my_team": "x", "n": name}))
        found.create(NAS, service.nas_job())
        found.create(ML, service.ml_job("one"))
        yield found


@pytest.mark.parametrize(
    "query",
    [
        {"$.xgafv": "2"},
        {"key": "AIza", "quotaUser": "me", "uploadType": "", "upload_protocol": "", "callback": ""},
        {"$key": "AIza", "$quotaUser": "me", "$prettyPrint": "true"},
        {"access_token": "x", "oauth_token": "x"},
        {"alt": "json"},
        {"$alt": "json;enum-encoding=string"},
    ],
)
@pytest.mark.parametrize("path", [CUSTOM, ML, OPERATIONS, f"{NAS}/1"])
def test_parameters_of_the_system_change_nothing(jobs: Service, path: str, query: dict[str, str]) -> None:
    assert jobs.send("GET", path, **query).body == jobs.send("GET", path).body


@pytest.mark.parametrize("form", ["proto", "media", "xml"])
def test_forms_of_replies_that_are_not_json_are_refused(jobs: Service, form: str) -> None:
    answer = jobs.send("GET", CUSTOM, alt=form)
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"page_size": "2"}, {"pageSize": "2"}),
        ({"read_mask": "name"}, {"readMask": "name"}),
        ({"$fields": "customJobs/name"}, {"fields": "customJobs/name"}),
        ({"$alt": "json;enum-encoding=int"}, {"alt": "json;enum-encoding=int"}),
        ({"$alt": "json;enum-encoding=int", "alt": "json"}, {"alt": "json;enum-encoding=int"}),
    ],
)
def test_parameters_go_by_two_spellings(jobs: Service, one: dict[str, str], other: dict[str, str]) -> None:
    assert jobs.send("GET", CUSTOM, **one).body == jobs.send("GET", CUSTOM, **other).body
    assert jobs.send("GET", CUSTOM, **one).body != jobs.send("GET", CUSTOM).body


@pytest.mark.parametrize("name", ["order_by", "orderBy", "$filter", "$pageSize", "Filter", "validateOnly"])
def test_an_unknown_parameter_is_told_as_it_was_written(jobs: Service, name: str) -> None:
    answer = jobs.send("GET", CUSTOM, **{name: "x"})
    text = (
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
        f"Field '{name}' could not be found in request message."
    )
    assert (answer.status, answer.message) == (400, text)
    [detail] = answer.json["error"]["details"]
    assert detail == {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"description": text}],
    }


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("POST", f"{CUSTOM}/1:cancel", {"timeout": "1s"}),
        ("DELETE", f"{CUSTOM}/1", {"filter": "x"}),
        ("GET", f"{NAS}/1/nasTrialDetails", {"filter": "x"}),
        ("GET", f"{OPERATIONS}/1", {"timeout": "1s"}),
        ("GET", OPERATIONS, {"readMask": "name"}),
        ("PATCH", f"{ML}/one", {"readMask": "x"}),
    ],
)
def test_a_parameter_of_another_method_is_unknown(jobs: Service, method: str, path: str, query: dict[str, str]) -> None:
    answer = jobs.send(method, path, **query)
    assert (answer.status, "Cannot bind query parameter" in answer.message) == (400, True)


@pytest.mark.parametrize("size", ["2147483648", "-2147483649", "99999999999999999999", "1e3", "٣", " 1", "0x1", "+1"])
def test_a_page_size_beyond_32_bits_is_no_value(jobs: Service, size: str) -> None:
    answer = jobs.send("GET", CUSTOM, pageSize=size)
    assert (answer.status, answer.message) == (400, f"Invalid value at 'page_size' (TYPE_INT32), \"{size}\"")


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        ("customJobs(displayName)", [{"displayName": name} for name in "cba"]),
        ("customJobs.displayName", [{"displayName": name} for name in "cba"]),
        ("customJobs/display_name", [{"displayName": name} for name in "cba"]),
        ("custom_jobs(displayName,labels(n))", [{"displayName": name, "labels": {"n": name}} for name in "cba"]),
        ("*/labels/n", [{"labels": {"n": name}} for name in "cba"]),
        ("customJobs/*/n", [{"labels": {"n": name}} for name in "cba"]),
        ("customJobs/labels/my_team", [{"labels": {"my_team": "x"}}] * 3),
        ("customJobs(labels/n,labels/my_team)", [{"labels": {"my_team": "x", "n": name}} for name in "cba"]),
        (
            "customJobs/jobSpec/workerPoolSpecs(replicaCount,machineSpec/machineType)",
            [{"jobSpec": {"workerPoolSpecs": [{"replicaCount": "1", "machineSpec": {"machineType": "n1-standard-4"}}]}}]
            * 3,
        ),
        ("customJobs(error/message)", [{}] * 3),
    ],
)
def test_fields_reach_everywhere(jobs: Service, selection: str, found: Any) -> None:
    assert jobs.send("GET", CUSTOM, fields=selection).json == {"customJobs": found}


@pytest.mark.parametrize("selection", ["*", "customJobs", "customJobs(*)", "customJobs/*,nextPageToken"])
def test_all_fields_are_the_whole_reply(jobs: Service, selection: str) -> None:
    assert jobs.send("GET", CUSTOM, fields=selection).body == jobs.send("GET", CUSTOM).body


@pytest.mark.parametrize(
    ("path", "selection", "told"),
    [
        (CUSTOM, "jobs", "jobs"),
        (CUSTOM, "customJobs/colour", "customJobs.colour"),
        (CUSTOM, "customJobs(name,jobSpec(workerPoolSpecs/shade))", "customJobs.jobSpec.workerPoolSpecs.shade"),
        (CUSTOM, "customJobs/displayName/x", "customJobs.displayName.x"),
        (NAS, "nasJobs/nasJobSpec/colour", "nasJobs.nasJobSpec.colour"),
        (ML, "jobs/trainingInput/colour", "jobs.trainingInput.colour"),
        (f"{ML}/one", "trainingInput/colour", "trainingInput.colour"),
        (f"{ML}/one:getIamPolicy", "members", "members"),
        (OPERATIONS, "operations/colour", "operations.colour"),
        (f"{OPERATIONS}/1", "colour", "colour"),
        (f"{NAS}/1/nasTrialDetails", "nasTrialDetails/colour", "nasTrialDetails.colour"),
    ],
)
def test_a_field_that_no_reply_has_is_refused_before_anything_is_read(
    jobs: Service, path: str, selection: str, told: str
) -> None:
    answer = jobs.send("GET", path, fields=selection)
    assert (answer.status, answer.message) == (400, "Request contains an invalid argument.")
    text = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{told}'."
    assert answer.json["error"]["details"][0]["fieldViolations"] == [{"field": told, "description": text}]


def test_a_create_with_a_bad_selection_creates_nothing(jobs: Service) -> None:
    before = jobs.rows(CUSTOM, "customJobs")
    for selection in ("colour", "name(", "x" * 30_000, "name/" * 50 + "name"):
        assert jobs.send("POST", CUSTOM, service.custom_job(), fields=selection).status == 400
    assert jobs.rows(CUSTOM, "customJobs") == before


@pytest.mark.parametrize(
    "selection", ["customJobs/", "/customJobs", "customJobs..name", "a b", "customJobs(name)x", "()"]
)
def test_a_selection_that_does_not_parse_is_refused(jobs: Service, selection: str) -> None:
    assert jobs.send("GET", CUSTOM, fields=selection).status == 400


def test_a_header_selects_fields_too(jobs: Service) -> None:
    headers = {"X-Goog-FieldMask": "customJobs.displayName"}
    for url in (CUSTOM, f"{CUSTOM}?pageSize=3"):
        reply = jobs.emulator(Request("GET", f"http://any.host{url}", headers, b""))
        assert json.loads(reply.body)["customJobs"] == [{"displayName": name} for name in "cba"]


@pytest.mark.parametrize(
    ("mask", "status"),
    [
        ("job_spec.worker_pool_specs.colour", 400),
        ("jobSpec.colour", 400),
        ("displayName.x", 400),
        ("labels.anything", 200),
        ("error.message", 200),
        ("name,", 400),
        ("name..x", 400),
        (".".join("a" * 50), 400),
    ],
)
def test_paths_of_a_read_mask_are_checked_to_their_end(jobs: Service, mask: str, status: int) -> None:
    assert jobs.send("GET", CUSTOM, readMask=mask).status == status


def test_a_read_mask_keeps_labels_with_underscores(jobs: Service) -> None:
    rows = jobs.rows(CUSTOM, "customJobs", readMask="labels.my_team,display_name")
    assert rows == [{"displayName": name, "labels": {"my_team": "x"}} for name in "cba"]


@pytest.mark.parametrize("url", ["http://any.host/v1/\ud800", f"http://any.host{CUSTOM}?filter=\ud800", "http://[x/"])
def test_an_address_that_is_none_is_refused(jobs: Service, url: str) -> None:
    reply = jobs.emulator(Request("GET", url, {}, b""))
    assert (reply.status, json.loads(reply.body)["error"]["status"]) == (400, "INVALID_ARGUMENT")


QUERY = st.dictionaries(
    st.sampled_from(
        (
            *("filter", "pageSize", "pageToken", "readMask", "fields", "updateMask", "timeout", "alt", "prettyPrint"),
            *("returnPartialSuccess", "options.requestedPolicyVersion", "x"),
        )
    ),
    st.text("a*/.,()\"'\\=:<-1 \0é😀", max_size=8)
    | st.sampled_from(("name", "labels", "true", "3s", "2", "W10", "WyJhIiwxLDFd", "json", "labels.n=a")),
    max_size=4,
)
BODIES = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"\xff",
    b'{"policy": null}',
    b'{"policy": {"etag": "A"}}',
    b'{"permissions": [null]}',
)


@given(
    st.sampled_from(("GET", "POST", "PATCH", "PUT", "HEAD")),
    st.sampled_from((CUSTOM, NAS, ML, OPERATIONS, "/v1/projects/demo/operations", f"{ML}/one", "/v1/projects/%00")),
    st.text("/:%0Fa1é", max_size=5)
    | st.sampled_from(
        ("/1:cancel", "/1/operations", "/1:wait", "/1/nasTrialDetails/1", ":getIamPolicy", ":setIamPolicy")
    ),
    QUERY,
    st.sampled_from(BODIES),
)
@settings(max_examples=500)
def test_no_request_is_without_an_answer(
    asked: Service, method: str, path: str, suffix: str, query: dict[str, str], body: bytes
) -> None:
    url = f"http://any.host{path}{suffix}?{urlencode(query)}"
    reply = asked.emulator(Request(method, url, {}, body))
    assert reply.status in (200, 400, 404, 409, 501)
    if reply.headers["content-type"].startswith("application/json"):
        assert isinstance(json.loads(reply.body), dict)


@pytest.fixture(scope="module")
def asked() -> Iterator[Service]:
    with service.opened("in process") as found:
        found.create(ML, service.ml_job("one"))
        yield found


def test_fields_come_in_the_order_of_the_proto(jobs: Service) -> None:
    key = "projects/demo/locations/us-central1/keyRings/r/cryptoKeys/k"
    body = {"encryptionSpec": {"kmsKeyName": key}, "labels": {"z": "1"}, **service.custom_job()}
    made = jobs.send("POST", "/v1/projects/other/locations/us-central1/customJobs", body).json
    assert list(made) == [
        "name",
        "displayName",
        "jobSpec",
        "state",
        "createTime",
        "updateTime",
        "labels",
        "encryptionSpec",
    ]


def test_fields_of_ml_come_in_the_recorded_order() -> None:
    with service.opened("in process") as found:
        found.create(ML, service.ml_job("one", labels={"n": "1"}))
        found.send("POST", f"{ML}/one:cancel")
        found.clock.advance(60)
        ended = found.send("GET", f"{ML}/one").json
        times = ["createTime", "endTime"]
        output = ["errorMessage", "trainingOutput"]
        assert list(ended) == ["jobId", "trainingInput", *times, "state", *output, "labels", "etag"]


def test_a_get_that_is_too_long_for_an_address_comes_as_a_post(jobs: Service) -> None:
    text = b"filter=display_name%3Da&pageSize=1"
    headers = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}
    reply = jobs.emulator(Request("POST", f"http://any.host{CUSTOM}", headers, text))
    assert [row["displayName"] for row in json.loads(reply.body)["customJobs"]] == ["a"]
    reply = jobs.emulator(Request("POST", f"http://any.host{ML}/one", {"X-HTTP-Method-Override": "DELETE"}, b""))
    assert reply.status == 404
    reply = jobs.emulator(Request("GET", f"http://any.host{ML}/one", {"X-HTTP-Method-Override": "DELETE"}, b""))
    assert reply.status == 200


def test_googles_client_sends_long_filters_so() -> None:
    with service.opened("http") as found:
        found.create(ML, service.ml_job("one", labels={"n": "1"}))
        found.create(ML, service.ml_job("two", labels={"n": "2"}))
        options = {"api_endpoint": f"http://127.0.0.1:{found.port}"}
        client = discovery.build("ml", "v1", credentials=AnonymousCredentials(), client_options=options)
        long = " OR ".join(["labels.n=1", *(f"labels.number={n:020d}" for n in range(100))])
        listed = client.projects().jobs().list(parent="projects/demo", filter=long).execute()
        client.close()
        assert [job["jobId"] for job in listed["jobs"]] == ["one"]
        assert [(entry.method, entry.status) for entry in found.emulator.audit()[-1:]] == [("GET", 200)]


NOTHING = "nothing"


def apart(paths: set[tuple[str, ...]], value: Any) -> Any:
    """Keep what paths lead to, the slow way; nothing, where none leads anywhere."""
    if () in paths:
        return value
    if isinstance(value, list):
        found = [(item, apart(paths, item)) for item in value]
        return [{} if kept == NOTHING else kept for item, kept in found if kept != NOTHING or isinstance(item, dict)]
    kept = {}
    for name, item in value.items() if isinstance(value, dict) else ():
        below = apart({path[1:] for path in paths if path[0] in (name, "*")}, item)
        if below != NOTHING and any(path[0] in (name, "*") for path in paths):
            kept[name] = below
    return kept or NOTHING


NAMES = st.sampled_from("ab*c")
PATHS = st.sets(st.lists(NAMES, min_size=1, max_size=4).map(tuple), min_size=1, max_size=4)
VALUES = st.recursive(
    st.integers(0, 3), lambda below: st.dictionaries(st.sampled_from("abc"), below) | st.lists(below, max_size=2)
)


@given(PATHS, VALUES)
def test_a_selection_keeps_what_its_paths_lead_to(paths: set[tuple[str, ...]], value: Any) -> None:
    text = ",".join("/".join(path) for path in sorted(paths))
    found = apart(paths, value)
    assert field_masks.apply(field_masks.field_selection(text), value) == ({} if found == NOTHING else found)
