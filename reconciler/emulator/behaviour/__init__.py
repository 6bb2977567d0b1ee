"""How the job APIs behave, read from the data files beside this module. It refuses to know what a kind declares."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

FILES = ("aiplatform.json", "ml.json")


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a life cycle: `after` seconds from its start, the state and what else changes with it."""

    after: float
    state: str
    starts: bool = False
    ends: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule about a message: the fields it speaks of, a number or text with it, and where it was learnt."""

    message: str
    source: str
    fields: tuple[str, ...] = ()
    name: str = ""
    text: str = ""
    value: Any = None
    other: str = ""
    most: int = 0
    on: bool = True


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one API by their sort; `labels` holds the numbers of the label rule."""

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
    labels: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Conduct:
    """How the service treats the jobs of one kind.

    `created` maps an input field ("" for any) to the output fields that appear with it; `digits` are the fraction
    digits of its times; `days` limits what a list shows (0: everything); `style` is the form of its errors.
    """

    kind: str
    resource: str
    missing: str
    package: str
    style: str
    first_state: str
    created: Mapping[str, Mapping[str, Any]]
    timeline: tuple[Step, ...]
    cancel: tuple[Step, ...]
    live_delete: str
    late_cancel: str
    page_default: int
    page_maximum: int
    omits: tuple[str, ...]
    days: int
    digits: int
    has_update_time: bool
    filter_text: tuple[str, ...]
    state_numbers: Mapping[str, int]
    terminal: frozenset[str]
    permissions: tuple[str, ...]
    rules: Rules


def load() -> dict[str, Conduct]:
    """Read the data files shipped with the emulator: conduct by kind name."""
    folder = resources.files(__package__)
    return parse(json.loads(folder.joinpath(name).read_text("utf-8")) for name in FILES)


def parse(documents: Iterable[Mapping[str, Any]]) -> dict[str, Conduct]:
    """Turn behaviour documents, one an API, into conduct by kind name."""
    return {entry["kind"]: _conduct(entry, document) for document in documents for entry in document["kinds"]}


def _conduct(entry: Mapping[str, Any], document: Mapping[str, Any]) -> Conduct:
    return Conduct(
        kind=entry["kind"],
        resource=entry["resource"],
        missing=entry["missing"],
        package=document["package"],
        style=document["errors"]["style"],
        first_state=entry["created"]["state"],
        created=entry["created"]["fields"],
        timeline=_steps(entry["timeline"]),
        cancel=_steps(entry["cancel"]),
        live_delete=entry["live_delete"]["text"],
        late_cancel=entry["late_cancel"]["text"],
        page_default=entry["pages"]["default"],
        page_maximum=entry["pages"]["maximum"],
        omits=tuple(entry["listed"]["omits"]),
        days=entry["listed"]["days"],
        digits=entry["times"]["digits"],
        has_update_time=entry["times"]["update"],
        filter_text=tuple(entry["filter"]["text"]),
        state_numbers=document["states"]["numbers"],
        terminal=frozenset(document["states"]["terminal"]),
        permissions=tuple(document["policy"]["permissions"]),
        rules=_rules(document),
    )


def _steps(entries: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(
        Step(
            after=float(entry["after"]),
            state=entry["state"],
            starts=entry.get("starts", False),
            ends=entry.get("ends", False),
            fields=entry.get("fields", {}),
        )
        for entry in entries
    )


def _rules(document: Mapping[str, Any]) -> Rules:
    sorts = ("defaults", "slashes", "foreign", "required", "oneofs", "pairs", "first", "limits", "patterns", "needs")
    return Rules(**{sort: tuple(map(_rule, document[sort])) for sort in sorts}, labels=document["labels"])


def _rule(entry: Mapping[str, Any]) -> Rule:
    return Rule(
        message=entry["message"],
        source=entry["source"],
        fields=tuple(entry["fields"]) if "fields" in entry else (entry["field"],),
        name=entry.get("name", ""),
        text=entry.get("text", ""),
        value=entry.get("value", entry.get("pattern")),
        other=entry.get("other", ""),
        most=entry.get("most", 0),
        on=entry.get("on", entry.get("required", True)),
    )
