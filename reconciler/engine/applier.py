"""The use case behind `apply`: exactly this plan or nothing. Asserts, journals, calls, journals; adds no opinion."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core import assertions, guards, marks, policies
from reconciler.core.planning import Observed
from reconciler.engine import creating, ending, observing
from reconciler.engine.observing import World
from reconciler.engine.telling import Control, Event
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.model import LedgerRun, Removal, Run, Scope, Stack
from reconciler.vocabulary.plans import Action, Applied, Change, Operation, Outcome, Plan, Status
from reconciler.vocabulary.ports import Intent, Journal, Secrets

Check = Callable[[Kind, Mapping[str, Any]], str]
"""Validates a body against its kind's schema once more; returns what is wrong, empty for nothing."""

_DONE = {
    "create": Status.CREATED,
    "cancel": Status.CANCELLED,
    "delete": Status.DELETED,
    "patch": Status.UPDATED,
    "setIamPolicy": Status.UPDATED,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to apply: what the command line allows, how many changes at once, and whether one failure stops the rest.

    `saved` says that the plan comes from a file, which is good for one apply only; a plan made a moment ago may look
    the same as one that was applied before.
    """

    allowed: guards.Allowed
    saved: bool = False
    parallelism: int = 10
    keep_going: bool = False


@dataclass(frozen=True, slots=True)
class Applier:
    """Applies plans of one stack."""

    world: World
    stack: Stack
    secrets: Secrets
    check: Check
    control: Control

    def apply(self, plan: Plan, digest: str, settings: Settings) -> Applied:
        """Carry out a plan. Raises PlanBlocked, LockHeld, PlanSpent, StalePlan or InputError before any write."""
        with self.world.store.lock(f"apply {digest}"):
            state = self.world.store.journals.state(digest)
            if state == "closed" and settings.saved:
                raise errors.PlanSpent("this plan was applied to its end before", "plan again")
            observed = observing.observe(self.world, self.stack, (), {count.kind for count in plan.scopes})
            observed = observing.with_runs(self.world, self.stack, observed, _asserted(plan))
            self._refuse_stale(plan, observed, digest, state)
            self._refuse_blocked(plan, settings)
            self._refuse_unfilled(plan)
            observing.remember(self.world, self.stack, observed)
            observing.settle_intents(self.world, observed)
            todo = [change for change in plan.changes if change.action is not Action.NOOP]
            if not todo:
                return Applied(())
            journal = self.world.store.journals.open(digest)
            there = observing.by_key(self.stack, observed)
            applied = self._all(todo, journal, settings, there)
            if not applied.unstarted and not any(outcome.status.stuck for outcome in applied.outcomes):
                journal.close()
            return applied

    def _refuse_blocked(self, plan: Plan, settings: Settings) -> None:
        left = [blocker for blocker in plan.blocked if not guards.lifted(blocker, settings.allowed)]
        if left:
            raise errors.PlanBlocked("; ".join(f"{blocker.rule}: {blocker.message}" for blocker in left))

    def _refuse_stale(self, plan: Plan, observed: Observed, digest: str, state: str) -> None:
        stale = [
            sentence
            for change in plan.changes
            for sentence in (
                assertions.failures(change, observed.runs, own=self._own(change, digest, state), past=observed.ledger)
                or self._touched(change, observed)
            )
        ]
        if stale:
            raise errors.StalePlan("the saved plan is stale: " + "; ".join(stale[:5]), "plan again and review that")

    def _touched(self, change: Change, observed: Observed) -> list[str]:
        """Look at the labels and roles a change writes on runs that are there: a value touched meanwhile is stale."""
        kind = self.world.kinds[change.address.split("/", 1)[0]]
        rows = {run.resource: run.row for run in observed.runs}
        stale = []
        for operation in change.operations:
            if operation.verb == "patch" and operation.resource in rows:
                stale += policies.touched_labels(change, operation, rows[operation.resource].get("labels") or {})
            elif operation.verb == "setIamPolicy" and _is_there(change, operation):
                policy = self.world.api.get_iam_policy(kind, operation.resource)
                stale += policies.touched_roles(change, operation, policy.get("bindings", ()))
        return stale

    def _refuse_unfilled(self, plan: Plan) -> None:
        """Ask for every secret before the first write: one that is missing must not stop a replace half way."""
        lacking: dict[str, str] = {}
        for change in plan.changes:
            for operation in change.operations:
                try:
                    self.secrets.fill(operation.body if operation.verb == "create" else {})
                except errors.InputError as problem:
                    lacking[problem.message] = problem.hint
        if lacking:
            raise errors.InputError(
                f"nothing was called: {'; '.join(lacking)}", "; ".join(dict.fromkeys(lacking.values()))
            )

    def _own(self, change: Change, digest: str, state: str) -> frozenset[str]:
        """Return what an unfinished apply of this very plan may have done: its create's run key, its deletes' names."""
        if state != "open":
            return frozenset()
        intents = self.world.store.journals.intents(digest)
        return frozenset(each.run_key or each.resource for each in intents if each.address == change.address)

    def _all(self, todo: Sequence[Change], journal: Journal, settings: Settings, there: Mapping[str, Run]) -> Applied:
        failed = threading.Event()

        def work(change: Change) -> tuple[Outcome, ...] | None:
            if self.control.stop.is_set() or (failed.is_set() and not settings.keep_going):
                return None
            outcomes = tuple(self._change(change, journal, there))
            if any(outcome.status.stuck for outcome in outcomes):
                failed.set()
            return outcomes

        with ThreadPoolExecutor(max(1, min(settings.parallelism, len(todo)))) as pool:
            results = list(pool.map(work, todo))
        done = tuple(outcome for result in results if result is not None for outcome in result)
        unstarted = tuple(change.address for change, result in zip(todo, results, strict=True) if result is None)
        return Applied(done, unstarted)

    def _change(self, change: Change, journal: Journal, there: Mapping[str, Run]) -> list[Outcome]:
        """Do one change's operations in order; the first that does not come out ends it."""
        outcomes: list[Outcome] = []
        for operation in change.operations:
            self.control.tell(Event(change.address, f"{operation.verb} …"))
            try:
                outcome = self._operation(change, operation, journal, there)
            except errors.ReconcilerError as problem:
                outcome = Outcome(
                    change.address,
                    operation.verb,
                    Status.FAILED,
                    operation.resource,
                    self.secrets.hide(problem.message),
                )
            outcomes.append(outcome)
            said = outcome.status.value + (f": {outcome.error}" if outcome.error else "")
            self.control.tell(Event(change.address, f"{operation.verb} {said}", done=True))
            if outcome.status.stuck:
                break
        return _together(change, outcomes)

    def _operation(self, change: Change, operation: Operation, journal: Journal, there: Mapping[str, Run]) -> Outcome:
        kind = self.world.kinds[change.address.split("/", 1)[0]]
        if operation.verb == "create":
            return self._create(change, operation, kind, journal, there)
        intent = journal.intent(change.address, operation.verb, operation.resource)
        if operation.verb == "cancel":
            outcome = ending.cancel(self.world, kind, change.address, operation.resource)
        elif operation.verb == "delete":
            known = next((run for run in there.values() if run.resource == operation.resource), None)
            outcome = ending.delete(self.world, kind, change.address, operation.resource, known)
        elif operation.verb == "patch":
            outcome = self._patch(change, operation, kind)
        else:
            outcome = self._set_policy(change, operation, kind)
        journal.outcome(intent, outcome.status.value, operation.resource, outcome.error)
        return outcome

    def _create(
        self, change: Change, operation: Operation, kind: Kind, journal: Journal, there: Mapping[str, Run]
    ) -> Outcome:
        """Create a run, unless an earlier, unfinished apply of this plan did: `there` holds the live runs by run key."""
        wrong = self.check(kind, operation.body)
        if wrong:
            return Outcome(change.address, "create", Status.FAILED, operation.resource, wrong)
        body = self.secrets.fill(operation.body)
        key = operation.body["labels"][marks.RUN]
        scope = change.scope if kind.located else Scope(change.scope.project)
        intents: list[Intent] = []
        if key in there:
            made = creating.Created(Status.CREATED, there[key])
        else:
            made, intents = self._send(change, operation, kind, journal, scope, body)
        resource = made.run.resource if made.run else operation.resource
        if made.status is Status.CREATED:
            # Before the outcome: a run that lists do not show yet must be known by the ledger once its intent is closed.
            self.world.store.ledger.started(_started(change, operation, resource))
        for intent in intents if made.status is not Status.UNCERTAIN else ():
            journal.outcome(intent, made.status.value, made.run.resource if made.run else "", made.error)
        return Outcome(change.address, "create", made.status, resource, made.error)

    def _send(
        self,
        change: Change,
        operation: Operation,
        kind: Kind,
        journal: Journal,
        scope: Scope,
        body: Mapping[str, Any],
    ) -> tuple[creating.Created, list[Intent]]:
        """Send a create; each time it is sent has an intent of its own, so that its time tells when lists may lag."""
        intents: list[Intent] = []
        key = operation.body["labels"][marks.RUN]

        def intend() -> None:
            intents.append(journal.intent(change.address, "create", operation.resource, key))

        made = creating.create(self.world, self.stack, kind, scope, body, intend)
        return replace(made, error=self.secrets.hide(made.error)), intents

    def _patch(self, change: Change, operation: Operation, kind: Kind) -> Outcome:
        """Merge the labels into what is there now; the etag guards the moment between read and write."""
        row = self.world.api.get(kind, operation.resource)
        live = dict(row.get("labels") or {})
        stale = policies.touched_labels(change, operation, live)
        if stale:
            raise errors.StalePlan("; ".join(stale))
        self.world.api.patch_labels(kind, operation.resource, {**live, **operation.body["labels"]}, row.get("etag", ""))
        return Outcome(change.address, "patch", Status.UPDATED, operation.resource)

    def _set_policy(self, change: Change, operation: Operation, kind: Kind) -> Outcome:
        policy = self.world.api.get_iam_policy(kind, operation.resource)
        stale = policies.touched_roles(change, operation, policy.get("bindings", ()))
        if stale and _is_there(change, operation):
            raise errors.StalePlan("; ".join(stale))
        merged = policies.merge(policy, operation.body["bindings"])
        self.world.api.set_iam_policy(kind, operation.resource, merged)
        return Outcome(change.address, "setIamPolicy", Status.UPDATED, operation.resource)


def _asserted(plan: Plan) -> dict[str, str]:
    """Return the resources the plan says are there, with their kinds."""
    return {
        assertion.resource: change.address.split("/", 1)[0]
        for change in plan.changes
        for assertion in change.assertions
        if assertion.exists
    }


def _is_there(change: Change, operation: Operation) -> bool:
    """Say whether the plan writes to a run that was there before, and not to one it starts."""
    return any(assertion.exists and assertion.resource == operation.resource for assertion in change.assertions)


def _started(change: Change, operation: Operation, resource: str) -> LedgerRun:
    labels = operation.body["labels"]
    kind, name = change.address.split("/", 1)
    key = labels[marks.RUN]
    return LedgerRun(
        kind=kind,
        name=name,
        number=marks.number_of(key),
        run_key=key,
        fingerprint=labels[marks.FINGERPRINT],
        token=labels.get(marks.TOKEN, ""),
        removal=Removal(labels[marks.REMOVAL]),
        phase=None,
        resource=resource,
    )


def _together(change: Change, outcomes: list[Outcome]) -> list[Outcome]:
    """Say of a whole replace that it replaced, or that it stopped half way: cancelled, and nothing in its place."""
    last = outcomes[-1]
    if change.action is not Action.REPLACE:
        return outcomes
    if last.operation in ("create", "setIamPolicy") and last.status in (Status.CREATED, Status.UPDATED):
        made = next(outcome for outcome in outcomes if outcome.operation == "create")
        return [Outcome(change.address, "replace", Status.REPLACED, made.resource)]
    if last.operation == "create" and last.status is Status.FAILED:
        return [*outcomes[:-1], Outcome(change.address, "replace", Status.REPLACED_HALF, last.resource, last.error)]
    return outcomes
