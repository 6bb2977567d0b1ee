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


class Pace:
    """Who may send when. Shared by all threads of a process."""

    def __init__(self, clock: Clock, budget: Budget) -> None:
        self._clock = clock
        self._budget = budget
        self._turns: dict[tuple[str, bool], deque[float]] = {}
        self._guard = threading.Lock()

    def wait(self, project: str, *, submits: bool = True) -> None:
        """Sleep until a project's next request, or its next submission, fits into the budget."""
        with self._guard:
            now = self._clock.now()
            at = _reserve(self._turns.setdefault((project, False), deque()), self._budget.requests, now)
            if submits:
                # It may go later than the turn noted above; the tenth left free is as large as all submissions.
                at = max(at, _reserve(self._turns.setdefault((project, True), deque()), self._budget.submissions, now))
        if at > now:
            self._clock.sleep(at - now)


def paced(transport: Transport, pace: Pace) -> Transport:
    """Wrap a transport so that each request waits for its turn. Belongs inside `retrying`: every try counts.

    A request marked `once` goes at once: its sender took the turn before it wrote down that it sends.
    """

    def send(request: Request) -> Response:
        if not request.once:
            pace.wait(_project(request), submits=_submits(request))
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
