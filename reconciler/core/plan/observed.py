"""What a plan is made from, as it was read: runs, lists, the ledger; runs sorted by the address they stand for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.vocabulary.model import Desired, LedgerRun, Run, Stack
from reconciler.vocabulary.plans import ScopeCount
from reconciler.vocabulary.ports import Row


@dataclass(frozen=True, slots=True)
class Observed:
    """The world as it was read: `runs` from complete lists, `full` and `policies` by resource name.

    `left` are places the stack was applied to and no longer covers, with the active runs of ours that are still there.
    What a list of either lacks stands in its count.
    """

    runs: tuple[Run, ...]
    scopes: tuple[ScopeCount, ...]
    ledger: tuple[LedgerRun, ...] = ()
    full: Mapping[str, Row] = field(default_factory=dict)
    policies: Mapping[str, Row] = field(default_factory=dict)
    left: tuple[ScopeCount, ...] = ()


Key = tuple[str, str]
"""(kind, name)"""


def renames(desired: Sequence[Desired]) -> dict[Key, Key]:
    """Map the old (kind, name) of every renamed manifest to its new one."""
    return {(want.kind, want.formerly): (want.kind, want.name) for want in desired if want.formerly}


def group(runs: Sequence[Run], stack: Stack, moved: Mapping[Key, Key]) -> dict[Key, list[Run]]:
    """Sort our own runs by address; a renamed address takes the old one's runs. Foreign runs are left out."""
    grouped: dict[Key, list[Run]] = defaultdict(list)
    for run in runs:
        if stack.owns(run.owner):
            key = (run.kind, run.name)
            grouped[moved.get(key, key)].append(run)
    return grouped
