"""Which values must never be shown. Names of environment variables decide; values are never looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SENSITIVE = "(sensitive)"
_PARTS = frozenset({"KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def is_secret_name(name: str) -> bool:
    """Say whether a part of the name says secret: `API_KEY` and `apiKeys` do, `MONKEYS` does not."""
    words = {word.upper() for word in _WORD.findall(name)}
    return any(word in _PARTS or word.removesuffix("S") in _PARTS for word in words)


def redact(value: Any) -> Any:
    """Return the value with `(sensitive)` in place of every secret environment value in it."""
    if isinstance(value, Mapping):
        name = value.get("name")
        hidden = "value" in value and isinstance(name, str) and is_secret_name(name)
        return {key: SENSITIVE if hidden and key == "value" else redact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redact(item) for item in value]
    return value
