"""Which values must never be shown, and how they are left out of values and of texts.

The name of a variable, flag or argument says whether its value is secret. For a snapshot the value of every variable is
withheld, whatever its name. Texts, such as error messages, are searched for the values of secrets.
"""

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


# ---------------------------------------------------------------- live values that nobody may see

TELLING = (6, 12)
"""Least and most characters in a row that a text shares with a secret before they count as a part of it."""

_ASSIGNED = re.compile(r"(-{0,2}[A-Za-z_][\w.-]*)=(.+)", re.DOTALL)
_FLAG = re.compile(r"--?[A-Za-z][\w.-]*")


class Withheld(str):
    """The text shown in place of a secret value, distinguishable from a job that really has this text."""

    __slots__ = ()


def withhold(value: Any) -> Any:
    """Return the value with everything in it withheld that may be a secret.

    That is the value of every environment variable, whatever its name: it may have come from a `valueFrom` of a past
    manifest; and of arguments, the value that follows a flag with a secret name. An empty value hides nothing.
    """
    if isinstance(value, Mapping):
        hides = isinstance(value.get("name"), str)
        return {
            key: Withheld(SENSITIVE) if hides and key == "value" and item not in ("", None) else withhold(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        before = [None, *value]
        return [
            _argument(item, before[at]) if isinstance(item, str) else withhold(item) for at, item in enumerate(value)
        ]
    return value


def assigns(text: str) -> bool:
    """Say whether an argument gives a value to something with a secret name: `--api-key=…`, `TOKEN=…`."""
    found = _ASSIGNED.fullmatch(text)
    return bool(found and is_secret_name(found[1]))


def _argument(text: str, before: Any) -> str:
    if assigns(text):
        return Withheld(f"{text.partition('=')[0]}={SENSITIVE}")
    if isinstance(before, str) and _FLAG.fullmatch(before) and is_secret_name(before) and not text.startswith("-"):
        return Withheld(SENSITIVE)
    return text


def withholds(value: Any) -> bool:
    """Say whether anything in a value is withheld."""
    if isinstance(value, Mapping):
        return any(withholds(item) for item in value.values())
    if isinstance(value, list):
        return any(withholds(item) for item in value)
    return isinstance(value, Withheld)


def quotable(value: Any) -> frozenset[str]:
    """Return the values of environment variables in a value that another text may quote.

    Short ones under a plain name, such as `1`, are left out: they would take half of any text with them.
    """
    found: set[str] = set()
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, Mapping):
            name, text = item.get("name"), item.get("value")
            if isinstance(name, str) and isinstance(text, str) and text:
                found.update([text] if is_secret_name(name) or len(text) >= TELLING[0] else [])
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return frozenset(found)


def hide(text: str, values: Collection[str]) -> str:
    """Take secrets and parts of them out of a text: who quotes one may cut it short or fold its white space."""
    for value in sorted(values, key=lambda value: (-len(value), value)):
        text = _without(text.replace(value, SENSITIVE), value)
    return text


def _without(text: str, secret: str) -> str:
    least, most = TELLING
    size = max(least, min(most, len(secret) // 2))
    kept: list[str] = []
    at = 0
    while at < len(text):
        end = at
        while end + size <= len(text) and text[end : end + size] in secret:
            end += 1
        if end > at:
            kept.append(SENSITIVE)
            at = end + size - 1
        else:
            kept.append(text[at])
            at += 1
    return "".join(kept)
