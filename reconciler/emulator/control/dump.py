"""All jobs as JSON, to be put back later, elsewhere or edited. It checks the form of what comes in, not its sense.

A dump is what `Job` holds under its own names, times in microseconds since the epoch. The control path, whose names are
published, calls it a snapshot."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.emulator.behaviour import Step
from reconciler.emulator.messages import parse
from reconciler.emulator.messages.served import Served
from reconciler.emulator.state.database import State
from reconciler.emulator.state.lifecycle import Life
from reconciler.emulator.state.rows import Job, Key
from reconciler.emulator.wire.replies import Refusal
from reconciler.vocabulary.kinds import IdForm

FORMAT = 1

MOST = 1000
"""Jobs in one answer: that many go back in one request, whose body is bounded."""

_LATEST = 253_402_300_799_000_000
"""The end of the year 9999 in microseconds: later times cannot be written."""

_NAME = 200

_Check = Callable[[Any], bool]


def take(state: State, after: int, now: int) -> dict[str, Any]:
    """Write the jobs stored after a number, at most MOST; `after` in the answer says that there are more."""
    jobs = state.stored_after(after, MOST + 1)
    more = {"after": jobs[MOST - 1].id} if len(jobs) > MOST else {}
    return {"format": FORMAT, "now": now, "jobs": [_show(job) for job in jobs[:MOST]], **more}


def _show(job: Job) -> dict[str, Any]:
    shown = dataclasses.asdict(job)
    del shown["id"]
    return shown


def read(value: Any, served: Mapping[str, Served]) -> tuple[list[Job], int]:
    """Read a dump: its jobs and its time. Raises Refusal (400) naming the first thing that is wrong."""
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise _wrong("", f'a snapshot is expected, {{"format": {FORMAT}, "now": …, "jobs": […]}}')
    _complete("", value, {"format": _is_any, "now": _is_time, "jobs": _is_list}, {"after": _is_time})
    return [_job(f"jobs[{n}]", each, served) for n, each in enumerate(value["jobs"])], value["now"]


def restore(state: State, jobs: Sequence[Job], keep: bool) -> None:
    """Replace all jobs there are, or with `keep` of those with the same keys; belongs inside a write."""
    if not keep:
        state.clear()
    for job in jobs:
        held = state.find(job.key)
        if held is not None:
            state.remove(held)
        state.add(job)


def _job(where: str, value: Any, served: Mapping[str, Served]) -> Job:
    _complete(
        where,
        value,
        {"key": _is_map, "body": _is_map, "life": _is_map, "version": _is_count, "policy": _is_map_or_none},
    )
    key = _key(f"{where}.key", value["key"], served)
    kind = served[key.kind]
    body, violations = parse.read(kind.shapes.root, value["body"], kind.behaviour.resource, kind.behaviour.api.package)
    if violations:
        raise _wrong(f"{where}.body", violations[0][1])
    if kind.kind.id_form is IdForm.CLIENT and body.get(kind.kind.id_field) != key.job:
        raise _wrong(f"{where}.body.{kind.kind.id_field}", "it is not the id of the key")
    life = _life(f"{where}.life", value["life"], kind)
    return Job(key, body, life, value["version"], value["policy"])


def _key(where: str, value: Mapping[str, Any], served: Mapping[str, Served]) -> Key:
    _complete(where, value, dict.fromkeys(("kind", "project", "location", "job"), _is_name))
    kind = served.get(value["kind"])
    if kind is None:
        raise _wrong(f"{where}.kind", f"one of {', '.join(sorted(served))} is expected")
    if not value["project"].isdecimal() or not value["job"] or bool(value["location"]) != kind.kind.located:
        raise _wrong(where, "a project number, an id, and a location where the kind has one are expected")
    return Key(**value)


def _life(where: str, value: Mapping[str, Any], served: Served) -> Life:
    checks: Mapping[str, _Check] = {
        "state": lambda found: isinstance(found, str) and found in served.behaviour.state_numbers,
        "created": _is_time,
        "updated": _is_time,
        "started": _is_time_or_none,
        "ended": _is_time_or_none,
        "fields": _is_map,
        "ahead": _is_list,
        "cancelled": _is_bool,
    }
    _complete(where, value, checks)
    steps = [_step(f"{where}.ahead[{n}]", each, served) for n, each in enumerate(value["ahead"])]
    if any(earlier[0] > later[0] for earlier, later in itertools.pairwise(steps)):
        raise _wrong(f"{where}.ahead", "the steps are not in the order of their times")
    return Life(**{**value, "ahead": tuple(steps)})


def _step(where: str, value: Any, served: Served) -> tuple[int, Step]:
    if not isinstance(value, list) or len(value) != 2 or not _is_time(value[0]):
        raise _wrong(where, "a time and a step are expected")
    checks: Mapping[str, _Check] = {
        "after": lambda found: isinstance(found, int | float) and not isinstance(found, bool),
        "state": lambda found: isinstance(found, str) and found in served.behaviour.state_numbers,
        "starts": _is_bool,
        "ends": _is_bool,
        "fields": _is_map,
    }
    _complete(where, value[1], checks)
    return value[0], Step(**value[1])


def _complete(where: str, value: Any, checks: Mapping[str, _Check], more: Mapping[str, _Check] | None = None) -> None:
    """Refuse a map that lacks a key, has another, or holds a value that is none."""
    if not isinstance(value, dict):
        raise _wrong(where, "an object is expected")
    more = more or {}
    for name in [*checks, *value]:
        at = f"{where}.{name}" if where else name
        if name not in value:
            raise _wrong(at, "it is missing")
        if name not in checks and name not in more:
            raise _wrong(at, "a snapshot has no such key")
        if not {**checks, **more}[name](value[name]):
            raise _wrong(at, "the value is out of bounds or of another type")


def _wrong(where: str, why: str) -> Refusal:
    return Refusal("INVALID_ARGUMENT", f"Invalid snapshot: {f'{where}: ' if where else ''}{why}.")


def _is_any(_value: Any) -> bool:
    return True


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


def _is_map_or_none(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value < _LATEST


def _is_time(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LATEST


def _is_time_or_none(value: Any) -> bool:
    return value is None or _is_time(value)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _NAME
