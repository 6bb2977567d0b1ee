"""Find where in a schema a field belongs that somebody wrote one level too high or too low."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.spec import shape
from reconciler.vocabulary.model import FieldPath, show_path

_DEEPEST = 6
_COMMON = frozenset({"name", "key", "value", "values", "type", "env"})
"""Names that stand in too many messages for a guess about depth."""


def find(name: str, path: FieldPath, root: Mapping[str, Any]) -> str:
    """Return the nearest path that has a field of this name, as text; `""` where there is none.

    `path` is where the field was written. What is below comes first, then the levels above and what is below them.
    """
    here = _node_at(root, path)
    if name not in _COMMON:
        for below in _below(here, path, root):
            if name in below[1].get("properties", {}):
                return show_path((*below[0], name))
    for length in range(len(path) - 1, -1, -1):
        above = path[:length]
        node = shape.resolve(_node_at(root, above), root)
        if name in node.get("properties", {}):
            return show_path((*above, name))
        if name not in _COMMON:
            for place, found in _below(node, above, root):
                if name in found.get("properties", {}):
                    return show_path((*place, name))
    return ""


def _node_at(root: Mapping[str, Any], path: FieldPath) -> Mapping[str, Any]:
    node: Mapping[str, Any] = root
    for step in path:
        node = shape.child(node, step, root)
    return node


def _below(node: Mapping[str, Any], path: FieldPath, root: Mapping[str, Any]) -> Iterator[tuple[FieldPath, Any]]:
    """Yield every message below a node, nearest first."""
    level = [(path, shape.resolve(node, root))]
    for _ in range(_DEEPEST):
        following: list[tuple[FieldPath, Any]] = []
        for place, current in level:
            for name, child in current.get("properties", {}).items():
                below, where = shape.resolve(child, root), (*place, name)
                if "items" in below:
                    below, where = shape.child(below, 0, root), (*where, 0)
                    below = shape.resolve(below, root)
                if below.get("properties"):
                    following.append((where, below))
        yield from following
        level = following
