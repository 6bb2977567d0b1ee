"""Rewrite the text of a manifest file in canonical form, and prove that it still means the same. Touches no disk."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.core.spec import key_order, shape
from reconciler.files import json_reader, manifests, yaml_reader
from reconciler.files.canonical import comments, tree, writer
from reconciler.files.canonical.tree import Branch, Leaf, NotKeptError, Sheet
from reconciler.files.reading import Reading
from reconciler.vocabulary.kinds import Kinds
from reconciler.vocabulary.model import Problem

_OTHER_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Characters that YAML 1.1 takes as line ends and YAML 1.2 as text."""


@dataclass(frozen=True, slots=True)
class Formatted:
    """The canonical text; the text as given where `problems` say why it could not be, or a note why it was left alone."""

    text: str
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def rewrite(text: str, file: str, kinds: Kinds, *, as_json: bool) -> Formatted:
    """Return the canonical text of manifests. The line ends of the first line become those of every line."""
    read = text.removeprefix("\ufeff")
    reading = manifests.read_text(read, file, as_json=as_json)
    if reading.problems or not reading.documents:
        return Formatted(text, reading.problems)
    try:
        made, notes = (_json(read, kinds), []) if as_json else _yaml(_plain(read), kinds)
    except NotKeptError as why:
        return Formatted(text, notes=(f"left as it is: {why}",))
    return checked(text, made, file, kinds, as_json=as_json, notes=tuple(notes))


def checked(text: str, made: str, file: str, kinds: Kinds, *, as_json: bool, notes: tuple[str, ...] = ()) -> Formatted:
    """Return what was made of a text, with its line ends; the text itself where a value or a comment would change."""
    read = text.removeprefix("\ufeff")
    reader = json_reader.read if as_json else yaml_reader.read
    if not _same(reader(read, file), reader(made, file), kinds) or not _kept(_plain(read), made, as_json):
        return Formatted(text, (_changed(file),))
    ends = "\r\n" if "\r\n" in read[: read.find("\n") + 1] else "\n"
    return Formatted(made.replace("\n", ends), notes=notes)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _changed(file: str) -> Problem:
    return Problem(
        "not-rewritten",
        "The canonical form would not mean the same as what was written, so the file was left as it is.",
        "Please report this with the file; it is a bug of fmt.",
        file=file,
    )


def _same(before: Reading, after: Reading, kinds: Kinds) -> bool:
    """Say whether two readings hold the same documents, to the type of every value."""
    meant, means = ([key_order.meaning(each.value, kinds) for each in reading.documents] for reading in (before, after))
    return not after.problems and meant == means


def _kept(before: str, after: str, as_json: bool) -> bool:
    """Say whether every comment is still there."""
    return as_json or sorted(comments.texts(before)) == sorted(comments.texts(after))


def _json(text: str, kinds: Kinds) -> str:
    value = key_order.arrange(json.loads(text), kinds)
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _yaml(text: str, kinds: Kinds) -> tuple[str, list[str]]:
    if _OTHER_BREAKS.search(text):
        raise NotKeptError("it holds a character that some readers of YAML take as the end of a line")
    text = text if text.endswith("\n") else f"{text}\n"
    sheets = tree.grow(text)
    comments.attach(text, sheets)
    notes = []
    for number, sheet in enumerate(sheets, start=1):
        if isinstance(sheet.root, Branch):
            bound = list(_bindings(sheet.root))
            _manifest(sheet.root, kinds)
            if set(bound) != set(_bindings(sheet.root)):
                _as_written(sheet.root)
                notes.append(f"document {number}: an alias would come before its anchor, so its keys keep their order")
            writer.pull_up(sheet.root)
    return writer.write([sheet for sheet in sheets if _says_something(sheet)]), notes


def _says_something(sheet: Sheet) -> bool:
    return isinstance(sheet.root, Branch) or bool(sheet.lead or sheet.head or sheet.marker_comment)


def _manifest(root: Branch, kinds: Kinds) -> None:
    """Arrange one manifest, or the manifests of a List."""
    kind = next((each.value.value for each in root.entries if each.name == "kind" and isinstance(each.value, Leaf)), "")
    schema = key_order.schema_of(kind, kinds)
    _arrange(root, schema, schema, ())
    if kind == "List":
        for entry in root.entries:
            if entry.name == "items" and isinstance(entry.value, Branch):
                for item in entry.value.entries:
                    if isinstance(item.value, Branch):
                        _manifest(item.value, kinds)


def _arrange(node: Leaf | Branch, schema: shape.Schema, root: shape.Schema, path: tuple[str, ...]) -> None:
    if isinstance(node, Leaf):
        return
    if not node.is_map:
        for item in node.entries:
            _arrange(item.value, shape.child(schema, 0, root), root, (*path, "[]"))
        return
    named = {entry.name: entry for entry in node.entries}
    if any(entry.key is not None and entry.key.alias for entry in node.entries) or len(named) < len(node.entries):
        return
    node.entries = [
        _renamed(named[written], name) for written, name in key_order.order(list(named), schema, root, path)
    ]
    for entry in node.entries:
        _arrange(entry.value, shape.child(schema, entry.name, root), root, (*path, entry.name))


def _renamed(entry: tree.Entry, name: str) -> tree.Entry:
    if entry.key is not None and entry.key.bare:
        entry.name = name
    return entry


def _as_written(node: Leaf | Branch) -> None:
    if isinstance(node, Branch):
        node.entries.sort(key=lambda entry: entry.start)
        for entry in node.entries:
            _as_written(entry.value)


def _bindings(root: Branch) -> Iterator[tuple[int, int]]:
    """Yield (alias, what it stands for) by where they were written; an alias before its anchor stands for -1."""
    anchors: dict[str, int] = {}
    waiting: list[Leaf | Branch] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Leaf) and node.alias:
            yield node.start, anchors.get(node.anchor or "", -1)
        elif node.anchor is not None:
            anchors[node.anchor] = node.start
        if isinstance(node, Branch):
            for entry in reversed(node.entries):
                waiting.append(entry.value)
                if entry.key is not None:
                    waiting.append(entry.key)
