"""Which addresses a plan looks at: globs of --select and --exclude, and the addresses that changed. The one place that matches."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

from reconciler.vocabulary import errors
from reconciler.vocabulary.plans import Part

_NAMED = 10
"""Addresses that an error names before it counts the rest."""


@dataclass(frozen=True, slots=True)
class Selection:
    """`select` and `exclude` are globs over addresses; no `select` stands for all of them.

    `among` narrows it to the addresses that changed since the Git ref `changed_since`; None where it does not.
    """

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    among: frozenset[str] | None = None
    changed_since: str = ""

    @property
    def part(self) -> Part | None:
        """What a plan says of how it was narrowed, None where it looks at every address. The order given is no matter."""
        since = self.changed_since if self.among is not None else ""
        if not (self.select or self.exclude or since):
            return None
        return Part(tuple(sorted({*self.select})), tuple(sorted({*self.exclude})), since)

    def picks(self, address: str) -> bool:
        """Say whether an address is within --select and --changed-since and outside --exclude."""
        if self.among is not None and address not in self.among:
            return False
        chosen = not self.select or any(fnmatchcase(address, glob) for glob in self.select)
        return chosen and not any(fnmatchcase(address, glob) for glob in self.exclude)

    def require_matched(self, addresses: Collection[str]) -> None:
        """Raise errors.InputError where a glob fits none of these addresses: mistyped, it selects or spares nothing."""
        flags = (("--select", self.select), ("--exclude", self.exclude))
        wrong = [f"{flag} {glob}" for flag, globs in flags for glob in _unmatched(globs, addresses)]
        if wrong:
            verb = "matches" if len(wrong) == 1 else "match"
            raise errors.InputError(f"{' and '.join(wrong)} {verb} no address of this stack", _known(addresses))


EVERYTHING = Selection()


def _unmatched(globs: tuple[str, ...], addresses: Collection[str]) -> tuple[str, ...]:
    return tuple(glob for glob in globs if not any(fnmatchcase(address, glob) for address in addresses))


def _known(addresses: Collection[str]) -> str:
    if not addresses:
        return "this stack has no manifest and no run; leave the flag out"
    more = f" and {len(addresses) - _NAMED} more" if len(addresses) > _NAMED else ""
    return f"an address has the form Kind/name; there are {', '.join(sorted(addresses)[:_NAMED])}{more}"
