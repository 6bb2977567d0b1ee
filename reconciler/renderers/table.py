"""The forms of each output by name. A new form is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from reconciler.renderers import (
    github,
    gitlab,
    html_page,
    json_output,
    jsonl,
    junit,
    markdown,
    results,
    sarif,
    status,
    text,
)
from reconciler.renderers.style import Style
from reconciler.vocabulary.model import Checked
from reconciler.vocabulary.plans import Outcome, Plan

PlanForm = Callable[[Plan, Mapping[str, Any], Style], str]
"""(plan, the plan file's content as core.documents.plan_json.to_json returns it, style) → text"""

ProblemForm = Callable[[Sequence[Checked], Style], str]
"""(what was checked, with the places of its problems filled in, style) → text"""

OutcomeForm = Callable[[str, Sequence[Outcome], Style], str]
"""(the plan's digest, outcomes in the order of the apply, style) → text"""

StatusForm = Callable[[status.Status, Style], str]
"""(what was seen live, style) → text"""

PLAN_FORMATS: Mapping[str, PlanForm] = {
    "text": text.plan,
    "json": json_output.plan,
    "markdown": markdown.plan,
    "html": html_page.plan,
    "gitlab": gitlab.plan,
}

PROBLEM_FORMATS: Mapping[str, ProblemForm] = {
    "text": results.checked,
    "json": json_output.problems,
    "sarif": sarif.problems,
    "junit": junit.problems,
    "github": github.problems,
    "gitlab": gitlab.problems,
}

OUTCOME_FORMATS: Mapping[str, OutcomeForm] = {
    "text": results.outcomes,
    "json": json_output.outcomes,
}

APPLY_FORMATS = (*OUTCOME_FORMATS, jsonl.NAME)
"""The forms of an apply; the last is written while it runs."""

STATUS_FORMATS: Mapping[str, StatusForm] = {
    "text": status.text,
    "json": status.as_json,
}

FORMATS: Mapping[str, Collection[str]] = {
    "validate": PROBLEM_FORMATS,
    "plans": PLAN_FORMATS,
    "apply and destroy": APPLY_FORMATS,
}
"""What has more forms than text and JSON: who asks for a form elsewhere is told where it belongs."""
