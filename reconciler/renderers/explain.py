"""Kinds and their fields in the API's own words, as `explain` prints them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.spec import shape
from reconciler.renderers import escape
from reconciler.vocabulary.kinds import Kind


def line(kind: Kind) -> str:
    """Return one line of a kind: its name, its API and the fields of its spec."""
    return f"{kind.name:12} {kind.api_version:30} {', '.join(sorted(fields(kind.spec_schema)))}"


def describe(what: str, node: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a kind or field: its type, what it is for, its values, the fields below."""
    yield f"{what}: {_type(node, root)}"
    text = node.get("description") or shape.resolve(node, root).get("description", "")
    yield from textwrap.wrap(escape.visible(text), 100, initial_indent="  ", subsequent_indent="  ")
    resolved = shape.resolve(node, root)
    for value in resolved.get("enum", ()):
        yield f"    {value}"
    below = item(node, root)
    required = set(below.get("required", ()))
    if fields(below):
        yield "\nFields:"
    for name, field in sorted(fields(below).items()):
        mark = " (required)" if name in required else ""
        yield f"  {name}: {_type(field, root)}{mark}"
        yield from textwrap.wrap(_first_sentence(field), 100, initial_indent="      ", subsequent_indent="      ")


def _type(node: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    resolved = shape.resolve(node, root)
    if "items" in resolved:
        return f"list of {_type(resolved['items'], root)}"
    if "x-enum" in resolved:
        return "enum"
    form = resolved.get("format")
    kind = resolved.get("type", "value")
    return str(form or (kind if isinstance(kind, str) else " or ".join(kind)))


def _first_sentence(node: Mapping[str, Any]) -> str:
    sentences = str(node.get("description", "")).split(". ")
    told = [sentence for sentence in sentences if sentence not in ("Required", "Optional", "Immutable", "Output only")]
    return escape.visible(told[0].rstrip(".")) if told else ""


def item(node: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Step from a list into its items."""
    node = shape.resolve(node, root)
    return shape.resolve(node["items"], root) if "items" in node else node


def fields(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a node, none where it is no map."""
    found: Mapping[str, Any] = node.get("properties", {})
    return found
