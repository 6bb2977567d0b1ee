"""The commit that was applied last, as one small object; the newest number counts. Knows only Blobs, and no Git."""

from __future__ import annotations

import json
import re

from reconciler.stores.blobs import Blobs, Listed
from reconciler.vocabulary.ports import Clock

_KEY = re.compile(r"[0-9]{8}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

ATTRIBUTES = ("commit",)


class BlobCommits:
    """Each commit gets the next number; those before it are removed. What looks like none of ours is passed over."""

    def __init__(self, blobs: Blobs, clock: Clock) -> None:
        self._blobs = blobs
        self._clock = clock

    def last(self) -> str:
        """Return the commit that was applied last, empty where none was. Raises errors.StoreFailed."""
        found = self._ours()
        return found[-1].attributes[0] if found else ""

    def remember(self, commit: str) -> None:
        """Write down which commit is being applied; the one that is known already costs nothing."""
        before = self._ours()
        if not _COMMIT.fullmatch(commit) or (before and before[-1].attributes[0] == commit):
            return
        number = int(before[-1].key) + 1 if before else 1
        content = json.dumps({"at": self._clock.now()}).encode()
        if self._blobs.put_if_absent(f"{number:08}", (commit,), content):
            for item in before:
                self._blobs.remove(item)

    def _ours(self) -> list[Listed]:
        listed = self._blobs.listing()
        return sorted(
            item
            for item in listed
            if _KEY.fullmatch(item.key) and item.attributes and _COMMIT.fullmatch(item.attributes[0])
        )
