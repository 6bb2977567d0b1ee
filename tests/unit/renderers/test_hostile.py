"""Hostile names and values stay text: on a terminal, in JSON, in a comment on a change request."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings, strategies
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reconciler.renderers import escape, json_output, jsonl, markdown, results, text
from reconciler.renderers.style import Style
from reconciler.renderers.table import PROBLEM_FORMATS
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Checked, Place, Problem, Scope, Severity, Source
from reconciler.vocabulary.plans import Action, Blocker, Change, FieldChange, Operation, Outcome, Part, Plan, Status
from tests.support import examples
from tests.support.examples import saved
from tests.unit.renderers.test_reports import sarif_schema

HOSTILE = {
    "escape sequence": "\x1b[2J\x1b]0;owned\x07red",
    "eight-bit escape": "\x9b31mred",
    "delete and backspace": "abc\x08\x08\x7f",
    "newlines": "a\nApply complete! 9 created\r\nPlan: 0 to create",
    "line separators": "a\u2028b\u2029c\x85d\x0be",
    "bidi override": "abc\u202egpj.exe\u2066x\u2069",
    "zero width": "a\u200bb\u200dc\ufeffd\u00ade",
    "tag characters": "a\U000e0041\U000e007fb",
    "lone surrogate": "a\ud800b",
    "backticks": "a`b``c```d",
    "only backticks": "```",
    "backtick at the edges": "`x`",
    "spaces at the edges": " x ",
    "pipes": "a|b||c\\|d",
    "backslash at the end": "a\\",
    "html": '<img src=x onerror=alert(1)><script>x</script></details><!-- "&amp;',
    "mention": "@org/team see #1 and GH-2",
    "links": "[a](http://evil.example) ![b](http://evil.example/c.png) https://evil.example <https://evil.example>",
    "blocks": "# head\n- item\n> quote\n```\ncode\n---",
    "emphasis and formula": "**b** _i_ ~~s~~ $x$ :tada: {{x}}",
    "wide": "日本語のジョブ 🚀",
}


def hostile_plan(bad: str) -> Plan:
    operations = (Operation("cancel", f"projects/{bad}", bad), Operation("create", bad, bad, {"displayName": bad}))
    fields = (FieldChange(f"spec.{bad}", bad, [bad, {bad: bad}], bad),)
    change = Change(
        f"CustomJob/{bad}", Scope(bad), Action.REPLACE, bad, Source(bad, 1), operations, fields, (), (bad,), bad
    )
    kept = Change(f"NasJob/{bad}", Scope(bad), Action.NOOP, "ended_kept", Source(bad, 2), notes=(f"it said {bad}",))
    return Plan(
        bad, bad, bad, bad, True, (), (Blocker(bad, f"because {bad}"),), (change, kept),
        differs=(bad, "a.yaml"), unknown=f"fatal: {bad}", part=Part((bad, "*"), (bad,), bad),
    )  # fmt: skip


def quiet_plan(bad: str) -> Plan:
    """Return a plan whose headline names what may be hostile."""
    plan = hostile_plan(bad)
    return replace(plan, blocked=(), changes=plan.changes[1:])


def terminal_outputs(bad: str) -> Iterator[str]:
    shown = hostile_plan(bad)
    for verbose in (False, True):
        yield text.plan(shown, saved(hostile_plan("x")), Style(verbose=verbose))
        yield text.plan(quiet_plan(bad), saved(hostile_plan("x")), Style(verbose=verbose))
    problem = Problem(bad, bad, bad, file=bad, path=("spec", bad), address=bad, place=Place(bad, 1, 1))
    yield results.problems([problem], Style())
    yield results.outcomes(bad, [Outcome(bad, bad, Status.FAILED, bad, bad)], Style())
    yield results.error(errors.InputError(bad, bad, [problem]), Style())
    yield results.table(("ADDRESS",), [(bad,)], Style())
    step = {"address": bad, "operation": bad, "status": bad, "resource": bad, "error": bad}
    yield jsonl.plan(bad, bad, {}) + "\n" + jsonl.step(bad, step) + "\n" + jsonl.summary(bad, bad, ()) + "\n"


def json_outputs(bad: str) -> Iterator[str]:
    yield json_output.plan(hostile_plan(bad), {**saved(hostile_plan("x")), "backend": bad}, Style())
    yield json_output.problems([Checked((Problem(bad, bad, bad, file=bad, path=(bad,), address=bad),))], Style())
    yield json_output.outcomes(bad, [Outcome(bad, bad, Status.FAILED, bad, bad)], Style())


def report_outputs(bad: str) -> dict[str, str]:
    """Every report of problems; the files of CI systems hold no name of their own, so all of it may be hostile."""
    problem = Problem(bad, bad, bad, file=bad, path=("spec", bad), address=bad, place=Place(bad, 1, 1))
    warning = replace(problem, severity=Severity.WARNING)
    checked = [Checked((problem, warning), ((Place(bad, 1), 0, bad),), f"{bad}/")]
    return {name: PROBLEM_FORMATS[name](checked, Style()) for name in ("sarif", "junit", "github", "gitlab")}


def steering(output: str) -> list[str]:
    return [char for char in output if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_output_holds_a_character_that_steers_the_reader(bad: str) -> None:
    plan = markdown.plan(hostile_plan(bad), saved(hostile_plan("x")), Style())
    for output in (*terminal_outputs(bad), *json_outputs(bad), plan, *report_outputs(bad).values()):
        assert steering(output) == []


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_value_breaks_out_of_a_report(bad: str) -> None:
    reports = report_outputs(bad)
    shown = escape.visible(bad)
    [sarif_run] = json.loads(reports["sarif"])["runs"]
    assert [each["ruleId"] for each in sarif_run["results"]] == [bad, bad]
    assert not [*sarif_schema().iter_errors(json.loads(reports["sarif"]))]
    assert [each["check_name"] for each in json.loads(reports["gitlab"])] == [bad, bad]
    [suite] = ElementTree.fromstring(reports["junit"])
    [case] = suite
    assert (case.get("name"), [child.tag for child in case]) == (shown, ["failure", "system-out"])
    first, second = reports["github"].splitlines()
    for line, level in ((first, "error"), (second, "warning")):
        found = re.fullmatch(rf"::{level} col=1,file=([^:,]*),line=1,title=([^:,]*)::(.*)", line)
        assert found is not None
        assert unescaped(found[1]) == f"{shown}/{shown}"
        assert unescaped(found[2]) == f"reconciler: {shown}"
        assert shown in unescaped(found[3])


def unescaped(text: str) -> str:
    """Read a workflow command's value back as GitHub's runner does."""
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_value_adds_a_line_to_what_a_terminal_shows(bad: str) -> None:
    usual = [output.count("\n") for output in terminal_outputs("x")]
    assert [output.count("\n") for output in terminal_outputs(bad)] == usual


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE.keys())
def test_json_gives_every_value_back_as_it_was(bad: str) -> None:
    plan, problems, outcomes = (json.loads(output) for output in json_outputs(bad))
    assert plan["backend"] == bad
    assert problems["problems"][0]["message"] == bad
    assert outcomes["outcomes"][0]["error"] == bad


def tokens(output: str) -> list[Token]:
    """Parse as GitHub does where it matters here: CommonMark with tables, raw HTML let through."""
    blocks = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(output)
    return [token for block in blocks for token in (block, *(block.children or ()))]


def shape(output: str) -> list[str]:
    """List the kinds of all tokens; text and its line breaks aside, values must not change it."""
    return [token.type for token in tokens(output)]


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_value_changes_the_structure_of_a_markdown_plan(bad: str) -> None:
    written = saved(hostile_plan("x"))
    usual = markdown.plan(hostile_plan("x"), written, Style())
    assert shape(markdown.plan(hostile_plan(bad), written, Style())) == shape(usual)


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE.keys())
def test_values_stand_in_code_where_github_mentions_and_links_nobody(bad: str) -> None:
    found = tokens(markdown.plan(hostile_plan(bad), saved(hostile_plan("x")), Style()))
    assert escape.visible(bad) in {token.content for token in found if token.type == "code_inline"}
    prose = " ".join(token.content for token in found if token.type == "text")
    for mark in ("@", "#", "http", "<", "&", "$", "GH-"):
        assert mark not in prose
    html = "".join(token.content for token in found if token.type == "html_block")
    opened = html.replace("<details><summary>", "").replace("</summary>", "").replace("</details>", "")
    assert "<" not in opened.replace("<code>", "").replace("</code>", "")


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_table_cell_shows_exactly_the_text(bad: str) -> None:
    found = tokens(f"| a | b |\n|---|---|\n| {escape.cell(bad)} | end |\n")
    assert [token.content for token in found if token.type == "code_inline"] == [escape.visible(bad)]
    assert [token.content for token in found if token.type == "text"][-1] == "end"


@settings(max_examples=300, derandomize=True, deadline=None)
@given(strategies.text(min_size=1) | strategies.text("`| \\\n<&@#*_[]()!", min_size=1))
def test_any_text_at_all_is_one_code_span_and_one_json_value(bad: str) -> None:
    shown = escape.visible(bad)
    assert steering(shown) == []
    for output in (f"see {escape.code(bad)} end", f"| a |\n|---|\n| {escape.cell(bad)} |\n"):
        spans = [token.content for token in tokens(output) if token.type == "code_inline"]
        assert spans == [shown]
    assert json.loads(escape.json_text({"a": bad})) == {"a": bad}


def test_escapes_are_readable_and_ordinary_text_is_left_alone() -> None:
    assert escape.visible("\x1b[31m\u202eé日\n\U000e0041") == "\\u001b[31m\\u202eé日\\n\\udb40\\udc41"


def test_a_forged_plan_file_cannot_smuggle_control_characters_through_any_field() -> None:
    shown = hostile_plan("\x1b[31m")
    for output in (
        text.plan(shown, {**saved(shown), "digest": "\x1b[31m"}, Style()),
        markdown.plan(shown, {**saved(shown), "digest": "\x1b[31m"}, Style()),
        json_output.plan(shown, saved(shown), Style()),
    ):
        assert "\x1b" not in output


def test_colour_is_the_only_source_of_escape_sequences() -> None:
    colored = text.plan(examples.EVERYTHING, saved(examples.EVERYTHING), Style(color=True))
    plain = text.plan(examples.EVERYTHING, saved(examples.EVERYTHING), Style())
    assert "\x1b[" in colored
    assert "\x1b" not in plain
