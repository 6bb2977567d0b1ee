"""The use case behind `apply`: exactly this plan or nothing. Asserts, journals, calls, journals; adds no opinion."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.plan import assertions, build, guards, label_patches
from reconciler.core.plan.observed import Observed
from reconciler.engine import schedule
from reconciler.engine.events import Control
from reconciler.engine.reading import observe
from reconciler.engine.world import World
from reconciler.engine.writing import apply_change, record
from reconciler.engine.writing.apply_change import ChangeApplier
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.model import Removal, Scope, Stack, parts_of
from reconciler.vocabulary.plans import Action, Applied, Change, Lineage, Outcome, Plan
from reconciler.vocabulary.ports import Secrets

Check = Callable[[Kind, Mapping[str, Any]], str]
"""Validates a body against its kind's schema once more; returns what is wrong, empty for nothing."""


def _nowhere(applied: str) -> Lineage:
    """Say that nobody can tell: what is applied came from no history that is here."""
    return Lineage.UNKNOWN if applied else Lineage.FIRST


_MERGED = ("patch", "setIamPolicy")
"""Verbs whose body is a delta: what it touches is looked at first."""


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
    """Applies plans of one stack. `lineage` says how what is applied stands to the commit that was applied last."""

    world: World
    stack: Stack
    secrets: Secrets
    check: Check
    control: Control
    lineage: Callable[[str], Lineage] = _nowhere

    def apply(self, plan: Plan, digest: str, settings: Settings) -> Applied:
        """Carry out a plan. Raises PlanBlocked, LockHeld, PlanAlreadyApplied, StalePlan or InputError before any write."""
        with self.world.store.lock(f"apply {digest}"):
            state = self.world.store.journals.state(digest)
            if state == "closed" and settings.saved:
                raise errors.PlanAlreadyApplied("this plan was applied to its end before", "plan again")
            self._refuse_elsewhere(plan)
            observed = observe.observe(self.world, self.stack, (), {count.kind for count in plan.scopes})
            observed = observe.with_runs(self.world, self.stack, observed, _asserted(plan))
            self._refuse_stale(plan, observed, digest, state)
            line = self._refuse_blocked(plan, observed, settings)
            self._refuse_unsound(plan)
            self._refuse_unfilled(plan)
            if plan.dirty is False and (line not in (Lineage.OLDER, Lineage.UNKNOWN) or settings.allowed.older):
                self.world.store.remember_commit(plan.revision)
            self.world.store.remember_kind_scopes((count.kind, count.scope) for count in plan.scopes)
            record.remember(self.world, self.stack, observed, _removals(plan))
            record.settle_intents(self.world, observed)
            todo = [change for change in plan.changes if change.action is not Action.NOOP]
            if not todo:
                return Applied(())
            journal = self.world.store.journals.open(digest)
            there = record.by_key(self.stack, observed)
            change_applier = ChangeApplier(self.world, self.stack, self.secrets, self.control, journal, there)
            applied = self._all(todo, change_applier, settings)
            if applied.unstarted or applied.broken or any(outcome.stuck for outcome in applied.outcomes):
                return applied
            try:
                journal.close()
            except errors.StoreFailed as unwritten:
                return replace(applied, broken=unwritten)
            return applied

    def _refuse_elsewhere(self, plan: Plan) -> None:
        """Refuse kinds nobody here knows, and scopes that the stack no longer covers or never did."""
        unknown = {parts_of(change.address)[0] for change in plan.changes} - set(self.world.kinds)
        if unknown:
            raise errors.PlanUnreadable(
                f"the plan has kinds that this version does not know: {', '.join(sorted(unknown))}",
                "apply with the version that wrote the plan",
            )
        covered = {*self.stack.scopes, *(Scope(scope.project) for scope in self.stack.scopes)}
        outside = {change.scope for change in plan.changes if change.action is not Action.NOOP} - covered
        if outside:
            raise errors.StalePlan(
                f"the plan changes {', '.join(map(str, sorted(outside)))}, outside the stack's spec.scopes",
                "plan again",
            )

    def _refuse_blocked(self, plan: Plan, observed: Observed, settings: Settings) -> Lineage:
        """Refuse what a guard blocks, and to write where what was just read has a gap, whatever the plan saw.

        Returns how the commit stands to the one that was applied last: another apply may have come between.
        """
        applied = self.world.store.applied_commit()
        line = self.lineage(applied)
        told = settings.allowed.older or any(blocker.rule == "older_revision" for blocker in plan.blocked)
        older = () if told else guards.older(plan.changes, plan.revision, applied, line)
        left = [blocker for blocker in plan.blocked if not guards.permitted(blocker, settings.allowed)]
        left += [blocker for blocker in (*build.incomplete(observed), *older) if blocker not in left]
        if left:
            raise errors.PlanBlocked("; ".join(f"{blocker.rule}: {blocker.message}" for blocker in left))
        return line

    def _refuse_stale(self, plan: Plan, observed: Observed, digest: str, state: str) -> None:
        now, own = assertions.index(observed.runs, observed.ledger), self._own(digest, state)
        stale = [
            sentence
            for change in plan.changes
            for sentence in assertions.failures(change, now, own=own.get(change.address, ()))
        ]
        if not stale:
            patched = [change for change in plan.changes if any(each.verb in _MERGED for each in change.operations)]
            touched = self.world.each(lambda change: self._touched(change, now), patched)
            stale = [sentence for sentences in touched for sentence in sentences]
        if stale:
            raise errors.StalePlan("the saved plan is stale: " + "; ".join(stale[:5]), "plan again and review that")

    def _touched(self, change: Change, now: assertions.Now) -> list[str]:
        """Look at the labels and roles a change writes on runs that are there: a value touched meanwhile is stale."""
        kind = self.world.kinds[parts_of(change.address)[0]]
        stale = []
        for operation in change.operations:
            run = now.by_resource.get(operation.resource)
            if operation.verb == "patch" and run is not None:
                stale += label_patches.touched_labels(change, operation, run.row.get("labels") or {})
            elif operation.verb == "setIamPolicy" and apply_change.is_there(change, operation):
                policy = self.world.api.get_iam_policy(kind, operation.resource)
                stale += label_patches.touched_roles(change, operation, policy.get("bindings", ()))
        return stale

    def _refuse_unsound(self, plan: Plan) -> None:
        """Check every body before the first write: one that may not be sent must not stop a replace half way."""
        for change in plan.changes:
            for operation in change.operations:
                if operation.verb == "create":
                    wrong = self.check(self.world.kinds[parts_of(change.address)[0]], operation.body)
                    if wrong:
                        raise errors.PlanUnreadable(
                            f"the plan would create {change.address} with a body that does not fit its schema: {wrong}",
                            "plan again with this version",
                        )

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

    def _own(self, digest: str, state: str) -> dict[str, set[str]]:
        """Return what an unfinished apply of this very plan may have done, by address.

        That is the run key of a create, and the name of what was to be deleted.
        """
        done: dict[str, set[str]] = defaultdict(set)
        for each in self.world.store.journals.intents(digest) if state == "open" else ():
            done[each.address].add(each.run_key or each.resource)
        return done

    def _all(self, todo: Sequence[Change], change_applier: ChangeApplier, settings: Settings) -> Applied:
        failed = threading.Event()
        broken: list[errors.ReconcilerError] = []

        def work(change: Change) -> tuple[Outcome, ...]:
            if broken or self.control.stop.is_set() or (failed.is_set() and not settings.keep_going):
                return ()
            try:
                outcomes = change_applier.carry(change)
            except apply_change.Unstarted:
                return ()
            except apply_change.LockLost as lost:
                broken.append(lost.problem)
                return lost.outcomes
            if any(outcome.stuck for outcome in outcomes):
                failed.set()
            return outcomes

        results = self.world.executor.each(work, schedule.listed(todo), settings.parallelism)
        done = tuple(outcome for result in results for outcome in result)
        unstarted = tuple(change.address for change, result in zip(todo, results, strict=True) if not result)
        return Applied(done, unstarted, broken[0] if broken else None)


def _removals(plan: Plan) -> dict[str, Removal]:
    """Return what manifests say of the removal of live runs, by run key."""
    said = [change.on_removal for change in plan.changes if change.on_removal]
    return {run: each.policy for each in said for run in each.runs}


def _asserted(plan: Plan) -> dict[str, str]:
    """Return the resources the plan says are there, with their kinds."""
    return {
        assertion.resource: parts_of(change.address)[0]
        for change in plan.changes
        for assertion in change.assertions
        if assertion.exists
    }
