"""Find and read the manifests of a stack: which files count, which are left out, and `kind: List` taken apart.

Whether a document is a valid manifest is core.validate's question.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from reconciler.files import git, globs, json_reader, positions, yaml_reader
from reconciler.files.reading import Reading, UnreadableError, bad_text, decode, describe, read_bytes
from reconciler.vocabulary.model import Document, FieldPath, Json, Place, Problem

STACK_FILE = "reconciler.yaml"
NO_MANIFEST = "no-manifest"
"""The rule of a file that matches spec.manifests and holds none: emptied, it must not pass for a removal."""

MAX_STREAM = 64 * 1024 * 1024
"""A stream is a whole stack, some 40,000 manifests at this length."""

_GCLOUD_KEYS = frozenset(
    {"workerPoolSpecs", "worker_pool_specs", "jobSpec", "job_spec", "trainingInput", "predictionInput", "studySpec"}
)


def read(root: Path, patterns: Sequence[str], ignore: Sequence[str] = ()) -> Reading:
    """Read every manifest below a stack's root, ordered by file name and document.

    Left out are hidden folders and files, nested stacks, the stack file itself and our own plans and snapshots.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    files, refused = find(root, patterns, ignore)
    problems.extend(refused)
    blobs: dict[str, str] = {}
    for file in files:
        reading = _read_manifests(root / file, file)
        documents.extend(reading.documents)
        problems.extend(reading.problems)
        blobs.update(reading.blobs)
    return Reading(tuple(documents), tuple(problems), blobs)


def read_file(path: Path, root: Path) -> Reading:
    """Read one file by itself; it is named relative to `root` where it stands below it."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - symlinks stay as they are named
    inside = absolute.is_relative_to(root)
    return _read_manifests(path, absolute.relative_to(root).as_posix() if inside else str(path))


def read_stream(text: str, name: str = "<stdin>") -> Reading:
    """Read manifests from text, JSON included."""
    found = bad_text(text)
    if found:
        rule = "nul-byte" if "NUL" in found else "not-utf8"
        return Reading(problems=(Problem(rule, f"The stream holds {found}.", file=name, place=Place(name)),))
    if len(text) > MAX_STREAM:
        message = f"The stream is longer than {MAX_STREAM // 1024 // 1024} Mi characters."
        hint = "Put the manifests into files below the stack."
        return Reading(problems=(Problem("file-too-large", message, hint, file=name, place=Place(name)),))
    text = text.removeprefix("\ufeff")
    return _sort_out(yaml_reader.read(text, name), text)


def _read_manifests(path: Path, file: str) -> Reading:
    try:
        content = read_bytes(path, file)
        text = decode(content, file)
    except UnreadableError as stop:
        if stop.problem.rule == "file-too-large" and _is_large_plan(path):
            return Reading()
        return Reading(problems=(stop.problem,))
    reading = _require_some(_raw(text, file, as_json=path.suffix == ".json"), text, file)
    return replace(reading, blobs={file: git.blob_id(content)})


def read_text(text: str, file: str, *, as_json: bool) -> Reading:
    """Read the manifests of a file whose text is at hand; one that holds none is an empty reading."""
    return _sort_out(_raw(text, file, as_json=as_json), text)


def _raw(text: str, file: str, *, as_json: bool) -> Reading:
    return json_reader.read(text, file) if as_json else yaml_reader.read(text, file)


def _require_some(raw: Reading, text: str, file: str) -> Reading:
    """Sort a file's documents out; one that says nothing at all is refused. Our own plans and snapshots say enough."""
    reading = _sort_out(raw, text)
    values = [document.value for document in raw.documents]
    says_something = reading.documents or reading.problems or any(map(_is_ours, values))
    if raw.problems or (says_something and any(value not in (None, [], {}) for value in values)):
        return reading
    message = "This file matches spec.manifests and holds no manifest."
    hint = "Remove it with `git rm` if its jobs are to go, or name it in spec.ignore of the stack file."
    return Reading(problems=(Problem(NO_MANIFEST, message, hint, file=file, place=Place(file, 1, 1)),))


def among(files: Iterable[str], patterns: Sequence[str], ignore: Sequence[str] = ()) -> list[str]:
    """Return those of the files of a tree that `find` would find, had it been checked out; `files` are all of them."""
    every = set(files)
    nested = {os.path.dirname(file) for file in every if file.endswith(f"/{STACK_FILE}")}  # noqa: PTH120 - of a tree

    def is_read(file: str) -> bool:
        parts = file.split("/")
        return (
            file != STACK_FILE
            and globs.matches_any(file, patterns)
            and not any(part.startswith(".") for part in parts)
            and not globs.is_ignored(file, ignore)
            and not any("/".join(parts[:end]) in nested for end in range(1, len(parts)))
        )

    return sorted(file for file in every if is_read(file))


def find(root: Path, patterns: Sequence[str], ignore: Sequence[str] = ()) -> tuple[list[str], list[Problem]]:
    """Return the files that `read` would read, ordered, and why others of the stack cannot be."""
    found: list[str] = []
    problems: list[Problem] = []

    def unreadable(error: OSError) -> None:
        file = os.path.relpath(error.filename or root, root)
        message = f"The folder cannot be read: {error.strerror}."
        problems.append(Problem("unreadable-file", message, _IGNORE_HINT, file=file, place=Place(file)))

    for folder, folders, files in os.walk(root, onerror=unreadable):
        prefix = Path(folder).relative_to(root)
        kept = []
        for name in sorted(folders):
            file = (prefix / name).as_posix()
            if name.startswith(".") or globs.is_ignored(file, ignore):
                continue
            if Path(folder, name).is_symlink():
                problems.extend(_leading_outside(root, file))
            elif not Path(folder, name, STACK_FILE).exists():
                kept.append(name)
        folders[:] = kept
        for name in files:
            file = (prefix / name).as_posix()
            if name.startswith(".") or file == STACK_FILE or not globs.matches_any(file, patterns):
                continue
            if globs.is_ignored(file, ignore):
                continue
            if bad_text(file):
                message = "The name of this file is not UTF-8, so no plan can say where its manifests stand."
                problems.append(Problem("bad-file-name", message, "Rename the file.", file=file, place=Place(file)))
            else:
                outside = _leading_outside(root, file)
                problems.extend(outside)
                found.extend([] if outside else [file])
    return sorted(found), sorted(problems, key=lambda problem: problem.file)


_IGNORE_HINT = "Name it in spec.ignore of the stack file if it holds no manifests."


def _leading_outside(root: Path, file: str) -> list[Problem]:
    """Refuse a symbolic link out of the stack; one that stays inside names a folder or file read anyway."""
    path = root / file
    if not path.is_symlink():
        return []
    try:
        inside = path.resolve(strict=True).is_relative_to(root.resolve())
        message = "This symbolic link leads outside the stack; nothing there is read."
    except (OSError, RuntimeError):
        inside, message = False, "This symbolic link leads nowhere."
    if inside:
        return []
    return [
        Problem("link-outside", message, "Copy the file in, or name it in spec.ignore.", file=file, place=Place(file))
    ]


def _sort_out(reading: Reading, text: str) -> Reading:
    """Take lists apart, drop our own files, and refuse what is no manifest."""
    documents: list[Document] = []
    problems = list(reading.problems)
    for document in reading.documents:
        for item in _items(document, text, problems):
            refusal = _refusal(item)
            if refusal is not None:
                problems.append(refusal)
            elif not _is_ours(item.value):
                documents.append(item)
    return Reading(tuple(documents), tuple(problems))


def _items(document: Document, text: str, problems: list[Problem]) -> Iterator[Document]:
    value = document.value
    if not isinstance(value, dict) or value.get("kind") != "List":
        yield document
        return
    for key in value.keys() - {"apiVersion", "kind", "metadata", "items"}:
        message = f"A List has no field {key}."
        problems.append(_problem(document, "unknown-field", message, "Put manifests under items.", (key,)))
    items = value.get("items")
    if not isinstance(items, list):
        message = f"items of a List is {describe(items)} where a list of manifests is wanted."
        problems.append(_problem(document, "wrong-type", message, "Write each manifest as an item.", ("items",)))
        return
    tree = positions.read_tree(text, document.file)
    for index, item in enumerate(items):
        path: FieldPath = (*document.prefix, "items", index)
        place = positions.find(tree, document.index, path).value
        yield from _items(Document(document.file, document.index, place.line, item, path), text, problems)


def _refusal(document: Document) -> Problem | None:
    value = document.value
    if not isinstance(value, dict):
        message = f"This is {describe(value)}, not a manifest: a manifest is a map with apiVersion and kind."
        return _problem(document, "not-a-manifest", message, _IGNORE_HINT)
    if value.get("apiVersion") == "reconciler/v1" and value.get("kind") == "Stack":
        message = f"A Stack is read only from a file named {STACK_FILE}."
        return _problem(
            document, "not-a-manifest", message, f"Rename the file to {STACK_FILE}, in a folder of its own."
        )
    if "apiVersion" in value or "kind" in value or _is_ours(value):
        return None
    hint = _IGNORE_HINT
    if _GCLOUD_KEYS & value.keys():
        hint = "This looks like a job configuration for gcloud: `reconciler convert` makes a manifest of it."
    message = "This is no manifest: it has neither apiVersion nor kind."
    return _problem(document, "not-a-manifest", message, hint)


def _is_ours(value: Json) -> bool:
    """Say whether a document is a plan, a snapshot or a result this tool wrote."""
    if not isinstance(value, dict):
        return False
    named = value.get("apiVersion") == "reconciler/v1" and value.get("kind") in ("Plan", "Snapshot")
    plan = value.keys() >= {"formatVersion", "digest", "changes"}
    snapshot = value.keys() >= {"formatVersion", "seal", "tool"}
    result = value.keys() in ({"planDigest", "summary", "outcomes"}, {"valid", "problems"})
    return named or plan or snapshot or result


def _is_large_plan(path: Path) -> bool:
    """Look for a plan's own keys, at the indentation we write them, without reading the file into memory."""
    if path.suffix != ".json":
        return False
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return all(content.find(b'\n  "' + key + b'": ') >= 0 for key in (b"formatVersion", b"seal", b"tool"))


def _problem(document: Document, rule: str, message: str, hint: str, path: FieldPath = ()) -> Problem:
    return Problem(rule, message, hint, file=document.file, document=document.index, path=(*document.prefix, *path))
