"""An apply as it runs, one JSON object a line: `plan` first, an `operation` or `wait` for each step, `summary` last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.renderers import escape, words
from reconciler.vocabulary.plans import Outcome

NAME = "jsonl"


def plan(time: str, digest: str, summary: Mapping[str, int]) -> str:
    """Return the first line: what is about to be applied."""
    return escape.json_line({"event": "plan", "time": time, "planDigest": digest, "summary": dict(summary)})


def step(time: str, step: Mapping[str, str]) -> str:
    """Return the line of a step. An operation without a status has just begun; a wait's status is a phase."""
    event = "wait" if step["operation"] == "wait" else "operation"
    return escape.json_line({"event": event, "time": time, **step})


def summary(time: str, digest: str, outcomes: Sequence[Outcome]) -> str:
    """Return the last line; a stream without one belongs to an apply that was killed or refused."""
    counts = words.outcome_summary(outcomes)
    return escape.json_line({"event": "summary", "time": time, "planDigest": digest, "summary": counts})
