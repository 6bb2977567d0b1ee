"""What the files that we write and read back have in common: a digest and a seal, and exact types.

Knows no file's content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, TypeVar

from reconciler.core.spec import fingerprint

Type = TypeVar("Type")


def checksum(value: Any) -> str:
    """Return `sha256:<64 hex>` over a JSON value. Raises ValueError, TypeError or RecursionError for what is none."""
    return "sha256:" + hashlib.sha256(fingerprint.canonical_json(value)).hexdigest()


def is_whole(document: Mapping[str, Any], covered: Any) -> bool:
    """Say whether a document is as it was written: its digest is over `covered`, its seal over all but the seal.

    Raises ValueError, TypeError or RecursionError where it holds what no JSON has.
    """
    rest = {key: value for key, value in document.items() if key != "seal"}
    return bool(document["digest"] == checksum(covered) and document["seal"] == checksum(rest))


def exact(value: Any, kind: type[Type]) -> Type:
    """Return the value if it is of exactly this type; raises TypeError. True is no number and 1.0 is no 1."""
    if type(value) is not kind:
        raise TypeError(f"{str(value)[:80]!r} was found where {kind.__name__} is expected")
    return value


def exact_map(value: Any, kind: type[Type]) -> dict[str, Type]:
    """Return a mapping all of whose values are of exactly this type; raises TypeError."""
    return {key: exact(item, kind) for key, item in exact(value, dict).items()}


def texts(value: Any) -> tuple[str, ...]:
    """Return a list of texts as a tuple; raises TypeError for anything else."""
    return tuple(exact(item, str) for item in exact(value, list))
