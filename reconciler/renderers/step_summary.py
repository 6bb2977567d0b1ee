"""What an apply leaves in the step summary of a GitHub runner, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.renderers import escape

_MOST_OUTCOMES = 1_000
"""Lines of at most 1,000 bytes: a summary of more than 1 MiB is dropped whole (GitHub docs, "Workflow commands")."""


def nothing(code: int) -> str:
    """Return what is told of an apply that reported nothing."""
    return f"Nothing is reported to be applied: `apply` ended with exit {code}, see the log.\n"


def outcomes(result: Mapping[str, Any]) -> str:
    """Return what came of an apply, from the JSON that it wrote."""
    counts = ", ".join(f"{count} {name}" for name, count in result["summary"].items() if count) or "nothing to do"
    lines = [f"**Applied: {counts}**", "", f"Plan digest {escape.code(str(result['planDigest']))}", ""]
    outcomes = result["outcomes"]
    for each in outcomes[:_MOST_OUTCOMES]:
        parts = (str(each[key])[:150] for key in ("status", "address", "resource", "error") if each[key])
        lines.append("- " + " ".join(escape.code(part) for part in parts))
    lines.extend(["- and more: see the log"] if len(outcomes) > _MOST_OUTCOMES else [])
    return "\n".join([*lines, ""])
