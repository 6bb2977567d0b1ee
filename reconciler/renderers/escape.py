"""Keep hostile text text: the one place where control characters, Markdown and HTML are made harmless.

Names, values and error texts come from manifests and servers. They may hold anything; what is written never does.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from typing import Any

_BEYOND_ASCII = re.compile(r"[^ -~]")
_BEYOND_JSON = re.compile(r"[^ -~\n]")
"""A newline in what json.dumps wrote is layout: inside strings it is escaped already."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that steer instead of showing: controls (C0, C1, DEL), format characters (bidi overrides and
isolates, zero-width joiners, tags), lone surrogates, line and paragraph separators."""
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BACKTICKS = re.compile(r"`+")


def visible(text: str) -> str:
    r"""Return one line where every character that would steer a terminal or a page is an escape (`\u202e`)."""
    return _BEYOND_ASCII.sub(lambda found: _SHORT.get(found[0]) or _shown(found[0]), text)


def json_line(value: Any) -> str:
    """Write a JSON value on one line with sorted keys and nothing unseen in it."""
    return visible(json.dumps(value, sort_keys=True, ensure_ascii=False))


def json_text(value: Any) -> str:
    """Write a JSON document: sorted keys, two-space indent, a newline at the end, unseen characters escaped.

    Reading it back gives the same value, since such characters can stand nowhere but inside strings.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2)
    return _BEYOND_JSON.sub(lambda found: _shown(found[0]), text) + "\n"


def _shown(char: str) -> str:
    if unicodedata.category(char) not in _UNSEEN:
        return char
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


def shorten(text: str, limit: int) -> str:
    """Cut the middle out of a text over `limit` characters and say how many are missing; both ends often tell."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}…[{len(text) - 2 * half} characters]…{text[-half:]}"


def code(text: str) -> str:
    """Return a Markdown code span that shows exactly this text.

    Inside a code span nothing is markup to GitHub: no HTML, link, @mention, #reference or formula. Backticks alone
    could break out, so the fence is longer than any run of them (CommonMark 0.31, section 6.1).
    """
    shown = visible(text)
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(shown)), default=0) + 1)
    if not shown.strip(" "):
        return f"`{shown or ' '}`"
    edged = shown[0] in "` " or shown[-1] in "` "  # one space at each edge is taken off by the reader
    return f"{fence} {shown} {fence}" if edged else f"{fence}{shown}{fence}"


def cell(text: str) -> str:
    r"""Return a code span for a table, where a pipe ends the cell even inside code unless written `\|` (GFM 4.10)."""
    return code(text).replace("|", "\\|")


def html_code(text: str) -> str:
    """Return a `<code>` element for places that are raw HTML; GitHub looks for no mention inside one."""
    return f"<code>{html.escape(visible(text))}</code>"
