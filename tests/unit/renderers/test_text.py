"""What the terminal form folds, aligns, wraps and colours."""

from __future__ import annotations

import json

import pytest

from reconciler.core.documents import plan_json
from reconciler.renderers import columns, escape, json_output, results, text, values
from reconciler.renderers.style import Style
from reconciler.vocabulary import errors
from reconciler.vocabulary.plans import ABSENT, Action, Blocker, FieldChange, Plan
from tests.support import examples
from tests.support.examples import change, saved


def many(number: int) -> Plan:
    return examples.plan(
        *(change(f"job-{at}", Action.CREATE, "missing", "create", fields=examples.FIELDS) for at in range(number))
    )


@pytest.mark.parametrize(
    ("number", "verbose", "folds"), [(50, False, False), (51, False, True), (51, True, False)]
)  # fmt: skip
def test_a_plan_over_fifty_lines_folds_its_fields_unless_told_not_to(number: int, verbose: bool, folds: bool) -> None:
    output = text.plan(many(number), saved(many(number)), Style(verbose=verbose))
    assert ("[5 fields, 1 call]" in output) is folds
    assert ("replicaCount" in output) is not folds
    assert output.count("CustomJob/job-") == number


@pytest.mark.parametrize(
    ("before", "after", "sensitive", "shown"),
    [
        (ABSENT, None, False, ("(not set)", "null")),
        ("", {}, False, ('""', "{}")),
        ("(not set)", 1.5, False, ('"(not set)"', "1.5")),
        ("old", "new", True, ("(sensitive)", "(sensitive)")),
        (ABSENT, "new", True, ("(not set)", "(sensitive)")),
        ([{"name": "DB_PASSWORD", "value": "x"}], "b", False, ('[{"name": "DB_PASSWORD", "value": "(sensitive)"}]', '"b"')),
    ],
)  # fmt: skip
def test_absent_null_empty_and_secret_are_told_apart(
    before: object, after: object, sensitive: bool, shown: tuple[str, str]
) -> None:
    assert values.sides(FieldChange("spec.a", before, after, "spec", sensitive), 0) == shown


def test_a_long_value_shows_both_ends_and_how_much_is_missing() -> None:
    assert escape.shorten("a" * 50 + "b" * 50, 20) == "a" * 10 + "…[80 characters]…" + "b" * 10


def test_columns_line_up_where_characters_take_two_columns_or_none() -> None:
    lines = columns.align([("日本", "x"), ("abcd", "x"), ("e\u0301fgh", "x")])
    assert [columns.width_of(line.removesuffix("x")) for line in lines] == [6, 6, 6]


def test_a_cell_beyond_the_widest_column_stays_whole() -> None:
    assert columns.align([("a" * 90, "b"), ("c", "d")])[0] == "a" * 90 + "  b"


def test_sentences_wrap_to_the_width_and_words_stay_whole() -> None:
    blocker = Blocker("limits", "word " * 40 + "CustomJob/" + "x" * 80)
    shown = examples.plan(blocked=(blocker,))
    lines = text.plan(shown, saved(shown), Style(width=60)).splitlines()
    assert "CustomJob/" + "x" * 80 in lines
    assert all(len(line) <= 60 for line in lines if line.startswith(("Blocked", "word")))


def test_a_table_without_rows_says_so() -> None:
    assert results.table(("A", "B"), (), Style()) == "A  B\n"


def test_json_of_a_plan_without_secrets_is_a_plan_file() -> None:
    shown = examples.plan(change("a", Action.CANCEL, "removed", "cancel"))
    written = saved(shown)
    output = json_output.plan(shown, written, Style())
    assert json.loads(output) == written
    assert plan_json.from_json(json.loads(output)).plan == shown


def test_json_with_something_withheld_is_refused_as_a_plan_file() -> None:
    output = json_output.plan(examples.EVERYTHING, saved(examples.EVERYTHING), Style())
    with pytest.raises(errors.PlanEdited):
        plan_json.from_json(json.loads(output))


def test_json_keeps_the_digest_that_reviewers_approve_though_secrets_are_withheld() -> None:
    written = saved(examples.EVERYTHING)
    assert json.loads(json_output.plan(examples.EVERYTHING, written, Style()))["digest"] == written["digest"]
