"""What a plan is made from, as it was read: runs, lists, the ledger; runs sorted once by the address they belong to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.vocabulary.model import Desired, LedgerRun, Run, Stack
from reconciler.vocabulary.plans import ScopeCount
from reconciler.vocabulary.ports import Row

Key = tuple[str, str]
"""(kind, name)"""


@dataclass(frozen=True, slots=True)
class Known:
    """The runs of one address: those that are live, and those that the ledger remembers."""

    runs: tuple[Run, ...] = ()
    past: tuple[LedgerRun, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """The world as it was read: `runs` from complete lists, `full` and `policies` by resource name.

    `addresses` are our own runs by address. `left` are kinds in scopes that the stack was applied to and no longer
    covers, with the active runs of ours that are still there. What a list of either lacks stands in its count.
    """

    runs: tuple[Run, ...]
    scopes: tuple[ScopeCount, ...]
    ledger: tuple[LedgerRun, ...] = ()
    full: Mapping[str, Row] = field(default_factory=dict)
    policies: Mapping[str, Row] = field(default_factory=dict)
    left: tuple[ScopeCount, ...] = ()
    addresses: Mapping[Key, Known] = field(default_factory=dict)


def sort_by_address(
    stack: Stack, desired: Sequence[Desired], runs: Sequence[Run], ledger: Sequence[LedgerRun] = ()
) -> dict[Key, Known]:
    """Sort our own runs by address; a renamed address takes the old one's. Runs of other owners are left out."""
    renames = {(want.kind, want.formerly): (want.kind, want.name) for want in desired if want.formerly}
    live: dict[Key, list[Run]] = defaultdict(list)
    past: dict[Key, list[LedgerRun]] = defaultdict(list)
    for run in runs:
        if stack.owns(run.owner):
            live[renames.get((run.kind, run.name), (run.kind, run.name))].append(run)
    for old in ledger:
        past[renames.get((old.kind, old.name), (old.kind, old.name))].append(old)
    return {key: Known(tuple(live.get(key, ())), tuple(past.get(key, ()))) for key in sorted({*live, *past})}
