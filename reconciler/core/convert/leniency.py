"""Bend a value to its schema as gcloud bends a `--config` file, and a little further where nothing can be lost.

gcloud (google-apitools 0.5.35, run on samples) wraps a lone item of a repeated field, reads "1" as a number and drops
nulls; it refuses numbers and booleans for text, which become text here and are noted. Refuses to guess: a misspelt field
or enum stays as it was written, for core.validate to refuse.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from reconciler.core.convert.record import Record, shown
from reconciler.core.spec import normalize, shape
from reconciler.vocabulary.model import FieldPath, show_path

Schema = Mapping[str, Any]

_WHOLE = re.compile(r"[-+]?[0-9]{1,19}\Z")
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")


def bend(value: Any, node: Schema, root: Schema, path: FieldPath, record: Record) -> Any:
    """Return the value in the shape the schema asks for, as far as it can be bent; every change is recorded."""
    secret = bool(node.get("x-secret"))
    node = shape.resolve(node, root)
    if node.get("type") == "array":
        return _list(value, node, root, path, record)
    if isinstance(value, Mapping):
        return _map(value, node, root, path, record)
    return value if isinstance(value, list) or value is None else _scalar(value, node, path, record, secret)


def _list(value: Any, node: Schema, root: Schema, path: FieldPath, record: Record) -> Any:
    items = value
    if not isinstance(value, list):
        several = " It is one item still: split it if several were meant." if _has_words(value) else ""
        record.note(path, f"a single item became a list of one.{several}")
        items = [value]
    item_node = shape.child(node, 0, root)
    return [bend(item, item_node, root, (*path, index), record) for index, item in enumerate(items)]


def _has_words(value: Any) -> bool:
    return isinstance(value, str) and " " in value.strip()


def _map(value: Mapping[str, Any], node: Schema, root: Schema, path: FieldPath, record: Record) -> Any:
    if shape.is_map(node):
        return _entries(value, node, root, path, record)
    if "properties" not in node:
        return value  # not a message: core.validate says what stands here instead
    if _is_brace(value, node):
        (name,) = value
        message = f"{show_path(path)}: YAML reads the unquoted {{{name}}} as a map, not as text."
        record.refuse("placeholder", message, "There is no templating: fill the value in before.", path)
        return value
    return _fields(value, node, root, path, record)


def _entries(value: Mapping[str, Any], node: Schema, root: Schema, path: FieldPath, record: Record) -> dict[str, Any]:
    kept = {}
    for key, item in value.items():
        if item is None:
            record.note((*path, key), "had no value and was dropped.")
        else:
            kept[key] = bend(item, shape.child(node, key, root), root, (*path, key), record)
    return kept


def _is_brace(value: Mapping[str, Any], node: Schema) -> bool:
    """Say whether an unquoted `{NAME}` stands where a message belongs: YAML makes the map {NAME: null} of it."""
    return len(value) == 1 and all(
        item is None and normalize.camel(str(key)) not in node["properties"] for key, item in value.items()
    )


def _fields(value: Mapping[str, Any], node: Schema, root: Schema, path: FieldPath, record: Record) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, item in value.items():
        name = _spelling(key, node, value)
        if item is None:
            record.note((*path, name), "had no value and was dropped.")
        elif name in node.get("x-output-only", ()) and name not in node["properties"]:
            record.note((*path, name), "is set by the service and was dropped.")
        else:
            if name != key:
                record.note((*path, name), f"was spelt {key}.")
            kept[name] = bend(item, shape.child(node, name, root), root, (*path, name), record)
    return kept


def _spelling(key: str, node: Schema, siblings: Mapping[str, Any]) -> str:
    """Return the API's spelling of a field, and the key itself where both spellings hold a value."""
    spelled = normalize.camel(key)
    known = spelled in node["properties"] or spelled in node.get("x-output-only", ())
    return spelled if known and key not in node["properties"] and siblings.get(spelled) is None else key


def _scalar(value: Any, node: Schema, path: FieldPath, record: Record, secret: bool) -> Any:
    if "enum" in node or "const" in node:
        return value
    types, form = node.get("type"), str(node.get("format", ""))
    bent: Any = None
    if types == "string" and not form.startswith("google-"):
        bent = _text(value)
    elif form in ("int32", "int64") or types == "integer":
        bent = _whole(value, form)
    elif types == "number":
        bent = _number(value)
    if bent is None:
        return value
    record.note(path, _difference(value, bent, secret))
    return bent


def _difference(value: Any, bent: Any, secret: bool) -> str:
    if secret:
        return f"{_type(value)} became {_type(bent)}."
    if isinstance(bent, str) and isinstance(value, bool | float):
        return f"{_type(value)} {shown(value)} became {_type(bent)} {shown(bent)}: check that the file spelt it so."
    return f"{_type(value)} {shown(value)} became {_type(bent)} {shown(bent)}."


def _type(value: Any) -> str:
    return "the text" if isinstance(value, str) else "the boolean" if isinstance(value, bool) else "the number"


def _text(value: Any) -> str | None:
    """Write a number or boolean as JSON does: `true`, `1e-05`."""
    return None if isinstance(value, str) else json.dumps(value)


def _whole(value: Any, form: str) -> int | None:
    """Read "1" and 1.0 as 1. int64 as text is the API's own spelling and stays."""
    if isinstance(value, str):
        return int(value) if form != "int64" and _WHOLE.match(value) else None
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _number(value: Any) -> int | float | None:
    """Read "0.001" and YAML 1.1's text "1e-5" as the numbers they are."""
    if not isinstance(value, str) or not _DECIMAL.match(value):
        return None
    number = int(value) if _WHOLE.match(value) else float(value)
    return number if math.isfinite(number) else None
