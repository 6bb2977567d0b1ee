"""The order and spelling that a manifest's keys have in canonical form. Knows values and schemas, not their text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.spec import normalize, shape
from reconciler.vocabulary.kinds import Kinds

ENVELOPE = ("apiVersion", "kind", "metadata", "lifecycle", "iamPolicy", "spec", "items")
"""The keys of a manifest and of a List, in their order."""

_SORTED = ("metadata", "labels")
"""The one map of the user's own keys whose order says nothing."""


def order(
    names: Sequence[str], node: shape.Schema, root: shape.Schema, path: Sequence[str] = ()
) -> tuple[tuple[str, str], ...]:
    """Return (name as written, canonical name) in canonical order: the schema's, then unknown names in their own."""
    node = shape.resolve(node, root)
    if shape.is_map(node):
        kept = sorted(names) if tuple(path) == _SORTED else names
        return tuple((name, name) for name in kept)
    known = list(ENVELOPE) if not path else list(node.get("properties", {}))
    spelled = {name: _spelled(name, node, names) for name in names}
    ranks = {name: number for number, name in enumerate(known)}
    return tuple(sorted(spelled.items(), key=lambda each: ranks.get(each[1], len(known))))


def _spelled(name: str, node: shape.Schema, siblings: Sequence[str]) -> str:
    """Spell a known field in camelCase, unless another key of the map has or takes that name."""
    if name in node.get("properties", {}) or "_" not in name:
        return name
    spelled = normalize.camel(name)
    taken = [other for other in siblings if other == spelled or normalize.camel(other) == spelled]
    return spelled if spelled in node.get("properties", {}) and taken == [name] else name


def schema_of(kind: object, kinds: Kinds) -> shape.Schema:
    """Return the schema of a manifest of this kind, `{}` where there is none."""
    return kinds[kind].schema if isinstance(kind, str) and kind in kinds else {}


def arrange(manifest: Any, kinds: Kinds) -> Any:
    """Put the keys of a manifest, or of every manifest of a List, into canonical order and spelling."""
    if not isinstance(manifest, Mapping):
        return manifest
    root = schema_of(manifest.get("kind"), kinds)
    arranged = _arrange(manifest, root, root, ())
    if manifest.get("kind") == "List" and isinstance(manifest.get("items"), list):
        arranged["items"] = [arrange(item, kinds) for item in manifest["items"]]
    return arranged


def _arrange(value: Any, node: shape.Schema, root: shape.Schema, path: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _arrange(value[written], shape.child(node, name, root), root, (*path, name))
            for written, name in order(list(value), node, root, path)
        }
    if isinstance(value, list):
        return [_arrange(item, shape.child(node, 0, root), root, (*path, "[]")) for item in value]
    return value


def meaning(manifest: Any, kinds: Kinds) -> str:
    """Return a text that is the same for two manifests that mean the same, to the type of every value."""
    if isinstance(manifest, Mapping) and manifest.get("kind") == "List" and isinstance(manifest.get("items"), list):
        rest = {key: value for key, value in manifest.items() if key != "items"}
        return json.dumps([rest, *(meaning(item, kinds) for item in manifest["items"])], sort_keys=True)
    kind = manifest.get("kind") if isinstance(manifest, Mapping) else None
    root = schema_of(kind, kinds)
    return json.dumps(normalize.rename(manifest, root, root) if root else manifest, sort_keys=True)
