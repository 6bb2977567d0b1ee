"""Turn one property of Google's description, with what we know about it, into draft-07 JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.schemas import discovery

Json = dict[str, Any]

INT32 = 2**31
DURATION = r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$"


def property_schema(described: Mapping[str, Any], facts: Mapping[str, Any], numbers: Mapping[str, int]) -> Json:
    """Build the schema of one property; `facts` is its entry in schemas/kinds, `numbers` those of its enum."""
    shape = _shape(described, facts, numbers)
    extra = _fact_keys(facts)
    if described.get("deprecated"):
        extra["deprecated"] = True
    if "description" in described:
        extra = {"description": described["description"], **extra}
    if facts.get("literal") and shape.get("type") == "array":
        shape["items"] = {**shape["items"], "x-literal": True}
    if "$ref" in shape:
        return {"allOf": [shape], **extra} if extra else shape
    return {**shape, **extra, **facts.get("constraints", {})}


def _shape(described: Mapping[str, Any], facts: Mapping[str, Any], numbers: Mapping[str, int]) -> Json:
    if "$ref" in described:
        return {"$ref": f"#/definitions/{discovery.short_name(described['$ref'])}"}
    if described["type"] == "array":
        return {"type": "array", "items": _shape(described["items"], facts, numbers)}
    if described["type"] == "object":
        return {
            "type": "object",
            "additionalProperties": _shape(described["additionalProperties"], {}, {}),
            "x-map": True,
        }
    if "enum" in described:
        return _enum(described, facts, numbers)
    return _scalar(described)


def _scalar(described: Mapping[str, Any]) -> Json:
    form = described.get("format", "")
    if form == "int64":
        return {"type": ["integer", "string"], "pattern": "^-?[0-9]+$", "format": form}
    if form == "int32":
        return {"type": "integer", "minimum": -INT32, "maximum": INT32 - 1, "format": form}
    shape: Json = {"type": described["type"]}
    if form:
        shape["format"] = form
    if form == "google-duration":
        shape["pattern"] = DURATION
    return shape


def _enum(described: Mapping[str, Any], facts: Mapping[str, Any], numbers: Mapping[str, int]) -> Json:
    names: list[str] = described["enum"]
    zero = next(name for name, number in numbers.items() if number == 0)
    known = {name: numbers[name] for name in names if name in numbers}
    shape: Json = {"type": "string", "enum": names}
    if "enumDescriptions" in described:
        shape["enumDescriptions"] = described["enumDescriptions"]
    shape["x-enum"] = {"zero": zero, "numbers": known, "open": facts["open"]}
    return shape


def _fact_keys(facts: Mapping[str, Any]) -> Json:
    keys: Json = {}
    if "class" in facts:
        keys["x-class"] = facts["class"]
    for fact, key in (("literal", "x-literal"), ("positional", "x-positional"), ("secret", "x-secret")):
        if facts.get(fact):
            keys[key] = True
    if "serverDefault" in facts:
        keys["x-server-default"] = facts["serverDefault"]
    if "serverDefaultAlso" in facts:
        keys["x-server-default-also"] = facts["serverDefaultAlso"]
    return keys


def oneof_constraints(oneof: Mapping[str, Any]) -> list[Json]:
    """Write a oneof as constraints every validator understands; each carries `x-message` for people."""
    fields: list[str] = oneof["fields"]
    listed = ", ".join(fields)
    pairs = [[first, second] for index, first in enumerate(fields) for second in fields[index + 1 :]]
    rules: list[Json] = [{"not": {"required": pair}, "x-message": f"Set only one of {listed}."} for pair in pairs]
    if oneof["required"]:
        rules.append({"anyOf": [{"required": [field]} for field in fields], "x-message": f"Set one of {listed}."})
    return rules


def pair_constraints(pair: list[str], zeros: Mapping[str, list[Any]]) -> list[Json]:
    """Write `both or none`; a value in `zeros` (the unspecified name, count 0) stands for none."""
    first, second = ({"required": [field], "properties": {field: {"not": {"enum": zeros[field]}}}} for field in pair)
    message = f"Set both {pair[0]} and {pair[1]}, or neither."
    return [
        {"if": first, "then": second, "x-message": message},
        {"if": second, "then": first, "x-message": message},
    ]
