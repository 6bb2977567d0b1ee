"""Every fault, on both faces of the emulator, as the job methods see it; and what was carried out all the same."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from reconciler.api.endpoints import Endpoints
from reconciler.api.jobs import HttpJobs
from reconciler.emulator.faults import parse
from reconciler.emulator.faults.model import CancelLoses, Delay, DropAfter, DropBefore, Fault, Garbage, Status, Truncate
from reconciler.emulator.serving import server
from reconciler.files import schemas
from reconciler.transport import quota
from reconciler.transport.http import HttpTransport
from reconciler.transport.retry import retrying
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Scope
from reconciler.vocabulary.wire import Request, Response
from tests.support import service
from tests.support.service import CUSTOM, ML, WIRES, Service

KINDS = schemas.load_kinds()
KIND = KINDS["CustomJob"]
SCOPE = Scope("demo", "us-central1")


@contextmanager
def connected(jobs: Service) -> Iterator[HttpJobs]:
    """The job methods over the face that is under test."""
    if jobs.port == 0:
        yield HttpJobs(jobs.emulator, Endpoints("embedded"), jobs.clock)
        return
    with HttpTransport(timeout=(5, 10)) as transport:
        yield HttpJobs(transport, Endpoints(f"http://127.0.0.1:{jobs.port}"), jobs.clock)


@pytest.fixture(params=WIRES)
def jobs(request: pytest.FixtureRequest) -> Iterator[Service]:
    with service.opened(request.param) as found:
        yield found


@pytest.fixture
def api(jobs: Service) -> Iterator[HttpJobs]:
    with connected(jobs) as found:
        yield found


def stored(jobs: Service) -> list[Any]:
    jobs.emulator.clear_faults()
    return jobs.rows(CUSTOM, "customJobs")


@pytest.mark.parametrize(
    ("action", "error", "carried_out"),
    [
        (DropBefore(), errors.TransportFailed, False),
        (DropAfter(), errors.TransportFailed, True),
        (Truncate(), errors.TransportFailed, True),
        (Garbage(), errors.TransportFailed, True),
        (Status(400), errors.InvalidRequest, False),
        (Status(400, reason="FAILED_PRECONDITION"), errors.FailedPrecondition, False),
        (Status(401), errors.Unauthenticated, False),
        (Status(403), errors.PermissionDenied, False),
        (Status(404), errors.NotFound, False),
        (Status(404, body="html"), errors.ApiError, False),
        (Status(409), errors.Conflict, False),
        (Status(429, body="rate"), errors.RateLimited, False),
        (Status(429, body="hardware_quota"), errors.QuotaExhausted, False),
        (Status(500), errors.ServerFailed, False),
        (Status(500, carried_out=True), errors.ServerFailed, True),
        (Status(503), errors.ServerFailed, False),
        (Status(503, body="html", carried_out=True), errors.ServerFailed, True),
        (Status(503, body="list"), errors.ServerFailed, False),
    ],
    ids=str,
)
def test_a_create_meets_the_fault_once_as_the_right_error(
    jobs: Service, api: HttpJobs, action: Any, error: type[errors.ReconcilerError], carried_out: bool
) -> None:
    jobs.emulator.inject(Fault(action, method="create", first=1, last=1))
    with pytest.raises(error) as caught:
        api.create(KIND, SCOPE, service.custom_job())
    assert type(caught.value) is error or isinstance(caught.value, errors.TransportFailed)
    assert len(stored(jobs)) == carried_out
    api.create(KIND, SCOPE, service.custom_job())
    assert [entry.committed for entry in jobs.emulator.audit() if entry.method == "POST"] == [carried_out, True]


@pytest.mark.parametrize("action", [DropBefore(), DropAfter(), Truncate(), Garbage(), Status(500)], ids=str)
@pytest.mark.parametrize("method", ["get", "list", "cancel", "delete"])
def test_every_method_can_be_struck_and_only_that_method_is(
    jobs: Service, api: HttpJobs, method: str, action: Any
) -> None:
    name = jobs.create(CUSTOM, service.custom_job())["name"]
    if method == "delete":
        jobs.clock.advance(1000)
    calls: dict[str, Callable[[], object]] = {
        "get": lambda: api.get(KIND, name),
        "list": lambda: list(api.list(KIND, SCOPE, "")),
        "cancel": lambda: api.cancel(KIND, name),
        "delete": lambda: api.delete(KIND, name),
    }
    others = {"get", "list"} - {method}
    jobs.emulator.inject(Fault(action, method=method))
    for other in others:
        calls[other]()
    if (method, action) == ("cancel", Garbage()):
        calls[method]()  # a good status is all there is to the reply of a cancel
    else:
        with pytest.raises((errors.TransportFailed, errors.ServerFailed)):
            calls[method]()
    assert [one["hits"] for one in jobs.emulator.faults()] == [1]


@pytest.mark.parametrize(("sent", "told"), [(True, True), (False, False)])
def test_in_process_a_cut_connection_says_whether_the_request_left(sent: bool, told: bool) -> None:
    with service.opened("in process", faults=[Fault(DropBefore(sent=sent))]) as jobs, connected(jobs) as api:
        with pytest.raises(errors.TransportFailed) as caught:
            api.create(KIND, SCOPE, service.custom_job())
        assert caught.value.sent is told


@pytest.mark.parametrize("action", [DropBefore(), DropBefore(sent=False), DropAfter(), Truncate()], ids=str)
def test_over_http_a_cut_connection_may_always_have_carried_the_request(action: Any) -> None:
    with service.opened("http", faults=[Fault(action)]) as jobs, connected(jobs) as api:
        with pytest.raises(errors.TransportFailed) as caught:
            api.create(KIND, SCOPE, service.custom_job())
        assert caught.value.sent is True


@contextmanager
def asked(port: int, path: str = CUSTOM) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        yield connection


@pytest.mark.parametrize("action", [DropBefore(), DropAfter()], ids=str)
def test_a_dropped_connection_ends_without_a_byte(action: Any) -> None:
    with service.opened("http", faults=[Fault(action, first=1, last=1)]) as jobs:
        with asked(jobs.port) as connection:
            assert connection.recv(100) == b""
        assert jobs.send("GET", CUSTOM).status == 200


def test_a_kept_connection_is_cut_at_the_request_that_is_struck() -> None:
    with service.opened("http", faults=[Fault(DropAfter(), first=2, last=2)]) as jobs:
        connection = http.client.HTTPConnection("127.0.0.1", jobs.port, timeout=10)
        with closing(connection):
            connection.request("GET", CUSTOM)
            assert connection.getresponse().read() == b"{}\n"
            connection.request("GET", CUSTOM)
            with pytest.raises(http.client.RemoteDisconnected):
                connection.getresponse()


def test_a_truncated_reply_promises_the_whole_and_sends_half() -> None:
    with service.opened("http") as jobs:
        jobs.create(CUSTOM, service.custom_job())
        whole = jobs.send("GET", CUSTOM)
        jobs.emulator.inject(Fault(Truncate()))
        with asked(jobs.port) as connection:
            head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
        assert f"content-length: {len(whole.body)}".encode() in head.lower()
        assert body == whole.body[: len(whole.body) // 2]


def test_any_transport_that_fails_cuts_the_connection() -> None:
    def failing(request: Request) -> Response:
        raise errors.TransportFailed("no reply came")

    handle = server.serve(failing)
    with service.running(handle), asked(handle.port) as connection:
        assert connection.recv(100) == b""


def test_a_rate_429_is_waited_for_and_a_hardware_429_is_not(jobs: Service) -> None:
    jobs.emulator.inject(Fault(Status(429, body="rate", retry_after=7), first=1, last=1))
    before = jobs.clock.now()
    send = retrying(jobs.transport, jobs.clock, lambda: 0.5)
    body = json.dumps(service.custom_job()).encode()
    assert send(Request("POST", f"http://any.host{CUSTOM}", {}, body)).status == 200
    assert jobs.clock.now() - before == pytest.approx(7)
    jobs.emulator.inject(Fault(Status(429, body="hardware_quota")))
    reply = send(Request("POST", f"http://any.host{CUSTOM}", {}, body))
    assert quota.is_hardware_quota(reply)
    assert len([entry for entry in jobs.emulator.audit() if entry.status == 429]) == 2


def test_in_process_a_delay_passes_on_the_emulators_clock() -> None:
    with service.opened("in process", faults=[Fault(Delay(5), method="create")]) as jobs:
        before = jobs.clock.now()
        jobs.create(CUSTOM, service.custom_job())
        assert jobs.clock.now() - before == 5
        jobs.send("GET", CUSTOM)
        assert jobs.clock.now() - before == 5


def test_a_delay_longer_than_the_callers_patience_is_carried_out_after_it_went() -> None:
    gate, waited = threading.Event(), []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        gate.wait(10)

    with service.opened("http", faults=[Fault(Delay(600))], sleep=sleep) as jobs:
        with HttpTransport(timeout=(5, 0.2)) as transport:
            api = HttpJobs(transport, Endpoints(f"http://127.0.0.1:{jobs.port}"), jobs.clock)
            with pytest.raises(errors.TransportFailed) as caught:
                api.create(KIND, SCOPE, service.custom_job())
            assert caught.value.sent is True
        assert (waited, jobs.emulator.audit()) == ([600], ())
        gate.set()
    assert [entry.committed for entry in jobs.emulator.audit()] == [True]


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED"])
@pytest.mark.parametrize(
    ("path", "body", "prefix", "error"),
    [(CUSTOM, service.custom_job(), "JOB_STATE_", "error"), (ML, service.ml_job("one"), "", "errorMessage")],
)
def test_a_cancel_that_comes_too_late_ends_otherwise(
    jobs: Service, path: str, body: Any, prefix: str, error: str, state: str
) -> None:
    jobs.emulator.inject(Fault(CancelLoses(state)))
    made = jobs.create(path, body)
    name = made.get("name", f"projects/demo/jobs/{body.get('jobId')}")
    assert jobs.send("POST", f"/v1/{name}:cancel").status == 200
    jobs.clock.advance(10)
    found = jobs.send("GET", f"/v1/{name}").json
    assert found["state"] == prefix + state
    assert (error in found) is (state == "FAILED")
    assert found["startTime"] <= found["endTime"]


def test_faults_strike_by_seed_the_same_way_every_time() -> None:
    def told() -> list[int]:
        faults = [
            Fault(Status(503), method="create", probability=0.4, seed=11),
            Fault(Status(429, body="rate"), probability=0.3, seed=12),
        ]
        with service.opened("in process", faults=faults) as jobs:
            return [jobs.send("POST", CUSTOM, service.custom_job()).status for _ in range(40)]

    first = told()
    assert first == told()
    assert {200, 429, 503} == set(first)


def test_the_audit_counts_what_was_carried_out_for_each_run_key(jobs: Service) -> None:
    body = service.custom_job(labels={"reconciler_run": "1-abc"})
    jobs.emulator.inject(Fault(DropAfter(), method="create", first=1, last=1), Fault(Status(500), method="list"))
    with connected(jobs) as api:
        with pytest.raises(errors.TransportFailed):
            api.create(KIND, SCOPE, body)
        name = api.create(KIND, SCOPE, body)["name"]
        api.cancel(KIND, name)
        with pytest.raises(errors.ServerFailed):
            list(api.list(KIND, SCOPE, ""))
        with pytest.raises(errors.InvalidRequest):
            api.create(KIND, SCOPE, {"displayName": 1, "labels": "none"})
    seen = [(e.n, e.method, e.status, e.committed, e.run_key) for e in jobs.emulator.audit()]
    assert seen == [
        (1, "POST", 0, True, "1-abc"),
        (2, "POST", 200, True, "1-abc"),
        (3, "POST", 200, True, ""),
        (4, "GET", 500, False, ""),
        (5, "POST", 400, False, ""),
    ]
    assert jobs.emulator.audit()[0].path == "/v1/projects/demo/locations/us-central1/customJobs"


def test_a_reply_whose_fields_cannot_be_chosen_carries_nothing_out(jobs: Service) -> None:
    assert jobs.send("POST", CUSTOM, service.custom_job(), fields="name(").status == 400
    assert stored(jobs) == []


CONTROL = "/emulator/v1/faults"


def test_faults_are_injected_counted_and_taken_away_over_the_control_path(jobs: Service) -> None:
    document = {"faults": [{"action": "status", "code": 503, "method": "create", "nth": 2}]}
    told = jobs.send("POST", CONTROL, document).json
    assert told == {"faults": [document["faults"][0] | {"seen": 0, "hits": 0}]}
    statuses = [jobs.send("POST", CUSTOM, service.custom_job()).status for _ in range(3)]
    assert statuses == [200, 503, 200]
    jobs.send("POST", CONTROL, {"faults": [{"action": "drop_before", "method": "delete"}]})
    told = jobs.send("GET", CONTROL).json
    assert [(one["action"], one["seen"], one["hits"]) for one in told["faults"]] == [
        ("status", 3, 1),
        ("drop_before", 0, 0),
    ]
    assert jobs.send("DELETE", CONTROL).json == {"faults": []}
    assert jobs.send("POST", CUSTOM, service.custom_job()).status == 200


def test_bad_faults_are_refused_whole_and_named(jobs: Service) -> None:
    document = {"faults": [{"action": "garbage"}, {"action": "garbage", "kind": "Job?"}, {"action": "delay"}]}
    answer = jobs.send("POST", CONTROL, document)
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")
    fields = [one["field"] for one in answer.json["error"]["details"][0]["fieldViolations"]]
    assert fields == ["faults[1].kind", "faults[2]"]
    assert jobs.send("GET", CONTROL).json == {"faults": []}


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"faults": 1}', b'{"faults": [1]}'])
def test_no_document_breaks_the_control_path(jobs: Service, raw: bytes) -> None:
    assert jobs.send_bytes("POST", CONTROL, raw).status == 400


def test_the_control_path_itself_is_never_struck(jobs: Service) -> None:
    jobs.emulator.inject(Fault(DropBefore()))
    assert jobs.send("GET", "/emulator/v1/clock").status == 200
    assert jobs.send("DELETE", CONTROL).status == 200
    assert jobs.emulator.audit() == ()


def test_the_audit_can_be_read_in_parts_over_the_control_path(jobs: Service) -> None:
    for _ in range(3):
        jobs.send("GET", CUSTOM)
    told = jobs.send("GET", "/emulator/v1/audit").json["calls"]
    assert [call["n"] for call in told] == [1, 2, 3]
    first = {"n": 1, "method": "GET", "path": CUSTOM, "status": 200, "committed": False, "run_key": "", "verb": "list"}
    assert first.items() <= told[0].items()
    assert [call["n"] for call in jobs.send("GET", "/emulator/v1/audit", after="2").json["calls"]] == [3]
    assert jobs.send("GET", "/emulator/v1/audit", after="x").status == 400


def test_every_kind_that_is_served_can_be_named_by_a_fault(jobs: Service) -> None:
    items = [{"action": "garbage", "kind": kind} for kind in sorted(KINDS)]
    assert parse.read({"faults": items}, KINDS.keys())[1] == ()
    assert jobs.send("POST", CONTROL, {"faults": items}).status == 200


def test_a_call_that_means_nothing_can_be_struck_too(jobs: Service) -> None:
    jobs.emulator.inject(Fault(Status(503), path="/v2/*"))
    assert jobs.send("GET", "/v2/projects").status == 503
    assert jobs.send("GET", "/v1/projects").status == 404
