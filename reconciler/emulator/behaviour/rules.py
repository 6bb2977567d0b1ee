"""The rules that an API's messages keep, as data: what is filled in, required, refused. It checks nothing itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CHECKED = ("required", "oneofs", "pairs", "first", "limits", "patterns", "needs", "excludes", "ranges", "regions")
"""Sorts of rules that validation tells together in one list."""

SORTS = ("defaults", "slashes", "foreign", *CHECKED, "accelerators")
"""All sorts of rules."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule about a message: the fields it speaks of, numbers or text with it, and where it was learnt.

    `on` False keeps a rule in the data that is not followed; its source says why.
    """

    message: str
    source: str
    fields: tuple[str, ...] = ()
    name: str = ""
    text: str = ""
    value: Any = None
    other: str = ""
    least: float = -math.inf
    most: float = math.inf
    starts: tuple[str, ...] = ()
    on: bool = True


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one API by their sort; `labels` holds the numbers and the text of the label rule.

    `checks` are those that validation follows, by message: each with the name of its sort.
    """

    defaults: tuple[Rule, ...]
    slashes: tuple[Rule, ...]
    foreign: tuple[Rule, ...]
    required: tuple[Rule, ...]
    oneofs: tuple[Rule, ...]
    pairs: tuple[Rule, ...]
    first: tuple[Rule, ...]
    limits: tuple[Rule, ...]
    patterns: tuple[Rule, ...]
    needs: tuple[Rule, ...]
    excludes: tuple[Rule, ...]
    ranges: tuple[Rule, ...]
    regions: tuple[Rule, ...]
    accelerators: tuple[Rule, ...]
    labels: Mapping[str, Any]
    checks: Mapping[str, tuple[tuple[str, Rule], ...]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Sort what is followed by message: a create looks at many messages and few rules speak of each."""
        checks: dict[str, list[tuple[str, Rule]]] = {}
        for sort in CHECKED:
            for rule in getattr(self, sort):
                if rule.on:
                    checks.setdefault(rule.message, []).append((sort, rule))
        object.__setattr__(self, "checks", {message: tuple(found) for message, found in checks.items()})


def parse(document: Mapping[str, Any]) -> Rules:
    """Read the rules of a behaviour document."""
    read = {sort: tuple(map(_rule, document[sort])) for sort in SORTS}
    return Rules(**read, labels=document["labels"])


def _rule(entry: Mapping[str, Any]) -> Rule:
    return Rule(
        message=entry["message"],
        source=entry["source"],
        fields=tuple(entry["fields"]) if "fields" in entry else (entry["field"],),
        name=entry.get("name", ""),
        text=entry.get("text", ""),
        value=entry.get("value", entry.get("pattern")),
        other=entry.get("other", ""),
        least=entry.get("least", -math.inf),
        most=entry.get("most", math.inf),
        starts=tuple(entry.get("starts", ())),
        on=entry.get("on", entry.get("required", True)),
    )
