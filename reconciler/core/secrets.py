"""Which values must never be shown. Names of environment variables decide; values are never looked at."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

SENSITIVE = "(sensitive)"
_PARTS = frozenset({"KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def is_secret_name(name: str) -> bool:
    """Say whether a part of the name says secret: `API_KEY` and `apiKeys` do, `MONKEYS` does not."""
    words = {word.upper() for word in _WORD.findall(name)}
    return any(word in _PARTS or word.removesuffix("S") in _PARTS for word in words)


def redact(value: Any, shown: Collection[str] | None = None) -> Any:
    """Return the value with `(sensitive)` in place of every secret environment value in it.

    Where `shown` is given, the values of all other names are hidden too.
    """
    if isinstance(value, Mapping):
        name = value.get("name")
        secret = isinstance(name, str) and (is_secret_name(name) or (shown is not None and name not in shown))
        return {key: SENSITIVE if secret and key == "value" else redact(item, shown) for key, item in value.items()}
    if isinstance(value, list):
        return [redact(item, shown) for item in value]
    return value
