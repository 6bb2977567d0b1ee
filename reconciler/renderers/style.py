"""How a rendering may look: colour, width, and how much is folded. Asks no terminal; whoever calls has done that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Style:
    """What the reader's side can show. `width` is in columns and 0 means that nothing is wrapped.

    `verbose` folds nothing: every field, every call and every request body is written out.
    """

    color: bool = False
    width: int = 0
    verbose: bool = False


class Hue(StrEnum):
    """The few colours there are, by their ANSI code (ECMA-48 SGR)."""

    PLAIN = ""
    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"


def paint(text: str, hue: Hue, style: Style) -> str:
    """Colour text that was made visible before; without colour, or for PLAIN, the text stays as it is."""
    return f"\x1b[{hue.value}m{text}\x1b[0m" if style.color and hue.value else text
