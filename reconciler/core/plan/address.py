"""Everything known of one address before anything is decided about it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.vocabulary.kinds import Kind
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
    """Everything known of one address. `full` holds the resources that were fetched to be compared, by name."""

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
