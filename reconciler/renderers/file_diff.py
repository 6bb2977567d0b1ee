"""What changed between two texts of one file, as a unified diff."""

from __future__ import annotations

import difflib

from reconciler.renderers import escape
from reconciler.renderers.style import Hue, Style, paint


def unified(name: str, before: str, after: str, style: Style) -> str:
    """Return the diff; what the file holds steers no terminal."""
    names = (f"a/{name}", f"b/{name}")
    lines = difflib.unified_diff(_lines(before), _lines(after), *names, lineterm="")
    hues = {"+": Hue.GREEN, "-": Hue.RED}
    return "\n".join(paint(escape.visible(line), hues.get(line[:1], Hue.PLAIN), style) for line in lines)


def _lines(text: str) -> list[str]:
    """Split at line feeds alone, so that a diff shows other line ends too."""
    *lines, rest = text.split("\n")
    return [*lines, rest, "\\ No newline at end of file"] if rest else lines
