"""How long the writes of a plan take at a budget of requests. Arithmetic over a plan; knows no clock and no service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reconciler.vocabulary.plans import Plan, QuotaTime

_REQUESTS = {"create": 1, "cancel": 3, "delete": 2, "patch": 2, "setIamPolicy": 2}
"""Requests of each operation at least: a cancel looks before, asks, and looks until the job stopped; the others look."""

_SUBMISSIONS = frozenset({"create", "delete"})
"""What starts a job or an operation."""


def longest(plan: Plan, requests: int, submissions: int) -> QuotaTime | None:
    """Return the project whose writes take longest, in whole minutes; None where none takes a minute.

    The budget's numbers are for a minute and a project. A full budget is there at the start, so that as many as it
    holds go at once, and the rest in as many minutes as it takes to get a turn.
    """
    return max(_waits(plan, requests, submissions), key=lambda wait: wait.minutes, default=None)


def _waits(plan: Plan, requests: int, submissions: int) -> Iterator[QuotaTime]:
    asked: Counter[str] = Counter()
    started: Counter[str] = Counter()
    for change in plan.changes:
        for operation in change.operations:
            asked[change.scope.project] += _REQUESTS[operation.verb]
            started[change.scope.project] += operation.verb in _SUBMISSIONS
    for project in sorted(asked):
        for counts, limit, what in ((started, submissions, "job submission"), (asked, requests, "request")):
            minutes = (counts[project] - 1) // limit
            if minutes > 0:
                yield QuotaTime(project, minutes, limit, what)
