"""Find the line and column of a field, by reading the file again once somebody wants to see a problem.

Works on YAML and on JSON, and on files that are only in part readable: the deepest place found is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from yaml.events import DocumentStartEvent, MappingEndEvent, MappingStartEvent, SequenceEndEvent, SequenceStartEvent

from reconciler.files import yaml_steps
from reconciler.files.reading import MAX_DEPTH, UnreadableError, decode, read_bytes
from reconciler.vocabulary.model import FieldPath, Place, Problem

AT_THE_KEY = frozenset(
    {"unknown-field", "output-only", "duplicate-key", "not-built-yet", "misplaced-field", "one-of", "not-allowed"}
)
"""Rules whose fault is that a field is there at all."""


@dataclass(slots=True)
class Node:
    """A value's place and what is below it: fields by name, or items by index as text."""

    line: int
    column: int
    key_line: int = 0
    key_column: int = 0
    below: dict[str | int, Node] = field(default_factory=dict)


class Found(NamedTuple):
    """Where a path leads: the place of its key and of its value, and how many of its steps were found."""

    key: Place
    value: Place
    steps: int


@dataclass(frozen=True, slots=True)
class Tree:
    """The places of one file, a node for each document."""

    file: str
    documents: Mapping[int, Node]


def read_tree(text: str, file: str) -> Tree:
    """Note the place of every field of every document, up to where the text stops being readable."""
    documents: dict[int, Node] = {}
    open_nodes: list[Node] = []
    index = -1
    try:
        for event, key in yaml_steps.steps(text):
            kind = type(event)
            if kind is DocumentStartEvent:
                index += 1
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                open_nodes.pop()
            elif len(open_nodes) >= MAX_DEPTH:
                break
            else:
                node = _node(event, key)
                if open_nodes:
                    below = open_nodes[-1].below
                    below.setdefault(len(below) if key is None else getattr(key, "value", ""), node)
                else:
                    documents[index] = node
                if kind is MappingStartEvent or kind is SequenceStartEvent:
                    open_nodes.append(node)
    except yaml.YAMLError:
        pass  # whoever asks for a place has been told of the syntax error already
    return Tree(file, documents)


def _node(event: Any, key: Any) -> Node:
    mark = event.start_mark
    if key is None:
        return Node(mark.line + 1, mark.column + 1)
    return Node(mark.line + 1, mark.column + 1, key.start_mark.line + 1, key.start_mark.column + 1)


def find(tree: Tree, document: int, path: FieldPath) -> Found:
    """Walk a path as far as the file goes; a camelCase step also finds its snake_case spelling."""
    node = tree.documents.get(document)
    if node is None:
        nowhere = Place(tree.file)
        return Found(nowhere, nowhere, 0)
    key = value = Place(tree.file, node.line, node.column)
    steps = 0
    for step in path:
        below = node.below.get(step)
        if below is None and isinstance(step, str):
            below = node.below.get(_snake(step))
        if below is None:
            break
        node, steps = below, steps + 1
        value = Place(tree.file, node.line, node.column)
        key = Place(tree.file, node.key_line, node.key_column) if node.key_line else value
    return Found(key, value, steps)


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), name)


class Locator:
    """Gives problems their places; every file is read at most once. `texts` holds streams by name."""

    def __init__(self, root: Path, texts: Mapping[str, str] | None = None) -> None:
        self._root = root
        self._texts = dict(texts or {})
        self._trees: dict[str, Tree] = {}

    def locate(self, problem: Problem) -> Place:
        """Return the place of a problem: the key for a field that should not be there, else the value."""
        if problem.place is not None:
            return problem.place
        if not problem.file:
            return Place("")
        found = find(self._tree(problem.file), problem.document, problem.path)
        if problem.rule in AT_THE_KEY or found.steps < len(problem.path):
            return found.key
        return found.value

    def place_all(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Return the problems with their places, ordered by file, place and rule."""
        placed = [replace(problem, place=self.locate(problem)) for problem in problems]
        return tuple(sorted(placed, key=_order))

    def _tree(self, file: str) -> Tree:
        if file not in self._trees:
            self._trees[file] = read_tree(self._text(file), file)
        return self._trees[file]

    def _text(self, file: str) -> str:
        if file in self._texts:
            return self._texts[file].removeprefix("\ufeff")
        try:
            return decode(read_bytes(self._root / file, file), file)
        except UnreadableError:
            return ""


def _order(problem: Problem) -> tuple[str, int, int, int, str, str]:
    place = problem.place or Place(problem.file)
    return (problem.file, place.line, place.column, problem.document, problem.rule, problem.message)
