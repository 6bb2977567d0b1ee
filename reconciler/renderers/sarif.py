"""Problems as SARIF 2.1.0, the form in which code scanning takes alerts. What is not known is left out, not left empty."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import reconciler
from reconciler.renderers import escape, results
from reconciler.renderers.style import Style
from reconciler.vocabulary.model import Checked, Problem, Severity, show_path

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning"}


def problems(checked: Sequence[Checked], style: Style) -> str:  # noqa: ARG001 - the shape every form has
    """Return one run with a result for every problem; its rules are those that came up."""
    found = [(each.prefix, problem) for each in checked for problem in results.in_order(each.problems)]
    rules = sorted({problem.rule for _, problem in found})
    driver = {
        "name": "reconciler",
        "semanticVersion": reconciler.__version__,
        "rules": [{"id": rule} for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(prefix, problem, rules.index(problem.rule)) for prefix, problem in found],
    }
    return escape.json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _result(prefix: str, problem: Problem, rule: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": problem.rule,
        "ruleIndex": rule,
        "level": _LEVELS[problem.severity],
        "message": {"text": results.sentence(problem)},
        "partialFingerprints": {"reconciler/v1": identity(prefix, problem)},
    }
    place = results.place(problem)
    if place.file:
        physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(prefix + place.file), "uriBaseId": "%SRCROOT%"}}
        if place.line:
            physical["region"] = {"startLine": place.line, **({"startColumn": place.column} if place.column else {})}
        result["locations"] = [{"physicalLocation": physical}]
    return result


def _uri(file: str) -> str:
    """Return a relative reference; a file name may hold bytes that are no text."""
    return quote(file.encode("utf-8", "surrogatepass"))


def identity(prefix: str, problem: Problem) -> str:
    """Name a problem so that it stays the same when lines move: by rule, file, document and field."""
    parts = (problem.rule, prefix + results.place(problem).file, str(problem.document), show_path(problem.path))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]
