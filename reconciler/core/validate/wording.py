"""Words for problems: how values, types and rules are named to people. Decides nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from reconciler.core.spec import normalize, shape
from reconciler.vocabulary.model import FieldPath, show_path

_TYPES = MappingProxyType(
    {
        "integer": "a whole number",
        "number": "a number",
        "string": "text",
        "boolean": "true or false",
        "array": "a list",
        "object": "a map",
        "null": "nothing",
    }
)
BOUNDS = MappingProxyType(
    {
        "minimum": "must be at least {}",
        "maximum": "must be at most {}",
        "exclusiveMinimum": "must be more than {}",
        "exclusiveMaximum": "must be less than {}",
        "minLength": "must be at least {} characters long",
        "maxLength": "must be at most {} characters long",
        "minItems": "must have at least {} items",
        "maxItems": "must have at most {} items",
        "minProperties": "must not be empty",
        "maxProperties": "must have at most {} entries",
        "uniqueItems": "names something twice",
    }
)
LABEL_RULE = "Labels hold lower-case letters, digits, - and _, at most 63; a key starts with a letter or digit."
_LONGEST = 60


def shown(value: Any) -> str:
    """Write a value for a message, in quotes and never long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def subject(path: FieldPath) -> str:
    """Name what a message is about."""
    return show_path(path) or "The manifest"


def path_order(path: FieldPath) -> tuple[tuple[int, int, str], ...]:
    """Order paths as a document does: indexes by number, names by letters."""
    return tuple((0, step, "") if isinstance(step, int) else (1, 0, step) for step in path)


def wanted(schema: Mapping[str, Any]) -> str:
    """Say what a schema asks for."""
    if "const" in schema:
        return shown(schema["const"])
    types = schema.get("type", ())
    if schema.get("format") in ("int32", "int64"):
        return "a whole number"
    if "enum" in schema and types == "string":
        return "one of its values"
    return (
        " or ".join(_TYPES.get(name, name) for name in ([types] if isinstance(types, str) else types))
        or "another value"
    )


def found(value: Any) -> str:
    """Say what kind of value stands somewhere."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "a number"
    return "a list" if isinstance(value, list) else "a map"


def first_sentence(schema: Any) -> str:
    """Return the first sentence of a field's own description."""
    text = schema.get("description", "") if isinstance(schema, Mapping) else ""
    sentence = re.split(r"(?<=[.!?])\s", text.strip(), maxsplit=1)[0]
    return sentence if len(sentence) <= 200 else f"{sentence[:200]}…"


def type_hint(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> str:
    """Say how to write a value of the wanted type."""
    types = schema.get("type", ())
    if types == "array":
        item = shape.resolve(shape.child(schema, 0, root), root)
        if isinstance(value, Mapping) and {"name", "value"} <= set(item.get("properties", {})):
            return "Write each entry as an item: - {name: …, value: …}."
        return "Put a dash before it: a list of one item is still a list."
    if "x-enum" in schema and isinstance(value, int):
        names = [name for name, number in schema["x-enum"]["numbers"].items() if number == value]
        return f"Write {names[0]}." if names else first_sentence(schema)
    if types == "string" and isinstance(value, bool | int | float):
        quoted = "true" if value is True else "false" if value is False else str(value)
        fits = re.search(schema.get("pattern", ""), quoted)
        return "Put it in quotes." if fits else first_sentence(schema)
    if types == "boolean" and isinstance(value, str):
        return _boolean_hint(value)
    if (
        ("integer" in types or "number" in types)
        and isinstance(value, str)
        and re.fullmatch(r"[-+]?\d{1,20}(\.\d*)?", value)
    ):
        return "Remove the quotes."
    return first_sentence(schema)


def _boolean_hint(value: str) -> str:
    meaning = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
    word = meaning.get(value.casefold(), value.casefold())
    return f"Write {word}, without quotes." if word in ("true", "false") else "Write true or false, without quotes."


def pattern_hint(schema: Mapping[str, Any], value: Any, path: FieldPath) -> str:
    """Say how a text has to look."""
    if schema.get("format") == "google-duration":
        return _duration_hint(str(value))
    if schema.get("format") == "int64":
        return "Write a whole number."
    if "labels" in path:
        return LABEL_RULE
    return first_sentence(schema) or f"It has to match {schema['pattern']}."


def _duration_hint(text: str) -> str:
    units = {"d": 86400, "h": 3600, "m": 60, "min": 60, "": 1, "sec": 1}
    match = re.fullmatch(r"(\d{1,9})\s?(d|h|min|m|sec|)", text.strip())
    example = f"{int(match[1]) * units[match[2]]}s" if match else "3600s"
    return f"Write seconds with an s: {example}."


def written_at(written: Any, path: FieldPath) -> Any:
    """Return what was written at a path whose names are already spelt in camelCase."""
    for step in path:
        if isinstance(written, Mapping):
            spelled = step if step in written else next((key for key in written if normalize.camel(key) == step), None)
            written = written.get(spelled)
        elif isinstance(written, list) and isinstance(step, int) and step < len(written):
            written = written[step]
        else:
            return None
    return written
