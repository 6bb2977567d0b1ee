"""Field masks and the `fields` parameter: which parts of a reply the caller wants. It knows no resource."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from reconciler.emulator.replies import Refusal
from reconciler.emulator.shapes import snake

Mask = Mapping[str, "Mask"]
"""A tree of names; `*` stands for any name, and over an empty tree for everything below."""

_NAME = re.compile(r"[^,()/]+")


def read_mask(text: str, known: Collection[str]) -> Mask:
    """Parse `readMask`: dotted paths, snake_case or camelCase, checked against the resource's fields."""
    spelt = {snake(name): name for name in known}
    tree: dict[str, Any] = {}
    for path in text.split(","):
        first, *rest = path.strip().split(".")
        name = spelt.get(snake(first), first)
        if name != "*" and name not in known:
            raise Refusal("INVALID_ARGUMENT", f'The read mask has a path "{path.strip()}" that is no field.')
        if name == "*":
            return {"*": {}}
        _plant(tree, [name, *map(_camel, rest)])
    return tree


def field_selection(text: str) -> Mask:
    """Parse the system parameter `fields`, such as `customJobs(name,state),nextPageToken`."""
    tree, at = _selection(text, 0, 0)
    if at != len(text) or not tree:
        raise Refusal("INVALID_ARGUMENT", f"Invalid field selection {text}")
    return tree


def _selection(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    tree: dict[str, Any] = {}
    while True:
        path: list[str] = []
        below: dict[str, Any] = {}
        while found := _NAME.match(text, at):
            path.append(found[0].strip())
            at = found.end()
            if at == len(text) or text[at] != "/":
                break
            at += 1
        if not path or depth > 20:
            raise Refusal("INVALID_ARGUMENT", f"Invalid field selection {text}")
        if text[at : at + 1] == "(":
            below, at = _selection(text, at + 1, depth + 1)
            if text[at : at + 1] != ")":
                raise Refusal("INVALID_ARGUMENT", f"Invalid field selection {text}")
            at += 1
        _plant(tree, path, below)
        if text[at : at + 1] != ",":
            return tree, at
        at += 1


def apply(mask: Mask, value: Any) -> Any:
    """Keep what the mask names; lists are looked through, and what is not there stays away."""
    if "*" in mask and not mask["*"]:
        return value
    if isinstance(value, list):
        return [apply(mask, item) for item in value]
    if not isinstance(value, dict):
        return value
    anything = mask.get("*")
    kept = {name: mask.get(name, anything) for name in value}
    return {name: apply(below, value[name]) for name, below in kept.items() if below is not None}


def _plant(tree: dict[str, Any], path: list[str], below: Mapping[str, Any] | None = None) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree.setdefault(path[-1], {}).update(below or {"*": {}})


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
