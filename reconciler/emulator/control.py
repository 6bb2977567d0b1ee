"""The control path under /emulator/v1, which no Google API has: the clock, and the state of one job."""

from __future__ import annotations

from typing import Any

from reconciler.emulator import lifecycle
from reconciler.emulator.clocks import SettableClock
from reconciler.emulator.replies import Refusal
from reconciler.emulator.requests import Call
from reconciler.vocabulary.ports import Clock

PREFIX = "/emulator/v1/"


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
