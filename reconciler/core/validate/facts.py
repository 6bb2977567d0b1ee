"""The checks that a JSON Schema has no word for: placeholders in names, open enums, secrets written out.

A kind's schema is compiled once into the small tree of the places worth looking at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.spec import secrets, shape
from reconciler.core.validate import enums, placeholders, suggestions
from reconciler.core.validate.wording import shown
from reconciler.vocabulary.model import FieldPath, Problem, Severity, show_path

Schema = Mapping[str, Any]


@dataclass(slots=True)
class Spot:
    """What to look at in a value, and below it. `members` are the known members of an open enum."""

    literal: bool = False
    secret: bool = False
    members: tuple[str, ...] = ()
    fields: dict[str, Spot] = field(default_factory=dict)
    item: Spot | None = None

    @property
    def idle(self) -> bool:
        """True where there is nothing to look at, here or below."""
        return not (self.literal or self.secret or self.members or self.fields or self.item)


def compile_spots(node: Schema, root: Schema) -> Spot:
    """Compile a schema. A message that holds itself is followed once."""
    return _compile(node, root, frozenset())


def _compile(node: Schema, root: Schema, within: frozenset[int]) -> Spot:
    spot = Spot(literal=bool(node.get("x-literal")), secret=bool(node.get("x-secret")))
    node = shape.resolve(node, root)
    if id(node) in within:
        return spot
    within |= {id(node)}
    if node.get("x-enum", {}).get("open"):
        spot.members = tuple(node["x-enum"]["numbers"])
    for name, child in node.get("properties", {}).items():
        below = _compile(child, root, within)
        if not below.idle:
            spot.fields[name] = below
    if isinstance(node.get("items"), Mapping):
        below = _compile(node["items"], root, within)
        below.literal = below.literal or spot.literal
        spot.item = None if below.idle else below
    return spot


def check(value: Any, spot: Spot, path: FieldPath = ()) -> Iterator[Problem]:
    """Yield what is wrong or doubtful with a value whose fields are spelt as the schema spells them."""
    if isinstance(value, str):
        yield from _text(value, spot, path)
    elif isinstance(value, Mapping):
        for name, below in spot.fields.items():
            if name in value:
                yield from check(value[name], below, (*path, name))
        if "value" in spot.fields and spot.fields["value"].secret:
            yield from _secret(value, path)
    elif isinstance(value, list) and spot.item is not None:
        for index, item in enumerate(value):
            yield from check(item, spot.item, (*path, index))


def _text(value: str, spot: Spot, path: FieldPath) -> Iterator[Problem]:
    found = placeholders.in_text(value) if spot.literal or spot.members else ""
    if found:
        message = f"{show_path(path)} holds the placeholder {found}."
        yield Problem("placeholder", message, placeholders.HINT, path=path)
    elif spot.members and value not in spot.members:
        yield _member(value, spot.members, path)


def _member(value: str, members: tuple[str, ...], path: FieldPath) -> Problem:
    meant = enums.misspelt(value, members)
    message = f"{show_path(path)} is {shown(value)}, which is none of its known values."
    if meant is None:
        hint = (
            "It may be newer than this release and is sent as it is. If not: " + suggestions.listing(members, 30) + "."
        )
        return Problem("unknown-enum", message, hint, Severity.WARNING, path=path)
    hint = f"Did you mean {meant}?" if meant else f"Known values: {suggestions.listing(members, 30)}."
    return Problem("bad-enum", message, hint, path=path)


def _secret(value: Mapping[str, Any], path: FieldPath) -> Iterator[Problem]:
    name = value.get("name")
    if isinstance(name, str) and value.get("value") not in (None, "") and secrets.is_secret_name(name):
        yield Problem(
            "literal-secret",
            f"{name} looks like a secret and its value stands in the manifest, and so in every plan.",
            f"Write valueFrom: {{env: RECONCILER_SECRET_{name}}} in place of value; apply resolves it.",
            Severity.WARNING,
            path=(*path, "value"),
        )
