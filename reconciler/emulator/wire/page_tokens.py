"""Page sizes and page tokens of lists: a token is bound to the list it came from. It reads no jobs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.emulator.wire.replies import Refusal

Position = tuple[int, str]
"""The last row of a page: its update time in microseconds and its id."""

_NUMBER = re.compile(r"(?:-?[0-9]{1,10})?")

START: Position = (2**63 - 1, "-")
"""The position before every row."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows on a page where none are asked for, and at most."""

    default: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Page:
    """What one list call asks for: at most `size` rows after a position. `binding` ties its tokens to the list.

    `empty` counts the pages without rows that led here, so that no two tokens of one list are the same.
    """

    size: int
    after: Position | None
    binding: str
    empty: int = 0

    def token(self, position: Position) -> str:
        """Write the token of the page after a position."""
        return self._token([self.binding, *position])

    def empty_token(self) -> str:
        """Write the token of a page without rows: it goes on where this one stood."""
        return self._token([self.binding, *(self.after or START), self.empty + 1])

    def _token(self, parts: list[str | int]) -> str:
        text = json.dumps(parts, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def asked(query: Mapping[str, str], sizes: Sizes, *bound: str) -> Page:
    """Read `pageSize` and `pageToken`; `bound` is all that must be equal between pages (AIP-158)."""
    binding = hashlib.sha256("\n".join(bound).encode()).hexdigest()[:12]
    token = query.get("pageToken", "")
    size = _size(query.get("pageSize", ""), sizes)
    if not token:
        return Page(size, None, binding)
    position, empty = _position(token, binding)
    return Page(size, position, binding, empty)


def _size(text: str, sizes: Sizes) -> int:
    size = int(text or "0") if _NUMBER.fullmatch(text) else 2**31
    if not -(2**31) <= size < 2**31:
        where = f"Invalid value at 'page_size' (TYPE_INT32), \"{text}\""
        raise Refusal("INVALID_ARGUMENT", where, [("page_size", where)])
    if size < 0:
        raise Refusal("INVALID_ARGUMENT", f"The page size must not be negative, got {size}.")
    return min(size or sizes.default, sizes.maximum)


def _position(token: str, binding: str) -> tuple[Position, int]:
    try:
        found, updated, job, *more = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        position, readable = (int(updated), str(job)), bool(str(job).encode())
        empty = int(more[0]) if more else 0
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Refusal("INVALID_ARGUMENT", "The page token is invalid.") from error
    if not readable or not 0 <= position[0] < 2**63 or found != binding:
        why = "parent, filter and mask must be as on the first page"
        raise Refusal("INVALID_ARGUMENT", f"The page token is invalid: {why}.")
    return position, empty
