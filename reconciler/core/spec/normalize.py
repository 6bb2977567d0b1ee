"""One spelling for every value the API takes in several: guided by a kind's schema, blind to what the values mean.

The rules are proto3's JSON mapping (https://protobuf.dev/programming-guides/json/): field names in camelCase or
snake_case, null for absent, int64 as text or number, enums by name or number, durations as seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_DURATION = re.compile(r"(-?)([0-9]{1,40})(?:\.([0-9]{1,9}))?s")
_INTEGER = re.compile(r"-?[0-9]{1,40}")
"""Forty digits are more than any number here has; Python refuses to read thousands of them."""


def resolve(node: Schema, root: Schema) -> Schema:
    """Follow `$ref` and the one-element `allOf` that carries a reference together with facts about the property."""
    while True:
        if "$ref" in node:
            target: Any = root
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        elif len(node.get("allOf", ())) == 1 and "$ref" in node["allOf"][0]:
            node = node["allOf"][0]
        else:
            return node


def child(node: Schema, key: str | int, root: Schema) -> Schema:
    """Return the schema of a field or item, `{}` where the schema does not know it."""
    node = resolve(node, root)
    if isinstance(key, int):
        items: Schema = node.get("items", {})
        return items
    found: Schema | None = node.get("properties", {}).get(key)
    if found is not None:
        return found
    rest = node.get("additionalProperties")
    return rest if isinstance(rest, Mapping) else {}


def is_map(node: Schema) -> bool:
    """Say whether the keys are the user's own (labels) and not names of fields."""
    return bool(node.get("x-map")) or (
        "properties" not in node and isinstance(node.get("additionalProperties"), Mapping)
    )


def camel(name: str) -> str:
    """Turn `worker_pool_specs` into `workerPoolSpecs`."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def rename(value: Any, node: Schema, root: Schema) -> Any:
    """Spell every known field in camelCase and drop fields that are null. A name given in both spellings keeps both."""
    node = resolve(node, root)
    if isinstance(value, Mapping):
        if is_map(node):
            return dict(value)
        renamed: dict[str, Any] = {}
        for key, item in value.items():
            if item is None:
                continue
            name = _known_name(key, node, value)
            renamed[name] = rename(item, child(node, name, root), root)
        return renamed
    if isinstance(value, list):
        return [rename(item, child(node, 0, root), root) for item in value]
    return value


def _known_name(key: str, node: Schema, siblings: Mapping[str, Any]) -> str:
    known = node.get("properties", {})
    if key in known or not isinstance(key, str) or "_" not in key:
        return key
    spelled = camel(key)
    return spelled if spelled in known and siblings.get(spelled) is None else key


def canonical(value: Any, node: Schema, root: Schema) -> Any:
    """Rename, and write every scalar the one way the API itself prints it. Explicit defaults stay."""
    return _scalars(rename(value, node, root), node, root)


def _scalars(value: Any, node: Schema, root: Schema) -> Any:
    node = resolve(node, root)
    if isinstance(value, Mapping):
        return {key: _scalars(item, child(node, key, root), root) for key, item in value.items()}
    if isinstance(value, list):
        item_node = child(node, 0, root)
        return [_scalars(item, item_node, root) for item in value]
    return _scalar(value, node)


def _scalar(value: Any, node: Schema) -> Any:
    if isinstance(value, bool):
        return value
    form = node.get("format")
    if form == "int64" and (isinstance(value, int | float) or (isinstance(value, str) and _INTEGER.fullmatch(value))):
        return str(_whole(value))
    if form == "int32" and isinstance(value, int | float):
        return _whole(value)
    if form in ("double", "float") and isinstance(value, int) and abs(value) <= 2**53:
        return float(value)
    if form == "google-duration" and isinstance(value, str):
        return duration(value)
    if "x-enum" in node and isinstance(value, int):
        names = {number: name for name, number in node["x-enum"]["numbers"].items()}
        return names.get(value, value)
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
        return not value and is_map(node)
    if isinstance(value, str):
        if "x-enum" in node:
            return bool(value == node["x-enum"]["zero"])
        return value == ("0" if node.get("format") == "int64" else "")
    return value is False or (value == 0 and not isinstance(value, bool))


def strip_defaults(value: Any, node: Schema, root: Schema) -> Any:
    """Drop what proto3 would not print, at every depth; messages stay, empty ones too. Takes a canonical value."""
    node = resolve(node, root)
    if isinstance(value, Mapping):
        kept: dict[str, Any] = {}
        for key, item in value.items():
            below = child(node, key, root)
            item = strip_defaults(item, below, root)  # noqa: PLW2901 - the stripped item takes its place
            if is_map(node) or not is_default(item, resolve(below, root)):
                kept[key] = item
        return kept
    if isinstance(value, list):
        item_node = child(node, 0, root)
        return [strip_defaults(item, item_node, root) for item in value]
    return value
