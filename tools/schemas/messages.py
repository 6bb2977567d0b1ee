"""Join Google's description of a message with our facts about it into a draft-07 definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools.schemas import discovery, facts, shapes

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything known about the messages of one kind's API.

    `types` is keyed by short name, `protos` by discovery name and empty where the API publishes none; `listing` says
    that enums without protos are numbered in the order of their listing.
    """

    api: discovery.Api
    types: Mapping[str, Mapping[str, Any]]
    protos: Mapping[str, discovery.ProtoMessage]
    listing: bool


def writable(sources: Sources, message: str, left_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the properties of a message that a caller may write."""
    return {
        name: described
        for name, described in sources.api.properties(message).items()
        if not described.get("readOnly") and name not in left_out
    }


def reachable(sources: Sources, message: str, left_out: frozenset[str]) -> Iterator[str]:
    """Yield the messages a caller may write below `message`, itself not included, each once, in order of the walk."""
    seen = {message}
    waiting = [(message, left_out)]
    while waiting:
        current, without = waiting.pop(0)
        for described in writable(sources, current, without).values():
            found = discovery.message_of(described)
            if found and found not in seen:
                seen.add(found)
                waiting.append((found, frozenset()))
                yield found


def definition(sources: Sources, message: str, left_out: frozenset[str] = frozenset()) -> Json:
    """Build the definition of one message. Raises facts.FactError where our facts and the description do not meet."""
    name = discovery.short_name(message)
    if name not in sources.types:
        raise facts.FactError(f"{name}: {message} can be written and has no facts")
    known = sources.types[name]
    properties = writable(sources, message, left_out)
    _check(sources, message, properties, left_out)
    shape: Json = {"type": "object", "additionalProperties": False}
    description = sources.api.messages[message].get("description", "")
    if description:
        shape["description"] = description
    if known.get("required"):
        shape["required"] = list(known["required"])
    shape["properties"] = {
        field: shapes.property_schema(described, known["fields"][field], _numbers(sources, message, field, described))
        for field, described in properties.items()
    } | known.get("additions", {})
    rules = [rule for oneof in known.get("oneof", ()) for rule in shapes.oneof_constraints(oneof)]
    for pair in known.get("pairs", ()):
        rules += shapes.pair_constraints(pair, {field: _zeros(shape["properties"][field]) for field in pair})
    rules += [{**rule["schema"], "x-message": rule["message"]} for rule in known.get("rules", ())]
    if rules:
        shape["allOf"] = rules
    return shape | _marks(sources, message, known)


def _marks(sources: Sources, message: str, known: Mapping[str, Any]) -> Json:
    marks: Json = {}
    read_only = [name for name, described in sources.api.properties(message).items() if described.get("readOnly")]
    unwritable = sorted({*read_only, *known.get("outputOnly", ())})
    if unwritable:
        marks["x-output-only"] = unwritable
    if known.get("oneof"):
        marks["x-oneof"] = [dict(oneof) for oneof in known["oneof"]]
    if known.get("pairs"):
        marks["x-pairs"] = [list(pair) for pair in known["pairs"]]
    return marks


def _numbers(sources: Sources, message: str, field: str, described: Mapping[str, Any]) -> Mapping[str, int]:
    inner = described.get("items", described)
    if "enum" not in inner:
        return {}
    if sources.listing:
        return {name: number for number, name in enumerate(inner["enum"])}
    numbers = sources.protos[message].enums[field]
    facts.known_keys(f"{message}.{field}: enum of discovery and proto", inner["enum"], numbers)
    return numbers


def _zeros(shape: Mapping[str, Any]) -> list[Any]:
    return [shape["x-enum"]["zero"]] if "x-enum" in shape else [0, "0"]


def _check(sources: Sources, message: str, properties: Mapping[str, Any], left_out: frozenset[str]) -> None:
    name = discovery.short_name(message)
    known = sources.types[name]
    facts.check_type(name, known)
    facts.same_keys(f"{name} fields", known["fields"], properties)
    additions = known.get("additions", {})
    for mentioned in _mentioned(known):
        facts.known_keys(name, mentioned, [*properties, *additions])
    for rule in known.get("rules", ()):
        _check_rule(sources, message, rule["schema"])
    _check_required(name, known, properties, sources.api.properties(message), left_out)
    for field, described in properties.items():
        inner = described.get("items", described)
        if ("enum" in inner) != ("open" in known["fields"][field]):
            raise facts.FactError(f"{name}.{field}: `open` must be said of every enum, and of enums only")
    if not sources.listing:
        facts.known_keys("protos", [message], sources.protos)
        _check_proto(name, known, sources.protos[message], sources.api.properties(message))
    overlap = set(known.get("outputOnly", ())) & properties.keys()
    if overlap:
        raise facts.FactError(f"{name}: {sorted(overlap)} can be written and is called output only")


def _mentioned(known: Mapping[str, Any]) -> Iterator[list[str]]:
    yield known.get("required", [])
    for oneof in known.get("oneof", ()):
        facts.same_keys("oneof", oneof, ("name", "fields", "required"))
        yield oneof["fields"]
    yield from known.get("pairs", ())


def _check_rule(sources: Sources, message: str, rule: Any) -> None:
    """Hold every field that a rule names, at any depth, against the message it stands in."""
    if isinstance(rule, list):
        for part in rule:
            _check_rule(sources, message, part)
    if not isinstance(rule, dict):
        return
    described = sources.api.properties(message) if message else {}
    facts.known_keys(f"{message} rules", [*rule.get("required", ()), *rule.get("properties", ())], described)
    for field, inner in rule.get("properties", {}).items():
        _check_rule(sources, discovery.message_of(described[field]), inner)
    for key in ("if", "then", "else", "not", "anyOf", "allOf"):
        _check_rule(sources, message, rule.get(key))


def _check_required(
    name: str,
    known: Mapping[str, Any],
    properties: Mapping[str, Any],
    described: Mapping[str, Any],
    left_out: frozenset[str],
) -> None:
    """Hold our `required` and `notRequired` against the prose: every "Required." must be in one of them."""
    prose = {field for field, text in described.items() if text.get("description", "").startswith("Required.")}
    ours = set(known.get("required", ())) | set(known.get("notRequired", ()))
    facts.known_keys(f"{name} required", ours, [*properties, *left_out])
    facts.same_keys(f"{name}: required or notRequired, against discovery's prose", ours, prose)


def _check_proto(
    name: str, known: Mapping[str, Any], proto: discovery.ProtoMessage, described: Mapping[str, Any]
) -> None:
    facts.same_keys(f"{name}: fields of discovery, against the proto", described, proto.fields)
    added = set(known.get("additions", ()))
    ours = {o["name"]: tuple(sorted(o["fields"])) for o in known.get("oneof", ()) if not added & set(o["fields"])}
    theirs = {key: tuple(sorted(fields)) for key, fields in proto.oneofs.items()}
    if ours != theirs:
        raise facts.FactError(f"{name}: oneofs {ours} here, {theirs} in the proto")
