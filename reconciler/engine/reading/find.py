"""Find the run of an address: the one answer for every command that names an address. Knows renames and healed duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.core.plan import build, by_address
from reconciler.core.plan.address import Address, gather
from reconciler.core.plan.observed import Observed
from reconciler.core.runs import heads
from reconciler.engine.reading import observe
from reconciler.engine.world import World
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kinds
from reconciler.vocabulary.model import Desired, LedgerRun, Run, Stack, address_of

_NAMED = 10
"""Addresses that an error names."""


@dataclass(frozen=True, slots=True)
class Found:
    """The runs of one address from oldest to newest, live and remembered, and the live one that stands for it, if any."""

    address: str
    runs: tuple[Run, ...]
    past: tuple[LedgerRun, ...]
    run: Run | None

    @property
    def live(self) -> Run:
        """The run that stands for the address. Raises errors.InputError where none is live."""
        if self.run is None:
            raise errors.InputError(f"{self.address} has no live run", "`reconciler apply` starts one")
        return self.run


def find(world: World, stack: Stack, desired: Sequence[Desired], address: str) -> Found:
    """Look at the live jobs and return what an address has.

    Raises errors.InputError for an unknown address, errors.PlanBlocked where a list is known to lack something.
    """
    observed = observe.observe(world, stack, desired)
    gaps = build.incomplete(observed)
    if gaps:
        raise errors.PlanBlocked("; ".join(f"{gap.rule}: {gap.message}" for gap in gaps))
    return among(stack, world.kinds, desired, observed, (address,))[0]


def among(
    stack: Stack, kinds: Kinds, desired: Sequence[Desired], observed: Observed, addresses: Sequence[str] = ()
) -> tuple[Found, ...]:
    """Return what some addresses have, in the order of addresses, or every one where none is named.

    Raises errors.InputError for the first that is unknown.
    """
    known = {each.text: each for each in gather(stack, kinds, desired, observed)}
    for address in addresses:
        if address not in known:
            raise _unknown(address, known, desired)
    return tuple(_found(each) for text, each in known.items() if not addresses or text in addresses)


def _found(address: Address) -> Found:
    return Found(address.text, heads.order(address.runs), address.past, by_address.standing_run(address))


def _unknown(address: str, known: dict[str, Address], desired: Sequence[Desired]) -> errors.InputError:
    now = {address_of(want.kind, want.formerly): want.address for want in desired if want.formerly}
    if address in now:
        return errors.InputError(f"{address} was renamed", f"its runs belong to {now[address]}")
    hint = f"there are: {', '.join([*known][:_NAMED])}" if known else "the stack has no manifest and no run"
    return errors.InputError(f"{address} is no address of this stack", hint)
