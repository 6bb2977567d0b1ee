"""Carry out one change: each operation in its order, journalled before and after. Knows no other change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.plan import label_patches
from reconciler.core.runs import labels, run_key
from reconciler.engine.events import Control, Event
from reconciler.engine.world import World
from reconciler.engine.writing import create, record, stop
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind, Phase
from reconciler.vocabulary.model import LedgerRun, Removal, Run, Scope, Stack, parts_of
from reconciler.vocabulary.plans import Action, Change, Operation, Outcome, Status
from reconciler.vocabulary.ports import Intent, Journal, Row, Secrets


class Unstarted(Exception):
    """A request to stop came before the first call of a change."""


class LockLost(Exception):
    """The lock went to somebody else amid a change. `outcomes` are what was done of it."""

    def __init__(self, outcomes: tuple[Outcome, ...], problem: errors.LockHeld) -> None:
        super().__init__(problem.message)
        self.outcomes = outcomes
        self.problem = problem


@dataclass(frozen=True, slots=True)
class ChangeApplier:
    """Carries out changes of one plan. `there` holds the runs that were live when it began, by run key."""

    world: World
    stack: Stack
    secrets: Secrets
    control: Control
    journal: Journal
    there: Mapping[str, Run]

    def carry(self, change: Change) -> tuple[Outcome, ...]:
        """Do one change's operations in order; the first that does not come out ends it.

        Raises LockLost, and Unstarted where a stop was asked for before anything of it was called.
        """
        outcomes: list[Outcome] = []
        for operation in change.operations:
            self.control.tell(Event(change.address, operation.verb, resource=operation.resource))
            try:
                outcome = self._operation(change, operation)
            except errors.LockHeld as lost:
                raise LockLost(tuple(outcomes), lost) from lost
            except errors.ReconcilerError as problem:
                told = problem.message if not problem.hint else f"{problem.message}; {problem.hint}"
                error = self.secrets.hide(told)
                outcome = Outcome(change.address, operation.verb, Status.FAILED, operation.resource, error)
            outcomes.append(outcome)
            status, resource = outcome.status.value, outcome.resource
            self.control.tell(Event(change.address, operation.verb, status, resource, outcome.error, done=True))
            if outcome.stuck:
                break
        return tuple(_together(change, outcomes))

    def _operation(self, change: Change, operation: Operation) -> Outcome:
        kind = self.world.kinds[parts_of(change.address)[0]]
        if operation.verb == "create":
            return self._create(change, operation, kind)
        intent = self.journal.intent(change.address, operation.verb, operation.resource)
        try:
            outcome = self._write(change, operation, kind)
        except errors.ReconcilerError as problem:
            self.journal.outcome(intent, Status.FAILED.value, operation.resource, self.secrets.hide(problem.message))
            raise
        self.journal.outcome(intent, outcome.status.value, operation.resource, outcome.error)
        return outcome

    def _write(self, change: Change, operation: Operation, kind: Kind) -> Outcome:
        known = next((run for run in self.there.values() if run.resource == operation.resource), None)

        def look(row: Row) -> None:
            self._require_ours(change, operation, row)
            if operation.verb == "cancel" and operation.reason == "duplicate" and known is not None:
                # A run of its own, and no second job of another's key: its end is our doing and no outcome. Written
                # before the cancel, so that no crash leaves that as what came of it.
                self.world.store.ledger.ended(record.ledger_run(known), Phase.ENDED_UNKNOWN)

        if operation.verb == "cancel":
            return stop.cancel(self.world, kind, change.address, operation.resource, look)
        if operation.verb == "delete":
            return stop.delete(self.world, kind, change.address, operation.resource, known, look)
        if operation.verb == "patch":
            return self._patch(change, operation, kind)
        return self._set_policy(change, operation, kind)

    def _create(self, change: Change, operation: Operation, kind: Kind) -> Outcome:
        """Create a run, unless an earlier, unfinished apply of this plan did."""
        body = self.secrets.fill(operation.body)
        key = operation.body["labels"][labels.RUN]
        scope = change.scope if kind.located else Scope(change.scope.project)
        intents: list[Intent] = []
        if key in self.there:
            made = create.Created(Status.CREATED, self.there[key])
        else:
            made, intents = self._send(change, operation, kind, scope, body)
        resource = made.run.resource if made.run else operation.resource
        told = [made.error] if made.error else []
        try:
            if made.status is Status.CREATED:
                # Before the outcome: a run that lists do not show yet must be known by the ledger once its intent is closed.
                self.world.store.ledger.started(_started(change, operation, resource))
            for intent in intents if made.status is not Status.UNCERTAIN else ():
                self.journal.outcome(intent, made.status.value, made.run.resource if made.run else "", made.error)
        except errors.StoreFailed as unwritten:
            # What the service did stands; the intent stays open, so that the next plan waits until lists show it.
            told.append(f"this could not be written down: {unwritten.message}; {unwritten.hint}")
        return Outcome(change.address, "create", made.status, resource, "; ".join(told))

    def _send(
        self,
        change: Change,
        operation: Operation,
        kind: Kind,
        scope: Scope,
        body: Mapping[str, Any],
    ) -> tuple[create.Created, list[Intent]]:
        """Send a create; each time it is sent has an intent of its own, so that its time tells when lists may lag."""
        intents: list[Intent] = []
        key = operation.body["labels"][labels.RUN]

        def intend() -> None:
            if self.control.stop.is_set() and not intents and change.operations[0] is operation:
                raise Unstarted  # the stop came while this waited for its turn; a replace that began goes on
            intents.append(self.journal.intent(change.address, "create", operation.resource, key))

        made = create.create(self.world, self.stack, kind, scope, body, intend)
        return replace(made, error=self.secrets.hide(made.error)), intents

    def _patch(self, change: Change, operation: Operation, kind: Kind) -> Outcome:
        """Merge the labels into what is there now; the etag guards the moment between read and write."""
        row = self.world.api.get(kind, operation.resource)
        self._require_ours(change, operation, row)
        live = dict(row.get("labels") or {})
        stale = label_patches.touched_labels(change, operation, live)
        if stale:
            raise errors.StalePlan("; ".join(stale))
        self.world.api.patch_labels(kind, operation.resource, {**live, **operation.body["labels"]}, row.get("etag", ""))
        return Outcome(change.address, "patch", Status.UPDATED, operation.resource)

    def _require_ours(self, change: Change, operation: Operation, row: Row) -> None:
        """Raise errors.StalePlan for a job without our mark, or with another run's than the plan says is there.

        People can relabel ml jobs, lists lag, and whoever forges a plan may name any job: what is not ours stays.
        """
        live, planned = row.get("labels") or {}, _run_of(change, operation)
        if not self.stack.owns(live.get(labels.OWNER, "")) or planned not in ("", live.get(labels.RUN)):
            raise errors.StalePlan(
                f"the labels of {operation.resource} no longer say that it is run {planned or 'of this stack'}"
            )

    def _set_policy(self, change: Change, operation: Operation, kind: Kind) -> Outcome:
        there = is_there(change, operation)
        if there:
            self._require_ours(change, operation, self.world.api.get(kind, operation.resource))
        policy = self.world.api.get_iam_policy(kind, operation.resource)
        stale = label_patches.touched_roles(change, operation, policy.get("bindings", ()))
        if stale and there:
            raise errors.StalePlan("; ".join(stale))
        merged = label_patches.merge(policy, operation.body["bindings"])
        self.world.api.set_iam_policy(kind, operation.resource, merged)
        return Outcome(change.address, "setIamPolicy", Status.UPDATED, operation.resource)


def _run_of(change: Change, operation: Operation) -> str:
    """Return the run key that the plan says a resource has."""
    return next((each.run for each in change.assertions if each.exists and each.resource == operation.resource), "")


def is_there(change: Change, operation: Operation) -> bool:
    """Say whether the plan writes to a run that was there before, and not to one it starts."""
    return any(assertion.exists and assertion.resource == operation.resource for assertion in change.assertions)


def _started(change: Change, operation: Operation, resource: str) -> LedgerRun:
    stamped = operation.body["labels"]
    kind, name = parts_of(change.address)
    key = stamped[labels.RUN]
    return LedgerRun(
        kind=kind,
        name=name,
        number=run_key.number_of(key),
        run_key=key,
        fingerprint=stamped[labels.FINGERPRINT],
        token=stamped.get(labels.TOKEN, ""),
        removal=Removal(stamped[labels.REMOVAL]),
        phase=None,
        resource=resource,
    )


def _together(change: Change, outcomes: list[Outcome]) -> list[Outcome]:
    """Say of a whole replace that it replaced, or that it stopped half way: cancelled, and nothing in its place.

    What tidies up after it, such as the delete of an old record, is reported on its own.
    """
    if change.action is not Action.REPLACE:
        return outcomes
    whole = [each for each in outcomes if each.operation != "delete"]
    tidied = [each for each in outcomes if each.operation == "delete"]
    last = whole[-1]
    if last.operation in ("create", "setIamPolicy") and last.status in (Status.CREATED, Status.UPDATED):
        made = next(outcome for outcome in whole if outcome.operation == "create")
        return [Outcome(change.address, "replace", Status.REPLACED, made.resource, made.error), *tidied]
    if last.operation == "create" and last.status is Status.FAILED:
        return [*whole[:-1], Outcome(change.address, "replace", Status.REPLACED_HALF, last.resource, last.error)]
    return outcomes
