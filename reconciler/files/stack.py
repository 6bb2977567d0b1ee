"""Find a stack's root and read its stack file as a document. What the file may say is core.validate's business."""

from __future__ import annotations

from pathlib import Path

from reconciler.files import git, yaml_reader
from reconciler.files.manifests import STACK_FILE
from reconciler.files.reading import UnreadableError, decode, describe, read_bytes
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Document, Place, Problem


def find_root(start: Path) -> Path:
    """Return the nearest folder upwards from `start` that holds reconciler.yaml. Raises errors.InputError."""
    folder = start.absolute()
    for candidate in (folder, *folder.parents):
        if (candidate / STACK_FILE).is_file():
            return candidate
    raise errors.InputError(
        f"No {STACK_FILE} in {folder} or any folder above it.",
        "Go into a stack's folder, or run `reconciler init` to start a stack here.",
    )


def blob(root: Path) -> str:
    """Return the name that Git gives to the stack file as it is; empty where it cannot be read."""
    try:
        return git.blob_id(read_bytes(root / STACK_FILE, STACK_FILE))
    except UnreadableError:
        return ""


def read(root: Path) -> Document:
    """Read the one document of a stack file. Raises errors.InputError with every problem found."""
    problems: list[Problem] = []
    try:
        reading = yaml_reader.read(decode(read_bytes(root / STACK_FILE, STACK_FILE), STACK_FILE), STACK_FILE)
        problems.extend(reading.problems)
        documents = reading.documents
    except UnreadableError as stop:
        problems.append(stop.problem)
        documents = ()
    if not problems and len(documents) != 1:
        message = f"A stack file holds one document; this one holds {len(documents)}."
        problems.append(Problem("stack-file", message, "Move manifests to files of their own.", file=STACK_FILE))
    elif documents and not isinstance(documents[0].value, dict):
        message = f"The stack file is {describe(documents[0].value)} where a map is wanted."
        hint = "Run `reconciler init` in an empty folder to see one."
        problems.append(Problem("stack-file", message, hint, file=STACK_FILE, place=Place(STACK_FILE, 1, 1)))
    if problems:
        raise errors.InputError(f"{root / STACK_FILE} cannot be read.", problems=problems)
    return documents[0]
