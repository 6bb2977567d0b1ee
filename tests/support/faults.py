"""Transports that fail once, where and how a test asks."""

from __future__ import annotations

import json
from collections.abc import Callable

from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request, Response, Transport

HTML = Response(404, {"content-type": "text/html"}, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>")
Fault = Callable[[Transport, Request], Response]


def refusal(status: int, code: str, message: str = "no") -> Response:
    """Build an error as the service does."""
    body = {"error": {"code": status, "message": message, "status": code}}
    return Response(status, {"content-type": "application/json"}, json.dumps(body).encode())


def lost(request: Request, *, sent: bool = True) -> Response:
    """Give no reply."""
    raise errors.TransportFailed(f"{request.method}: the connection was cut", sent=sent)


def after(fault: Callable[[Request], Response]) -> Fault:
    """Carry the request out, and answer with a fault all the same."""

    def act(transport: Transport, request: Request) -> Response:
        transport(request)
        return fault(request)

    return act


def before(fault: Callable[[Request], Response]) -> Fault:
    """Answer with a fault, and never carry the request out."""
    return lambda transport, request: fault(request)


def is_create(request: Request) -> bool:
    """Say whether a request starts a job: a POST to a collection, and no verb of its own."""
    return request.method == "POST" and request.url.partition("?")[0].endswith(("Jobs", "/jobs"))


def is_list(request: Request) -> bool:
    """Say whether a request reads a page of a collection."""
    path = request.url.partition("?")[0]
    return request.method == "GET" and path.endswith(("/customJobs", "/nasJobs", "/jobs"))


class Faulty:
    """Wraps a transport: of the requests that `at` picks, those in `which` (from 0) meet the fault, all for None."""

    def __init__(self, at: Callable[[Request], bool], fault: Fault, which: tuple[int, ...] | None = (0,)) -> None:
        self._at, self._fault, self._which = at, fault, which
        self.met = 0

    def __call__(self, transport: Transport) -> Transport:
        def send(request: Request) -> Response:
            if not self._at(request):
                return transport(request)
            self.met += 1
            if self._which is None or self.met - 1 in self._which:
                return self._fault(transport, request)
            return transport(request)

        return send
