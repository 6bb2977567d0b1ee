"""What reading a file yields, and the bounds every reader keeps. Knows bytes and text, not YAML, JSON or manifests."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.vocabulary.model import Document, FieldPath, Place, Problem, show_path

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 100
MAX_ALIASED = 100_000
"""How many values all aliases of one document may stand for together."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Reading:
    """Documents in the order of file and index, and everything wrong with the files they came from.

    `blobs` are the names that Git gives to the bytes that were read, by file.
    """

    documents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()
    blobs: Mapping[str, str] = field(default_factory=dict)


class UnreadableError(Exception):
    """A file that cannot be read further; `problem` says why. Never leaves this package."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def read_bytes(path: Path, file: str) -> bytes:
    """Read a regular file of at most MAX_BYTES. Raises UnreadableError; never blocks on a pipe or device."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb") as handle:  # noqa: PTH123 - a descriptor, opened so that a pipe cannot block
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnreadableError(Problem("not-a-file", "This is no regular file.", file=file, place=Place(file)))
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise UnreadableError(
            Problem("unreadable-file", f"The file cannot be read: {reason}.", file=file, place=Place(file))
        ) from error
    if len(data) > MAX_BYTES:
        raise UnreadableError(too_large(file))
    return data


def too_large(file: str) -> Problem:
    """Say that a file is beyond MAX_BYTES."""
    return Problem(
        "file-too-large",
        f"The file is larger than {MAX_BYTES // 1024 // 1024} MiB.",
        "Split it into several files, or name it in spec.ignore if it holds no manifests.",
        file=file,
        place=Place(file),
    )


def decode(data: bytes, file: str) -> str:
    """Turn bytes into text without a byte order mark. Raises UnreadableError for anything but UTF-8 text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableError(
            Problem("not-utf8", "The file is UTF-16.", "Save it as UTF-8.", file=file, place=Place(file, 1, 1))
        )
    zero = data.find(b"\0")
    if zero >= 0:
        place = _place_of(data, zero, file)
        hint = "This looks like a binary file: name it in spec.ignore, or remove the byte."
        raise UnreadableError(Problem("nul-byte", "The file holds a NUL byte.", hint, file=file, place=place))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_of(data, error.start, file)
        message = f"The file is not UTF-8: byte 0x{data[error.start]:02x} does not belong here."
        problem = Problem("not-utf8", message, "Save it as UTF-8.", file=file, place=place)
        raise UnreadableError(problem) from error


def _place_of(data: bytes, offset: int, file: str) -> Place:
    before = data[:offset]
    start = before.rfind(b"\n") + 1
    return Place(file, before.count(b"\n") + 1, len(before[start:].decode("utf-8", "replace")) + 1)


def bad_text(value: str) -> str:
    """Say what in a text no API takes (`""` where it is sound): NUL, or half of a surrogate pair."""
    if "\0" in value:
        return "a NUL character"
    return "half of a surrogate pair" if _SURROGATE.search(value) else ""


def bad_text_problem(found: str, file: str, document: int, path: FieldPath, place: Place | None = None) -> Problem:
    """Word the problem of a text that holds `found`."""
    where = f" at {show_path(path)}" if path else ""
    return Problem(
        "bad-character",
        f"The text{where} holds {found}, which cannot be sent.",
        "Remove the escape sequence.",
        file=file,
        document=document,
        path=path,
        place=place,
    )


def describe(value: Any) -> str:
    """Name the type of a value in a user's words."""
    names = {dict: "a map", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "nothing")
