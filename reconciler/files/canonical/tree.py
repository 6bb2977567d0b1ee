"""YAML text as a tree that still knows how it was written: quotes, flow, anchors, places. Comments come later.

Built on PyYAML's events, which carry places but no comments; `comments` finds those in the gaps this tree leaves.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.files import dialect, yaml_steps

_BLOCK_HEADER = re.compile(r"(?:^|(?<=\s))([|>])([-+]?)([1-9]?)([-+]?)(?=\s|$)")


@dataclass(slots=True, eq=False)
class Leaf:
    """A scalar or an alias. `text` is how it was written, anchor and tag included; places count characters."""

    text: str
    value: str
    start: int
    end: int
    style: str | None = None
    bare: bool = True
    """No anchor and no tag stands before it."""
    alias: bool = False
    anchor: str | None = None
    step: int = 0
    """Of a block scalar: how far its lines are indented."""

    @property
    def is_block(self) -> bool:
        """True for literal and folded text."""
        return self.style in ("|", ">")

    @property
    def keeps_blank_lines(self) -> bool:
        """True for block text whose blank lines at the end count."""
        found = _BLOCK_HEADER.search(self.text.split("\n", 1)[0]) if self.is_block else None
        return found is not None and "+" in found[2] + found[4]

    def header(self) -> str:
        """Return the first line of block text, for lines indented by two."""
        first = self.text.split("\n", 1)[0].rstrip()
        return _BLOCK_HEADER.sub(lambda found: found[1] + found[2] + ("2" if found[3] else "") + found[4], first, 1)


@dataclass(slots=True, eq=False)
class Branch:
    """A mapping or sequence. `flow` is true where it stays on one line; a broken flow collection is written as a block."""

    is_map: bool
    flow: bool
    prefix: str
    start: int
    end: int = 0
    was_flow: bool = False
    anchor: str | None = None
    owner: Entry | None = None
    entries: list[Entry] = field(default_factory=list)
    column: int = 0
    trailing: list[str] = field(default_factory=list)
    """Comments below the last entry; "" is a blank line."""


@dataclass(slots=True, eq=False)
class Entry:
    """One key with its value, or one item of a sequence, with its comments."""

    home: Branch
    key: Leaf | None
    value: Leaf | Branch
    start: int
    column: int
    name: str = ""
    before: list[str] = field(default_factory=list)
    head: str = ""
    """The comment behind the key or dash, where a block follows."""
    after: str = ""
    """The comment at the end of the line."""


@dataclass(slots=True, eq=False)
class Sheet:
    """One document of a file, and the comments that belong to none of its entries."""

    mark: int
    explicit: bool
    body: int
    """Where its content may start: behind `---`."""
    root: Leaf | Branch | None = None
    lead: list[str] = field(default_factory=list)
    """Comments before the `---` of the first document."""
    marker_comment: str = ""
    """The comment on the line of `---`."""
    head: list[str] = field(default_factory=list)


class NotKeptError(Exception):
    """A form of YAML that cannot be rewritten without changing it; the message says which."""


def entries(node: Leaf | Branch | None) -> Iterator[Entry]:
    """Yield every entry at and below a node in the order of the text, but those inside a flow collection on one line."""
    if isinstance(node, Branch) and not node.flow:
        for entry in node.entries:
            yield entry
            yield from entries(entry.value)


def grow(text: str) -> list[Sheet]:
    """Read text that is known to be sound YAML. Raises NotKeptError."""
    grower = _Grower(text)
    for event, key in yaml_steps.steps(text):
        grower.take(event, key)
    return grower.sheets


class _Grower:
    """Builds sheets from events."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sheets: list[Sheet] = []
        self._open: list[Branch] = []
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        tokens: Iterator[Any] = yaml.scan(text, Loader=loader)
        self._dashes = [token.start_mark.index for token in tokens if isinstance(token, yaml.BlockEntryToken)]

    def take(self, event: Any, key: Any) -> None:
        """Take the next event, and its key where it has one."""
        kind = type(event)
        if kind is DocumentStartEvent:
            if event.version or event.tags:
                raise NotKeptError("it has directives (%YAML, %TAG)")
            self.sheets.append(Sheet(event.start_mark.index, bool(event.explicit), event.end_mark.index))
        elif kind in (ScalarEvent, AliasEvent):
            name = self._key(key)
            self._attach(self._read(event, name), name)
        elif kind in (MappingStartEvent, SequenceStartEvent):
            self._enter(event, self._key(key))
        elif kind in (MappingEndEvent, SequenceEndEvent):
            branch = self._open.pop()
            branch.end = event.end_mark.index
            broken = "\n" in self.text[branch.start : branch.end]
            branch.was_flow = branch.flow and broken
            branch.flow = branch.flow and (not broken or not branch.entries)
            if branch.entries:
                branch.column = branch.entries[0].column

    def _key(self, event: Any) -> Leaf | None:
        if event is None:
            return None
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            raise NotKeptError("a key is a map or a list")
        if isinstance(event, ScalarEvent) and event.style in ("|", ">"):
            raise NotKeptError("a key is a block of text")
        return self._read(event, None)

    def _read(self, event: Any, key: Leaf | None) -> Leaf:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, AliasEvent):
            return Leaf(self.text[start:end], "", start, end, alias=True, anchor=event.anchor)
        bare = event.anchor is None and event.tag is None
        leaf = Leaf(
            self.text[start:end], event.value, start, end, event.style or None, bare=bare, anchor=event.anchor
        )  # fmt: skip
        if leaf.is_block:
            self._measure(leaf, key)
        return leaf

    def _measure(self, leaf: Leaf, key: Leaf | None) -> None:
        """Find the lines of block text: PyYAML's end of it takes in blank lines that do not belong to it."""
        first, _, rest = self.text[leaf.start :].partition("\n")
        found = _BLOCK_HEADER.search(first)
        if found is None:
            raise NotKeptError("the head of a block of text stands apart from its anchor or tag")
        lines = rest.split("\n")
        if found[3]:
            leaf.step = self._column(self._start(leaf, key)) + int(found[3])
        else:
            leaf.step = next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip(" ")), 0)
        count = 0
        for line in lines:
            if line.strip(" ") and len(line) - len(line.lstrip(" ")) < max(leaf.step, 1):
                break
            count += 1
        kept = lines[:count]
        if count == len(lines) and kept and not kept[-1]:
            kept.pop()  # what follows the last line end is no line
        while kept and not leaf.keeps_blank_lines and not kept[-1].strip(" ") and len(kept[-1]) <= leaf.step:
            kept.pop()
        leaf.text = "\n".join([first, *kept])
        leaf.end = leaf.start + len(leaf.text)

    def _enter(self, event: Any, key: Leaf | None) -> None:
        is_map = isinstance(event, MappingStartEvent)
        tag = event.tag and event.tag.replace(dialect.CORE, "!!")
        prefix = " ".join(part for part in (f"&{event.anchor}" if event.anchor else "", tag or "") if part)
        branch = Branch(is_map, bool(event.flow_style), prefix, event.start_mark.index, anchor=event.anchor)
        self._attach(branch, key)
        self._open.append(branch)

    def _attach(self, node: Leaf | Branch, key: Leaf | None) -> None:
        if not self._open:
            self.sheets[-1].root = node
            return
        home = self._open[-1]
        start = self._start(node, key)
        entry = Entry(home, key, node, start, self._column(start), key.value if key else "")
        home.entries.append(entry)
        if isinstance(node, Branch):
            node.owner = entry

    def _start(self, node: Leaf | Branch, key: Leaf | None) -> int:
        """Return where an entry starts: at the key, at the dash, or in flow at the item itself."""
        if key is not None:
            return key.start
        if not self._open or self._open[-1].flow:
            return node.start
        dash: int = self._dashes[bisect.bisect_left(self._dashes, node.start) - 1]
        return dash

    def _column(self, place: int) -> int:
        return place - self.text.rfind("\n", 0, place) - 1
