"""Text in columns and wrapped sentences, with characters that take two columns or none counted as a terminal does."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence


def width_of(text: str) -> int:
    """Return how many terminal columns a text takes (UAX #11: wide and full-width take two, combining marks none)."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def pad(text: str, width: int) -> str:
    """Fill a text with spaces up to `width` columns; a longer one stays whole."""
    return text + " " * (width - width_of(text))


def align(rows: Sequence[Sequence[str]], most: int = 60) -> list[str]:
    """Return rows as lines whose cells stand under one another. No column is padded beyond `most`."""
    if not rows:
        return []
    widths = [min(most, max(width_of(row[at]) for row in rows)) for at in range(len(rows[0]))]
    return ["  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def wrap(text: str, width: int, indent: str) -> list[str]:
    """Break a sentence into lines of `width` columns, all indented; 0 leaves it on one line. Words stay whole."""
    if width <= len(indent) + 20:
        return [indent + text]
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [indent]
