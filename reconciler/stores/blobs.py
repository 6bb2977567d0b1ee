"""Immutable objects under slash-separated keys, with a few words about each that a listing shows. No meaning."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from reconciler.stores import disk
from reconciler.vocabulary import errors

_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_ATTRIBUTE = re.compile(r"[A-Za-z0-9_-]*")
_LONGEST_NAME = 255
"""Bytes in a file's name on every file system in use."""


@dataclass(frozen=True, slots=True, order=True)
class Listed:
    """One object as a listing shows it. `content` is there only where the listing brought it along."""

    key: str
    attributes: tuple[str, ...]
    content: bytes | None = field(default=None, compare=False)


class Blobs(Protocol):
    """A flat place for objects that never change: a folder here, a bucket elsewhere."""

    def put_if_absent(self, key: str, attributes: tuple[str, ...], content: bytes) -> bool:
        """Store an object durably unless the key is taken, whatever its attributes; return whether it was stored."""

    def listing(self) -> Iterator[Listed]:
        """Yield every object, in no order, without reading any. Whether it is one of ours is for the reader to say."""

    def remove(self, item: Listed) -> None:
        """Remove an object for good; one that is gone costs nothing."""

    def read(self, item: Listed) -> bytes:
        """Return an object's content."""


class InheritedBlobs:
    """Blobs of this place that show those of former places too. Written is here alone, and here counts before there."""

    def __init__(self, own: Blobs, formers: Sequence[Blobs]) -> None:
        self._own = own
        self._formers = tuple(formers)

    def put_if_absent(self, key: str, attributes: tuple[str, ...], content: bytes) -> bool:
        """Store an object here, whatever former places hold; return whether it was stored."""
        return self._own.put_if_absent(key, attributes, content)

    def listing(self) -> Iterator[Listed]:
        """Yield every object here, then those of each former place whose keys no place before it holds."""
        shown = list(self._own.listing())
        yield from shown
        seen = {item.key for item in shown}
        for former in self._formers:
            more = [item for item in former.listing() if item.key not in seen]
            seen.update(item.key for item in more)
            yield from (replace(item, content=former.read(item)) if _unread(item) else item for item in more)

    def read(self, item: Listed) -> bytes:
        """Return an object's content: what came from a former place brought it along."""
        return self._own.read(item) if item.content is None else item.content

    def remove(self, item: Listed) -> None:
        """Remove an object here for good; one of a former place stays and shows."""
        self._own.remove(item)


class FolderBlobs:
    """Blobs in a folder: the attributes are part of the file's name, so that listing opens nothing."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put_if_absent(self, key: str, attributes: tuple[str, ...], content: bytes) -> bool:
        """Store an object durably unless the key is taken; return whether it was stored.

        Raises errors.StoreFailed where the disk refuses, or the name would be too long or hold odd characters.
        """
        path = self._path(Listed(key, attributes))
        with disk.explaining(path, "write"):
            disk.ensure_directory(path.parent)
            with disk.written_aside(path.parent, content) as aside:
                with self._one_writer():
                    if _taken(path):
                        return False
                    os.link(aside, path)
                disk.sync_directory(path.parent)
        return True

    def listing(self) -> Iterator[Listed]:
        """Yield every file, those of others too, but for dotted names; raises errors.StoreFailed for what may hide one."""
        with disk.explaining(self._root, "list"):
            yield from self._walk(self._root, "")

    def remove(self, item: Listed) -> None:
        """Remove an object for good; one that is gone costs nothing."""
        path = self._path(item)
        with disk.explaining(path, "remove"):
            path.unlink(missing_ok=True)
            disk.sync_directory(path.parent)

    def read(self, item: Listed) -> bytes:
        """Return an object's content."""
        path = self._path(item)
        with disk.explaining(path, "read"):
            return path.read_bytes()

    def place(self, item: Listed) -> str:
        """Name the file of an object, for people."""
        return str(self._path(item))

    def _walk(self, directory: Path, prefix: str) -> Iterator[Listed]:
        try:
            entries = os.scandir(directory)
        except FileNotFoundError:
            return
        with entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(directory / entry.name, f"{prefix}{entry.name}/")
                    continue
                stem, *attributes = entry.name.split("~")
                if entry.is_file(follow_symlinks=False):
                    yield Listed(prefix + stem, tuple(attributes))
                elif attributes or entry.is_dir():
                    raise disk.alien(entry.path)  # a link in place of one of ours, or of a folder full of them

    def _path(self, item: Listed) -> Path:
        require_sound(item, str(self._root))
        return self._root / _name(item)

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        """Let one writer at a time look and link: two objects with one key may differ in their attributes."""
        descriptor = os.open(self._root / ".writer", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _unread(item: Listed) -> bool:
    """Say whether an object is still to be read; of what is none of ours nobody asks the content."""
    return item.content is None and is_sound(item)


def is_sound(item: Listed) -> bool:
    """Say whether key and attributes can be a name in every kind of store."""
    return bool(
        item.attributes
        and all(_PART.fullmatch(part) for part in item.key.split("/"))
        and all(map(_ATTRIBUTE.fullmatch, item.attributes))
        and len(_name(item).rpartition("/")[2]) <= _LONGEST_NAME
    )


def require_sound(item: Listed, place: str) -> None:
    """Raise errors.StoreFailed where key and attributes could not be read back."""
    if not is_sound(item):
        raise errors.StoreFailed(
            f"{_name(item)!r} cannot be a name in {place}",
            "a label of ours on the job was changed to something we never write; set it right or cancel the job",
        )


def _name(item: Listed) -> str:
    return "~".join((item.key, *item.attributes))


def _taken(path: Path) -> bool:
    prefix = path.name.partition("~")[0] + "~"
    with os.scandir(path.parent) as entries:
        return any(entry.name.startswith(prefix) for entry in entries)
