"""Read the hand-written facts of schemas/kinds and refuse any key that would be ignored."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

CLASSES = frozenset(
    ("image", "command", "environment", "resources", "scheduling", "network", "identity", "data", "search", "cosmetic")
)
KIND_KEYS = frozenset(("kind", "apiVersion", "discovery", "proto", "enumNumbers", "facts", "types"))
FACT_KEYS = frozenset(
    (
        *("idForm", "idField", "listField", "listMask", "verbs", "stateField", "states", "errorField"),
        *("outputOnly", "cosmetic", "etag", "consoleUrl", "notInSpec"),
    )
)
TYPE_KEYS = frozenset(
    ("source", "required", "notRequired", "oneof", "pairs", "rules", "outputOnly", "additions", "fields")
)
FIELD_KEYS = frozenset(
    ("class", "literal", "positional", "secret", "open", "serverDefault", "serverDefaultAlso", "constraints", "source")
)
OUTSIDE = frozenset(("serverDefault", "serverDefaultAlso", "constraints"))
"""Facts of a field that come from outside, so that each needs a source beside it."""


class FactError(Exception):
    """A hand-written fact that is misspelt, lacks its source, or contradicts Google's description."""


def read(path: pathlib.Path) -> dict[str, Any]:
    """Load one YAML file of facts. Raises FactError where it is no mapping."""
    value = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise FactError(f"{path}: a mapping is expected")
    return value


def read_kind(path: pathlib.Path) -> dict[str, Any]:
    """Load the facts of one kind and check that every key is known and every fact has value and source."""
    kind = read(path)
    known_keys(path.name, kind, KIND_KEYS)
    check_sources(path.name, kind["facts"], FACT_KEYS)
    return kind


def check_sources(where: str, found: Mapping[str, Any], wanted: Iterable[str]) -> None:
    """Check that the facts are those wanted, each with value and source."""
    same_keys(f"{where} facts", found, wanted)
    for name, fact in found.items():
        same_keys(f"{where} facts.{name}", fact, ("value", "source"))


def check_type(where: str, facts: Mapping[str, Any]) -> None:
    """Check the keys, classes and sources of one message's facts."""
    known_keys(where, facts, TYPE_KEYS)
    if not facts.get("source"):
        raise FactError(f"{where}: no source")
    for name, field in facts["fields"].items():
        known_keys(f"{where}.{name}", field, FIELD_KEYS)
        if field.get("class", "data") not in CLASSES:
            raise FactError(f"{where}.{name}: class {field['class']} is none of {sorted(CLASSES)}")
        if OUTSIDE & field.keys() and not field.get("source"):
            raise FactError(f"{where}.{name}: {sorted(OUTSIDE & field.keys())} without a source")
    for rule in facts.get("rules", ()):
        same_keys(f"{where} rules", rule, ("message", "source", "schema"))


def known_keys(where: str, found: Iterable[str], known: Iterable[str]) -> None:
    """Raise FactError where `found` has a key that is not known."""
    unknown = sorted(set(found) - set(known))
    if unknown:
        raise FactError(f"{where}: unknown {unknown}; known are {sorted(known)}")


def same_keys(where: str, found: Iterable[str], wanted: Iterable[str]) -> None:
    """Raise FactError unless both hold the same names."""
    found, wanted = set(found), set(wanted)
    if found != wanted:
        raise FactError(f"{where}: missing {sorted(wanted - found)}, unexpected {sorted(found - wanted)}")
