"""What the lines of a journal say: intents, outcomes, whether it was closed. Knows the format and no file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.vocabulary import errors
from reconciler.vocabulary.ports import Intent


@dataclass(frozen=True, slots=True)
class Trace:
    """A journal as read: every intent in the order they were written, and those of them without an outcome."""

    intents: tuple[Intent, ...]
    pending: tuple[Intent, ...]
    closed: bool


def header_line(digest: str, at: float) -> bytes:
    """Write the first line of a journal."""
    return _line({"journal": 1, "digest": digest, "at": at})


def intent_line(intent: Intent) -> bytes:
    """Write what is about to be sent."""
    said = {"address": intent.address, "verb": intent.verb, "resource": intent.resource, "runKey": intent.run_key}
    return _line({"intent": intent.id, **said, "at": intent.at})


def outcome_line(intent: Intent, status: str, resource: str, error: str, at: float) -> bytes:
    """Write what came of an intent."""
    return _line({"outcome": intent.id, "status": status, "resource": resource, "error": error, "at": at})


def closing_line(at: float) -> bytes:
    """Write that the plan was applied to its end."""
    return _line({"closed": at})


def read(content: bytes, place: str) -> Trace:
    """Read a journal's lines. A last line without its end was being written when the process died, and is left out.

    Lines of a sort that is not known, and fields, are passed over: a later version may write more. Raises
    errors.StoreFailed naming the line where anything else is damaged: an intent must never be overlooked.
    """
    whole, _, _ = content.rpartition(b"\n")
    intents: list[Intent] = []
    pending: dict[str, Intent] = {}
    closed = False
    for number, line in enumerate(whole.split(b"\n") if whole else (), start=1):
        entry = _entry(line, f"{place}:{number}")
        if "intent" in entry:
            intents.append(_intent(entry, f"{place}:{number}"))
            pending[intents[-1].id] = intents[-1]
        elif "outcome" in entry:
            pending.pop(str(entry["outcome"]), None)
        elif "closed" in entry:
            closed = True
        elif "journal" in entry and (number > 1 or entry["journal"] != 1):
            raise damaged(f"{place}:{number}")
    return Trace(tuple(intents), tuple(pending.values()), closed)


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii") + b"\n"


def _entry(line: bytes, place: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as broken:
        raise damaged(place) from broken
    if not isinstance(value, dict):
        raise damaged(place)
    return value


def _intent(entry: Mapping[str, Any], place: str) -> Intent:
    try:
        texts = [entry[key] for key in ("intent", "address", "verb", "resource", "runKey")]
        at = float(entry["at"])
    except (KeyError, TypeError, ValueError) as broken:
        raise damaged(place) from broken
    if not all(isinstance(text, str) for text in texts) or not math.isfinite(at):
        raise damaged(place)
    name, address, verb, resource, run_key = texts
    return Intent(name, address, verb, resource, run_key, at)


def damaged(place: str) -> errors.StoreFailed:
    """Build the error for what stands in a journal and is none of its lines."""
    return errors.StoreFailed(
        f"{place}: this line of the journal is damaged",
        "look at the jobs it names, then move it out of the store",
    )
