"""One address, one change: what the manifests want decides which rules are asked."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.plan import unwanted, wanted
from reconciler.core.plan.address import Address, Destroy
from reconciler.core.plan.guards import Losses
from reconciler.core.runs import heads
from reconciler.vocabulary.model import (
    Desired,
    DesiredState,
    Run,
)
from reconciler.vocabulary.plans import Change

__all__ = ["Address", "Destroy", "build", "to_compare"]


def to_compare(desired: Desired, runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return the runs whose label cannot settle whether their spec is the manifest's: they have to be fetched."""
    if desired.lifecycle.desired is not DesiredState.PRESENT:
        return ()
    return tuple(run for run in heads.candidates(runs) if run.fingerprint != desired.fingerprint)


def build(address: Address) -> tuple[Change, Losses]:
    """Return the change of one address and what it costs."""
    if address.desired and address.desired.lifecycle.desired is DesiredState.PRESENT:
        return wanted.build(address, address.desired)
    return unwanted.build(address)
