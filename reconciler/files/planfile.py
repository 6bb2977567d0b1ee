"""A plan file on disk: JSON in one form, read with bounds. What the JSON means is core.documents.plan_json's business."""

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
    return read(
        path,
        "a plan file",
        "`reconciler plan --out`",
        "make one with `reconciler plan --out`; to look at some jobs only, name the stack's folder and --select them",
    )


def read(path: Path, what: str, wrote: str, hint: str) -> Any:
    """Read the JSON of a file of ours with bounds. `what` and `wrote` say in errors what it is and what writes it."""
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise errors.PlanUnreadable(
                f"{path} is larger than any {what.removeprefix('a ').removesuffix(' file')} ({LARGEST} bytes)"
            )
        return json.loads(content, object_pairs_hook=_once, parse_constant=_refuse)
    except OSError as cause:
        raise errors.InputError(
            f"{path} cannot be read: {cause.strerror}", f"name a file that {wrote} wrote"
        ) from cause
    except (ValueError, RecursionError) as cause:
        raise errors.PlanUnreadable(f"{path} is not {what}: {cause}", hint) from cause


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")
