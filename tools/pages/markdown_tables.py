"""Write Markdown tables for the generated pages. Knows no meaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are single lines of Markdown."""
    lines = [_line(header), _line(["---"] * len(header)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def code(text: str) -> str:
    """Set a value as code, nothing for an empty one."""
    return f"`{text}`" if text else ""


def cell(text: str) -> str:
    """Make foreign text safe in a cell: one line, no bars, no tags."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
