"""JSON for machines: sorted keys, two-space indent, secrets withheld. The only outputs whose form is a promise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.spec import secrets
from reconciler.renderers import escape, results, words
from reconciler.renderers.style import Style
from reconciler.vocabulary.model import Checked, Problem, Severity, show_path
from reconciler.vocabulary.plans import Outcome, Plan


def plan(plan: Plan, saved: Mapping[str, Any], style: Style) -> str:  # noqa: ARG001 - the shape every form of a plan has
    """Return the plan file's document with every secret value withheld and the digest as it is.

    Where nothing had to be withheld this reads back as the plan file; where something had to, digest and seal no longer
    fit and `apply` refuses it, as it should: a plan to apply is written with --out.
    """
    document = secrets.redact(saved)
    changes = [{**change, "fields": [_field(field) for field in change["fields"]]} for change in document["changes"]]
    return escape.json_text({**document, "changes": changes})


def resource(value: Mapping[str, Any]) -> str:
    """Return what is read from live jobs, such as a policy as the API answered it, in ASCII."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=True)


def schema(value: Mapping[str, Any]) -> str:
    """Return a JSON Schema in its own order, in ASCII."""
    return json.dumps(value, indent=2, ensure_ascii=True)


def _field(field: Mapping[str, Any]) -> dict[str, Any]:
    hidden = bool(field.get("sensitive"))
    return {key: secrets.SENSITIVE if hidden and key in ("before", "after") else field[key] for key in field}


def problems(checked: Sequence[Checked], style: Style) -> str:  # noqa: ARG001 - the shape every form has
    """Return `{"valid", "problems"}`. Warnings leave an input valid; a line or column nobody knows is null."""
    problems = [problem for each in checked for problem in each.problems]
    valid = not any(problem.severity is Severity.ERROR for problem in problems)
    return escape.json_text({"valid": valid, "problems": [_problem(item) for item in results.in_order(problems)]})


def _problem(problem: Problem) -> dict[str, Any]:
    place = results.place(problem)
    return {
        "rule": problem.rule,
        "severity": problem.severity.value,
        "message": problem.message,
        "hint": problem.hint,
        "file": place.file,
        "line": place.line or None,
        "column": place.column or None,
        "path": show_path(problem.path),
        "address": problem.address,
    }


def outcomes(digest: str, outcomes: Sequence[Outcome], style: Style) -> str:  # noqa: ARG001 - the shape every form has
    """Return `{"planDigest", "summary", "outcomes"}`, the outcomes in the order of the apply."""
    rows = [
        {
            "address": outcome.address,
            "operation": outcome.operation,
            "status": outcome.status.value,
            "resource": outcome.resource,
            "error": outcome.error,
        }
        for outcome in outcomes
    ]
    return escape.json_text({"planDigest": digest, "summary": words.outcome_summary(outcomes), "outcomes": rows})
