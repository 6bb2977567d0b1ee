"""A selection says which addresses it picks, and which of its globs fit none."""

from __future__ import annotations

import pytest

from reconciler.core.plan.selection import EVERYTHING, Selection

KNOWN = ("CustomJob/a", "Job/b")


@pytest.mark.parametrize(
    ("selection", "left"),
    [
        (EVERYTHING, EVERYTHING),
        (Selection(("*/a", "Job/*"), ("*/b",)), EVERYTHING),
        (Selection(("*/a", "customjob/a"), ("*/c",)), Selection(("customjob/a",), ("*/c",))),
        (Selection(("*/c",), among=frozenset()), Selection(("*/c",))),
    ],
)
def test_a_glob_that_fits_no_address_is_named(selection: Selection, left: Selection) -> None:
    assert selection.unmatched(KNOWN) == left


def test_only_addresses_that_changed_are_picked_where_that_is_asked() -> None:
    chosen = Selection(exclude=("Job/*",), among=frozenset(KNOWN))
    assert [each for each in (*KNOWN, "CustomJob/c") if chosen.picks(each)] == ["CustomJob/a"]
