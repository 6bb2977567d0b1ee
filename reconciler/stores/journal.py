"""The record of each apply in a file of its own, which survives a crash at any byte. Knows files, and no plan."""

from __future__ import annotations

import itertools
import os
import re
import threading
from pathlib import Path

from reconciler.stores import disk, journal_lines
from reconciler.vocabulary import errors
from reconciler.vocabulary.ports import Clock, Intent

_DIGEST = re.compile(r"[A-Za-z0-9_:-]{1,128}")
_SUFFIX = ".jsonl"
_CLOSED = "closed"


class FolderJournal:
    """vocabulary.ports.Journal as a file of JSON lines. Thread-safe; the stack's lock keeps other processes away."""

    def __init__(self, path: Path, digest: str, clock: Clock, guard: threading.RLock) -> None:
        self._path = path
        self._digest = digest
        self._clock = clock
        self._guard = guard
        self._numbers = itertools.count(len(_read(path).intents) + 1)

    def intent(self, address: str, verb: str, resource: str, run_key: str = "") -> Intent:
        """Write down what is about to be sent; returns once that would survive a power cut."""
        name = f"{self._digest}/{next(self._numbers)}"
        intent = Intent(name, address, verb, resource, run_key, self._clock.now())
        _append(self._path, journal_lines.intent_line(intent), self._guard, durable=True)
        return intent

    def outcome(self, intent: Intent, status: str, resource: str = "", error: str = "") -> None:
        """Write down what came of it; one lost to a power cut leaves its intent open, which is then looked up."""
        line = journal_lines.outcome_line(intent, status, resource, error, self._clock.now())
        _append(self._path, line, self._guard, durable=False)

    def close(self) -> None:
        """Mark the plan as spent; the file leaves the folder of open ones unless an intent of it is open."""
        with self._guard:
            _append(self._path, journal_lines.closing_line(self._clock.now()), self._guard, durable=True)
            _retire_if_done(self._path)


class FolderJournals:
    """vocabulary.ports.Journals in a folder: the open ones in it, closed ones kept below `closed/`.

    Thread-safe; between processes the stack's lock keeps writers apart. Reading needs no lock and writes nothing.
    """

    def __init__(self, root: Path, clock: Clock) -> None:
        self._root = root
        self._clock = clock
        self._guard = threading.RLock()

    def open(self, digest: str) -> FolderJournal:
        """Start the journal of a plan, or go on with the one a stopped apply left.

        Whether a closed one forbids that is for the caller to ask by `state`; here a further one is started.
        """
        path = self._path(digest)
        with self._guard:
            if _exists(path):
                _retire_if_done(path)
            with disk.explaining(path, "write"):
                disk.ensure_directory(self._root)
            _append(path, b"", self._guard, durable=True, first=journal_lines.header_line(digest, self._clock.now()))
            return FolderJournal(path, digest, self._clock, self._guard)

    def open_intents(self) -> tuple[Intent, ...]:
        """Return the intents of any journal that have no outcome yet, oldest first."""
        pending = [intent for path in self._open_files() for intent in _read(path).pending]
        return tuple(sorted(pending, key=lambda intent: intent.at))

    def state(self, digest: str) -> str:
        """Say `none`, `open` or `closed`."""
        path = self._path(digest)
        if _exists(path):
            return "closed" if _read(path).closed else "open"
        return "closed" if _exists(_closed(path)) else "none"

    def intents(self, digest: str) -> tuple[Intent, ...]:
        """Return every intent of a plan's open journal, with or without an outcome."""
        found = _read(self._path(digest))
        return () if found.closed else found.intents

    def settle(self, intent: Intent, status: str, resource: str = "") -> None:
        """Record what a later look-up found out about an open intent. Raises errors.StoreFailed where none holds it."""
        path = self._path(intent.id.rpartition("/")[0])
        with self._guard:
            if not _exists(path):
                raise errors.StoreFailed(f"{path} is gone, and with it the intent {intent.id}", "plan again")
            line = journal_lines.outcome_line(intent, status, resource, "", self._clock.now())
            _append(path, line, self._guard, durable=True)
            _retire_if_done(path)

    def _open_files(self) -> tuple[Path, ...]:
        with disk.explaining(self._root, "list"):
            names = sorted(entry.name for entry in self._root.iterdir()) if self._root.exists() else []
        ours = [name for name in names if not name.startswith(".") and name != _CLOSED]
        for name in ours:
            if not name.endswith(_SUFFIX):
                raise disk.alien(str(self._root / name))
        return tuple(self._root / name for name in ours)

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise errors.StoreFailed(f"{digest!r} is not a plan's digest")
        return self._root / (digest.replace(":", "-") + _SUFFIX)


def _read(path: Path) -> journal_lines.Trace:
    with disk.explaining(path, "read"):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            # Closed by its apply between the listing and here.
            return journal_lines.Trace((), (), closed=True)
    return journal_lines.read(content, str(path))


def _append(path: Path, line: bytes, guard: threading.RLock, *, durable: bool, first: bytes = b"") -> None:
    """Add a line, after cutting off what a dying process left of one; an empty file gets the line `first` before it.

    The sync happens outside the guard: those of several threads then become one in the file system.
    """
    with disk.explaining(path, "write"):
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            with guard:
                size = _cut_torn_line(descriptor)
                disk.write_all(descriptor, line if size else first + line)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if not size:
            disk.sync_directory(path.parent)


def _cut_torn_line(descriptor: int) -> int:
    """Return the file's size after removing a last line that has no end."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        size = os.pread(descriptor, size, 0).rfind(b"\n") + 1
        os.ftruncate(descriptor, size)
    return size


def _retire_if_done(path: Path) -> None:
    """Move a closed journal without open intents to where only `state` looks for it."""
    found = _read(path)
    if not found.closed or found.pending:
        return
    target = _closed(path)
    number = 1
    with disk.explaining(target, "write"):
        disk.ensure_directory(target.parent)
        while target.exists():
            number += 1
            target = _closed(path).with_suffix(f".{number}{_SUFFIX}")
        path.rename(target)
        disk.sync_directory(target.parent)
        disk.sync_directory(path.parent)


def _exists(path: Path) -> bool:
    with disk.explaining(path, "look for"):
        return path.exists()


def _closed(path: Path) -> Path:
    return path.parent / _CLOSED / path.name
