"""Keeps web pages, this machine's own too, from starting processes: only browsers say where a request comes from."""

from __future__ import annotations

from reconciler.emulator.wire import replies
from reconciler.vocabulary.wire import Request, Response, Transport

_TELLTALES = frozenset({"origin", "sec-fetch-site"})
"""Headers that browsers send along and pages cannot take away (fetch.spec.whatwg.org: forbidden request headers)."""


def refusing(transport: Transport) -> Transport:
    """Wrap a transport so that requests from browsers are answered with 403 and go no further."""

    def answer(request: Request) -> Response:
        if any(name.lower() in _TELLTALES for name in request.headers):
            text = "An emulator that runs jobs takes no requests from browsers."
            return replies.written(403, {"error": {"code": 403, "message": text, "status": "PERMISSION_DENIED"}})
        return transport(request)

    return answer
