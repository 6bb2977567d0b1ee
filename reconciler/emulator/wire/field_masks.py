"""Field masks and the `fields` parameter: which parts of a reply the caller wants. It knows no resource."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.emulator.messages.shapes import Field, Form
from reconciler.emulator.wire.replies import Refusal

Mask = Mapping[str, "Mask"]
"""A tree of names; `*` stands for any name, and over an empty tree for everything below."""

Known = Field | Mapping[str, "Known | None"]
"""What a reply may hold: a field of a message, or names with what lies below them; None where anything may."""

_NAME = re.compile(r"[^,()/.\s]+")
_LONGEST = 20_000
_DEEPEST = 20


class Unknown(Exception):
    """A path that leads to no field; the text is the path."""


def read_mask(text: str, known: Known) -> Mask:
    """Parse `readMask`: dotted paths, snake_case or camelCase, checked against the resource's fields."""
    tree: dict[str, Any] = {}
    for path in text.split(","):
        names = path.strip().split(".")
        if not all(names) or len(names) > _DEEPEST:
            raise _no_field(path.strip())
        _plant(tree, names)
    try:
        return resolve(tree, known)
    except Unknown as unknown:
        raise _no_field(str(unknown)) from unknown


def _no_field(path: str) -> Refusal:
    return Refusal("INVALID_ARGUMENT", f'The read mask has a path "{path}" that is no field.')


def field_selection(text: str) -> Mask:
    """Parse the system parameter `fields`: `a,b` or `a/b` or `a.b` or `a(b,c)` or `*`, to any depth."""
    tree, at = _selection(text, 0, 0) if len(text) <= _LONGEST else ({}, 0)
    if at != len(text) or not tree:
        raise _malformed(text)
    return tree


def expand(mask: Mask, known: Known) -> Mask:
    """Check a selection against what a reply may hold; a path that leads nowhere is a 400.

    The words are those that other APIs behind the same front end give (unverified for these).
    """
    try:
        return resolve(mask, known)
    except Unknown as unknown:
        text = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{unknown}'."
        violation = (str(unknown), text)
        raise Refusal("INVALID_ARGUMENT", "Request contains an invalid argument.", [violation]) from unknown


def resolve(mask: Mask, known: Known | None, path: str = "") -> Mask:
    """Spell a mask's names as replies do, camelCase in messages. Raises Unknown for a path to no field."""
    while isinstance(known, Field) and known.form is Form.LIST:
        known = known.item
    names = _names(known)
    found: dict[str, Any] = {}
    for name, below in mask.items():
        where = f"{path}.{name}" if path else name
        if name == "*":
            found[name] = below
        elif names is None:
            found[name] = found[camel(name)] = resolve(below, None, where)
        elif isinstance(known, Field) and known.form is Form.MAP:
            found[name] = resolve(below, known.item, where)
        else:
            spelt = name if name in names else camel(name)
            if spelt not in names:
                raise Unknown(where)
            _join(found.setdefault(spelt, {}), resolve(below, names[spelt], where))
    return found


def _names(known: Known | None) -> Mapping[str, Known | None] | None:
    """Return the names below something, None where any may be."""
    if not isinstance(known, Field):
        return known
    if known.form is Form.MESSAGE:
        return known.fields
    return None if known.form in (Form.ANY, Form.OUTPUT) else {}


def _malformed(text: str) -> Refusal:
    return Refusal("INVALID_ARGUMENT", f"Invalid field selection {text[:1000]}")


def _selection(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    tree: dict[str, Any] = {}
    while True:
        path: list[str] = []
        below: dict[str, Any] = {}
        while found := _NAME.match(text, at):
            path.append(found[0])
            at = found.end()
            if text[at : at + 1] not in ("/", "."):
                break
            at += 1
        if not path or text[at - 1] in "/." or depth + len(path) > _DEEPEST:
            raise _malformed(text)
        if text[at : at + 1] == "(":
            below, at = _selection(text, at + 1, depth + 1)
            if text[at : at + 1] != ")":
                raise _malformed(text)
            at += 1
        _plant(tree, path, below)
        if text[at : at + 1] != ",":
            return tree, at
        at += 1


def apply(mask: Mask, value: Any) -> Any:
    """Keep what the mask leads to; lists are looked through, and where a path leads to nothing, nothing is kept."""
    found = _kept(mask, value)
    return {} if found is None else found


def _kept(mask: Mask, value: Any) -> Any:
    """Return what is left of a value, None for nothing; the messages of a list stay where they were, empty or not."""
    if _is_whole(mask):
        return value
    if isinstance(value, list):
        items = [(item, _kept(mask, item)) for item in value]
        return [{} if kept is None else kept for item, kept in items if isinstance(item, dict) or kept is not None]
    if not isinstance(value, dict):
        return None
    anything = mask.get("*")
    if anything is not None:
        mask = {name: _both(mask.get(name), anything) for name in value}
    found = {name: _kept(mask[name], item) for name, item in value.items() if name in mask}
    return {name: kept for name, kept in found.items() if kept is not None} or None


def _both(named: Mask | None, anything: Mask) -> Mask:
    """Join what is wanted of one name with what is wanted of any."""
    if named is None:
        return anything
    joined: dict[str, Any] = {}
    _join(joined, anything)
    _join(joined, named)
    return joined


def _is_whole(mask: Mask) -> bool:
    """Say whether a mask keeps all there is."""
    return "*" in mask and not mask["*"]


def _plant(tree: dict[str, Any], path: list[str], below: Mapping[str, Any] | None = None) -> None:
    """Put a path into a tree, joined with what is there."""
    more: Mapping[str, Any] = below or {"*": {}}
    for name in reversed(path):
        more = {name: more}
    _join(tree, more)


def _join(tree: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add what another mask keeps; whoever keeps all swallows the other."""
    if _is_whole(tree):
        return
    if _is_whole(more):
        tree.clear()
    for name, below in more.items():
        _join(tree.setdefault(name, {}), below)


def camel(name: str) -> str:
    """Spell a proto's name as JSON does: `worker_pool_specs` to `workerPoolSpecs`."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
