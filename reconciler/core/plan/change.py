"""Write a change down: what the decisions on the runs of one address come to, as calls and assertions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from reconciler.core.plan import removal
from reconciler.core.plan.address import Address
from reconciler.core.plan.losses import Decided, stops
from reconciler.core.plan.table import Decision, Verdict
from reconciler.core.runs import heads, labels
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import (
    Scope,
    Source,
)
from reconciler.vocabulary.plans import Action, Assertion, Change, FieldChange, Operation

_CANNOT_DELETE = "cannot_delete: this API has no delete, the record stays"


@dataclass(slots=True)
class ChangeBuilder:
    """The change while it is being written."""

    operations: list[Operation] = field(default_factory=list)
    assertions: list[Assertion] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fields: tuple[FieldChange, ...] = ()

    def operate(self, each: Decided, *, await_stop: bool) -> None:
        """Append the calls a decision asks for on a live run. With `await_stop` a run that is stopping is waited for."""
        run, verdict, reason = each.run, each.decision.verdict, each.decision.reason
        if run is None or not run.marked:
            return
        if reason == "cannot_delete" and _CANNOT_DELETE not in self.notes:
            self.notes.append(_CANNOT_DELETE)
        ends = stops(each)
        if ends or (await_stop and run.phase is Phase.STOPPING):
            self.operations.append(Operation("cancel", run.resource, reason))
        if verdict is Verdict.DELETE:
            self.operations.append(Operation("delete", run.resource, reason))
        if ends or verdict is not Verdict.NOOP:
            self.assertions.append(Assertion(run.resource, exists=True, active=run.active, run=run.run_key))

    def finish(self, address: Address, first: Decision, decided: Sequence[Decided]) -> Change:
        """Put the change together: calls in the order they are made, and the action they come to."""
        verbs = {operation.verb for operation in self.operations}
        live = [each.run for each in decided if each.run]
        stopping = any(each.decision.reason == "stopping" for each in decided)
        if stopping and first.reason != "stopping" and not self.operations:
            self.notes.append("stopping: another run of it is still being cancelled")
        scope = (
            address.desired.scope
            if address.desired
            else (live[-1].scope if live else Scope(address.stack.default_project))
        )
        source: Source | None = address.desired.source if address.desired else None
        return Change(
            address=address.text,
            scope=scope,
            action=action_of(verbs),
            reason=_reason(first, self),
            source=source,
            operations=tuple(sorted(self.operations, key=lambda operation: _ORDER[operation.verb])),
            fields=self.fields,
            assertions=tuple(self.assertions) if self.operations else (),
            notes=(*self.notes, *_unmarked(address), *removal.notes(address, _settled(self))),
            start_time=live[-1].since if live else "",
            on_removal=removal.to_record(address),
        )


def _unmarked(address: Address) -> list[str]:
    """Tell of every live job of an address that lost our labels, and what to do about it."""
    return [
        f"unmarked: {run.resource} is {'active' if run.active else 'finished'} and is a run of this address "
        f"({'the ledger names it' if run.run_key else 'its id says so'}), but its labels no longer say so: nothing "
        "changes, cancels or deletes it, its end is not recorded, and nothing starts beside it while it is active. "
        "Give it its labels back (docs/labels.md), or end it by hand"
        for run in heads.order(address.runs)
        if not run.marked
    ]


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
    """Return the decision that names the change: the head's, unless only those of other runs call anything."""
    if first.verdict is Verdict.NOOP and builder.operations:
        return builder.operations[0].reason
    return first.reason
