"""Keeps requests under a budget per project and minute, shared by all threads. Knows no host and no reply."""

from __future__ import annotations

import re
import threading
from collections import deque
from dataclasses import dataclass

from reconciler.vocabulary.ports import Clock
from reconciler.vocabulary.wire import Request, Response, Transport

WINDOW = 60.0
"""Seconds: the quotas are per minute."""

_PROJECT = re.compile(r"/projects/([^/?]+)")
_CUSTOM_VERB = re.compile(r":[A-Za-z]+(\?|$)")


@dataclass(frozen=True, slots=True)
class Budget:
    """How many requests a project may get within a minute, and how many of them may start jobs or operations.

    The defaults stay a tenth under the published 600 and 60 (Vertex AI quotas page; adjustable, so others may hold).
    """

    requests: int = 540
    submissions: int = 54


def paced(transport: Transport, clock: Clock, budget: Budget) -> Transport:
    """Wrap a transport so that each request waits for its turn. Belongs inside `retrying`: every try counts."""
    turns: dict[tuple[str, bool], deque[float]] = {}
    guard = threading.Lock()

    def send(request: Request) -> Response:
        project = _project(request)
        with guard:
            now = clock.now()
            at = _reserve(turns.setdefault((project, False), deque()), budget.requests, now)
            if _submits(request):
                # It may go later than the turn noted above; the tenth left free is as large as all submissions.
                at = max(at, _reserve(turns.setdefault((project, True), deque()), budget.submissions, now))
        if at > now:
            clock.sleep(at - now)
        return transport(request)

    return send


def _reserve(turns: deque[float], limit: int, now: float) -> float:
    """Take the earliest turn that leaves at most `limit` of them in any window; returns when it is."""
    at = max(now, turns[0] + WINDOW) if len(turns) >= limit else now
    turns.append(at)
    if len(turns) > limit:
        turns.popleft()
    return at


def _project(request: Request) -> str:
    found = _PROJECT.search(request.url)
    return found[1] if found else ""


def _submits(request: Request) -> bool:
    """Say whether a request starts a job or, as every delete does, an operation."""
    return request.method == "DELETE" or (request.method == "POST" and not _CUSTOM_VERB.search(request.url))
