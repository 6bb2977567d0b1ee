"""One address, one change: what the manifests want decides which rules are asked."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.plan import unwanted, wanted
from reconciler.core.plan.address import Address
from reconciler.core.plan.losses import Losses
from reconciler.core.runs import heads
from reconciler.vocabulary.model import (
    Desired,
    DesiredState,
    Run,
)
from reconciler.vocabulary.plans import Change


def to_compare(desired: Desired, runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return the runs whose label cannot settle whether their spec is the manifest's: they have to be fetched."""
    if desired.lifecycle.desired is not DesiredState.PRESENT:
        return ()
    return tuple(run for run in heads.candidates(runs) if run.fingerprint != desired.fingerprint)


def decide(addresses: Sequence[Address]) -> list[tuple[Change, Losses]]:
    """Return the change of each address of a slice and what it costs, in order. Pure: any process may do its slice."""
    return [build(address) for address in addresses]


def build(address: Address) -> tuple[Change, Losses]:
    """Return the change of one address and what it costs."""
    if address.desired and address.desired.lifecycle.desired is DesiredState.PRESENT:
        return wanted.build(address, address.desired)
    return unwanted.build(address)


def standing_run(address: Address) -> Run | None:
    """Return the live run that stands for an address, None where there is none.

    Of an address that is wanted it is the head; of any other the newest that is no healed duplicate.
    """
    if address.desired and address.desired.lifecycle.desired is DesiredState.PRESENT:
        head = wanted.head_of(address, address.desired).run
        if head is not None:
            return head
    return next(reversed(heads.standing(heads.order(address.runs))), None)
