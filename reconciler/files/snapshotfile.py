"""A snapshot on disk: read with the bounds of a plan file, and of a manifest's depth. What it means is core's business."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reconciler.files import planfile
from reconciler.files.reading import MAX_DEPTH
from reconciler.vocabulary import errors

_WRAPPING = 10
"""Levels that a snapshot puts around the spec of a job."""


def load(path: Path) -> Any:
    """Read a snapshot's JSON. Raises errors.PlanUnreadable for what is none, errors.InputError where it cannot be read."""
    value = planfile.read(
        path, "a snapshot", "`reconciler snapshot --out`", "take one with `reconciler snapshot --out FILE`"
    )
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > MAX_DEPTH + _WRAPPING:
            raise errors.PlanUnreadable(f"{path} is not a snapshot: it nests deeper than {MAX_DEPTH} levels")
        below = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        waiting.extend((each, depth + 1) for each in below)
    return value
