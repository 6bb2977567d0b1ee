"""Everything known of one address before anything is decided about it. Values only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.core.plan.observed import Known, Observed
from reconciler.vocabulary.kinds import Kind, Kinds
from reconciler.vocabulary.model import (
    Desired,
    LedgerRun,
    Removal,
    Run,
    Stack,
    address_of,
)
from reconciler.vocabulary.ports import Row


@dataclass(frozen=True, slots=True)
class Destroy:
    """What `destroy` asks for: cancel what is active and, where `records` is set, delete what is left.

    `policies` are the removal policies of today's manifests by address: protection written after a run started holds.
    """

    records: bool = False
    policies: Mapping[str, Removal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Address:
    """Everything known of one address, and nothing of any other: a value that a decision can be taken from anywhere.

    `full` holds those of its runs that were fetched to be compared, `policies` the IAM policies that were read, by
    resource name.
    """

    stack: Stack
    kind: Kind
    name: str
    desired: Desired | None
    runs: tuple[Run, ...]
    past: tuple[LedgerRun, ...]
    full: Mapping[str, Row]
    policies: Mapping[str, Row]
    rerun: bool = False
    destroy: Destroy | None = None

    @property
    def text(self) -> str:
        """`Kind/name`."""
        return address_of(self.kind.name, self.name)


def gather(
    stack: Stack,
    kinds: Kinds,
    desired: Sequence[Desired],
    observed: Observed,
    rerun: Collection[str] = (),
    destroy: Destroy | None = None,
) -> tuple[Address, ...]:
    """Return every address that a manifest names or a live run of ours belongs to, in order, each with its own share."""
    wanted = {(want.kind, want.name): want for want in desired}
    keys = sorted({*wanted, *(key for key, known in observed.addresses.items() if known.runs)})
    return tuple(
        Address(
            stack=stack,
            kind=kinds[kind],
            name=name,
            desired=wanted.get((kind, name)),
            runs=known.runs,
            past=known.past,
            full=_share(observed.full, known),
            policies=_share(observed.policies, known),
            rerun=address_of(kind, name) in rerun,
            destroy=destroy,
        )
        for kind, name in keys
        for known in (observed.addresses.get((kind, name), Known()),)
    )


def _share(rows: Mapping[str, Row], known: Known) -> dict[str, Row]:
    return {run.resource: rows[run.resource] for run in known.runs if run.resource in rows}
