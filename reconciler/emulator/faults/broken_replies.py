"""Replies as faults leave them: errors of any code, bodies that cannot be read, connections that are cut."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.emulator.faults import recorded
from reconciler.emulator.faults.model import Asked, DropAfter, DropBefore, Garbage, ReplyFault, Status, Truncate
from reconciler.emulator.wire import replies
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Response

# google/rpc/code.proto: the HTTP mapping of each code
_REASONS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
_REASONS |= {409: "ABORTED", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL", 501: "UNIMPLEMENTED"}
_REASONS |= {503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}

_MESSAGES = {500: "Internal error encountered.", 503: replies.UNAVAILABLE}  # recorded
_MESSAGES |= {401: recorded.REPLIES["token"].message}


class Cut(errors.TransportFailed):
    """A connection that ends without a whole reply. `partial` is what of it still goes out, with all its headers."""

    def __init__(self, message: str, *, sent: bool = True, partial: Response | None = None, length: int = 0) -> None:
        super().__init__(message, "this is an injected fault", sent=sent)
        self.partial = partial
        self.length = length
        """The content-length that is promised."""


def shown(action: ReplyFault, reply: Response | None, asked: Asked) -> Response:
    """Return what who `asked` gets instead of `reply`, None where nothing was carried out. Raises Cut."""
    match action:
        case Status() if action.body in recorded.REPLIES:
            return _timed(action, replies.written(CODES[action.body], recorded.envelope(action.body, asked)))
        case Status():
            return _FORMS[action.body](action)
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


def _html(action: Status) -> Response:
    text = f"<!DOCTYPE html>\n<html lang=en>\n<title>Error {action.code}</title>\n<p><b>{action.code}.</b> An error.\n"
    return _timed(action, replies.page(action.code, text))


_FORMS: Mapping[str, Callable[[Status], Response]] = {
    "envelope": lambda action: _json(action, _envelope(action)),
    "list": lambda action: _json(action, [_envelope(action)]),
    "html": _html,
}

BODIES = (*_FORMS, *recorded.REPLIES)
"""Forms of an error body: Google's envelope, the same wrapped in a list (recorded), the front end's page, and replies
recorded whole."""

CODES: Mapping[str, int] = {name: reply.code for name, reply in recorded.REPLIES.items()}
"""The one status that goes with a body recorded whole."""

WITH_ENVELOPE = ("envelope", "list")
"""Bodies whose message can be chosen."""
