"""How a store in a bucket is written: `gs://BUCKET/PREFIX`. Knows no service."""

from __future__ import annotations

import re
from dataclasses import dataclass

SCHEME = "gs://"

_URL = re.compile(r"gs://(?P<bucket>[a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?P<prefix>(/[A-Za-z0-9_][A-Za-z0-9._=-]*)*)/?")
"""Bucket names as in Cloud Storage docs, "Bucket naming guidelines"; prefixes without anything that needs quoting."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store is. `prefix` is empty or ends with a slash."""

    bucket: str
    prefix: str


def parse(url: str) -> Address | None:
    """Split `gs://BUCKET` or `gs://BUCKET/PREFIX`; None for anything else."""
    found = _URL.fullmatch(url)
    if not found:
        return None
    prefix = found["prefix"].strip("/")
    return Address(found["bucket"], f"{prefix}/" if prefix else "")
