"""Problems as GitHub workflow commands, which become annotations in the changed files."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.renderers import escape, results, words
from reconciler.renderers.style import Style
from reconciler.vocabulary.model import Checked, Problem, Severity

CAP = 10
"""Annotations of one severity that GitHub shows for a step (docs: workflow commands); the last one counts the rest."""


def problems(checked: Sequence[Checked], style: Style) -> str:  # noqa: ARG001 - the shape every form has
    """Return one `::error` or `::warning` line a problem, errors first, and one line that counts what is over CAP."""
    found = [(each.prefix, problem) for each in checked for problem in results.in_order(each.problems)]
    lines: list[str] = []
    for severity in Severity:
        commands = [_line(prefix, problem) for prefix, problem in found if problem.severity is severity]
        if len(commands) > CAP:
            more = words.count(len(commands) - CAP + 1, f"more {severity.value}")
            commands = [*commands[: CAP - 1], f"::{severity.value}::and {more}: see the log of reconciler validate"]
        lines += commands
    return "\n".join(lines) + ("\n" if lines else "")


def _line(prefix: str, problem: Problem) -> str:
    place = results.place(problem)
    said = {"title": f"reconciler: {problem.rule}"}
    if place.file:
        said |= {"file": prefix + place.file} | ({"line": str(place.line)} if place.line else {})
        said |= {"col": str(place.column)} if place.column else {}
    properties = ",".join(f"{key}={_property(value)}" for key, value in sorted(said.items()))
    return f"::{problem.severity.value} {properties}::{_data(results.sentence(problem))}"


def _data(text: str) -> str:
    """Escape the text of a command as the runner reads it back (actions/toolkit, command.ts)."""
    return escape.visible(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
