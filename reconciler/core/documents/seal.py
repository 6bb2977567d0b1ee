"""What the files that we write and read back have in common: one checksum, and exact types. Knows no file's content."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

from reconciler.core.spec import fingerprint

Type = TypeVar("Type")


def checksum(value: Any) -> str:
    """Return `sha256:<64 hex>` over a JSON value. Raises ValueError, TypeError or RecursionError for what is none."""
    return "sha256:" + hashlib.sha256(fingerprint.canonical_json(value)).hexdigest()


def exact(value: Any, kind: type[Type]) -> Type:
    """Return the value if it is of exactly this type; raises TypeError. True is no number and 1.0 is no 1."""
    if type(value) is not kind:
        raise TypeError(f"{str(value)[:80]!r} was found where {kind.__name__} is expected")
    return value


def exact_map(value: Any, kind: type[Type]) -> dict[str, Type]:
    """Return a mapping all of whose values are of exactly this type; raises TypeError."""
    return {key: exact(item, kind) for key, item in exact(value, dict).items()}
