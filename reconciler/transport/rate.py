"""Keeps requests under a budget per project and minute, shared by all threads. Knows no host, and of replies one name."""

from __future__ import annotations

import re
import threading
from bisect import bisect_right, insort
from dataclasses import dataclass

from reconciler.vocabulary.ports import Clock
from reconciler.vocabulary.wire import Request, Response, Transport

WINDOW = 60.0
"""Seconds: the quotas are per minute."""

_PROJECT = re.compile(r"/projects/([^/?]+)")
_NUMBERED = re.compile(rb'"name":\s*"projects/([0-9]+)/')
_READ = 65536
"""Bytes at the start of a reply that are searched for a name."""

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
        self._turns: dict[tuple[str, bool], list[float]] = {}
        self._ids: dict[str, str] = {}
        self._guard = threading.Lock()

    def wait(self, project: str, *, submits: bool = True) -> None:
        """Sleep until a project's next request fits into the budget; a submission has to fit into both of its numbers."""
        with self._guard:
            now = self._clock.monotonic()
            project = self._ids.get(project, project)
            books = [(self._kept(project, now, submits=False), self._budget.requests)]
            if submits:
                books.append((self._kept(project, now, submits=True), self._budget.submissions))
            at = _earliest(books, now)
            for turns, _ in books:
                insort(turns, at)
        if at > now:
            self._clock.sleep(at - now)

    def same(self, project: str, number: str) -> None:
        """Learn that a project's number is this project: it has one budget, by whichever of both it is called."""
        with self._guard:
            if number in self._ids:
                return
            self._ids[number] = project
            for submits in (False, True):
                for turn in self._turns.pop((number, submits), ()):
                    insort(self._turns.setdefault((project, submits), []), turn)

    def _kept(self, project: str, now: float, *, submits: bool) -> list[float]:
        """Return the turns that a new one can still be too near to, those to come included, in order."""
        turns = self._turns.setdefault((project, submits), [])
        del turns[: bisect_right(turns, now - WINDOW)]
        return turns


def paced(transport: Transport, pace: Pace) -> Transport:
    """Wrap a transport so that each request waits for its turn. Belongs inside `retrying`: every try counts.

    A request marked `once` goes at once: its sender took the turn before it wrote down that it sends. Jobs are listed
    and created by the project's id and named by its number (recorded), so replies to the first tell of the second.
    """

    def send(request: Request) -> Response:
        project = _project(request)
        if not request.once:
            pace.wait(project, submits=_submits(request))
        reply = transport(request)
        if project and not project.isdigit():
            named = _NUMBERED.search(reply.body, 0, _READ)
            if named:
                pace.same(project, named[1].decode())
        return reply

    return send


def _earliest(books: list[tuple[list[float], int]], now: float) -> float:
    """Return the first moment from `now` on that leaves no window of any book with more turns than its limit."""
    at = now
    while True:
        later = max(_allowed(turns, limit, at) for turns, limit in books)
        if later == at:
            return at
        at = later


def _allowed(turns: list[float], limit: int, at: float) -> float:
    """Return `at`, or when the first window that is too full with it has ended.

    A submission may hold a turn that lies ahead, so a read that goes earlier has to look at what comes after it too.
    """
    place = bisect_right(turns, at)
    for first in range(max(0, place - limit), len(turns) - limit + 1):
        # The turns first … first + limit - 1 and the new one: limit + 1 of them, within the time from begin to end.
        begin, end = min(turns[first], at), max(turns[first + limit - 1], at)
        if first <= place <= first + limit and end - begin < WINDOW:
            return turns[first] + WINDOW
    return at


def _project(request: Request) -> str:
    found = _PROJECT.search(request.url)
    return found[1] if found else ""


def _submits(request: Request) -> bool:
    """Say whether a request starts a job or, as every delete does, an operation."""
    return request.method == "DELETE" or (request.method == "POST" and not _CUSTOM_VERB.search(request.url))
