"""The minutes that the writes of a plan take at a budget."""

from __future__ import annotations

import pytest

from reconciler.core.plan import quota_time
from reconciler.vocabulary.model import Scope
from reconciler.vocabulary.plans import Action, Change, Operation, Plan, QuotaTime


def plan(*verbs: tuple[str, str]) -> Plan:
    """A plan with one operation a change: (project, verb)."""
    changes = tuple(
        Change(f"CustomJob/a{at}", Scope(project, "l"), Action.CREATE, "missing", None, (Operation(verb, "r", "x"),))
        for at, (project, verb) in enumerate(verbs)
    )
    return Plan("s", "3fa94c1b", "google", "", False, (), (), changes)


@pytest.mark.parametrize(
    ("verbs", "budget", "told"),
    [
        ([], (600, 60), None),
        ([("p", "create")] * 60, (600, 60), None),
        ([("p", "create")] * 61, (600, 60), QuotaTime("p", 1, 60, "job submission")),
        ([("p", "create")] * 1000, (600, 60), QuotaTime("p", 16, 60, "job submission")),
        ([("p", "delete")] * 121, (600, 60), QuotaTime("p", 2, 60, "job submission")),
        ([("p", "cancel")] * 200, (600, 60), None),
        ([("p", "cancel")] * 201, (600, 60), QuotaTime("p", 1, 600, "request")),
        ([("p", "patch")] * 301, (600, 60), QuotaTime("p", 1, 600, "request")),
        ([("p", "create")] * 61 + [("q", "create")] * 60, (600, 60), QuotaTime("p", 1, 60, "job submission")),
        ([("p", "create")] * 61 + [("q", "create")] * 121, (600, 60), QuotaTime("q", 2, 60, "job submission")),
        ([("p", "create")] * 40 + [("q", "create")] * 40, (600, 60), None),
    ],
)
def test_the_longest_wait_is_told(
    verbs: list[tuple[str, str]], budget: tuple[int, int], told: QuotaTime | None
) -> None:
    assert quota_time.longest(plan(*verbs), *budget) == told
