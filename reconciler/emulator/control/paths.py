"""The control path under /emulator/v1, which no Google API has: clock, states, dumps, faults, calls so far.

It reads bodies and writes answers; what is asked for happens elsewhere."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Collection, Iterable
from typing import Any

from reconciler.emulator.control.audit import Entry, Wanted
from reconciler.emulator.faults import parse
from reconciler.emulator.faults.model import Fault
from reconciler.emulator.state import lifecycle
from reconciler.emulator.state.clocks import SettableClock
from reconciler.emulator.wire import replies
from reconciler.emulator.wire.replies import Refusal
from reconciler.emulator.wire.requests import Call
from reconciler.vocabulary.model import show_path
from reconciler.vocabulary.ports import Clock

PREFIX = "/emulator/v1/"

_STATUS = re.compile(r"[0-9]{1,3}|[0-9]xx")

MOST_ENTRIES = 1000
"""Entries of the audit in one answer."""


def show_clock(clock: Clock) -> dict[str, Any]:
    """Tell the emulator's time and whether it can be advanced."""
    micro = round(clock.now() * lifecycle.MICROSECONDS)
    return {"now": lifecycle.timestamp(micro, 6), "settable": isinstance(clock, SettableClock)}


def advance_clock(clock: Clock, call: Call) -> dict[str, Any]:
    """Move a settable clock forward by the body's `seconds`."""
    body = call.json()
    seconds = body.get("seconds") if isinstance(body, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 1e9:
        raise Refusal("INVALID_ARGUMENT", 'The body must be {"seconds": n} with n from 0 to 1e9.')
    if not isinstance(clock, SettableClock):
        raise Refusal("FAILED_PRECONDITION", "The emulator runs on a clock that cannot be set.")
    clock.advance(seconds)
    return show_clock(clock)


def asked_state(call: Call) -> tuple[str, Any]:
    """Read the body of setState: the state and, optionally, the error."""
    body = call.json()
    if not isinstance(body, dict) or not isinstance(body.get("state"), str) or set(body) - {"state", "error"}:
        raise Refusal("INVALID_ARGUMENT", 'The body must be {"state": "NAME", "error": ...}; error may be left out.')
    return body["state"], body.get("error")


def asked_faults(call: Call, kinds: Collection[str]) -> tuple[Fault, ...]:
    """Read the body of POST faults; every problem with its key is told."""
    found, problems = parse.read(call.json(), kinds)
    if problems:
        told = [(show_path(each.path), " ".join(filter(None, (each.message, each.hint)))) for each in problems]
        raise replies.invalid_json([(path, f"{path}: {text}" if path else text) for path, text in told])
    return found


def show_audit(entries: Iterable[Entry], call: Call) -> dict[str, Any]:
    """Tell the calls that the query asks for, oldest first, at most MOST_ENTRIES of them."""
    names = [each.name for each in dataclasses.fields(Wanted) if each.name != "after"]
    call.allow(("after", *names))
    wanted = Wanted(call.after("a number"), **{name: call.query[name] for name in names if name in call.query})
    if wanted.status and not _STATUS.fullmatch(wanted.status):
        raise Refusal("INVALID_ARGUMENT", "`status` must be a number such as 404, or 4xx.")
    found = itertools.islice(filter(wanted.matches, entries), MOST_ENTRIES)
    return {"calls": [dataclasses.asdict(entry) for entry in found]}


def asked_keep(call: Call) -> bool:
    """Read `keep` of the query: whether jobs that a dump does not hold stay."""
    call.allow(("keep",))
    keep = call.query.get("keep", "false")
    if keep not in ("true", "false"):
        raise Refusal("INVALID_ARGUMENT", "`keep` must be true or false.")
    return keep == "true"
