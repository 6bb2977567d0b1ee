"""The messages of a kind as the emulator parses them: names, types, enums.

It reads nothing else from a kind's schema: how the service behaves is not written there."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reconciler.emulator.behaviour import Behaviour
from reconciler.vocabulary.kinds import Kind

_CAPITAL = re.compile("[A-Z]")


class Form(StrEnum):
    """How a field's JSON is read."""

    MESSAGE = "message"
    LIST = "list"
    MAP = "map"
    ENUM = "enum"
    INT64 = "int64"
    INT32 = "int32"
    DOUBLE = "double"
    DURATION = "google-duration"
    STRING = "string"
    BOOL = "bool"
    ANY = "any"
    OUTPUT = "output"
    """Set by the server alone; what a caller writes there is dropped (AIP-203: output only fields are ignored)."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `item` is the element of a list or map, `fields` those of a message by their JSON name."""

    name: str
    form: Form
    message: str = ""
    item: Field | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    zero: str = ""
    shapes: Shapes | None = field(default=None, repr=False, compare=False)

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of the message by their JSON name."""
        return self.shapes.fields(self.message) if self.shapes else {}


@functools.lru_cache(maxsize=4096)  # a create spells about a hundred names, the same ones every time
def snake(name: str) -> str:
    """Spell a JSON name as the proto does: `workerPoolSpecs` to `worker_pool_specs`."""
    return _CAPITAL.sub(lambda found: "_" + found[0].lower(), name)


class Shapes:
    """The messages of one kind by name; the resource itself goes by the kind's name."""

    def __init__(self, kind: Kind, behaviour: Behaviour) -> None:
        self._definitions: Mapping[str, Any] = kind.schema.get("definitions", {})
        self._foreign = {rule.message: rule.fields for rule in behaviour.rules.foreign}
        self._made: dict[str, Mapping[str, Field]] = {}
        self._inline: dict[str, Mapping[str, Any]] = {}
        self.root = Field(name="", form=Form.MESSAGE, message=kind.name, shapes=self)
        self._made[kind.name] = self._resource(kind)

    def fields(self, message: str) -> Mapping[str, Field]:
        """Return the fields of a message by JSON name."""
        made = self._made.get(message)
        if made is None:
            made = self._message(message, self._inline.get(message) or self._definitions[message])
            self._made[message] = made
        return made

    def _resource(self, kind: Kind) -> Mapping[str, Field]:
        output = (*kind.output_only, kind.state_field, kind.error_field, "name", "etag", "createTime", "endTime")
        fields = {name: Field(name=name, form=Form.OUTPUT) for name in output}
        fields |= self._message(kind.name, self._resolve(kind.spec_schema)[1])
        labels = Field(name="labels", form=Form.MAP, item=Field(name="value", form=Form.STRING))
        fields["labels"] = labels
        if kind.id_field not in ("", "name"):
            fields[kind.id_field] = Field(name=kind.id_field, form=Form.STRING)
        if kind.etag:
            fields["etag"] = Field(name="etag", form=Form.STRING)
        return fields

    def _message(self, message: str, schema: Mapping[str, Any]) -> dict[str, Field]:
        foreign = self._foreign.get(message, ())
        fields = {
            name: self._field(message, name, declared)
            for name, declared in schema.get("properties", {}).items()
            if name not in foreign
        }
        fields |= {name: Field(name=name, form=Form.OUTPUT) for name in schema.get("x-output-only", ())}
        return fields

    def _resolve(self, schema: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Follow `$ref`, alone or as the one member of allOf, to (definition name, schema)."""
        reference = schema.get("$ref")
        for part in schema.get("allOf", ()) if reference is None and "properties" not in schema else ():
            reference = part.get("$ref", reference)
        if reference is None:
            return "", schema
        name = str(reference).rpartition("/")[2]
        return name, self._definitions[name]

    def _field(self, owner: str, name: str, declared: Mapping[str, Any]) -> Field:
        message, schema = self._resolve(declared)
        if "x-enum" in schema:
            listed = schema["x-enum"]
            return Field(name=name, form=Form.ENUM, numbers=listed["numbers"], zero=listed["zero"])
        sort = schema.get("type", "object")
        if sort == "array":
            item = self._field(f"{owner}.{name}", name, schema.get("items", {}))
            return Field(name=name, form=Form.LIST, item=item)
        if sort == "object":
            return self._object(owner, name, message, schema)
        return Field(name=name, form=_scalar(sort, schema.get("format", "")))

    def _object(self, owner: str, name: str, message: str, schema: Mapping[str, Any]) -> Field:
        if schema.get("x-map"):
            values = schema.get("additionalProperties")
            item = self._field(f"{owner}.{name}", "value", values if isinstance(values, Mapping) else {})
            return Field(name=name, form=Form.MAP, item=item)
        if "properties" not in schema:
            return Field(name=name, form=Form.ANY)
        if not message:
            message = f"{owner}.{name}"
            self._inline[message] = schema
        return Field(name=name, form=Form.MESSAGE, message=message, shapes=self)


def _scalar(sort: str | list[str], form: str) -> Form:
    """Choose the form of a scalar; an int64 is declared as integer or string."""
    if form in (Form.INT64, Form.INT32, Form.DURATION):
        return Form(form)
    plain = {"integer": Form.INT32, "number": Form.DOUBLE, "boolean": Form.BOOL, "string": Form.STRING}
    return plain.get(sort, Form.ANY) if isinstance(sort, str) else Form.INT64
