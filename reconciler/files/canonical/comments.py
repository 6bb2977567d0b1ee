"""Give every comment and blank line of a file to what it belongs to. Knows places and columns, not manifests.

A comment on a line of its own belongs to what follows it, unless it is indented deeper: then it closes the block above.
A comment at the end of a line belongs to that line. Comments above the first key of a document are the document's.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.files.canonical import tree
from reconciler.files.canonical.tree import Branch, Entry, Leaf, Sheet, entries

_COMMENT = re.compile(r"(?:^|(?<=[ \t\n]))#[^\n]*")


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment: `text` from its # on, with the spaces before it where it ends a line of something else."""

    text: str
    place: int
    column: int
    alone: bool
    after_blank: bool


def attach(text: str, sheets: list[Sheet]) -> None:
    """Hang the comments and blank lines of `text` on the entries of its sheets."""
    leaves = [leaf for sheet in sheets for leaf in _leaves(sheet.root)]
    remarks = list(_find(text, leaves))
    marks = [sheet.mark for sheet in sheets]
    if not sheets:
        return
    for number, sheet in enumerate(sheets):
        end = marks[number + 1] if number + 1 < len(marks) else len(text) + 1
        start = marks[number] if number else -1
        _Keeper(text, sheet, leaves).take([remark for remark in remarks if start <= remark.place < end])


def _leaves(node: Leaf | Branch | None) -> Iterator[Leaf]:
    if isinstance(node, Leaf):
        yield node
    elif node is not None:
        for entry in node.entries:
            if entry.key is not None:
                yield entry.key
            yield from _leaves(entry.value)


def _find(text: str, leaves: list[Leaf]) -> Iterator[Remark]:
    """Yield the comments in the gaps between scalars, where a # after a space can be nothing else."""
    done = 0
    for start, end in [*((leaf.start, leaf.end) for leaf in leaves), (len(text), len(text))]:
        for found in _COMMENT.finditer(text, done, max(start, done)):
            place = found.start()
            line = text.rfind("\n", 0, place) + 1
            before = text[line:place]
            alone = not before.strip()
            spaces = "" if alone else before[len(before.rstrip()) :].replace("\t", " ")
            above = text[text.rfind("\n", 0, max(line - 1, 0)) + 1 : max(line - 1, 0)]
            blank = alone and line > 0 and not above.strip() and line - 1 >= done
            yield Remark(spaces + found[0].rstrip(), place, place - line, alone, blank)
        done = max(done, end)


class _Keeper:
    """Hangs the comments of one document."""

    def __init__(self, text: str, sheet: Sheet, leaves: list[Leaf]) -> None:
        self._text = text
        self._sheet = sheet
        self._entries = list(entries(sheet.root))
        self._starts = [entry.start for entry in self._entries]
        self._flows = [each.value for each in self._entries if isinstance(each.value, Branch) and each.value.was_flow]
        if isinstance(sheet.root, Branch) and sheet.root.was_flow:
            self._flows.insert(0, sheet.root)
        self._ends = sorted(leaf.end for leaf in leaves)
        self._gap: tuple[int, int] = (-1, 0)

    def take(self, remarks: list[Remark]) -> None:
        """Hang every comment, then the blank lines above entries."""
        for remark in remarks:
            if remark.alone:
                target = self._home(remark)
                target.extend(["", remark.text] if remark.after_blank else [remark.text])
            else:
                self._end_of_line(remark)
        for number, entry in enumerate(self._entries):
            if self._under_blank(entry):
                (entry.before if number else self._sheet.head).append("")

    def _home(self, remark: Remark) -> list[str]:
        """Choose what a comment on a line of its own belongs to."""
        at = bisect.bisect_left(self._starts, remark.place)
        if at == 0:
            return self._sheet.lead if self._sheet.explicit and remark.place < self._sheet.mark else self._sheet.head
        entry = self._entries[at - 1]
        following = self._entries[at] if at < len(self._entries) else None
        inside_flow = [flow for flow in self._flows if flow.start < remark.place < flow.end]
        if entry.value.start > remark.place and not _is_block(entry.value):
            return entry.before
        if inside_flow and not inside_flow[-1].entries:
            return entry.before
        if inside_flow:
            later = [each for each in inside_flow[-1].entries if each.start > remark.place]
            return later[0].before if later else inside_flow[-1].trailing
        return self._by_column(remark, at, entry, following)

    def _by_column(self, remark: Remark, at: int, entry: Entry, following: Entry | None) -> list[str]:
        """Choose between the entry below and the blocks that end here; what left a block does not enter it again."""
        closed = list(_closed(entry, following))
        level = self._gap[1] if self._gap[0] == at else 0
        open_ = closed[level:]
        fitting = [branch for branch in open_ if branch.column <= remark.column]
        if following is not None and (remark.column <= following.column or not fitting):
            self._gap = (at, len(closed))
            return following.before
        if not fitting:
            return closed[-1].trailing
        deepest = max(branch.column for branch in fitting)
        chosen = [branch for branch in fitting if branch.column == deepest][-1]
        self._gap = (at, closed.index(chosen))
        return chosen.trailing

    def _end_of_line(self, remark: Remark) -> None:
        """Hang a comment at the end of a line."""
        at = bisect.bisect_left(self._starts, remark.place)
        if at == 0:
            if self._sheet.explicit and remark.place > self._sheet.mark and not self._sheet.marker_comment:
                self._sheet.marker_comment = remark.text
            else:
                self._sheet.head.append(remark.text.lstrip())
            return
        entry = self._entries[at - 1]
        while entry.home.was_flow and entry.home.end <= remark.place and entry.home.owner is not None:
            entry = entry.home.owner
        if _is_block(entry.value) or (isinstance(entry.value, Branch) and entry.value.was_flow and entry.value.entries):
            if not entry.head:
                entry.head = remark.text
                return
        elif not entry.after:
            entry.after = remark.text
            return
        entry.before.append(remark.text.lstrip())

    def _under_blank(self, entry: Entry) -> bool:
        """Say whether an entry starts its line and a blank line, not one of a text, stands above it."""
        line = self._text.rfind("\n", 0, entry.start) + 1
        if line == 0 or self._text[line : entry.start].strip():
            return False
        above = self._text.rfind("\n", 0, line - 1) + 1
        if self._text[above : line - 1].strip():
            return False
        last = bisect.bisect_right(self._ends, entry.start) - 1
        return last < 0 or self._ends[last] <= above


def _is_block(node: Leaf | Branch) -> bool:
    return isinstance(node, Branch) and not node.flow and not node.was_flow


def _closed(entry: Entry, following: Entry | None) -> Iterator[Branch]:
    """Yield the block collections that end between two neighbours, the innermost first."""
    if _is_block(entry.value):
        return
    branch: Branch | None = entry.home
    while branch is not None and (following is None or branch is not following.home):
        if not branch.was_flow:
            yield branch
        branch = branch.owner.home if branch.owner is not None else None


def texts(text: str) -> list[str]:
    """Return the comments of a YAML text in order, without the spaces around them; those of block headers too."""
    leaves = [leaf for sheet in tree.grow(text) for leaf in _leaves(sheet.root)]
    behind = [head for leaf in leaves for head in _COMMENT.findall(leaf.text.split("\n", 1)[0]) if leaf.is_block]
    return [*(remark.text.strip() for remark in _find(text, leaves)), *(head.rstrip() for head in behind)]
