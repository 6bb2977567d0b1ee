"""A plan file on disk: JSON in one form, read with bounds. What the JSON means is core.recipe's business."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.vocabulary import errors

LARGEST = 256 * 1024 * 1024
"""Bytes; a plan of 100,000 creates is about 200 MB."""


def dump(document: Mapping[str, Any]) -> str:
    """Write the content of a plan file: sorted keys, two-space indent, UTF-8."""
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def load(path: Path) -> Any:
    """Read a plan file's JSON. Raises errors.PlanUnreadable for what is none, errors.InputError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise errors.PlanUnreadable(f"{path} is larger than any plan ({LARGEST} bytes)")
        return json.loads(content, object_pairs_hook=_once, parse_constant=_refuse)
    except OSError as cause:
        raise errors.InputError(
            f"{path} cannot be read: {cause.strerror}", "name a file that `reconciler plan --out` wrote"
        ) from cause
    except (ValueError, RecursionError) as cause:
        raise errors.PlanUnreadable(
            f"{path} is not a plan file: {cause}",
            "make one with `reconciler plan --out`; to look at some jobs only, name the stack's folder and --select them",
        ) from cause


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")
