"""The last calls in memory, for whoever counts what was sent and what was carried out. It judges nothing."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from dataclasses import dataclass
from fnmatch import fnmatchcase

MOST = 100_000
"""Entries that are kept; older ones fall out."""

LONGEST = 1000
"""Characters that are kept of each text a caller chose."""

RUN_LABEL = "reconciler_run"
"""The label that tells runs apart (documented in docs/labels.md). The emulator gives it no meaning."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One call of an API: the `n`-th, from 1. `status` is 0 where no whole reply went out.

    `committed` says whether a write was carried out, whatever the caller was told; `run_key` is the label of a create.
    `verb` is what the call means (create, get, list …), empty for what is not served; `time` the emulator's, as in
    replies; `client` the address and port it came from, empty in process; `agent` the User-Agent.
    """

    n: int
    method: str
    path: str
    status: int
    committed: bool
    run_key: str = ""
    verb: str = ""
    time: str = ""
    client: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for; what is empty matches all. `path` and `agent` are globs, `method` may be a verb.

    `status` is a number or the first digit of one and `xx`.
    """

    after: int = 0
    method: str = ""
    path: str = ""
    status: str = ""
    agent: str = ""
    client: str = ""

    def matches(self, entry: Entry) -> bool:
        """Say whether an entry is asked for."""
        return (
            entry.n > self.after
            and self.method in ("", entry.method, entry.verb)
            and self.status in ("", str(entry.status), f"{entry.status // 100}xx")
            and (not self.client or entry.client == self.client or entry.client.rpartition(":")[0] == self.client)
            and (not self.path or fnmatchcase(entry.path, self.path))
            and (not self.agent or fnmatchcase(entry.agent, self.agent))
        )


class Audit:
    """A ring of entries; calls may come from many threads."""

    def __init__(self, most: int = MOST) -> None:
        self._entries: deque[Entry] = deque(maxlen=most)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def record(
        self,
        method: str,
        path: str,
        status: int,
        committed: bool,
        run_key: str = "",
        *,
        verb: str = "",
        time: str = "",
        client: str = "",
        agent: str = "",
    ) -> None:
        """Append one call."""
        method, path, agent, run_key = (text[:LONGEST] for text in (method, path, agent, run_key))
        with self._lock:
            number = next(self._numbers)
            self._entries.append(Entry(number, method, path, status, committed, run_key, verb, time, client, agent))

    def entries(self) -> tuple[Entry, ...]:
        """Return what is kept, oldest first."""
        with self._lock:
            return tuple(self._entries)

    def clear(self) -> None:
        """Forget what is kept; the numbers go on."""
        with self._lock:
            self._entries.clear()
