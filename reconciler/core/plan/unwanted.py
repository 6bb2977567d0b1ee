"""An address that shall not run: cancelled, absent, or in no manifest any more. Every run is decided by itself."""

from __future__ import annotations

from reconciler.core.plan import losses, removal, table
from reconciler.core.plan.address import Address, Destroy
from reconciler.core.plan.change import ChangeBuilder
from reconciler.core.plan.losses import Decided, Losses
from reconciler.core.plan.table import Decision, Situation, Verdict, Wanted
from reconciler.core.runs import heads
from reconciler.vocabulary.kinds import Verb
from reconciler.vocabulary.model import DesiredState, Removal
from reconciler.vocabulary.plans import Action, Change

_WANTED = {
    DesiredState.PRESENT: Wanted.PRESENT,
    DesiredState.CANCELLED: Wanted.CANCELLED,
    DesiredState.ABSENT: Wanted.ABSENT,
}


def build(address: Address) -> tuple[Change, Losses]:
    """Return the change of an address all of whose runs are to go, as far as their policies say."""
    wanted = _WANTED[address.desired.lifecycle.desired] if address.desired else Wanted.NOTHING
    last = removal.recorded(address)
    decided = []
    for run in heads.order(address.runs):
        policy = removal.policy(run, address, last)
        case = Situation(
            wanted=wanted,
            phase=run.phase,
            removal=_destroying(policy, address.destroy),
            can_delete=address.kind.can(Verb.DELETE),
            marked=run.marked,
        )
        decided.append(Decided(run, _priced(table.decide(case), policy, address.destroy)))
    if not decided:
        decided.append(Decided(None, table.decide(Situation(wanted=wanted, live=False))))
    builder = ChangeBuilder()
    for each in decided:
        builder.operate(each, await_stop=False)
    # the first in the order of printing: a cancel says more of an address than a delete, and both more than nothing
    first = min(decided, key=lambda each: (Action(each.decision.verdict).rank, _marked(each))).decision
    protect = bool(address.desired and address.desired.lifecycle.protect)
    return builder.finish(address, first, decided), losses.of(address, decided, protect=protect)


def _marked(each: Decided) -> bool:
    """Say whether a run carries our labels: of runs that nothing is done with, one that lost them says most."""
    return each.run is None or each.run.marked


def _destroying(policy: Removal, destroy: Destroy | None) -> Removal:
    """`destroy` leaves what is to be kept, cancels the rest, and deletes records only where that was asked for."""
    if destroy is None or policy is Removal.KEEP:
        return policy
    if destroy.records:
        return Removal.DELETE
    return Removal.CANCEL if policy is Removal.DELETE else policy


def _priced(decision: Decision, policy: Removal, destroy: Destroy | None) -> Decision:
    """Mark a delete that only `destroy --delete` asks for as unwritten: it needs its number."""
    unwritten = decision.verdict is Verdict.DELETE and destroy is not None and policy is not Removal.DELETE
    return Decision(decision.verdict, decision.reason, unwritten=True) if unwritten else decision
