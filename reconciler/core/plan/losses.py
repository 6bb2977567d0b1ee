"""What the decisions on the runs of one address destroy, and who wrote that down: what the guards count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.core.plan.address import Address
from reconciler.core.plan.table import Decision, Verdict
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import Run


@dataclass(frozen=True, slots=True)
class Losses:
    """What the changes of one address would cost. Names are for messages: `CustomJob/a (running since …)`.

    `cancels` and `deletes` count against the limits; `unwritten` and `unwritten_deletes` are those of them that no
    policy wrote down.
    """

    cancels: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    unwritten: tuple[str, ...] = ()
    unwritten_deletes: tuple[str, ...] = ()
    protected: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """A run and what the table said of it."""

    run: Run | None
    decision: Decision


def stops(each: Decided) -> bool:
    """Say whether a decision ends an active run, or waits for one that is ending."""
    verdict = each.decision.verdict
    return verdict in (Verdict.CANCEL, Verdict.REPLACE) or bool(
        verdict is Verdict.DELETE and each.run and each.run.active
    )


def of(address: Address, decided: Sequence[Decided], *, protect: bool) -> Losses:
    """Return what the decisions cost: healing a duplicate is free, and so is waiting for a run that is stopping."""
    cancels, deletes, unwritten, unwritten_deletes = [], [], [], []
    refused = any(each.decision.verdict is Verdict.REFUSE for each in decided)
    for each in decided:
        run, decision = each.run, each.decision
        if run is None:
            continue
        name = f"{address.text} ({run.phase.value.lower()} since {run.since})"
        ended = decision.verdict in (Verdict.CANCEL, Verdict.REPLACE, Verdict.DELETE)
        if ended and run.active and run.phase is not Phase.STOPPING and decision.reason != "duplicate":
            cancels.append(name)
            unwritten.extend([name] if decision.unwritten else [])
        if decision.verdict is Verdict.DELETE:
            deletes.append(f"{address.text} ({run.resource.rsplit('/', 1)[-1]})")
            unwritten_deletes.extend([deletes[-1]] if decision.unwritten else [])
    replaced = any(each.run and each.decision.verdict is Verdict.REPLACE for each in decided)
    touches = protect and (cancels or deletes or replaced)
    return Losses(
        cancels=tuple(cancels),
        deletes=tuple(deletes),
        unwritten=tuple(unwritten),
        unwritten_deletes=tuple(unwritten_deletes),
        protected=f"{address.text} has lifecycle.protect: no plan may cancel, delete or replace it" if touches else "",
        refused=f"{address.text} is active, its spec changed, and lifecycle.onChange is refuse" if refused else "",
    )
