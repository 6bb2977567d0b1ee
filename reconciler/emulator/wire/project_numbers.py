"""Project numbers: callers may say an id, the service answers with the number (recorded: Config Connector logs).

It keeps no record: a number follows from the id or from a given table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


class ProjectNumbers:
    """A stable number for every project: a given one, or one derived from the id."""

    def __init__(self, numbers: Mapping[str, str]) -> None:
        self._numbers = dict(numbers)

    def number(self, project: str) -> str:
        """Return the number of a project id; a number is its own."""
        if project.isascii() and project.isdigit():
            return project
        derived = int.from_bytes(hashlib.sha256(project.encode()).digest()[:8], "big")
        return self._numbers.get(project) or str(10**11 + derived % (9 * 10**11))
