"""What the processes of one job printed, kept in files of bounded size. It knows no process."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

FILE_BYTES = 1024 * 1024
"""Bytes after which a new file is begun (chosen)."""

MOST_FILES = 8
"""Files that are kept of one job (chosen); the oldest goes first, since the end of an output tells why a job failed."""

LINE_BYTES = 16 * 1024
"""Bytes of one line (chosen); a longer one is kept as several."""

SERVICE = "service"
"""Who speaks where no replica does (recorded: the column of `gcloud ai custom-jobs stream-logs`)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: the `n`-th of the job, from 1; `time` in seconds since the epoch."""

    n: int
    time: float
    replica: str
    text: str


class Output:
    """The kept lines of one job. Lines may come from many threads."""

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self._folder = folder
        self._now = now
        self._lock = threading.Lock()
        self._last = 0
        self._file: IO[bytes] | None = None
        self._size = 0
        self._closed = False
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, replica: str, text: str) -> None:
        """Keep one line; none is kept after the end. A full disk, or a folder that is gone, costs lines and not the job."""
        with self._lock:
            if self._closed:
                return
            self._last += 1
            raw = json.dumps(asdict(Line(self._last, self._now(), replica, text))).encode() + b"\n"
            with contextlib.suppress(OSError):
                if self._file is None or self._size + len(raw) > FILE_BYTES:
                    self._turn()
                assert self._file is not None
                # half a line ends its file, so that the next one does not go on in it
                self._size += len(raw) if self._file.write(raw) == len(raw) else FILE_BYTES

    def note(self, text: str) -> None:
        """Keep a line of our own."""
        self.add(SERVICE, text)

    def drain(self, replica: str, source: IO[bytes]) -> None:
        """Keep every line of a stream until it ends; bytes that are no UTF-8 are replaced."""
        with source:
            while True:
                # a closed or broken pipe is an end like any other
                try:
                    raw = source.readline(LINE_BYTES)
                except (OSError, ValueError):
                    return
                if not raw:
                    return
                self.add(replica, raw.decode("utf-8", "replace").rstrip("\r\n"))

    def close(self) -> None:
        """Close the file: what still writes by now has left its job."""
        with self._lock:
            self._closed = True
            if self._file is not None:
                self._file.close()
                self._file = None

    def _turn(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._file = (self._folder / f"{self._last:012d}.jsonl").open("wb", buffering=0)
        self._size = 0
        for old in _files(self._folder)[:-MOST_FILES]:
            old.unlink(missing_ok=True)


def read(folder: Path, after: int, most: int) -> tuple[tuple[Line, ...], int]:
    """Return up to `most` kept lines after the n-th, and how many between are kept no more."""
    lines = tuple(itertools.islice(_lines(folder, after), most))
    dropped = lines[0].n - after - 1 if lines else 0
    return lines, dropped


def _lines(folder: Path, after: int) -> Iterator[Line]:
    files = _files(folder)
    for number, file in enumerate(files):
        following = files[number + 1] if number + 1 < len(files) else None
        if following is not None and int(following.stem) <= after + 1:
            continue
        try:
            raw = file.read_bytes()
        except FileNotFoundError:  # it was the oldest a moment ago
            continue
        for one in raw.splitlines(keepends=True):
            if not one.endswith(b"\n"):
                break
            line = Line(**json.loads(one))
            if line.n > after:
                yield line


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))
