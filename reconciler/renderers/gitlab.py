"""What GitLab shows in a merge request: problems as a Code Quality report, a plan as the Terraform widget's counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.renderers import escape, results, sarif
from reconciler.renderers.style import Style
from reconciler.vocabulary.model import Checked, Severity
from reconciler.vocabulary.plans import Plan

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor"}


def problems(checked: Sequence[Checked], style: Style) -> str:  # noqa: ARG001 - the shape every form has
    """Return a Code Quality report (GitLab docs: ci/testing/code_quality, the report format)."""
    entries: list[dict[str, Any]] = []
    for each in checked:
        for problem in results.in_order(each.problems):
            place = results.place(problem)
            entries.append(
                {
                    "description": results.sentence(problem),
                    "check_name": problem.rule,
                    "fingerprint": sarif.identity(each.prefix, problem),
                    "severity": _SEVERITIES[problem.severity],
                    "location": {
                        "path": each.prefix + (place.file or "reconciler.yaml"),
                        "lines": {"begin": place.line or 1},
                    },
                }
            )
    return escape.json_text(entries)


def plan(plan: Plan, saved: Mapping[str, Any], style: Style) -> str:  # noqa: ARG001 - the shape every form of a plan has
    """Return the counts of GitLab's `artifacts:reports:terraform`. A replace is a create and a delete, a cancel a delete."""
    counts = plan.summary()
    return escape.json_text(
        {
            "create": counts["create"] + counts["replace"],
            "update": counts["update"],
            "delete": counts["delete"] + counts["cancel"] + counts["replace"],
        }
    )
