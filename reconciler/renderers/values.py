"""Show the two sides of a field change: JSON spelling, secrets withheld, absent told apart from null and from text."""

from __future__ import annotations

from typing import Any

from reconciler.core.spec import secrets
from reconciler.renderers import escape
from reconciler.vocabulary.plans import ABSENT, FieldChange

NOT_SET = "(not set)"


def sides(change: FieldChange, limit: int) -> tuple[str, str]:
    """Return before and after on one line each, cut to `limit` characters (0: never cut)."""
    return _show(change.before, change, limit), _show(change.after, change, limit)


def _show(value: Any, change: FieldChange, limit: int) -> str:
    if value is ABSENT:
        return NOT_SET
    safe = withheld(value, change)
    if safe == secrets.SENSITIVE:
        return secrets.SENSITIVE
    text = escape.json_line(safe)
    return escape.shorten(text, limit) if limit else text


def withheld(value: Any, change: FieldChange) -> Any:
    """Return the value as it may be shown: nothing of it where the field is sensitive."""
    return secrets.SENSITIVE if change.sensitive else secrets.redact(value)
