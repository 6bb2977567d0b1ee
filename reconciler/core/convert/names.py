"""Make a manifest's name out of a file's name or a job id. Knows the rule of names, not where they are used."""

from __future__ import annotations

import re
import unicodedata

_VALID = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_LONGEST = 63


def is_valid(name: str) -> bool:
    """Say whether a text can be the name of a manifest (CONTRACT of metadata.name)."""
    return bool(_VALID.match(name))


def from_job_id(job_id: str) -> str:
    """Return a job id in the spelling of names, `""` where it holds more than letters, digits, - and _."""
    name = job_id.lower().replace("_", "-")
    return name if is_valid(name) else ""


def from_file(stem: str) -> str:
    """Return the nearest valid name, `""` where nothing is left: `1_Train v2` becomes `job-1-train-v2`."""
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if name[:1].isdigit():
        name = f"job-{name}"
    return name[:_LONGEST].rstrip("-")
