"""The expressions of GitHub Actions that our files use, and no more: an unknown name or sign is an error, never empty.

Known: `${{ a.b }}`, texts in single quotes, `==`, `!=`, `&&`, `||`. Outputs of a step that ran are empty where unset,
as on a runner; every other name must be there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_WHOLE = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_WORD = re.compile(r"\s*(?:(?P<text>'[^']*')|(?P<name>[a-zA-Z_][\w.-]*)|(?P<sign>==|!=|&&|\|\|))")

Contexts = Mapping[str, Any]


class UnknownExpression(Exception):
    """An expression says something these tests do not know."""


def fill(text: str, contexts: Contexts) -> str:
    """Put the value of every `${{ }}` into a text."""
    filled = _WHOLE.sub(lambda found: str(evaluate(found[1], contexts)), text)
    if "${{" in filled and "${{" in text and not _WHOLE.search(text):
        raise UnknownExpression(text)
    return filled


def holds(condition: str, contexts: Contexts) -> bool:
    """Evaluate an `if:`, which may stand with or without its braces."""
    whole = _WHOLE.fullmatch(condition.strip())
    return bool(evaluate(whole[1] if whole else condition, contexts))


def evaluate(expression: str, contexts: Contexts) -> Any:
    """Evaluate one expression; `&&` binds closer than `||`, comparisons closer than both."""
    words = _words(expression)
    value, at = _or(words, 0, contexts)
    if at != len(words):
        raise UnknownExpression(expression)
    return value


def _words(expression: str) -> list[str]:
    words, at = [], 0
    while at < len(expression.rstrip()):
        found = _WORD.match(expression, at)
        if found is None:
            raise UnknownExpression(expression)
        words.append(found[0].strip())
        at = found.end()
    return words


def _or(words: list[str], at: int, contexts: Contexts) -> tuple[Any, int]:
    value, at = _and(words, at, contexts)
    while words[at : at + 1] == ["||"]:
        other, at = _and(words, at + 1, contexts)
        value = value or other
    return value, at


def _and(words: list[str], at: int, contexts: Contexts) -> tuple[Any, int]:
    value, at = _comparison(words, at, contexts)
    while words[at : at + 1] == ["&&"]:
        other, at = _comparison(words, at + 1, contexts)
        value = value and other
    return value, at


def _comparison(words: list[str], at: int, contexts: Contexts) -> tuple[Any, int]:
    value = _value(words, at, contexts)
    if words[at + 1 : at + 2] in (["=="], ["!="]):
        other = _value(words, at + 2, contexts)
        return (value == other) is (words[at + 1] == "=="), at + 3
    return value, at + 1


def _value(words: list[str], at: int, contexts: Contexts) -> Any:
    if at >= len(words) or words[at] in ("==", "!=", "&&", "||"):
        raise UnknownExpression(" ".join(words))
    word = words[at]
    return word[1:-1] if word.startswith("'") else _look_up(word, contexts)


def _look_up(name: str, contexts: Contexts) -> Any:
    value: Any = contexts
    parts = name.split(".")
    for number, part in enumerate(parts):
        if not isinstance(value, Mapping) or part not in value:
            if parts[0] in ("steps", "needs", "vars") and number == len(parts) - 1:
                return ""
            # Below an object that the event lacks everything is empty, as GitHub has it.
            if parts[:2] == ["github", "event"] and number > 1:
                return ""
            raise UnknownExpression(name)
        value = value[part]
    return value
