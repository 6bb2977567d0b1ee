"""Read Google's API descriptions and protos as installed. Knows nothing of manifests or of hand-written facts."""

from __future__ import annotations

import importlib
import json
import pathlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PREFIXES = ("GoogleCloudAiplatformV1", "GoogleCloudMlV1__", "GoogleIamV1__", "GoogleType__", "GoogleRpc")
"""What discovery writes in front of a message's own name. Longest match first is not needed: none starts another."""


def short_name(message: str) -> str:
    """Strip the package from a discovery name: GoogleCloudAiplatformV1WorkerPoolSpec becomes WorkerPoolSpec."""
    for prefix in PREFIXES:
        if message.startswith(prefix):
            return message.removeprefix(prefix)
    return message


@dataclass(frozen=True, slots=True)
class Api:
    """One discovery document; messages are keyed by their full discovery names.

    `host` is the one for every location, `hosts` are those of single locations.
    """

    name: str
    revision: str
    messages: Mapping[str, Any]
    resources: Mapping[str, Any]
    host: str
    hosts: Mapping[str, frozenset[str]]

    def methods(self, collection: str) -> Mapping[str, Any]:
        """Return the methods of a collection such as projects.locations.customJobs. Raises KeyError."""
        node: Mapping[str, Any] = {"resources": self.resources}
        for part in collection.split("."):
            node = node["resources"][part]
        methods: Mapping[str, Any] = node["methods"]
        return methods

    def properties(self, message: str) -> Mapping[str, Any]:
        """Return the properties of a message. Raises KeyError."""
        properties: Mapping[str, Any] = self.messages[message].get("properties", {})
        return properties

    def full_name(self, short: str) -> str:
        """Find the discovery name of a short one. Raises KeyError where no message or more than one has it."""
        found = [name for name in self.messages if short_name(name) == short]
        if len(found) != 1:
            raise KeyError(short)
        return found[0]


def read_api(document: str) -> Api:
    """Load the description that google-api-python-client ships, such as aiplatform.v1."""
    package = importlib.import_module("googleapiclient.discovery_cache")
    path = pathlib.Path(str(package.__file__)).parent / "documents" / f"{document}.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    hosts: dict[str, frozenset[str]] = {}
    for each in raw.get("endpoints", ()):
        hosts[each["location"]] = hosts.get(each["location"], frozenset()) | {_host(each["endpointUrl"])}
    return Api(document, raw["revision"], raw["schemas"], raw["resources"], _host(raw["rootUrl"]), hosts)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def message_of(schema: Mapping[str, Any]) -> str:
    """Name the message a property holds, directly or in a list; empty for anything else."""
    inner = schema.get("items", schema)
    return str(inner.get("$ref", ""))


@dataclass(frozen=True, slots=True)
class ProtoMessage:
    """What a proto adds to a message of discovery: its fields, its oneofs and its enums' numbers, by JSON name."""

    fields: frozenset[str]
    oneofs: Mapping[str, tuple[str, ...]]
    enums: Mapping[str, Mapping[str, int]]


def read_protos(module: str, message: str, root: str) -> dict[str, ProtoMessage]:
    """Walk the proto of a resource and key what it says by discovery name, starting at `root`.

    The field_behavior options (REQUIRED and the like) are not in the Python descriptors; discovery's prose has them.
    """
    types = importlib.import_module(f"google.cloud.aiplatform_v1.types.{module}")
    wrapper = getattr(types, message)
    package = wrapper.pb(wrapper()).DESCRIPTOR.file.package
    return dict(_walk(wrapper.pb(wrapper()).DESCRIPTOR, package, root.removesuffix(message), set()))


def _walk(descriptor: Any, package: str, prefix: str, seen: set[str]) -> Iterator[tuple[str, ProtoMessage]]:
    inside = descriptor.full_name.removeprefix(f"{package}.")
    if inside == descriptor.full_name or inside in seen:
        return
    seen.add(inside)
    yield prefix + inside.replace(".", ""), _proto_message(descriptor)
    for field in descriptor.fields:
        if field.message_type and not field.message_type.GetOptions().map_entry:
            yield from _walk(field.message_type, package, prefix, seen)


def _proto_message(descriptor: Any) -> ProtoMessage:
    oneofs = {oneof.name: tuple(field.json_name for field in oneof.fields) for oneof in descriptor.oneofs}
    enums = {
        field.json_name: {value.name: value.number for value in field.enum_type.values}
        for field in descriptor.fields
        if field.enum_type
    }
    return ProtoMessage(frozenset(field.json_name for field in descriptor.fields), oneofs, enums)
