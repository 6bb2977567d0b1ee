"""The two sides of a field change line against line, with what differs inside a line marked. Knows no markup."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Any

from reconciler.core.spec import secrets
from reconciler.renderers import escape, values
from reconciler.vocabulary.plans import ABSENT, FieldChange

_TOKEN = re.compile(r"\w+|\W")
_CONTEXT = 3
"""Equal lines shown beside a difference, as unified diffs have it."""
_MOST_PAIRS = 250_000
"""Lines of one side times lines of the other: beyond, matching them would take longer than reading them."""


class Mark(StrEnum):
    """How a piece of a line is to be shown."""

    SAME = "same"
    CHANGED = "changed"
    ABSENT = "absent"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line; ABSENT and WITHHELD stand for a value that is not there or must not be shown."""

    text: str
    mark: Mark = Mark.SAME


Side = tuple[Piece, ...]
"""One line of one side; empty where the other side alone has this line."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of both sides. `gap` counts equal lines that are left out here; such a line has no sides."""

    before: Side = ()
    after: Side = ()
    gap: int = 0

    @property
    def same(self) -> bool:
        """True where both sides agree; what is withheld stands in a field that differs, so it does not."""
        withheld = any(piece.mark is Mark.WITHHELD for piece in self.before)
        return not self.gap and not withheld and self.before == self.after


def lines(field: FieldChange) -> tuple[Line, ...]:
    """Return a field's two sides aligned; secrets are words, long runs of equal lines are gaps."""
    before, after = _spell(field.before, field), _spell(field.after, field)
    if isinstance(before, Piece) or isinstance(after, Piece):
        return tuple(Line(old, new) for old, new in zip_longest(_whole(before), _whole(after), fillvalue=()))
    return tuple(_fold(list(_align(before, after))))


def _spell(value: Any, field: FieldChange) -> Piece | list[str]:
    """Return a value's lines as JSON, lists and mappings one item a line; a word where there is nothing to show.

    Lines end without a comma: an item that became the last one would differ by it alone.
    """
    if value is ABSENT:
        return Piece(values.NOT_SET, Mark.ABSENT)
    safe = values.withheld(value, field)
    if safe == secrets.SENSITIVE:
        return Piece(secrets.SENSITIVE, Mark.WITHHELD)
    if safe and isinstance(safe, (dict, list)):
        return [line.removesuffix(",") for line in escape.json_text(safe).splitlines()]
    return [escape.json_line(safe)]


def _whole(side: Piece | list[str]) -> list[Side]:
    return [(side,)] if isinstance(side, Piece) else [(Piece(text),) for text in side]


def _align(before: Sequence[str], after: Sequence[str]) -> Iterator[Line]:
    if len(before) * len(after) > _MOST_PAIRS:
        yield from (_pair(old, new) for old, new in zip_longest(before, after))
        return
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for _, start, end, start_after, end_after in matcher.get_opcodes():
        yield from (_pair(old, new) for old, new in zip_longest(before[start:end], after[start_after:end_after]))


def _pair(before: str | None, after: str | None) -> Line:
    if before is None or after is None:
        return Line(_side(before), _side(after))
    return Line(*_marked(before, after))


def _side(text: str | None) -> Side:
    return () if text is None else (Piece(text),)


def _marked(before: str, after: str) -> tuple[Side, Side]:
    """Mark what lies between the words both lines begin with and those both end with."""
    if before == after:
        return (Piece(before),), (Piece(after),)
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    shorter = min(len(old), len(new))
    head = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    tail = next((at for at in range(shorter - head) if old[-1 - at] != new[-1 - at]), shorter - head)
    return _cut(old, head, tail), _cut(new, head, tail)


def _cut(tokens: Sequence[str], head: int, tail: int) -> Side:
    end = len(tokens) - tail
    parts = ((tokens[:head], Mark.SAME), (tokens[head:end], Mark.CHANGED), (tokens[end:], Mark.SAME))
    return tuple(Piece("".join(part), mark) for part, mark in parts if part)


def _fold(aligned: Sequence[Line]) -> Iterator[Line]:
    """Leave out equal lines that are further than _CONTEXT from every difference, where that saves more than one.

    Where only what is withheld differs, no line does: then all are shown.
    """
    near = {
        close
        for at, line in enumerate(aligned)
        if not line.same
        for close in range(at - _CONTEXT, at + _CONTEXT + 1)
    }  # fmt: skip
    at = 0
    while at < len(aligned):
        end = at
        while end < len(aligned) and end not in near:
            end += 1
        if end - at > 1 and near:
            yield Line(gap=end - at)
        else:
            yield from aligned[at:end]
        if end < len(aligned):
            yield aligned[end]
        at = end + 1
