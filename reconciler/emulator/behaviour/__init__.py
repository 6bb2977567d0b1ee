"""How the job APIs behave, read from the data files in this folder. It refuses to know what a kind declares."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

FILES = ("aiplatform.json", "ml.json")

CHECKED = ("required", "oneofs", "pairs", "first", "limits", "patterns", "needs", "excludes", "ranges", "regions")
"""Sorts of rules that validation tells together in one list."""

SORTS = ("defaults", "slashes", "foreign", *CHECKED, "accelerators")
"""All sorts of rules."""


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a life cycle: `after` seconds from its start, the state and what else changes with it."""

    after: float
    state: str
    starts: bool = False
    ends: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chance:
    """One way a life or a cancel can go, with its weight among the others.

    A life ends in `state` with `fields` after it ran for a time within `lasts` seconds; without them it never ran.
    A cancel takes `steps`: each at a time within `between` seconds after the call.
    """

    name: str
    weight: float
    source: str
    state: str = ""
    lasts: tuple[float, float] | tuple[()] = ()
    between: tuple[float, float] = (0.0, 0.0)
    fields: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Chance, ...] = ()


@dataclass(frozen=True, slots=True)
class Chances:
    """What a seed draws from: how long a job waits in seconds, how it ends, how a cancel shows."""

    waits: tuple[float, float]
    runs: tuple[Chance, ...]
    cancels: tuple[Chance, ...]


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


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts of an API: its service's name, and the locations that have one of their own; none: one host for all."""

    service: str
    regions: tuple[str, ...]
    multi_regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Api:
    """How one API answers, whatever its kinds. `name` is their apiVersion, `title` what error texts call the API.

    `style` is the form of its errors, `job_errors` that of the error a job ended with: `status` or `text`. The names of
    its states begin with `state_prefix`; with `times_first` a job shows its times before its state. `operations` are the
    methods that its operations have.
    """

    name: str
    title: str
    package: str
    hosts: Hosts
    style: str
    job_errors: str
    state_prefix: str
    times_first: bool
    operations: frozenset[str]

    @property
    def service(self) -> str:
        """The service's name, such as `aiplatform.googleapis.com`."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the service treats the jobs of one kind; what it does for all kinds alike is its `api`.

    `children` are the collections below a job. `created` maps an input field ("" for any) to the output fields that
    appear with it; `digits` are the fraction digits of its times; `time_limit` is the path of the duration that a job
    may run, empty for none; `days` limits what a list shows (0: everything). An empty `live_delete` or `late_cancel`
    refuses nothing. With `polled_delete` the reply to a delete is an operation that is not done yet; `by_creation`
    orders lists by createTime. `stale_etag` is the code that answers one; with `numeric_ids` a job's name of another
    form is refused, not missed.
    """

    kind: str
    api: Api
    resource: str
    children: tuple[str, ...]
    missing: str
    first_state: str
    created: Mapping[str, Mapping[str, Any]]
    timeline: tuple[Step, ...]
    cancel: tuple[Step, ...]
    chances: Chances
    time_limit: tuple[str, ...]
    live_delete: str
    late_cancel: str
    page_default: int
    page_maximum: int
    omits: tuple[str, ...]
    days: int
    digits: int
    has_update_time: bool
    filter_text: tuple[str, ...]
    filter_times: tuple[str, ...]
    state_numbers: Mapping[str, int]
    terminal: frozenset[str]
    permissions: tuple[str, ...]
    rules: Rules
    polled_delete: bool = False
    by_creation: bool = False
    stale_etag: str = "ABORTED"
    numeric_ids: bool = False


def load() -> dict[str, Behaviour]:
    """Read the data files shipped with the emulator: behaviour by kind name."""
    folder = resources.files(__package__)
    return parse(json.loads(folder.joinpath(name).read_text("utf-8")) for name in FILES)


def parse(documents: Iterable[Mapping[str, Any]]) -> dict[str, Behaviour]:
    """Turn behaviour documents, one an API, into behaviour by kind name."""
    return {
        entry["kind"]: _behaviour(entry, document, api)
        for document, api in ((document, _api(document)) for document in documents)
        for entry in document["kinds"]
    }


def _api(document: Mapping[str, Any]) -> Api:
    return Api(
        name=document["api"],
        title=document["title"],
        package=document["package"],
        hosts=Hosts(
            service=document["hosts"]["service"],
            regions=tuple(document["hosts"]["regions"]),
            multi_regions=tuple(document["hosts"]["multi_regions"]),
        ),
        style=document["errors"]["style"],
        job_errors=document["job_errors"]["form"],
        state_prefix=document["states"]["prefix"],
        times_first=document["order"]["times_first"],
        operations=frozenset(document["operations"]["methods"]),
    )


def _behaviour(entry: Mapping[str, Any], document: Mapping[str, Any], api: Api) -> Behaviour:
    return Behaviour(
        kind=entry["kind"],
        api=api,
        resource=entry["resource"],
        children=tuple(entry["children"]["collections"]),
        missing=entry["missing"],
        first_state=entry["created"]["state"],
        created=entry["created"]["fields"],
        timeline=_steps(entry["timeline"]),
        cancel=_steps(entry["cancel"]),
        chances=_chances(document["chances"]),
        time_limit=tuple(entry.get("time_limit", {}).get("path", ())),
        live_delete=entry["live_delete"]["text"],
        late_cancel=entry["late_cancel"]["text"],
        page_default=entry["pages"]["default"],
        page_maximum=entry["pages"]["maximum"],
        omits=tuple(entry["listed"]["omits"]),
        days=entry["listed"]["days"],
        digits=entry["times"]["digits"],
        has_update_time=entry["times"]["update"],
        filter_text=tuple(entry["filter"]["text"]),
        filter_times=tuple(entry["filter"].get("times", ("createTime",))),
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


def _chances(entry: Mapping[str, Any]) -> Chances:
    low, high = entry["waits"]["between"]
    return Chances((low, high), tuple(map(_chance, entry["runs"])), tuple(map(_chance, entry["cancels"])))


def _chance(entry: Mapping[str, Any]) -> Chance:
    low, high = entry.get("between", (0.0, 0.0))
    return Chance(
        name=entry.get("name", ""),
        weight=entry.get("weight", 1),
        source=entry.get("source", ""),
        state=entry.get("state", ""),
        lasts=(entry["lasts"][0], entry["lasts"][1]) if "lasts" in entry else (),
        between=(low, high),
        fields=entry.get("fields", {}),
        steps=tuple(map(_chance, entry.get("steps", ()))),
    )


def _rules(document: Mapping[str, Any]) -> Rules:
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
