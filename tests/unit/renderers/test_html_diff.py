"""Two sides of a field line against line: what is marked, what is left out, what is withheld."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies

from reconciler.renderers import escape, html_diff
from reconciler.renderers.html_diff import Line, Mark
from reconciler.vocabulary.plans import ABSENT, FieldChange


def lines(before: Any, after: Any, *, sensitive: bool = False) -> tuple[Line, ...]:
    return html_diff.lines(FieldChange("spec.a", before, after, "spec", sensitive))


def spelled(side: html_diff.Side) -> str:
    """Write a side with [changed] stretches and <words>."""
    signs = {Mark.SAME: "{}", Mark.CHANGED: "[{}]", Mark.ABSENT: "<{}>", Mark.WITHHELD: "<{}>"}
    return "".join(signs[piece.mark].format(piece.text) for piece in side)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("gcr.io/a:2.3.1", "gcr.io/a:2.4.0", ('"gcr.io/a:2.[3.1]"', '"gcr.io/a:2.[4.0]"')),
        ("--epochs=90", "--epochs=120", ('"--epochs=[90]"', '"--epochs=[120]"')),
        ("a b", "a c b", ('"a b"', '"a [c ]b"')),
        ("", "x", ('""', '"[x]"')),
        (1, 2, ("[1]", "[2]")),
        (True, None, ("[true]", "[null]")),
        (ABSENT, "x", ("<(not set)>", '"x"')),
        (None, ABSENT, ("null", "<(not set)>")),
        ("(not set)", ABSENT, ('"(not set)"', "<(not set)>")),
    ],
)
def test_what_differs_within_a_line_is_marked_by_whole_words(before: Any, after: Any, shown: tuple[str, str]) -> None:
    [line] = lines(before, after)
    assert (spelled(line.before), spelled(line.after)) == shown


def test_a_secret_is_a_word_on_both_sides_and_a_missing_one_is_told_apart() -> None:
    [line] = lines("old", "new", sensitive=True)
    assert (spelled(line.before), spelled(line.after), line.same) == ("<(sensitive)>", "<(sensitive)>", False)
    [line] = lines(ABSENT, "new", sensitive=True)
    assert (spelled(line.before), spelled(line.after)) == ("<(not set)>", "<(sensitive)>")


def test_a_secret_within_a_list_is_withheld() -> None:
    shown = lines([{"name": "API_KEY", "value": "hunter2"}], [{"name": "API_KEY", "value": "hunter3"}])
    text = "\n".join(spelled(line.before) + spelled(line.after) for line in shown)
    assert "hunter" not in text
    assert "(sensitive)" in text


def test_items_of_lists_stand_beside_their_own_kind() -> None:
    shown = [(spelled(line.before), spelled(line.after)) for line in lines(["a", "b", "c"], ["a", "c", "d"])]
    assert shown == [
        ("[", "["),
        ('  "a"', '  "a"'),
        ('  "b"', ""),
        ('  "c"', '  "c"'),
        ("", '  "d"'),
        ("]", "]"),
    ]


def test_equal_lines_far_from_a_difference_are_counted_in_place_of_shown() -> None:
    shown = lines([f"--{at}" for at in range(30)], [f"--{'x' if at == 15 else at}" for at in range(30)])
    gaps = [line.gap for line in shown if line.gap]
    assert len([line for line in shown if not line.gap]) == 7
    assert sum(gaps) + 7 == 32


def test_a_value_of_many_lines_is_paired_line_by_line_without_being_matched() -> None:
    many = [str(at) for at in range(600)]
    shown = lines(many, [*many[:300], "other", *many[301:]])
    assert [spelled(line.after) for line in shown if not line.gap and not line.same] == ['  "[other]"']


JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(max_size=8),
    lambda inner: strategies.lists(inner, max_size=6) | strategies.dictionaries(strategies.text(max_size=4), inner),
    max_leaves=12,
)


def whole(value: Any) -> list[str]:
    if value and isinstance(value, (dict, list)):
        return [line.removesuffix(",") for line in escape.json_text(value).splitlines()]
    return [escape.json_line(value)]


@given(JSON, JSON)
def test_either_side_reads_as_its_value_and_equal_lines_alone_are_left_out(before: Any, after: Any) -> None:
    read: dict[str, list[str]] = {"before": [], "after": []}
    old, new = whole(before), whole(after)
    for line in lines(before, after):
        if line.gap:
            skipped = old[len(read["before"]) : len(read["before"]) + line.gap]
            assert skipped == new[len(read["after"]) : len(read["after"]) + line.gap]
            read["before"] += skipped
            read["after"] += skipped
        else:
            for side, pieces in (("before", line.before), ("after", line.after)):
                read[side] += ["".join(piece.text for piece in pieces)] if pieces else []
    assert (read["before"], read["after"]) == (old, new)
