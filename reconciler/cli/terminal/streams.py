"""The process's own streams: opened where a caller closed them, UTF-8 on pipes, and flushed before the interpreter does.

What is the result goes to stdout, and failing to write it is an error. Diagnostics go to stderr, and no work ends because
nobody can read them.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO


def prepare() -> None:
    """Make stdout and stderr fit to be written to, before a database or lock gets the number of a closed one."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, _nowhere(number))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal of another encoding must not end a run; on a pipe JSON and manifests are UTF-8 (RFC 8259).
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    if isinstance(sys.stderr, io.TextIOWrapper) and isinstance(sys.stderr.buffer, io.BufferedWriter):
        sys.stderr = _lossy(sys.stderr)


def finish(code: int) -> int:
    """Flush stdout and return the exit code: at exit the interpreter would complain in its own words and end with 120.

    A reader that went away, as `| head` does, is told nothing; of a result that could not be written a sentence says why.
    """
    try:
        sys.stdout.flush()
    except OSError as lost:
        if not isinstance(lost, BrokenPipeError) and not code:
            sys.stderr.write(f"Error: the result could not be written to stdout: {lost.strerror}\n")
        abandon(sys.stdout)
        return code or 1
    return code


def abandon(stream: TextIO) -> None:
    """Send what a stream still holds to nowhere, so that no later flush fails."""
    with suppress(OSError, io.UnsupportedOperation):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _nowhere(number: int) -> TextIO:
    """Open /dev/null under a standard stream's own number."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    if descriptor != number:
        os.dup2(descriptor, number)
        os.close(descriptor)
    return os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)


class _Lossy(io.FileIO):
    """A file that swallows what cannot be written: a full disk below a log must not end an apply half way."""

    def write(self, data: Any, /) -> int:
        """Write what can be written and claim all of it."""
        with suppress(OSError):
            return super().write(data) or len(data)
        return len(data)


def _lossy(stream: io.TextIOWrapper) -> TextIO:
    raw = _Lossy(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=stream.encoding, errors=stream.errors, line_buffering=True, write_through=True
    )
