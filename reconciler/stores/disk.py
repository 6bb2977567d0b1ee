"""Files that survive a crash: private, synced, never half written. Knows nothing of what they hold."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG

from reconciler.vocabulary import errors


@contextmanager
def explaining(path: Path, doing: str) -> Iterator[None]:
    """Turn an OSError into errors.StoreFailed that names the path, what was being done and the system's reason."""
    try:
        yield
    except OSError as failure:
        reason = failure.strerror or str(failure)
        raise errors.StoreFailed(
            f"cannot {doing} {failure.filename or path}: {reason}",
            "check that the store's folder is writable and its disk not full, or choose another with spec.store",
        ) from failure


def ensure_directory(path: Path) -> None:
    """Create a directory and its missing parents for this user alone; those that exist are left as they are."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for directory in reversed(missing):
        directory.mkdir(mode=0o700, exist_ok=True)
        sync_directory(directory.parent)


def sync_directory(path: Path) -> None:
    """Make names that were added to or taken from a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def written_aside(directory: Path, content: bytes) -> Iterator[Path]:
    """Hand over a synced file that already holds the content, ready to be linked; its own name, dotted, goes away."""
    descriptor, aside = tempfile.mkstemp(prefix=".new-", dir=directory)
    try:
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        yield Path(aside)
    finally:
        Path(aside).unlink()


def read_small(path: Path, longest: int) -> bytes | None:
    """Return what a file holds, None where there is none. One that is longer than `longest` is cut off behind that.

    Raises OSError for a link, which may lead anywhere, and for what is no file of bytes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        if not S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(None, "not a file", str(path))
        return os.pread(descriptor, longest + 1, 0)
    finally:
        os.close(descriptor)


def time_now(directory: Path) -> float | None:
    """Return the time that a file written in a directory has now, by the clock of whoever keeps the files.

    That may be another machine, and what this process believes is never asked. None where nothing can be written.
    """
    try:
        descriptor = _unseen(directory)
    except OSError:
        return None
    try:
        os.write(descriptor, b"\n")
        os.fsync(descriptor)  # a file server gives the time once the byte has reached it
        return os.fstat(descriptor).st_mtime
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _unseen(directory: Path) -> int:
    """Open a file that has no name; where the system has none such, one whose name is gone again at once."""
    without_a_name = getattr(os, "O_TMPFILE", None)  # Linux alone, and not every file system (open(2))
    if without_a_name is not None:
        with suppress(OSError):
            return os.open(directory, without_a_name | os.O_WRONLY, 0o600)
    descriptor, aside = tempfile.mkstemp(prefix=".now-", dir=directory)
    Path(aside).unlink(missing_ok=True)
    return descriptor


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte; the system may take fewer at a time."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def alien(path: str) -> errors.StoreFailed:
    """Build the error for a file that does not belong in the store, or is damaged."""
    return errors.StoreFailed(
        f"{path} is not a file this version writes", "move it out of the store, or restore the store from a copy"
    )
