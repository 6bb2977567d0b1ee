"""The last calls in memory, for whoever counts what was sent and what was carried out. It judges nothing."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from dataclasses import dataclass

MOST = 100_000
"""Entries that are kept; older ones fall out."""

RUN_LABEL = "reconciler_run"
"""The label that tells runs apart (documented in docs/labels.md). The emulator gives it no meaning."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One call of an API: the `n`-th, from 1. `status` is 0 where no whole reply went out.

    `committed` says whether a write was carried out, whatever the caller was told; `run_key` is the label of a create.
    """

    n: int
    method: str
    path: str
    status: int
    committed: bool
    run_key: str = ""


class Audit:
    """A ring of entries; calls may come from many threads."""

    def __init__(self, most: int = MOST) -> None:
        self._entries: deque[Entry] = deque(maxlen=most)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def record(self, method: str, path: str, status: int, committed: bool, run_key: str = "") -> None:
        """Append one call."""
        with self._lock:
            self._entries.append(Entry(next(self._numbers), method, path, status, committed, run_key))

    def entries(self) -> tuple[Entry, ...]:
        """Return what is kept, oldest first."""
        with self._lock:
            return tuple(self._entries)
