"""Which addresses a plan looks at: globs of --select and --exclude, and the addresses that changed. The one place that matches."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Selection:
    """`select` and `exclude` are globs over addresses; no `select` stands for all of them.

    `among` narrows it to these addresses; None where it does not.
    """

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    among: frozenset[str] | None = None

    def picks(self, address: str) -> bool:
        """Say whether an address is within --select and --changed-since and outside --exclude."""
        if self.among is not None and address not in self.among:
            return False
        chosen = not self.select or any(fnmatchcase(address, glob) for glob in self.select)
        return chosen and not any(fnmatchcase(address, glob) for glob in self.exclude)

    def unmatched(self, addresses: Collection[str]) -> Selection:
        """Return the globs that fit none of these addresses: mistyped, they select or spare nothing without a word."""
        return Selection(_unmatched(self.select, addresses), _unmatched(self.exclude, addresses))


EVERYTHING = Selection()


def _unmatched(globs: tuple[str, ...], addresses: Collection[str]) -> tuple[str, ...]:
    return tuple(glob for glob in globs if not any(fnmatchcase(address, glob) for address in addresses))
