"""The shared sentences cover every decision, and all forms of a plan count alike."""

from __future__ import annotations

import ast
import inspect
import json

import pytest

from reconciler.core.plan import change, table, unwanted, wanted
from reconciler.renderers import words
from reconciler.renderers.style import Style
from reconciler.renderers.table import OUTCOME_FORMATS, PLAN_FORMATS, PROBLEM_FORMATS
from reconciler.vocabulary.model import Checked, Problem
from reconciler.vocabulary.plans import ACTIONS, Action, Status
from tests.support import examples
from tests.support.examples import EVERYTHING, QUIET, saved

TOLD = sorted({*PLAN_FORMATS} - {"gitlab"})
"""The forms that tell of single changes; GitLab's widget takes three counts."""


def reasons_of_the_core() -> set[str]:
    """Collect the names of the table, of what onChange makes of it, and those core gives by itself."""
    given = {row.reason for row in table.TABLE} | {reason for _, reason, _ in table.ON_CHANGE.values() if reason}
    sources = "\n".join(inspect.getsource(module) for module in (wanted, unwanted, change))
    for node in ast.walk(ast.parse(sources.replace("from __future__ import annotations", ""))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Operation":
            third = node.args[2]
            given |= {third.value} if isinstance(third, ast.Constant) and isinstance(third.value, str) else set()
    return given


def test_the_search_for_reasons_finds_those_beside_the_table() -> None:
    assert {"missing", "change_kept", "labels_changed", "policy_changed"} <= reasons_of_the_core()


def test_every_reason_has_a_sentence_and_every_sentence_a_reason() -> None:
    assert set(words.REASONS) == reasons_of_the_core()


def test_the_example_plan_holds_every_reason_and_every_action() -> None:
    assert {change.reason for change in EVERYTHING.changes} == set(words.REASONS)
    assert {change.action for change in EVERYTHING.changes} == set(Action)


def test_a_reason_of_another_version_stands_for_itself() -> None:
    assert words.reason("phase_of_the_moon") == "phase_of_the_moon"


def test_every_action_has_an_effect_in_the_order_of_printing() -> None:
    assert list(ACTIONS) == list(Action)


@pytest.mark.parametrize("name", TOLD)
def test_every_form_of_a_plan_tells_the_same_summary_and_digest(name: str) -> None:
    written = saved(EVERYTHING)
    text = PLAN_FORMATS[name](EVERYTHING, written, Style())
    counts = EVERYTHING.summary()
    if name == "json":
        assert json.loads(text)["summary"] == counts
    else:
        assert (
            f"Plan: {counts['create']} to create, {counts['update']} to update, {counts['replace']} to replace, "
            f"{counts['cancel']} to cancel, {counts['delete']} to delete, {counts['noop']} unchanged." in text
        )
    assert str(written["digest"]) in text


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_a_plan_without_changes_says_so_and_still_tells_notes_and_backend(name: str) -> None:
    text = PLAN_FORMATS[name](QUIET, saved(QUIET), Style())
    assert "No changes. 1 run that ended is kept as it is:" in text
    assert "Live jobs match" not in text
    assert "the run ended FAILED" in text
    assert "up_to_date" not in text
    assert "embedded" in text


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_a_blocked_plan_never_says_that_there_are_no_changes(name: str) -> None:
    shown = examples.plan(examples.noop("change_refused"), blocked=examples.BLOCKED)
    text = PLAN_FORMATS[name](shown, saved(shown), Style())
    assert "No changes" not in text
    assert "0 to cancel, 0 to delete, 1 unchanged." in text


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("name", TOLD)
def test_no_form_of_a_plan_shows_a_secret(name: str, verbose: bool) -> None:
    text = PLAN_FORMATS[name](EVERYTHING, saved(EVERYTHING), Style(verbose=verbose))
    assert examples.SECRET not in text
    assert "(sensitive)" in text


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_the_order_in_which_changes_are_given_does_not_matter_to_people(name: str) -> None:
    turned = examples.plan(*reversed(examples.CHANGES), blocked=examples.BLOCKED)
    written = saved(EVERYTHING)
    assert PLAN_FORMATS[name](turned, written, Style()) == PLAN_FORMATS[name](EVERYTHING, written, Style())


def test_an_apply_counts_under_exactly_the_keys_of_the_contract() -> None:
    document = json.loads(OUTCOME_FORMATS["json"]("sha256:ab", examples.OUTCOMES, Style()))
    assert set(document) == {"planDigest", "summary", "outcomes"}
    assert set(document["summary"]) == {
        "created", "updated", "replaced", "cancelled", "deleted", "skipped", "deferred", "uncertain", "failed",
    }  # fmt: skip
    assert sum(document["summary"].values()) == len(examples.OUTCOMES)


@pytest.mark.parametrize(
    ("status", "complete"),
    [(status, status not in (Status.FAILED, Status.UNCERTAIN, Status.REPLACED_HALF)) for status in Status],
)
def test_an_apply_is_complete_unless_something_failed_or_stayed_uncertain(status: Status, complete: bool) -> None:
    outcomes = [outcome for outcome in examples.OUTCOMES if outcome.status is status]
    text = OUTCOME_FORMATS["text"]("sha256:ab", outcomes, Style())
    assert ("Apply complete!" in text) is complete
    assert ("Apply incomplete:" in text) is not complete


@pytest.mark.parametrize(
    ("problems", "valid", "count"),
    [
        ((), True, "0 errors, 0 warnings"),
        (examples.PROBLEMS[:1], True, "0 errors, 1 warning"),
        (examples.PROBLEMS, False, "3 errors, 1 warning"),
    ],
)
def test_only_errors_make_an_input_invalid(problems: tuple[Problem, ...], valid: bool, count: str) -> None:
    checked = [Checked(tuple(problems))]
    assert json.loads(PROBLEM_FORMATS["json"](checked, Style()))["valid"] is valid
    assert PROBLEM_FORMATS["text"](checked, Style()).endswith(count + "\n")
