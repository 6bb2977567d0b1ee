"""How deep the brackets of a YAML text nest, counted as text: a library may stop before it tells of any of them.

Looked at only where a text is no YAML, so it never decides what a document means.
"""

from __future__ import annotations

import re

from reconciler.files.reading import MAX_DEPTH

_TOKENS = re.compile(
    r"""(?P<quoted> "(?:[^"\\]|\\.)*+(?:"|\Z) | '(?:[^']|'')*+(?:'|\Z) )
      | (?P<comment> \#[^\n]* )
      | (?P<open> [\[{] )
      | (?P<close> [\]}] )
      | (?P<word> [^\s\[\]{},"'\#:] (?: [^\s\]},:] | :(?![\s\[\]{},]) )* )""",
    re.VERBOSE | re.DOTALL,
)
"""What can begin a bracket, and what can hide one: quoted text, comments, and words that hold one in their middle."""


def too_deep(text: str, end: int) -> tuple[int, int] | None:
    """Return line and column, from 1, of the first bracket before `end` that opens beyond MAX_DEPTH; None for none."""
    depth = 0
    for token in _TOKENS.finditer(text, 0, end):
        if token.lastgroup == "open":
            depth += 1
            if depth > MAX_DEPTH:
                before = text.count("\n", 0, token.start())
                return before + 1, token.start() - text.rfind("\n", 0, token.start())
        elif token.lastgroup == "close":
            depth = max(depth - 1, 0)
    return None
