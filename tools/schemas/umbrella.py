"""Join the schemas of all kinds and of the stack file into one, which an editor can use for any file of a stack.

Conditions on the kind choose the part that applies: a file of several documents completes well in each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]

_REF = "#/definitions/"
DOCUMENT = "Document"
"""The type of any document; a List holds such documents too."""


def build(parts: Mapping[str, Mapping[str, Any]]) -> Json:
    """Return the draft-07 schema of any document, from the schema of each kind by name.

    Types that several kinds define alike are kept once; facts that only this tool reads (`x-…`) are left out.
    """
    plain = {name: _without_facts(schema) for name, schema in parts.items()}
    apart = _told_apart(plain)
    definitions: Json = {}
    for name, schema in plain.items():
        inner = schema.pop("definitions", {})
        schema.pop("$schema", None)
        for key, value in {name: schema, **inner}.items():
            as_named = key if key in parts and value is schema else _named(key, name, apart)
            definitions[as_named] = _redirected(value, name, apart)
    definitions[DOCUMENT] = {
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"enum": [*sorted({_constant(each, "apiVersion") for each in parts.values()}), "v1"]},
            "kind": {"enum": [*sorted(parts), "List"], "description": "What this document declares."},
        },
        "allOf": [*(_choice(name, parts[name]) for name in sorted(parts)), _LIST],
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Manifest or stack file of reconciler",
        "description": "Generated from the schemas of all kinds; `reconciler explain --schema` prints it.",
        "allOf": [{"$ref": f"{_REF}{DOCUMENT}"}],
        "definitions": dict(sorted(definitions.items())),
    }


_LIST: Json = {
    "if": {"required": ["kind"], "properties": {"kind": {"const": "List"}}},
    "then": {
        "additionalProperties": False,
        "required": ["items"],
        "properties": {
            "apiVersion": {"const": "v1"},
            "kind": {"const": "List"},
            "metadata": {"type": "object"},
            "items": {"type": "array", "description": "Manifests.", "items": {"$ref": f"{_REF}{DOCUMENT}"}},
        },
    },
}
"""https://kubernetes.io/docs/reference/using-api/api-concepts/#collections"""


def _choice(name: str, schema: Mapping[str, Any]) -> Json:
    """Apply a kind's schema, which holds apiVersion to its own: no two APIs have a kind of one name."""
    chosen = {"kind": {"const": _constant(schema, "kind")}}
    return {"if": {"required": ["kind"], "properties": chosen}, "then": {"$ref": f"{_REF}{name}"}}


def _constant(schema: Mapping[str, Any], key: str) -> str:
    value: str = schema["properties"][key]["const"]
    return value


def _without_facts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_facts(below) for key, below in value.items() if not key.startswith("x-")}
    return [_without_facts(item) for item in value] if isinstance(value, list) else value


def _told_apart(parts: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """Name the types that differ between kinds, or lead to one that does."""
    texts: dict[str, set[str]] = {}
    leads: dict[str, set[str]] = {}
    for schema in parts.values():
        for name, value in schema.get("definitions", {}).items():
            texts.setdefault(name, set()).add(json.dumps(value, sort_keys=True))
            leads.setdefault(name, set()).update(_references(value))
    apart = {name for name, found in texts.items() if len(found) > 1 or name in parts}
    while True:
        more = {name for name, below in leads.items() if below & apart} - apart
        if not more:
            return frozenset(apart)
        apart |= more


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix(_REF)
        for below in value.values():
            yield from _references(below)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _named(definition: str, kind: str, apart: frozenset[str]) -> str:
    return f"{kind}.{definition}" if definition in apart else definition


def _redirected(value: Any, kind: str, apart: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_redirected(item, kind, apart) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$ref"), str):
        return {**value, "$ref": _REF + _named(value["$ref"].removeprefix(_REF), kind, apart)}
    return {key: _redirected(below, kind, apart) for key, below in value.items()}
