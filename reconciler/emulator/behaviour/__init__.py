"""How the job APIs behave, read from the data files in this folder. It refuses to know what a kind declares."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from reconciler.emulator.behaviour import rules
from reconciler.emulator.behaviour.rules import Rules


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
    return parse(documents())


def documents() -> Iterator[dict[str, Any]]:
    """Yield the data files of this folder, one an API, in the order of their names."""
    files = {each.name: each for each in resources.files(__package__).iterdir() if each.name.endswith(".json")}
    for name in sorted(files):
        yield json.loads(files[name].read_text("utf-8"))


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
        rules=rules.parse(document),
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
