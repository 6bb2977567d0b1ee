"""The lines of each journal in a file of its own, which survives a crash at any byte. Knows files, and no plan."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from reconciler.stores import disk, journal_lines
from reconciler.stores.journal import Session
from reconciler.vocabulary.ports import Clock, Intent

_SUFFIX = ".jsonl"
_CLOSED = "closed"


class FileLines:
    """stores.journal.Lines in a folder: a file for each open journal in it, closed ones kept below `closed/`.

    Thread-safe; the stack's lock keeps other processes away. `time_now` says what time a file written in a directory
    has now, None where none can be written.
    """

    def __init__(self, root: Path, clock: Clock, time_now: Callable[[Path], float | None] = disk.time_now) -> None:
        self._root = root
        self._clock = clock
        self._time_now = time_now
        self._guard = threading.RLock()

    def find(self, digest: str) -> Session | None:
        """Return the session of a digest whose file is in the folder."""
        return Session(digest) if _exists(self._path(digest)) else None

    def begin(self, digest: str) -> Session:
        """Make the file of a digest, with its first line."""
        with disk.explaining(self._path(digest), "write"):
            disk.ensure_directory(self._root)
        session = Session(digest)
        self._append(session, b"", durable=True)
        return session

    def sessions(self) -> Iterator[Session]:
        """Yield the session of every file in the folder that is named as ours are; others are passed over."""
        with disk.explaining(self._root, "list"):
            names = sorted(entry.name for entry in self._root.iterdir()) if self._root.exists() else []
        ours = [name for name in names if not name.startswith(".") and name.endswith(_SUFFIX)]
        yield from (Session(name.removesuffix(_SUFFIX)) for name in ours)

    def was_closed(self, digest: str) -> bool:
        """Say whether a file of a digest lies among the closed ones."""
        return _exists(_closed(self._path(digest)))

    def is_closed(self, session: Session) -> bool:
        """Say whether the closing line was written."""
        return self.read(session).closed

    def read(self, session: Session) -> journal_lines.Trace:
        """Read the file of a session."""
        return _read(self._path(session.digest))

    def pending(self, session: Session) -> tuple[Intent, ...]:
        """Return the open intents of a file. Each is at least as old as the file's last line, whose time the file has."""
        pending = self.read(session).pending
        if not pending:
            return ()
        now, written = self._time_now(self._root), _written(self._path(session.digest))
        age = None if now is None or written is None else now - written
        return tuple(replace(intent, age=age) for intent in pending)

    def name(self, session: Session, number: int) -> str:
        """Name an intent: under the stack's lock nobody else counts here."""
        return f"{session.digest}/{number}"

    def holding(self, intent: Intent) -> tuple[str, str]:
        """Return the digest that an intent's name begins with."""
        return intent.id.rpartition("/")[0], ""

    def add_intent(self, session: Session, intent: Intent) -> None:
        """Append an intent; returns once that would survive a power cut."""
        self._append(session, journal_lines.intent_line(intent), durable=True)

    def add_outcome(self, session: Session, intent: Intent, status: str, resource: str, error: str) -> None:
        """Append an outcome; one lost to a power cut leaves its intent open, which is then looked up."""
        line = journal_lines.outcome_line(intent, status, resource, error, self._clock.now())
        self._append(session, line, durable=False)

    def close(self, session: Session) -> None:
        """Append the closing line."""
        self._append(session, journal_lines.closing_line(self._clock.now()), durable=True)

    def put_away(self, session: Session) -> None:
        """Move a file below `closed/`, next to those of earlier sessions."""
        path = self._path(session.digest)
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

    def _path(self, digest: str) -> Path:
        return self._root / (digest.replace(":", "-") + _SUFFIX)

    def _append(self, session: Session, line: bytes, *, durable: bool) -> None:
        """Add a line, after cutting off what a dying process left of one; a file without any gets its first line before.

        The sync happens outside the guard: those of several threads then become one in the file system.
        """
        path = self._path(session.digest)
        first = journal_lines.header_line(session.digest, self._clock.now())
        with disk.explaining(path, "write"):
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                with self._guard:
                    size = _cut_torn_line(descriptor)
                    disk.write_all(descriptor, line if size else first + line)
                if durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if not size:
                disk.sync_directory(path.parent)


def _read(path: Path) -> journal_lines.Trace:
    with disk.explaining(path, "read"):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            # Closed by its apply between the listing and here.
            return journal_lines.Trace((), (), closed=True)
    return journal_lines.read(content, str(path))


def _written(path: Path) -> float | None:
    """Return when a file was last written; None where it was put away meanwhile."""
    with disk.explaining(path, "look at"):
        try:
            return path.stat().st_mtime
        except FileNotFoundError:
            return None


def _cut_torn_line(descriptor: int) -> int:
    """Return the file's size after removing a last line that has no end."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        size = os.pread(descriptor, size, 0).rfind(b"\n") + 1
        os.ftruncate(descriptor, size)
    return size


def _exists(path: Path) -> bool:
    with disk.explaining(path, "look for"):
        return path.exists()


def _closed(path: Path) -> Path:
    return path.parent / _CLOSED / path.name
