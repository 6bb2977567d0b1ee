"""The format of a whole store, as one small object at its root says it. Knows what the object says, not where it lies.

Readers pass over words that they do not know. What every reader has to understand comes with a new number.
"""

from __future__ import annotations

import json

from reconciler.vocabulary import errors

NAME = "format"
"""The object's name below a store's root."""

KNOWN = 1
"""The format this version reads and writes. A store without the object was written by 1.0, whose format is this one."""

LONGEST = 4096
"""Bytes; no format that says a number and a few more words is longer."""


def content() -> bytes:
    """Write the format of this version."""
    return json.dumps({"format": KNOWN}).encode() + b"\n"


def require(said: bytes, place: str, object_name: str) -> None:
    """Refuse a store of another format than ours.

    Raises errors.StoreFailed naming the store's `place`, or the object where nobody can read a number in it.
    """
    found = _number(said)
    if found is None:
        raise unreadable(object_name)
    if found != KNOWN:
        raise errors.StoreFailed(
            f"the store at {place} has format {found}; this version knows {KNOWN}",
            "use a newer reconciler: a store that a newer version wrote is not read by an older one",
        )


def unreadable(object_name: str) -> errors.StoreFailed:
    """Build the error for an object that says no number, so that nobody knows who wrote the store."""
    return errors.StoreFailed(
        f"{object_name} says no format that this version can read; it knows {KNOWN}",
        "use a newer reconciler, or restore the object from a copy of the store",
    )


def _number(said: bytes) -> int | None:
    if len(said) > LONGEST:
        return None
    try:
        value = json.loads(said)
    except (ValueError, RecursionError):
        return None
    number = value.get("format") if isinstance(value, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else None
