"""A Markdown plan stays within what GitHub takes, and what is dangerous is the last thing to be left out."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.renderers import markdown
from reconciler.renderers.style import Style
from reconciler.vocabulary.plans import ABSENT, Action, Blocker, FieldChange, Plan
from tests.support import examples
from tests.support.examples import change, saved

WIDE = tuple(FieldChange(f"spec.some.rather.long.path.field{number}", "a" * 900, ABSENT, "spec") for number in range(9))


def crowd(number: int, *more: Any) -> Plan:
    creates = (change(f"job-{at:05}", Action.CREATE, "missing", "create", fields=WIDE) for at in range(number))
    return examples.plan(*creates, *more)


def render(shown: Plan) -> str:
    return markdown.plan(shown, saved(shown), Style())


@pytest.mark.parametrize("number", [1, 40, 500, 5000])
def test_a_plan_of_any_size_stays_within_the_budget(number: int) -> None:
    assert len(render(crowd(number))) <= markdown.BUDGET


def test_details_are_left_out_before_any_row_and_counted() -> None:
    output = render(crowd(300))
    rows, blocks = output.count("| create |"), output.count("<details>")
    assert rows == 300
    assert 0 < blocks < 300
    assert f"The details of {300 - blocks} changes did not fit here" in output


def test_rows_that_do_not_fit_are_counted_and_the_summary_stays() -> None:
    output = render(crowd(2000))
    rows = output.count("| create |")
    assert 0 < rows < 2000
    assert f"**{2000 - rows} more** of 2000 changes did not fit here." in output
    assert output.startswith("**Plan: 2000 to create,")


def test_a_crowd_of_creates_does_not_push_a_cancel_out_of_sight() -> None:
    output = render(crowd(2000, change("precious", Action.CANCEL, "removed", "cancel")))
    assert "| cancel | `CustomJob/precious` |" in output


def test_many_long_blockers_leave_room_for_the_table() -> None:
    blocked = tuple(Blocker("protected", "`|" * 5000) for _ in range(400))
    shown = examples.plan(*examples.CHANGES, blocked=blocked)
    output = render(shown)
    assert len(output) <= markdown.BUDGET
    assert "390 more guards" in output
    assert "| | Change | Job | Why | Where |" in output


def test_one_monstrous_change_does_not_take_the_details_of_the_others() -> None:
    notes = tuple("n" * 1000 for _ in range(100))
    shown = examples.plan(
        change("a", Action.CREATE, "missing", "create", notes=notes), change("b", Action.CREATE, "missing", "create")
    )
    output = render(shown)
    assert "<code>CustomJob/b</code>" in output
    assert "The details of 1 change did not fit here" in output
