"""A selection says which addresses it picks, and which of its globs fit none."""

from __future__ import annotations

import re

import pytest

from reconciler.core.plan.selection import EVERYTHING, Selection
from reconciler.vocabulary import errors
from reconciler.vocabulary.plans import Part

KNOWN = ("CustomJob/a", "Job/b")


@pytest.mark.parametrize(
    ("selection", "wrong"),
    [
        (EVERYTHING, ""),
        (Selection(("*/a", "Job/*"), ("*/b",)), ""),
        (Selection(("*/a", "customjob/a"), ("*/c",)), "--select customjob/a and --exclude */c match no address"),
        (Selection(("*/c",), among=frozenset()), "--select */c matches no address"),
    ],
)
def test_a_glob_that_fits_no_address_is_refused_beside_addresses_there_are(selection: Selection, wrong: str) -> None:
    if not wrong:
        selection.require_matched(KNOWN)
        return
    with pytest.raises(errors.InputError, match=re.escape(wrong)) as refused:
        selection.require_matched(KNOWN)
    assert "CustomJob/a, Job/b" in refused.value.hint


@pytest.mark.parametrize(
    ("selection", "part"),
    [
        (EVERYTHING, None),
        (Selection(("b", "a", "b"), ("c",)), Part(("a", "b"), ("c",))),
        (Selection(exclude=("c",)), Part((), ("c",))),
        (Selection(among=frozenset(), changed_since="main"), Part(changed_since="main")),
        (Selection(among=None, changed_since="main"), None),
    ],
)
def test_a_selection_says_what_it_narrows_and_where_it_narrows_nothing(selection: Selection, part: Part | None) -> None:
    assert selection.part == part


def test_only_addresses_that_changed_are_picked_where_that_is_asked() -> None:
    chosen = Selection(exclude=("Job/*",), among=frozenset(KNOWN))
    assert [each for each in (*KNOWN, "CustomJob/c") if chosen.picks(each)] == ["CustomJob/a"]
