"""One apply at a time on one store: a lock of the operating system, which dies with the process that holds it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from reconciler.stores import disk, holder
from reconciler.vocabulary import errors
from reconciler.vocabulary.ports import Clock


def holding(path: Path) -> str:
    """Say who holds the lock file, empty where nobody does. Creates nothing; holds it itself for a moment."""
    with disk.explaining(path, "look at"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return ""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _describe(descriptor)
        finally:
            os.close(descriptor)
    return ""


@contextmanager
def hold(path: Path, purpose: str, clock: Clock) -> Iterator[None]:
    """Hold the lock file; it says who holds it, and stays behind empty.

    Raises errors.LockHeld naming the holder, errors.StoreFailed where the disk refuses. The lock is bound to the open
    file (flock), so a second attempt in the same process fails too.
    """
    descriptor = _acquire(path)
    try:
        with disk.explaining(path, "write"):
            _write(descriptor, json.dumps(_holder(purpose, clock)).encode() + b"\n")
        yield
    finally:
        # Emptied first, so that nobody is named who has already left; closing is what releases.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
        os.close(descriptor)


def _acquire(path: Path) -> int:
    with disk.explaining(path, "lock"):
        disk.ensure_directory(path.parent)
        # A link in a checkout must not have the file it leads to emptied.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            message = f"the stack is locked by {_describe(descriptor)} ({path})"
            os.close(descriptor)
            raise errors.LockHeld(
                message, "wait until it is done; the lock is released when its process ends"
            ) from taken
        except OSError:
            os.close(descriptor)
            raise
        return descriptor


def _write(descriptor: int, content: bytes) -> None:
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    disk.write_all(descriptor, content)


def _holder(purpose: str, clock: Clock) -> dict[str, Any]:
    return {**holder.of_this_process(purpose), "pid": os.getpid(), "started": holder.moment(clock.now())}


def _describe(descriptor: int) -> str:
    """Say who holds the lock; between taking it and writing the name, nobody can tell."""
    try:
        said = json.loads(os.pread(descriptor, 65536, 0))
    except (ValueError, RecursionError):
        return "another process"
    return holder.describe(said) if isinstance(said, dict) else "another process"
