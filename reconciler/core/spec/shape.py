"""A schema as a walk over values needs it: references followed once, the shape below each field found once and kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


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


class Shape:
    """One node of a schema, resolved. A schema is loaded once and never changed, so what is found here stays true."""

    __slots__ = ("_below", "_root", "form", "is_map", "node", "numbers", "properties")

    def __init__(self, node: Schema, root: Schema) -> None:
        self.node = resolve(node, root)
        self.is_map = is_map(self.node)
        self.properties: Mapping[str, Schema] = self.node.get("properties", {})
        self.form: str = self.node.get("format", "")
        """The format of a scalar, `enum` for names that have numbers, empty where every spelling is the API's own."""
        self.numbers: Mapping[int, str] = {}
        """The names of an enum by number."""
        if "x-enum" in self.node:
            self.form = self.form or "enum"
            self.numbers = {number: name for name, number in self.node["x-enum"]["numbers"].items()}
        self._root = root
        self._below: dict[str | int, Shape] = {}

    def below(self, key: str | int) -> Shape:
        """Return the shape of a field or item; one that knows nothing where the schema does not know it."""
        found = self._below.get(key)
        if found is None:
            node = child(self.node, key, self._root)
            if not node:
                return _UNKNOWN
            found = self._below[0 if isinstance(key, int) else key] = of(node, self._root)
        return found


_UNKNOWN = Shape({}, {})
_KEPT: dict[tuple[int, int], tuple[Schema, Schema, Shape]] = {}
"""By the identities of node and root, which are kept too: no other object takes their place."""


def of(node: Schema, root: Schema) -> Shape:
    """Return the shape of a node whose `$ref`s point into `root`: the same one each time."""
    key = (id(node), id(root))
    kept = _KEPT.get(key)
    if kept is None:
        kept = _KEPT[key] = (node, root, Shape(node, root))
    return kept[2]
