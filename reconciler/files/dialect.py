"""The scalars of YAML 1.2's core schema: what an unquoted word means. Knows nothing of documents or files.

https://yaml.org/spec/1.2.2/#103-core-schema. PyYAML reads YAML 1.1, where `no` is false and `12:30` is 750.
"""

from __future__ import annotations

import math
import re
from types import MappingProxyType
from typing import Any

CORE = "tag:yaml.org,2002:"

_WORDS = MappingProxyType(
    {"": None, "~": None, "null": None, "Null": None, "NULL": None}
    | dict.fromkeys(("true", "True", "TRUE"), True)
    | dict.fromkeys(("false", "False", "FALSE"), False)
)
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_TYPES = MappingProxyType({"str": str, "int": int, "float": float, "bool": bool, "null": type(None)})
MAX_DIGITS = 400
"""Longer numbers fit no field of any API (a double ends at 10^308), and cost time to read."""


class ScalarError(ValueError):
    """A scalar that no JSON value stands for; the message says why."""


def plain(text: str) -> Any:
    """Return what an unquoted scalar means: None, bool, int, float or the text. Raises ScalarError."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    return _number(text)


def _number(text: str) -> Any:
    if _INTEGER.match(text):
        return _bounded(text, 10)
    if _FLOAT.match(text):
        return finite(text)
    if _OCTAL.match(text):
        return _bounded(text[2:], 8)
    if _HEXADECIMAL.match(text):
        return _bounded(text[2:], 16)
    if _NOT_FINITE.match(text):
        raise ScalarError(f"{text} is no number that an API takes")
    return text


def _bounded(digits: str, radix: int) -> int:
    if len(digits) > MAX_DIGITS:
        raise ScalarError(f"a number of {len(digits)} digits is too long")
    return int(digits, radix)


def finite(text: str) -> float:
    """Read a decimal fraction. Raises ScalarError where it is too large for a double."""
    value = float(text)
    if not math.isfinite(value):
        raise ScalarError(f"{text[:40]} is too large a number")
    return value


def tagged(text: str, tag: str) -> Any:
    """Return what a scalar with an explicit tag means. Raises ScalarError for tags beyond the core schema."""
    name = tag.removeprefix(CORE)
    if tag == "!" or name == "str":
        return text
    if not tag.startswith(CORE) or name not in _TYPES:
        raise ScalarError(f"the tag {tag[:60]} is not part of YAML's core schema")
    value = plain(text)
    if name == "float" and type(value) is int:
        return float(value)
    if type(value) is not _TYPES[name]:
        raise ScalarError(f"{text[:40]!r} is no {name}")
    return value
