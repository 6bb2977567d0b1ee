"""Tell a new member of an open enum from a misspelt one: accelerators are added faster than tools are rebuilt."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.core.validate import suggestions

_SHAPE = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_TYPO = 0.85


def misspelt(value: str, known: Sequence[str]) -> str | None:
    """Return the member that was meant, `""` where the value is no member's shape, None where it may well be new.

    `NVIDIA_T4` lacks a word of `NVIDIA_TESLA_T4` and `NVIDIA_TESLA_L4` has one too many for `NVIDIA_L4`; `NVIDIA_B300`
    is as likely new as `NVIDIA_B200` was, since digits tell accelerators apart.
    """
    for member in known:
        if suggestions.plain(member) == suggestions.plain(value):
            return member
    words = set(_words(value))
    related = [member for member in known if words < set(_words(member)) or words > set(_words(member)) != {""}]
    if related:
        return max(
            related, key=lambda member: (len(words & set(_words(member))), suggestions.likeness_of(value, member))
        )
    typo = suggestions.closest(value, known, _TYPO)
    if typo and _digits(typo) == _digits(value):
        return typo
    return None if _SHAPE.match(value) else suggestions.closest(value.upper(), known)


def _words(value: str) -> list[str]:
    return re.sub(r"[-\s]", "_", value).upper().split("_")


def _digits(value: str) -> list[str]:
    return re.findall(r"\d+", value)
