"""How sure each behaviour of the emulator is, from the sources in its own data files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.emulator import behaviour
from tools.pages.markdown_tables import cell, code, table

_GRADES: tuple[tuple[str, str], ...] = (
    ("recorded", "R"),
    ("proto", "D"),
    ("discovery", "D"),
    ("documented", "D"),
    ("AIP-", "D"),
    ("AI Platform docs", "D"),
    ("older reference pages", "D"),
    ("service config", "D"),
    ("google/vertex-ai-nas", "C"),
    ("google-cloud-aiplatform", "C"),
    ("400 is what Airflow", "C"),
    ("by analogy", "unverified"),
    ("unverified", "unverified"),
    ("chosen", "chosen"),
)
"""How a source begins, and the grade that follows from it."""


def parts() -> dict[str, str]:
    """Return the generated part of docs/fidelity.md about the behaviour data."""
    return {"fidelity": "\n\n".join(_api(data) for data in behaviour.documents())}


def grade(source: str) -> str:
    """Grade a source: R recorded, D documented, C client code, unverified, chosen. Raises ValueError for another."""
    for beginning, letter in _GRADES:
        if source.startswith(beginning):
            return letter
    raise ValueError(f"no grade is known for a source that begins like {source[:40]!r}: add it here")


def _api(data: Mapping[str, Any]) -> str:
    rows = ((what, grade(source), cell(source)) for what, source in _behaviours(data))
    return f"### {data['api']}\n\n{table(('behaviour', 'grade', 'source'), rows)}"


def _behaviours(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "form of error replies", data["errors"]["source"]
    yield "form of the error that a job ends with", data["job_errors"]["source"]
    yield "order of a job's state and times", data["order"]["source"]
    yield "methods of operations", data["operations"]["source"]
    yield "hosts and their locations", data["hosts"]["source"]
    for kind in data["kinds"]:
        yield from _kind(kind)
    chances = data["chances"]
    yield f"random lives: how long jobs wait, {_seconds(chances['waits']['between'])}", chances["waits"]["source"]
    for run in chances["runs"]:
        lasts = f"after {_seconds(run['lasts'])}" if "lasts" in run else "without having run"
        yield f"random lives: {run['name']}: {code(run['state'])} {lasts}", run["source"]
    for way in chances["cancels"]:
        steps = ", ".join(f"{code(step['state'])} after {_seconds(step['between'])}" for step in way["steps"])
        yield f"random lives: cancel, {way['name']}: {steps}", way["source"]
    yield "numbers and finality of states", data["states"]["source"]
    yield "rules for labels", data["labels"]["source"]
    for item in data["defaults"]:
        yield f"fills in {code(_field(item))}", item["source"]
    for item in data["slashes"]:
        yield f"ends {code(_field(item))} with a slash: {'on' if item['on'] else 'off'}", item["source"]
    for item in data["required"]:
        yield f"requires {', '.join(map(code, item['fields']))} of {code(item['message'])}", item["source"]
    for item in (*data["oneofs"], *data["pairs"]):
        yield f"checks {' and '.join(map(code, item['fields']))} of {code(item['message'])}", item["source"]
    for name in ("first", "limits", "patterns", "needs", "excludes", "ranges", "regions", "accelerators"):
        for item in data[name]:
            off = "" if item.get("on", True) else ": off"
            for field in item.get("fields", [item.get("field")]):
                yield f"checks {code('.'.join((item['message'], field)))}{off}", item["source"]
    yield "permissions of testIamPermissions", data["policy"]["source"]


def _kind(kind: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    name = kind["kind"]
    yield f"{name}: reply for a job that is not there", kind["source"]
    yield f"{name}: what lies below a job", kind["children"]["source"]
    yield f"{name}: digits of times", kind["times"]["source"]
    yield f"{name}: created as {code(kind['created']['state'])}", kind["created"]["source"]
    for step in kind["timeline"]:
        yield f"{name}: {code(step['state'])} after {step['after']:g} s", step["source"]
    for step in kind["cancel"]:
        yield f"{name}: {code(step['state'])} {step['after']:g} s after cancel", step["source"]
    if "time_limit" in kind:
        yield (
            f"{name}: over {code('.'.join(kind['time_limit']['path']))}, in random lives",
            kind["time_limit"]["source"],
        )
    yield f"{name}: cancel of an ended job is refused", kind["late_cancel"]["source"]
    yield f"{name}: delete of an active job", kind["live_delete"]["source"]
    yield f"{name}: page sizes", kind["pages"]["source"]
    yield f"{name}: what a list leaves out", kind["listed"]["source"]
    yield f"{name}: filters", kind["filter"]["source"]


def _seconds(between: Sequence[float]) -> str:
    return f"{between[0]:g} to {between[1]:g} s"


def _field(item: Mapping[str, Any]) -> str:
    return f"{item['message']}.{item['field']}"
