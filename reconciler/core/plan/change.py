"""Write a change down: what the decisions on the runs of one address come to, as calls, assertions and their price."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from reconciler.core.plan import removal
from reconciler.core.plan.address import Address
from reconciler.core.plan.guards import Losses
from reconciler.core.plan.table import Decision, Verdict
from reconciler.core.runs import labels
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import (
    Run,
    Scope,
    Source,
)
from reconciler.vocabulary.plans import Action, Assertion, Change, FieldChange, Operation


@dataclass(slots=True)
class ChangeBuilder:
    """The change while it is being written."""

    operations: list[Operation] = field(default_factory=list)
    assertions: list[Assertion] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """A run and what the table said of it."""

    run: Run | None
    decision: Decision


_CANNOT_DELETE = "cannot_delete: this API has no delete, the record stays"


def stops(each: Decided) -> bool:
    """Say whether a decision ends an active run, or waits for one that is ending."""
    verdict = each.decision.verdict
    return verdict in (Verdict.CANCEL, Verdict.REPLACE) or bool(
        verdict is Verdict.DELETE and each.run and each.run.active
    )


def operate(builder: ChangeBuilder, each: Decided, *, await_stop: bool) -> None:
    """Append the calls a decision asks for on a live run. With `await_stop` a run that is stopping is waited for."""
    run, verdict, reason = each.run, each.decision.verdict, each.decision.reason
    if run is None:
        return
    if reason == "cannot_delete" and _CANNOT_DELETE not in builder.notes:
        builder.notes.append(_CANNOT_DELETE)
    ends = stops(each)
    if ends or (await_stop and run.phase is Phase.STOPPING):
        builder.operations.append(Operation("cancel", run.resource, reason))
    if verdict is Verdict.DELETE:
        builder.operations.append(Operation("delete", run.resource, reason))
    if ends or verdict is not Verdict.NOOP:
        builder.assertions.append(Assertion(run.resource, exists=True, active=run.active, run=run.run_key))


def change(address: Address, builder: ChangeBuilder, first: Decision, decided: Sequence[Decided]) -> Change:
    """Put the change together: calls in the order they are made, and the action they come to."""
    verbs = {operation.verb for operation in builder.operations}
    live = [each.run for each in decided if each.run]
    scope = (
        address.desired.scope if address.desired else (live[-1].scope if live else Scope(address.stack.default_project))
    )
    source: Source | None = address.desired.source if address.desired else None
    return Change(
        address=address.text,
        scope=scope,
        action=action_of(verbs),
        reason=_reason(first, builder),
        source=source,
        operations=tuple(sorted(builder.operations, key=lambda operation: _ORDER[operation.verb])),
        fields=builder.fields,
        assertions=tuple(builder.assertions) if builder.operations else (),
        notes=(*builder.notes, *removal.notes(address, _settled(builder))),
        start_time=live[-1].since if live else "",
        on_removal=removal.to_record(address),
    )


def _settled(builder: ChangeBuilder) -> frozenset[str]:
    """Return the resources that are gone once the calls are made, or carry the manifest's removal policy."""
    return frozenset(
        each.resource
        for each in builder.operations
        if each.verb == "delete" or (each.verb == "patch" and labels.REMOVAL in each.body["labels"])
    )


_ORDER = {"cancel": 0, "patch": 1, "create": 2, "setIamPolicy": 3, "delete": 4}
"""Deletes come last: one that is refused must not keep a new run from starting."""


def action_of(verbs: Collection[str]) -> Action:
    """Return what the calls of a change come to."""
    if "create" in verbs:
        return Action.REPLACE if "cancel" in verbs else Action.CREATE
    for verb, action in (("cancel", Action.CANCEL), ("delete", Action.DELETE)):
        if verb in verbs:
            return Action.DELETE if "delete" in verbs else action
    return Action.UPDATE if verbs else Action.NOOP


def _reason(first: Decision, builder: ChangeBuilder) -> str:
    """Name the decision the change stands for: the head's, unless only what lies beside it calls anything."""
    if first.verdict is Verdict.NOOP and builder.operations:
        return builder.operations[0].reason
    return first.reason


def losses(address: Address, decided: Sequence[Decided], *, protect: bool) -> Losses:
    """Return what the decisions cost: healing a duplicate is free, and so is waiting for a run that is stopping."""
    cancels, deletes, unwritten, unwritten_deletes = [], [], [], []
    refused = any(each.decision.verdict is Verdict.REFUSE for each in decided)
    for each in decided:
        run, decision = each.run, each.decision
        if run is None:
            continue
        price = f"{address.text} ({run.phase.value.lower()} since {run.since})"
        stops = decision.verdict in (Verdict.CANCEL, Verdict.REPLACE, Verdict.DELETE)
        if stops and run.active and run.phase is not Phase.STOPPING and decision.reason != "duplicate":
            cancels.append(price)
            unwritten.extend([price] if decision.unwritten else [])
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
