"""Compile one kind: the schema of its manifests and its row in compiled/kinds.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.schemas import discovery, facts, messages, shapes

Json = dict[str, Any]

METHODS = frozenset(
    ("create", "get", "list", "cancel", "delete", "patch", "getIamPolicy", "setIamPolicy", "testIamPermissions")
)
PHASES = frozenset(("PENDING", "RUNNING", "STOPPING", "SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"))


def load_sources(kind: Mapping[str, Any], api: Mapping[str, Any], shared: Mapping[str, Any]) -> messages.Sources:
    """Gather description, protos and facts of one kind of an API. `shared` holds the types several kinds use."""
    where = kind["discovery"]
    facts.same_keys(f"{kind['kind']} discovery", where, ("collection", "message"))
    described = discovery.read_api(api["discovery"])
    protos: dict[str, discovery.ProtoMessage] = {}
    listing = "proto" not in kind
    if listing:
        facts.same_keys(f"{kind['kind']} enumNumbers", kind["enumNumbers"], ("value", "source"))
    else:
        protos = discovery.read_protos(kind["proto"]["module"], kind["proto"]["message"], where["message"])
    types = {**({} if listing else shared), **kind["types"]}
    return messages.Sources(described, types, protos, listing)


def manifest_schema(
    kind: Mapping[str, Any], api: Mapping[str, Any], sources: messages.Sources, envelope: Mapping[str, Any]
) -> Json:
    """Build the published draft-07 schema of a whole manifest of this kind."""
    name, message = kind["kind"], kind["discovery"]["message"]
    hidden = _hidden(kind, sources)
    spec = messages.definition(sources, message, hidden)
    spec["x-output-only"] = list(output_only(kind, sources))
    found = list(messages.reachable(sources, message, hidden))
    definitions: Json = {discovery.short_name(other): messages.definition(sources, other) for other in found}
    unused = set(kind["types"]) - {discovery.short_name(other) for other in (message, *found)}
    if unused:
        raise facts.FactError(f"{name}: facts of {sorted(unused)}, which no manifest of this kind can hold")
    properties: Json = {
        "apiVersion": {"const": kind["apiVersion"]},
        "kind": {"const": name},
        "metadata": _metadata(kind, sources, envelope, located=_located(kind, api)),
        "lifecycle": {"$ref": "#/definitions/Lifecycle"},
    }
    if "setIamPolicy" in kind["facts"]["verbs"]["value"]:
        properties["iamPolicy"] = envelope["iamPolicy"]
        definitions |= _iam_definitions(sources, envelope["iamTypes"])
    absent = {"lifecycle": {"required": ["desired"], "properties": {"desired": {"const": "Absent"}}}}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"{name} manifest ({kind['apiVersion']})",
        "description": f"Generated from discovery {sources.api.name}, revision {sources.api.revision}.",
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata"],
        "if": {"required": ["lifecycle"], "properties": absent},
        "else": {"required": ["spec"]},
        "properties": {**properties, "spec": spec},
        "definitions": dict(sorted((definitions | envelope["definitions"]).items())),
    }


def output_only(kind: Mapping[str, Any], sources: messages.Sources) -> tuple[str, ...]:
    """Name the resource's top-level fields that only the service writes."""
    described = sources.api.properties(kind["discovery"]["message"])
    by_hand = kind["facts"]["outputOnly"]["value"]
    facts.known_keys(f"{kind['kind']} outputOnly", by_hand, described)
    return tuple(sorted({*by_hand, *(name for name, text in described.items() if text.get("readOnly"))}))


def kind_row(kind: Mapping[str, Any], sources: messages.Sources) -> Json:
    """Build the kind's row in compiled/kinds.json and hold every fact against the description."""
    values = {name: fact["value"] for name, fact in kind["facts"].items()}
    _check_collection(kind, sources, values)
    _check_resource(kind, sources, values)
    return {
        "name": kind["kind"],
        "api": kind["apiVersion"],
        "collection": kind["discovery"]["collection"].rpartition(".")[2],
        "id_form": values["idForm"],
        "id_field": values["idField"],
        "list_field": values["listField"],
        "list_mask": values["listMask"],
        "verbs": values["verbs"],
        "state_field": values["stateField"],
        "states": values["states"],
        "error_field": values["errorField"],
        "output_only": list(output_only(kind, sources)),
        "cosmetic": values["cosmetic"],
        "etag": values["etag"],
        "console_url": values["consoleUrl"],
        "schema": schema_path(kind),
    }


def schema_path(kind: Mapping[str, Any]) -> str:
    """Place a kind's published schema below schemas/."""
    return f"{kind['apiVersion']}/{kind['kind']}.json"


def _hidden(kind: Mapping[str, Any], sources: messages.Sources) -> frozenset[str]:
    not_in_spec = kind["facts"]["notInSpec"]["value"]
    facts.known_keys(f"{kind['kind']} notInSpec", not_in_spec, sources.api.properties(kind["discovery"]["message"]))
    return frozenset((*not_in_spec, *output_only(kind, sources)))


def _metadata(
    kind: Mapping[str, Any], sources: messages.Sources, envelope: Mapping[str, Any], *, located: bool
) -> Json:
    shape: Json = envelope["metadata"]
    pattern = sources.api.methods(kind["discovery"]["collection"])["get"]["parameters"]["name"]["pattern"]
    properties = {**shape["properties"], "resource": {**shape["properties"]["resource"], "pattern": pattern}}
    if not located:
        del properties["location"]
    return {**shape, "properties": properties}


def _located(kind: Mapping[str, Any], api: Mapping[str, Any]) -> bool:
    """Say whether jobs of an API lie in a location, held against the collection of one of its kinds."""
    located: bool = api["facts"]["located"]["value"]
    collection = kind["discovery"]["collection"]
    if located != (".locations." in collection):
        raise facts.FactError(f"{kind['kind']}: located is {located}, the collection is {collection}")
    return located


def _iam_definitions(sources: messages.Sources, types: Mapping[str, Any]) -> Json:
    definitions: Json = {}
    for name, ours in types.items():
        described = sources.api.properties(sources.api.full_name(name))
        properties = {field: shapes.property_schema(text, {}, {}) for field, text in described.items()}
        facts.known_keys(f"iamTypes.{name}", ours["required"], properties)
        definitions[name] = {
            "type": "object",
            "additionalProperties": False,
            "required": ours["required"],
            "properties": properties,
        }
    return definitions


def _check_collection(kind: Mapping[str, Any], sources: messages.Sources, values: Mapping[str, Any]) -> None:
    name, collection = kind["kind"], kind["discovery"]["collection"]
    methods = sources.api.methods(collection)
    facts.same_keys(f"{name} verbs, against discovery", values["verbs"], METHODS & methods.keys())
    answer = sources.api.properties(methods["list"]["response"]["$ref"])
    facts.known_keys(f"{name} listField", [values["listField"]], answer)
    if bool(values["listMask"]) != ("readMask" in methods["list"]["parameters"]):
        raise facts.FactError(f"{name}: a listMask and the parameter readMask go together")


def _check_resource(kind: Mapping[str, Any], sources: messages.Sources, values: Mapping[str, Any]) -> None:
    name = kind["kind"]
    described = sources.api.properties(kind["discovery"]["message"])
    single = [values[key] for key in ("stateField", "errorField", "idField") if values[key]]
    facts.known_keys(f"{name} facts", [*single, *values["listMask"], *values["cosmetic"]], described)
    if values["etag"] != ("etag" in described):
        raise facts.FactError(f"{name}: etag is {values['etag']} here and not so in discovery")
    zero, *states = described[values["stateField"]]["enum"]
    facts.same_keys(f"{name} states (without {zero})", values["states"], states)
    facts.known_keys(f"{name} states", values["states"].values(), PHASES)
    if (values["idForm"] == "client") != bool(values["idField"]):
        raise facts.FactError(f"{name}: a client's id needs a field, a server's has none")
