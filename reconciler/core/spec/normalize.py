"""One spelling for every value the API takes in several: guided by a kind's schema, blind to what the values mean.

The rules are proto3's JSON mapping (https://protobuf.dev/programming-guides/json/): field names in camelCase or
snake_case, null for absent, int64 as text or number, enums by name or number, durations as seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.spec import shape
from reconciler.core.spec.shape import Schema, Shape

_DURATION = re.compile(r"(-?)([0-9]{1,40})(?:\.([0-9]{1,9}))?s")
_INTEGER = re.compile(r"-?[0-9]{1,40}")
"""Forty digits are more than any number here has; Python refuses to read thousands of them."""


def camel(name: str) -> str:
    """Turn `worker_pool_specs` into `workerPoolSpecs`."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def rename(value: Any, node: Schema, root: Schema) -> Any:
    """Spell every known field in camelCase and drop fields that are null. A name given in both spellings keeps both."""
    return _rename(value, shape.of(node, root))


def _rename(value: Any, at: Shape) -> Any:
    if isinstance(value, dict):
        return dict(value) if at.is_map else {name: _rename(item, at.below(name)) for name, item in _named(value, at)}
    if isinstance(value, list):
        below = at.below(0)
        return [_rename(item, below) for item in value]
    return value


def _named(value: Mapping[str, Any], at: Shape) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a message by the names that the schema has for them, without those that are null."""
    known = at.properties
    for key, item in value.items():
        if item is None:
            continue
        if key in known or not isinstance(key, str) or "_" not in key:
            yield key, item
        else:
            spelled = camel(key)
            yield (spelled if spelled in known and value.get(spelled) is None else key), item


def canonical(value: Any, node: Schema, root: Schema) -> Any:
    """Rename, and write every scalar the one way the API itself prints it. Explicit defaults stay."""
    return _canonical(value, shape.of(node, root))


def _canonical(value: Any, at: Shape) -> Any:
    if isinstance(value, dict):
        if at.is_map:
            return {key: _scalars(item, at.below(key)) for key, item in value.items()}
        return {name: _canonical(item, at.below(name)) for name, item in _named(value, at)}
    if isinstance(value, list):
        below = at.below(0)
        return [_canonical(item, below) for item in value]
    return _scalar(value, at) if at.form else value


def _scalars(value: Any, at: Shape) -> Any:
    """Write scalars below a key of the user's own, where no field is renamed."""
    if isinstance(value, dict):
        return {key: _scalars(item, at.below(key)) for key, item in value.items()}
    if isinstance(value, list):
        below = at.below(0)
        return [_scalars(item, below) for item in value]
    return _scalar(value, at) if at.form else value


def _scalar(value: Any, at: Shape) -> Any:
    if isinstance(value, bool):
        return value
    form = at.form
    if form == "int64" and (isinstance(value, int | float) or (isinstance(value, str) and _INTEGER.fullmatch(value))):
        return str(_whole(value))
    if form == "int32" and isinstance(value, int | float):
        return _whole(value)
    if form in ("double", "float") and isinstance(value, int) and abs(value) <= 2**53:
        return float(value)
    if form == "google-duration" and isinstance(value, str):
        return duration(value)
    if at.numbers and isinstance(value, int):
        return at.numbers.get(value, value)
    return value


def _whole(value: int | float | str) -> int | float | str:
    """Return an integer for 3, 3.0 and "3"; anything else comes back as it is and fails validation."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return int(value)


def duration(text: str) -> str:
    """Write seconds with 0, 3, 6 or 9 fraction digits, as proto3 JSON prints them: `3600.0s` becomes `3600s`."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return text
    sign, whole, fraction = found[1], int(found[2]), (found[3] or "").ljust(9, "0")
    for digits in (0, 3, 6, 9):
        if not fraction[digits:].strip("0"):
            break
    fraction = fraction[:digits]
    if not whole and not fraction.strip("0"):
        return "0s"
    return f"{sign}{whole}.{fraction}s" if fraction else f"{sign}{whole}s"


def is_default(value: Any, node: Schema) -> bool:
    """Say whether proto3 leaves this value out of its output: zero, empty text, false, the enum's zero, no items.

    A duration is a message, whose presence counts: `0s` is no default (`maxWaitDuration: 0s` waits for ever, absent
    waits 24 hours). An empty message is presence too and no default.
    """
    if isinstance(value, list):
        return not value
    if isinstance(value, Mapping):
        return not value and shape.is_map(node)
    if isinstance(value, str):
        if "x-enum" in node:
            return bool(value == node["x-enum"]["zero"])
        return value == ("0" if node.get("format") == "int64" else "")
    return value is False or (value == 0 and not isinstance(value, bool))


def strip_defaults(value: Any, node: Schema, root: Schema) -> Any:
    """Drop what proto3 would not print, at every depth; messages stay, empty ones too. Takes a canonical value."""
    return _strip_defaults(value, shape.of(node, root))


def _strip_defaults(value: Any, at: Shape) -> Any:
    if isinstance(value, dict):
        kept: dict[str, Any] = {}
        for key, item in value.items():
            below = at.below(key)
            stripped = _strip_defaults(item, below)
            if at.is_map or not is_default(stripped, below.node):
                kept[key] = stripped
        return kept
    if isinstance(value, list):
        below = at.below(0)
        return [_strip_defaults(item, below) for item in value]
    return value
