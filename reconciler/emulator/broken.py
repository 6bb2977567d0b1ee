"""Replies as faults leave them: errors of any code, bodies that cannot be read, connections that are cut."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.emulator import replies
from reconciler.emulator.faults import Breaking, DropAfter, DropBefore, Garbage, Status, Truncate
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Response

# google/rpc/code.proto: the HTTP mapping beside each code
_REASONS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
_REASONS |= {409: "ABORTED", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL", 501: "UNIMPLEMENTED"}
_REASONS |= {503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}

_MESSAGES = {500: "Internal error encountered.", 503: "The service is currently unavailable."}  # recorded
_MESSAGES |= {
    401: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
}  # recorded: java-aiplatform#1056

# recorded: stable-diffusion-on-gcp#12, xmanager#29
_HARDWARE = (
    "The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_training_nvidia_l4_gpus"
)
# form recorded for a sister API; metric and limit of a job submission are unverified
_RATE = (
    "Quota exceeded for quota metric 'Job or LRO submission requests' and limit 'Job or LRO submission requests per "
    "minute per region' of service 'aiplatform.googleapis.com' for consumer 'project_number:123456789012'."
)


class Cut(errors.TransportFailed):
    """A connection that ends without a whole reply. `partial` is what of it still goes out, with all its headers."""

    def __init__(self, message: str, *, sent: bool = True, partial: Response | None = None, length: int = 0) -> None:
        super().__init__(message, "this is an injected fault", sent=sent)
        self.partial = partial
        self.length = length
        """The content-length that is promised."""


def shown(action: Breaking, reply: Response | None) -> Response:
    """Return what the caller gets in place of `reply`, None where nothing was carried out. Raises Cut."""
    match action:
        case Status():
            return BODIES[action.body](action)
        case DropBefore(sent=False):
            raise Cut("the connection could not be made", sent=False)
        case DropBefore() | DropAfter():
            raise Cut("the connection was cut before a reply came")
        case Truncate():
            assert reply is not None
            half = dataclasses.replace(reply, body=reply.body[: len(reply.body) // 2])
            told = f"the reply ended after {len(half.body)} of {len(reply.body)} bytes"
            raise Cut(told, partial=half, length=len(reply.body))
        case Garbage():
            return replies.page(200, "<!DOCTYPE html>\n<title>Sign in</title>\n{not JSON\x00")


def _envelope(action: Status) -> dict[str, Any]:
    reason = action.reason or _REASONS.get(action.code, "INTERNAL" if action.code >= 500 else "UNKNOWN")
    message = action.message or _MESSAGES.get(action.code, f"Injected fault: {action.code}.")
    return {"error": {"code": action.code, "message": message, "status": reason}}


def _json(action: Status, value: Any) -> Response:
    return _timed(action, replies.written(action.code, value))


def _timed(action: Status, response: Response) -> Response:
    if action.retry_after is None:
        return response
    return dataclasses.replace(response, headers={**response.headers, "retry-after": str(action.retry_after)})


def _rate(action: Status) -> Response:
    value = _envelope(dataclasses.replace(action, message=_RATE))
    # unverified for this service: the details of a rate 429 as other Google APIs have them
    detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED"}
    value["error"]["details"] = [{**detail, "domain": "googleapis.com"}]
    return _json(action, value)


def _hardware(action: Status) -> Response:
    return _json(action, _envelope(dataclasses.replace(action, message=_HARDWARE)))


def _html(action: Status) -> Response:
    text = f"<!DOCTYPE html>\n<html lang=en>\n<title>Error {action.code}</title>\n<p><b>{action.code}.</b> An error.\n"
    return _timed(action, replies.page(action.code, text))


BODIES: Mapping[str, Callable[[Status], Response]] = {
    "envelope": lambda action: _json(action, _envelope(action)),
    "list": lambda action: _json(action, [_envelope(action)]),
    "rate": _rate,
    "hardware_quota": _hardware,
    "html": _html,
}
"""Forms of an error body: Google's envelope, the same wrapped in a list (recorded), both 429s, the front end's page."""

QUOTAS = ("rate", "hardware_quota")
"""Bodies that go with 429."""

WITH_ENVELOPE = ("envelope", "list")
"""Bodies whose message can be chosen."""
