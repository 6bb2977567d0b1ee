"""Which reply is which error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.api import envelopes
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Response
from tests.support.checkout import CORPUS
from tests.unit.api.sample import failed, reply

HARDWARE = "The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_training_cpus"


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (failed(400, "INVALID_ARGUMENT"), errors.InvalidRequest),
        (failed(400, "FAILED_PRECONDITION"), errors.FailedPrecondition),
        (failed(400, "OUT_OF_RANGE"), errors.InvalidRequest),
        (failed(400, ""), errors.InvalidRequest),
        (failed(401, "UNAUTHENTICATED"), errors.Unauthenticated),
        (failed(403, "PERMISSION_DENIED"), errors.PermissionDenied),
        (failed(404, "NOT_FOUND"), errors.NotFound),
        (failed(409, "ALREADY_EXISTS"), errors.Conflict),
        (failed(409, "ABORTED"), errors.Conflict),
        (failed(412, "FAILED_PRECONDITION"), errors.Conflict),
        (failed(429, "RESOURCE_EXHAUSTED"), errors.RateLimited),
        (failed(429, "RESOURCE_EXHAUSTED", HARDWARE), errors.QuotaExhausted),
        (failed(408, "DEADLINE_EXCEEDED"), errors.ServerFailed),
        (failed(500, "INTERNAL"), errors.ServerFailed),
        (failed(503, "UNAVAILABLE"), errors.ServerFailed),
        (failed(504, "DEADLINE_EXCEEDED"), errors.ServerFailed),
        (Response(500), errors.ServerFailed),
        (Response(502, {}, b"<html>Bad Gateway</html>"), errors.ServerFailed),
        (Response(403, {}, b"<html>"), errors.PermissionDenied),
        (Response(302, {"location": "http://elsewhere"}), errors.ApiError),
        (Response(418), errors.ApiError),
        (Response(999), errors.ServerFailed),
    ],
)
def test_status_and_code_choose_the_error(response: Response, error: type[errors.ApiError]) -> None:
    found = envelopes.failure(response, "get x")
    assert type(found) is error
    assert found.status == response.status
    assert found.message.startswith(f"get x: {response.status} ")


@pytest.mark.parametrize("body", [b"", b"<html>Error 404 (Not Found)</html>", b"{}", b"Not found", b"[]", b'"x"'])
def test_a_404_that_is_not_the_apis_does_not_say_that_the_job_is_gone(body: bytes) -> None:
    found = envelopes.failure(Response(404, {}, body), "get x")
    assert not isinstance(found, errors.NotFound)
    assert "address" in found.hint


def test_an_envelope_inside_a_list_is_found() -> None:
    found = envelopes.failure(reply([{"error": {"status": "NOT_FOUND", "message": "gone"}}], 404), "get x")
    assert isinstance(found, errors.NotFound)
    assert found.code == "NOT_FOUND"
    assert found.message == "get x: 404 NOT_FOUND: gone"


def test_violations_that_the_message_leaves_out_are_told() -> None:
    details = [{"@type": "BadRequest", "fieldViolations": [{"field": "job_spec", "description": "is empty"}]}, 7, None]
    found = envelopes.failure(failed(400, "INVALID_ARGUMENT", "bad", details=details), "create x")
    assert found.message.endswith("bad; job_spec: is empty")


def test_violations_that_the_message_has_in_other_words_are_told_once() -> None:
    said = "List of found errors:\t1.Field: job_spec; Message: It is empty.\t"
    details = [{"@type": "BadRequest", "fieldViolations": [{"field": "job_spec", "description": "It is empty."}]}]
    found = envelopes.failure(failed(400, "INVALID_ARGUMENT", said, details=details), "create x")
    assert found.message.count("It is empty.") == 1


@pytest.mark.parametrize("message", ["x" * 100_000, "\x1b[31m" * 50_000, "ö" * 9_000])
def test_a_long_message_is_cut(message: str) -> None:
    assert len(envelopes.failure(failed(500, "INTERNAL", message), "get x").message) <= 2000


def disabled(service: str) -> Response:
    """The reply of a service that a project has not enabled (recorded form: vertex-ai-samples#476)."""
    info: dict[str, Any] = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}
    info |= {"domain": "googleapis.com", "metadata": {"consumer": "projects/1", "service": service}}
    return failed(403, "PERMISSION_DENIED", details=[info])


@pytest.mark.parametrize(
    ("response", "way_out"),
    [
        (failed(401, "UNAUTHENTICATED"), "gcloud auth application-default login"),
        (failed(403, "PERMISSION_DENIED", "ml has not been used in project 1"), "gcloud services enable SERVICE"),
        (disabled("ml.googleapis.com"), "gcloud services enable ml.googleapis.com"),
        (disabled("batch.googleapis.com"), "gcloud services enable batch.googleapis.com"),
        (failed(400, "INVALID_ARGUMENT", "You do not have iam.serviceAccounts.actAs"), "serviceAccountUser"),
        (failed(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes."), "cloud-platform"),
        (failed(403, "PERMISSION_DENIED", details=[{"reason": "CONSUMER_INVALID"}]), "project's id"),
        (failed(403, "PERMISSION_DENIED"), "lacks the permission"),
        (failed(429, "RESOURCE_EXHAUSTED", HARDWARE), "quota"),
        (failed(429, "RESOURCE_EXHAUSTED"), "--parallelism"),
        (Response(307), "redirects are not followed"),
    ],
)
def test_a_known_failure_names_the_way_out(response: Response, way_out: str) -> None:
    assert way_out in envelopes.failure(response, "get x").hint


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'"text"',
        b"null",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a"',
        b"\xff\xfe{",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": ' + b"9" * 10_000 + b"}",
    ],
    ids=range(12),
)
def test_an_unreadable_good_reply_may_stand_for_work_done(body: bytes) -> None:
    with pytest.raises(errors.TransportFailed, match="cannot be read") as caught:
        envelopes.decode(Response(200, {}, body), "create x")
    assert caught.value.sent is True


def test_a_reply_beyond_the_bound_is_not_parsed() -> None:
    with pytest.raises(errors.TransportFailed, match="larger than"):
        envelopes.decode(Response(200, {}, b"{}" + b" " * envelopes.LARGEST_BODY), "get x")


def test_large_ids_stay_text() -> None:
    assert envelopes.decode(Response(200, {}, b'{"n": "9223372036854775807"}'), "x") == {"n": "9223372036854775807"}


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (3, errors.InvalidRequest),
        (5, errors.NotFound),
        (7, errors.PermissionDenied),
        (8, errors.QuotaExhausted),
        (9, errors.FailedPrecondition),
        (10, errors.Conflict),
        (13, errors.ServerFailed),
        (99, errors.ServerFailed),
        (None, errors.ServerFailed),
    ],
)
def test_an_operations_error_has_a_grpc_number(number: int | None, error: type[errors.ApiError]) -> None:
    assert type(envelopes.operation_failure({"code": number, "message": "no"}, "delete x")) is error


RECORDED = sorted((CORPUS / "errors").glob("*.json"))


if RECORDED:  # a machine without the corpus leaves them out

    @pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
    def test_every_recorded_envelope_is_understood(path: Path) -> None:
        body = json.loads(path.read_text())
        error = (body[0] if isinstance(body, list) else body).get("error")
        if not isinstance(error, dict):  # the error of a job or an operation: a gRPC status
            assert envelopes.operation_failure(body, "x").code != "UNKNOWN"
            return
        found = envelopes.failure(reply(body, error["code"]), "x")
        assert type(found) is not errors.ApiError
        assert str(error["message"])[:100].strip() in found.message
