"""Reads replies: a JSON object out of a good one, the right error out of a bad one. Knows no method and no kind."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from reconciler.transport import quota
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Response

LARGEST_BODY = 64 * 1024 * 1024
LONGEST_MESSAGE = 2000
"""Characters of a server's message that are kept."""

_BY_CODE: Mapping[str, type[errors.ApiError]] = {
    "INVALID_ARGUMENT": errors.InvalidRequest,
    "OUT_OF_RANGE": errors.InvalidRequest,
    "UNIMPLEMENTED": errors.InvalidRequest,
    "FAILED_PRECONDITION": errors.FailedPrecondition,
    "UNAUTHENTICATED": errors.Unauthenticated,
    "PERMISSION_DENIED": errors.PermissionDenied,
    "NOT_FOUND": errors.NotFound,
    "ALREADY_EXISTS": errors.Conflict,
    "ABORTED": errors.Conflict,
    "RESOURCE_EXHAUSTED": errors.QuotaExhausted,
}
"""google.rpc.Code names; what is missing here (INTERNAL, UNAVAILABLE, UNKNOWN …) is the server's failure."""

_NUMBERS = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""google/rpc/code.proto, 0 to 16: what `error.code` holds inside jobs and operations."""

_BY_STATUS: Mapping[int, type[errors.ApiError]] = {
    400: errors.InvalidRequest,
    401: errors.Unauthenticated,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    408: errors.ServerFailed,
    409: errors.Conflict,
    412: errors.Conflict,
}


def decode(response: Response, what: str) -> dict[str, Any]:
    """Return the JSON object of a good reply. `what` names the call, for people.

    Raises errors.ApiError for any other status, errors.TransportFailed where a good reply cannot be read: then the
    call may well have done its work.
    """
    if not 200 <= response.status <= 299:
        raise failure(response, what)
    try:
        return _parse(response.body)
    except ValueError as broken:
        raise errors.TransportFailed(
            f"{what}: the reply ({response.status}, {len(response.body)} bytes) cannot be read: {broken}",
            "the request may have been carried out",
        ) from broken


def expect_success(response: Response, what: str) -> None:
    """Raise errors.ApiError unless the status is good; the body does not matter."""
    if not 200 <= response.status <= 299:
        raise failure(response, what)


def failure(response: Response, what: str) -> errors.ApiError:
    """Turn a bad reply into the error it stands for, with a way out where one is known."""
    envelope = _envelope(response.body)
    code = str(envelope.get("status", ""))[:64]
    said = _message(envelope) or _plain(response) or _phrase(response.status)
    kind = _classify(response, code, bool(envelope))
    message = f"{what}: {response.status} {code or _phrase(response.status)}: {said}"
    found = kind(message[:LONGEST_MESSAGE], _hint(kind, response, said), status=response.status, code=code)
    if isinstance(found, errors.RateLimited):
        found.retry_after = response.retry_after
    return found


def operation_failure(error: Mapping[str, Any], what: str) -> errors.ApiError:
    """Turn the `error` of an operation or job (google.rpc.Status, whose code is a gRPC number) into its error."""
    number = error.get("code")
    known = isinstance(number, int) and 0 < number < len(_NUMBERS)
    code = _NUMBERS[number] if known and isinstance(number, int) else "UNKNOWN"
    message = f"{what}: {code}: {error.get('message', '')}"
    return _BY_CODE.get(code, errors.ServerFailed)(message[:LONGEST_MESSAGE], code=code)


def _classify(response: Response, code: str, has_envelope: bool) -> type[errors.ApiError]:
    status = response.status
    if status == 429:
        return errors.QuotaExhausted if quota.is_hardware_quota(response) else errors.RateLimited
    if status >= 500:
        return errors.ServerFailed
    if status == 404 and not has_envelope:
        # The front end's own page for an unknown host or path (recorded: kubeflow/pipelines#5727). It says nothing
        # about the job, so it must not pass for "the job is gone".
        return errors.ApiError
    if status == 400 and code in _BY_CODE:
        return _BY_CODE[code]
    return _BY_STATUS.get(status, errors.ApiError)


_SERVICE = re.compile(rb"\b([a-z][a-z0-9]*\.googleapis\.com)\b(?!/google\.)")
"""An API by its service's name, such as `ml.googleapis.com`; type.googleapis.com/google.rpc.ErrorInfo names none."""


def _hint(kind: type[errors.ApiError], response: Response, said: str) -> str:
    """Give the way out. The service has one status for many causes, so its fixed phrases are looked for."""
    text = response.body
    if 300 <= response.status <= 399:
        return "redirects are not followed, a token could leak; check the backend's address"
    if b"SERVICE_DISABLED" in text or "has not been used in project" in said:
        named = _SERVICE.search(text)
        service = named[1].decode() if named else "SERVICE"
        return f"enable the API: `gcloud services enable {service}` with the project's id"
    if "actAs" in said:
        return "grant the caller roles/iam.serviceAccountUser on the spec's serviceAccount"
    if b"ACCESS_TOKEN_SCOPE_INSUFFICIENT" in text or "insufficient authentication scopes" in said:
        return "the credentials need the cloud-platform scope"
    if b"CONSUMER_INVALID" in text:
        return "check the project's id: it may not exist"
    if "doesn't match the endpoint" in said:
        return "the job's location and the host's region must be the same"
    return _HINTS.get(kind, "check the backend's address and the location" if response.status == 404 else "")


_HINTS: Mapping[type[errors.ApiError], str] = {
    errors.Unauthenticated: "log in again: `gcloud auth application-default login`",
    errors.PermissionDenied: "the caller lacks the permission, or project or job do not exist",
    errors.RateLimited: "too many requests a minute; try again later or with a lower --parallelism",
    errors.QuotaExhausted: "ask for more of the hardware quota named, or use another machine or location",
    errors.ServerFailed: "the service failed; the request may have been carried out",
}


def _message(envelope: Mapping[str, Any]) -> str:
    said = str(envelope.get("message") or "").strip()
    found = [told for description, told in _violations(envelope) if description not in said]
    return "; ".join([said, *found]) if found else said


def _violations(envelope: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the description of every BadRequest detail, alone and after its field.

    Services do not always repeat them in the message; where they do, the field stands before it in other words.
    """
    details = envelope.get("details")
    for detail in details if isinstance(details, list) else ():
        found = detail.get("fieldViolations") if isinstance(detail, dict) else None
        for one in found if isinstance(found, list) else ():
            if isinstance(one, dict) and one.get("description"):
                field, description = one.get("field"), str(one["description"])
                yield description, f"{field}: {description}" if field else description


def _envelope(body: bytes) -> dict[str, Any]:
    """Find `error` in the body, which may be wrapped in a list (recorded) or be no JSON at all."""
    try:
        value = _load(body)
    except ValueError:
        return {}
    if isinstance(value, list) and value:
        value = value[0]
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}


def _plain(response: Response) -> str:
    """Quote the start of a short plain-text body; a page of HTML tells people nothing."""
    if b"<" in response.body[:200]:
        return "the answer is a web page and not the API's"
    return " ".join(response.body[:200].decode("utf-8", "replace").split())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"


def _parse(body: bytes) -> dict[str, Any]:
    value = _load(body)
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object was expected, not {type(value).__name__}")  # noqa: TRY004 - one error for all broken JSON
    return value


def _load(body: bytes) -> Any:
    """Parse JSON strictly; whatever is wrong with it is a ValueError."""
    if len(body) > LARGEST_BODY:
        raise ValueError(f"larger than {LARGEST_BODY} bytes")
    try:
        return json.loads(body, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as deep:
        raise ValueError("nested too deeply") from deep


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number
