"""Read any YAML or JSON file into documents, whatever they mean."""

from __future__ import annotations

import codecs
from pathlib import Path

from reconciler.files import json_reader, yaml_reader
from reconciler.files.reading import Reading, UnreadableError, decode, read_bytes
from reconciler.vocabulary.model import Problem


def read(path: Path, file: str) -> Reading:
    """Read one file; `file` is how problems name it. What cannot be read is a problem, never an exception."""
    text, unreadable = read_text(path, file)
    if unreadable:
        return Reading(problems=unreadable)
    reader = json_reader.read if path.suffix == ".json" else yaml_reader.read
    return reader(text, file)


def read_text(path: Path, file: str) -> tuple[str, tuple[Problem, ...]]:
    """Read a file as text, whatever its form; empty with a problem where it cannot be read."""
    try:
        return decode(read_bytes(path, file), file), ()
    except UnreadableError as stop:
        return "", (stop.problem,)


def read_exact(path: Path, file: str) -> tuple[str, tuple[Problem, ...]]:
    """Read a file as text with its byte order mark, if it has one, for those who write it back."""
    try:
        return exact(read_bytes(path, file), file)
    except UnreadableError as stop:
        return "", (stop.problem,)


def exact(data: bytes, file: str) -> tuple[str, tuple[Problem, ...]]:
    """Turn bytes into text with their byte order mark; empty with a problem where they are no text."""
    try:
        return ("\ufeff" if data.startswith(codecs.BOM_UTF8) else "") + decode(data, file), ()
    except UnreadableError as stop:
        return "", (stop.problem,)


def read_value(text: str) -> object:
    """Read the value of `--set PATH=VALUE`: a YAML scalar or flow value. Raises ValueError where it is none."""
    reading = yaml_reader.read(text, "--set")
    if reading.problems:
        raise ValueError(reading.problems[0].message)
    return reading.documents[0].value if reading.documents else None
