"""Read faults from JSON values, strictly: every key that is unknown or out of bounds is named. It reads no files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

from reconciler.emulator.faults import broken_replies, model
from reconciler.emulator.faults.model import NAMES, ONLY, Action, Fault, Status
from reconciler.emulator.wire import routes
from reconciler.vocabulary.kinds import Verb
from reconciler.vocabulary.model import FieldPath, Problem

MOST = 1000
"""Faults in one document; each is tried on every call."""

_METHODS = (*(verb.value for verb in Verb), routes.OPERATION, "GET", "POST", "PATCH", "DELETE")
_WHICH = ("method", "path", "kind", "nth", "every", "probability", "seed")

Check = Callable[[Any], str]
"""Says what is expected where a value is not that, and nothing where it is."""


def _whole(low: int, high: int) -> Check:
    def check(value: Any) -> str:
        fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return "" if fits else f"a whole number from {low} to {high} is expected"

    return check


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> str:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        return "" if fits else f"a number from {low:g} to {high:g} is expected"

    return check


def _among(*choices: str) -> Check:
    return lambda value: (
        "" if isinstance(value, str) and value in choices else f"one of {', '.join(choices)} is expected"
    )


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value and value.isprintable() else "text of one line is expected"


def _truth(value: Any) -> str:
    return "" if isinstance(value, bool) else "true or false is expected"


def _nth(value: Any) -> str:
    number = _whole(1, 10**9)
    if not isinstance(value, list):
        return "a number from 1, or [first, last], is expected" if number(value) else ""
    if len(value) != 2 or number(value[0]) or (value[1] is not None and number(value[1])):
        return "[first, last] is expected, counted from 1; null for last means on and on"
    return "last comes before first" if value[1] is not None and value[1] < value[0] else ""


_CHECKS: Mapping[str, Check] = {
    "action": _among(*NAMES),
    "method": _among(*_METHODS),
    "path": _text,
    "nth": _nth,
    "every": _whole(1, 10**9),
    "probability": _number(0, 1),
    "seed": _whole(-(2**63), 2**63),
    "code": _whole(300, 599),
    "body": _among(*broken_replies.BODIES),
    "reason": _text,
    "message": _text,
    "retry_after": _whole(0, 86_400),
    "carried_out": _truth,
    "sent": _truth,
    "seconds": _number(0, model.LONGEST),
    "how": _among("missed", "twice"),
    "rows": _whole(1, 1000),
    "state": _among("SUCCEEDED", "FAILED"),
}


def read(value: Any, kinds: Collection[str]) -> tuple[tuple[Fault, ...], tuple[Problem, ...]]:
    """Read `{"faults": [...]}`; `kinds` are the names a fault may say. Faults are empty where there is a problem."""
    listed = value.get("faults") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(listed, list):
        return (), (Problem("bad-value", "A map with a list `faults` is expected.", path=()),)
    problems = [_unknown((key,), ("faults",)) for key in value if key != "faults"]
    if len(listed) > MOST:
        problems.append(Problem("bad-value", f"There are more than {MOST} faults.", path=("faults",)))
    found = []
    for index, item in enumerate(listed[:MOST]):
        wrong = _problems(item, ("faults", index), {**_CHECKS, "kind": _among(*sorted(kinds))})
        problems += wrong
        if not wrong:
            found.append(_fault(item))
    return (() if problems else tuple(found)), tuple(problems)


def _problems(item: Any, path: FieldPath, checks: Mapping[str, Check]) -> list[Problem]:
    if not isinstance(item, dict):
        return [Problem("bad-value", "A fault is a map with an `action`.", path=path)]
    wrong = checks["action"](item.get("action"))
    if wrong:
        return [_bad((*path, "action"), wrong)]
    action = NAMES[item["action"]]
    fields = dataclasses.fields(action)
    known = ("action", *(each.name for each in fields), *_WHICH)
    found = [_unknown((*path, key), known) for key in item if key not in known]
    for key in (name for name in known if name in item):
        wrong = checks[key](item[key])
        if wrong:
            found.append(_bad((*path, key), wrong))
    missing = [each.name for each in fields if each.default is dataclasses.MISSING and each.name not in item]
    if action is Status and item.get("body") in broken_replies.CODES:
        missing = []
    found += [Problem("missing-field", f"`{name}` is missing.", path=path) for name in missing]
    return found or _contradictions(item, path, action)


def _contradictions(item: Mapping[str, Any], path: FieldPath, action: type[Action]) -> list[Problem]:
    """Find what is sound key by key and could never hit a call or be honoured as a whole."""
    found = []
    only, method = ONLY.get(action), item.get("method")
    if only and method not in (None, only, {"list": "GET", "cancel": "POST"}[only]):
        text = f"`{item['action']}` is for {only} alone, never for {method}."
        found.append(Problem("bad-value", text, f"Write `method: {only}`, or leave it out.", path=(*path, "method")))
    code = broken_replies.CODES.get(item.get("body", ""), 0)
    if code and item.get("code", code) != code:
        found.append(Problem("bad-value", f"`body: {item['body']}` goes with code {code}.", path=(*path, "code")))
    envelope = item.get("body", "envelope") in broken_replies.WITH_ENVELOPE
    for key in ("reason", "message"):
        if key in item and action is Status and not envelope:
            text = f"`{key}` does not fit `body: {item['body']}`, which has its own text."
            found.append(Problem("bad-value", text, path=(*path, key)))
    if "seed" in item and "probability" not in item:
        text = "`seed` decides nothing without `probability`."
        found.append(Problem("bad-value", text, path=(*path, "seed")))
    return found


def _bad(path: FieldPath, wrong: str) -> Problem:
    return Problem("bad-value", f"{wrong[0].upper()}{wrong[1:]}.", path=path)


def _unknown(path: FieldPath, known: Collection[str]) -> Problem:
    return Problem("unknown-field", f"Unknown key `{path[-1]}`.", f"Known here: {', '.join(known)}.", path=path)


def _fault(item: Mapping[str, Any]) -> Fault:
    action = NAMES[item["action"]]
    given = {each.name: item[each.name] for each in dataclasses.fields(action) if each.name in item}
    if action is Status:
        given.setdefault("code", broken_replies.CODES.get(item.get("body", ""), 0))
    which = {key: item[key] for key in _WHICH if key in item and key != "nth"}
    nth = item.get("nth", [1, None])
    first, last = nth if isinstance(nth, list) else (nth, nth)
    return Fault(action(**given), first=first, last=last, **which)
