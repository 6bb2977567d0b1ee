"""Guess what somebody meant to write. Compares words only; knows no kind and no field."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

CUTOFF = 0.75
_LONGEST = 80
"""Nobody mistypes longer words than this; difflib's time grows with the square of the length."""


def plain(word: str) -> str:
    """Return a word without case, dashes and underscores, so that spellings of one word are equal."""
    return re.sub(r"[-_. ]", "", word).casefold()


def closest(word: str, known: Iterable[str], cutoff: float = CUTOFF) -> str:
    """Return the known word most like `word`, `""` where none is like it. Ties go to the first in order."""
    if not word or len(word) > _LONGEST:
        return ""
    best, best_likeness = "", cutoff
    matcher = SequenceMatcher(None, "", word.casefold(), autojunk=False)
    for candidate in sorted(known):
        if plain(candidate) == plain(word):
            return candidate
        matcher.set_seq1(candidate.casefold())
        if matcher.real_quick_ratio() < best_likeness or matcher.quick_ratio() < best_likeness:
            continue
        likeness = matcher.ratio()
        if likeness > best_likeness or (likeness == best_likeness and not best):
            best, best_likeness = candidate, likeness
    return best


def likeness_of(one: str, other: str) -> float:
    """Return how alike two words are, from 0 to 1, whatever their case."""
    return SequenceMatcher(None, one.casefold(), other.casefold(), autojunk=False).ratio()


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return `Did you mean …?`, or what to say where nothing is alike."""
    found = closest(word, known)
    return f"Did you mean {found}?" if found else otherwise


def listing(words: Iterable[str], most: int = 12) -> str:
    """Write words as a list for a sentence, cut after `most`."""
    ordered = list(words)
    shown = ", ".join(ordered[:most])
    return f"{shown} and {len(ordered) - most} more" if len(ordered) > most else shown
