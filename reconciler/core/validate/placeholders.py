"""Recognise what templates leave behind: `${X}`, `{X}`, `$X`, `<x>`, `[your-x]`. There is no templating here."""

from __future__ import annotations

import re
from typing import Any

# Every repetition is bounded, so that no text makes the search slow.
_PLACEHOLDER = re.compile(
    r"\$\{[^{}]{0,100}\}|\{\{[^{}]{0,100}\}\}|\{[A-Za-z_][\w.-]{0,100}\}|\$\([A-Za-z_]\w{0,100}\)"
    r"|\$[A-Za-z_]\w{0,100}|<[A-Za-z][\w -]{0,100}>|\[[A-Za-z][\w -]{0,100}\]"
)
_WORD = re.compile(r"[A-Za-z_][\w.-]{0,100}\Z")

HINT = (
    "There is no templating: fill the value in before, for instance with kustomize or envsubst, and pipe the result in."
)


def in_text(value: Any) -> str:
    """Return the first placeholder of a text, `""` where there is none or the value is no text."""
    if not isinstance(value, str):
        return ""
    found = _PLACEHOLDER.search(value)
    return found[0] if found else ""


def braces(value: Any) -> str:
    """Return `{NAME}` where a map is what YAML makes of an unquoted `{NAME}`, else `""`."""
    if isinstance(value, dict) and len(value) == 1:
        (name, content), *_ = value.items()
        if content is None and isinstance(name, str) and _WORD.match(name):
            return f"{{{name}}}"
    return ""
