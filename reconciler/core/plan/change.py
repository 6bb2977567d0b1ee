"""Write a change down: what the decisions on the runs of one address come to, as calls, assertions and their price."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from reconciler.core.plan import removal
from reconciler.core.plan.address import Address
from reconciler.core.plan.guards import Toll
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
class Draft:
    """The change while it is being written."""

    operations: list[Operation] = field(default_factory=list)
    assertions: list[Assertion] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A run and what the table said of it."""

    run: Run | None
    decision: Decision


_CANNOT_DELETE = "cannot_delete: this API has no delete, the record stays"


def stops(each: Judged) -> bool:
    """Say whether a decision ends an active run, or waits for one that is ending."""
    verdict = each.decision.verdict
    return verdict in (Verdict.CANCEL, Verdict.REPLACE) or bool(
        verdict is Verdict.DELETE and each.run and each.run.active
    )


def operate(draft: Draft, each: Judged, *, await_stop: bool) -> None:
    """Append the calls a decision asks for on a live run. With `await_stop` a run that is stopping is waited for."""
    run, verdict, reason = each.run, each.decision.verdict, each.decision.reason
    if run is None:
        return
    if reason == "cannot_delete" and _CANNOT_DELETE not in draft.notes:
        draft.notes.append(_CANNOT_DELETE)
    ends = stops(each)
    if ends or (await_stop and run.phase is Phase.STOPPING):
        draft.operations.append(Operation("cancel", run.resource, reason))
    if verdict is Verdict.DELETE:
        draft.operations.append(Operation("delete", run.resource, reason))
    if ends or verdict is not Verdict.NOOP:
        draft.assertions.append(Assertion(run.resource, exists=True, active=run.active, run=run.run_key))


def change(place: Address, draft: Draft, first: Decision, judged: Sequence[Judged]) -> Change:
    """Put the change together: calls in the order they are made, and the action they come to."""
    verbs = {operation.verb for operation in draft.operations}
    live = [each.run for each in judged if each.run]
    scope = place.desired.scope if place.desired else (live[-1].scope if live else Scope(place.stack.default_project))
    source: Source | None = place.desired.source if place.desired else None
    return Change(
        address=place.address,
        scope=scope,
        action=action_of(verbs),
        reason=_reason(first, draft),
        source=source,
        operations=tuple(sorted(draft.operations, key=lambda operation: _ORDER[operation.verb])),
        fields=draft.fields,
        assertions=tuple(draft.assertions) if draft.operations else (),
        notes=(*draft.notes, *removal.notes(place, _settled(draft))),
        start_time=live[-1].since if live else "",
        on_removal=removal.to_record(place),
    )


def _settled(draft: Draft) -> frozenset[str]:
    """Return the resources that are gone once the calls are made, or carry the manifest's removal policy."""
    return frozenset(
        each.resource
        for each in draft.operations
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


def _reason(first: Decision, draft: Draft) -> str:
    """Name the decision the change stands for: the head's, unless only what lies beside it calls anything."""
    if first.verdict is Verdict.NOOP and draft.operations:
        return draft.operations[0].reason
    return first.reason


def toll(place: Address, judged: Sequence[Judged], *, protect: bool) -> Toll:
    """Return what the decisions cost: healing a duplicate is free, and so is waiting for a run that is stopping."""
    cancels, deletes, unwritten, unwritten_deletes = [], [], [], []
    refused = any(each.decision.verdict is Verdict.REFUSE for each in judged)
    for each in judged:
        run, decision = each.run, each.decision
        if run is None:
            continue
        price = f"{place.address} ({run.phase.value.lower()} since {run.since})"
        stops = decision.verdict in (Verdict.CANCEL, Verdict.REPLACE, Verdict.DELETE)
        if stops and run.active and run.phase is not Phase.STOPPING and decision.reason != "duplicate":
            cancels.append(price)
            unwritten.extend([price] if decision.unwritten else [])
        if decision.verdict is Verdict.DELETE:
            deletes.append(f"{place.address} ({run.resource.rsplit('/', 1)[-1]})")
            unwritten_deletes.extend([deletes[-1]] if decision.unwritten else [])
    replaced = any(each.run and each.decision.verdict is Verdict.REPLACE for each in judged)
    touches = protect and (cancels or deletes or replaced)
    return Toll(
        cancels=tuple(cancels),
        deletes=tuple(deletes),
        unwritten=tuple(unwritten),
        unwritten_deletes=tuple(unwritten_deletes),
        protected=f"{place.address} has lifecycle.protect: no plan may cancel, delete or replace it" if touches else "",
        refused=f"{place.address} is active, its spec changed, and lifecycle.onChange is refuse" if refused else "",
    )
