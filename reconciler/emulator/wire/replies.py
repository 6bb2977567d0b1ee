"""Replies in the service's form: headers, pretty JSON, error envelopes. It knows nothing of jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.emulator.messages.parse import Violation
from reconciler.emulator.wire import json_text as writing
from reconciler.vocabulary.wire import Response

# recorded: Cloud Custodian, 2026 (every reply of the job service)
_HEADERS: Mapping[str, str] = {
    "content-type": "application/json; charset=UTF-8",
    "server": "ESF",
    "vary": "Origin, X-Origin, Referer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "x-xss-protection": "0",
}

_STATUS = {"INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "NOT_FOUND": 404, "ALREADY_EXISTS": 409}
_STATUS |= {"ABORTED": 409, "PAYLOAD_TOO_LARGE": 413, "UNIMPLEMENTED": 501, "UNAVAILABLE": 503}


class Refusal(Exception):
    """A request the service answers with an error envelope. `code` is the canonical name such as NOT_FOUND."""

    def __init__(self, code: str, message: str, violations: Sequence[Violation] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.violations = tuple(violations)


UNAVAILABLE = "The service is currently unavailable."
"""What the service says to a 503 (recorded)."""


def unavailable() -> Refusal:
    """Refuse for now: who asks again may get through."""
    return Refusal("UNAVAILABLE", UNAVAILABLE)


def too_deep() -> Refusal:
    """Refuse a body with more levels than anybody reads."""
    return Refusal("INVALID_ARGUMENT", "Message too deep. Max recursion depth reached.")


def invalid_json(violations: Sequence[Violation]) -> Refusal:
    """Refuse what the JSON layer found, one line each, with BadRequest details (recorded form)."""
    return Refusal("INVALID_ARGUMENT", "\n".join(text for _, text in violations), violations)


def invalid_fields(style: str, violations: Sequence[Violation]) -> Refusal:
    """Refuse what the job logic found, in the API's own style: `list` (aiplatform) or `field` (ml).

    Both repeat it as BadRequest details (recorded: statmike/vertex-ai-mlops#6, verilylifesciences/deepmass#6).
    """
    if style == "field":
        text = "\n".join(f"Field: {field} Error: {wrong}" for field, wrong in violations)
        return Refusal("INVALID_ARGUMENT", text, violations)
    found = "".join(f"\t{n}.Field: {field}; Message: {wrong}" for n, (field, wrong) in enumerate(violations, 1))
    return Refusal("INVALID_ARGUMENT", f"List of found errors:{found}\t", violations)


def ok(value: Any, pretty: bool = True) -> Response:
    """Answer 200 with a JSON body, two spaces deep and with a line end as recorded, or compact."""
    return written(200, value, pretty)


def refused(refusal: Refusal, pretty: bool = True) -> Response:
    """Answer with the error envelope of AIP-193."""
    status = _STATUS[refusal.code]
    error: dict[str, Any] = {"code": status, "message": refusal.message, "status": refusal.code}
    if refusal.violations:
        violations = [{"field": field} if field else {} for field, _ in refusal.violations]  # "" is left out (proto3)
        for violation, (_, text) in zip(violations, refusal.violations, strict=True):
            violation["description"] = text
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}]
    return written(status, {"error": error}, pretty)


def unknown_path() -> Response:
    """Answer 404 in HTML, as the front end does for a path or method it does not know (kubeflow/pipelines#5727)."""
    text = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<p><b>404.</b> That's an error.\n"
    return page(404, text)


def page(status: int, text: str) -> Response:
    """Answer with a web page, as front ends do."""
    return Response(status, {**_HEADERS, "content-type": "text/html; charset=UTF-8"}, text.encode())


def too_large(limit: int) -> Response:
    """Answer 413 for a body above the limit in bytes."""
    return refused(Refusal("PAYLOAD_TOO_LARGE", f"Request payload size exceeds the limit: {limit} bytes."))


def written(status: int, value: Any, pretty: bool = True) -> Response:
    """Answer any status with a JSON body."""
    text = writing.write(value) if pretty else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(status, dict(_HEADERS), f"{text}\n".encode())
