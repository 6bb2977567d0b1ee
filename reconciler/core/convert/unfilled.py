"""Tell a conversion that failed from one whose result still has blanks of the user's own to fill.

A template whose image is `gcr.io/${PROJECT_ID}/train` converts, and validate refuses the manifest until the blank is
filled; a blank where a number, an enum or a map belongs has no manifest to stand in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.core.spec import shape
from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.model import Problem, Severity

_TYPED = ("enum", "const", "format", "pattern")


def soften(problems: Iterable[Problem], manifest: Mapping[str, Any], kind: Kind) -> tuple[Problem, ...]:
    """Return what validation found in a converted manifest, placeholders that stand in plain text as warnings."""
    return tuple(
        replace(problem, severity=Severity.WARNING) if _is_blank(problem, manifest, kind) else problem
        for problem in problems
    )


def _is_blank(problem: Problem, manifest: Mapping[str, Any], kind: Kind) -> bool:
    if problem.rule != "placeholder":
        return False
    node: Any = kind.schema
    value: Any = manifest
    for step in problem.path:
        node = shape.child(node, step, kind.schema)
        try:
            value = value[step]
        except (LookupError, TypeError):
            return False
    node = shape.resolve(node, kind.schema)
    return isinstance(value, str) and node.get("type") == "string" and not any(key in node for key in _TYPED)
