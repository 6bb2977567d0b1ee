"""Manifests, live runs and ledger in, plan out: pure, and the same bytes for the same input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.core.plan import by_address, guards
from reconciler.core.plan.address import Destroy, gather
from reconciler.core.plan.observed import Key, Observed
from reconciler.core.plan.selection import EVERYTHING, Selection
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kinds
from reconciler.vocabulary.model import Desired, DesiredState, Lacking, Stack, address_of
from reconciler.vocabulary.plans import Blocker, Change, Lineage, Plan, ScopeCount


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks of a plan."""

    selection: Selection = EVERYTHING
    rerun: tuple[str, ...] = ()
    allowed: guards.Allowed = field(default_factory=guards.Allowed)
    destroy: Destroy | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """The Git commit the manifests came from, empty outside Git, and how what was read stands to it.

    `dirty` is None where nobody could tell, and `unknown` says why. `differs` names the first files that are not the
    commit's. `lacking` are files that it has and only the folder lacks. `lineage` says how the commit stands to the one
    that was applied last, `applied`.
    """

    commit: str = ""
    dirty: bool | None = None
    differs: tuple[str, ...] = ()
    unknown: str = ""
    lacking: tuple[Lacking, ...] = ()
    applied: str = ""
    lineage: Lineage = Lineage.FIRST


def build(
    stack: Stack,
    kinds: Kinds,
    desired: Sequence[Desired],
    observed: Observed,
    options: Options,
    revision: Revision,
    backend: str,
) -> Plan:
    """Return the plan. Raises InputError where --rerun names an address that cannot run."""
    _check_rerun(options, {(want.kind, want.name): want for want in desired})
    gathered = gather(stack, kinds, desired, observed, options.rerun, options.destroy)
    decided = by_address.decide([address for address in gathered if options.selection.picks(address.text)])
    built = [change for change, _ in decided]
    all_losses = [losses for _, losses in decided]
    totals = _totals(stack, observed, built, len(desired), revision)
    return Plan(
        stack=stack.name,
        uid=stack.uid,
        backend=backend,
        revision=revision.commit,
        dirty=revision.dirty,
        scopes=tuple(
            ScopeCount(count.kind, count.scope, count.runs)
            for count in sorted(observed.scopes, key=lambda count: (count.kind, count.scope))
        ),
        blocked=guards.check(all_losses, totals, stack.limits, options.allowed, stack.name),
        changes=tuple(built),
        differs=revision.differs,
        unknown=revision.unknown,
        part=options.selection.part,
    )


def incomplete(observed: Observed) -> tuple[Blocker, ...]:
    """Return a block for every list that is known not to show everything."""
    return guards.incomplete(observed.scopes, observed.left)


def _check_rerun(options: Options, wanted: Mapping[Key, Desired]) -> None:
    key_of = {address_of(kind, name): (kind, name) for kind, name in sorted(wanted)}
    for address in options.rerun:
        if address not in key_of:
            raise errors.InputError(
                f"--rerun {address}: no manifest has this address", f"known: {', '.join([*key_of][:10])}"
            )
        if wanted[key_of[address]].lifecycle.desired is not DesiredState.PRESENT:
            raise errors.InputError(
                f"--rerun {address}: its manifest says lifecycle.desired {wanted[key_of[address]].lifecycle.desired}",
                "write Present, or leave --rerun out",
            )
        if not options.selection.picks(address):
            raise errors.InputError(
                f"--rerun {address}: --select, --exclude or --changed-since leaves this address out"
            )


def _totals(
    stack: Stack,
    observed: Observed,
    built: Sequence[Change],
    manifests: int,
    revision: Revision,
) -> guards.Totals:
    ours = [run for run in observed.runs if stack.owns(run.owner) and run.marked]
    ended = {
        operation.resource
        for change in built
        for operation in change.operations
        if operation.verb in ("cancel", "delete")
    }
    created = sum(change.action.starts for change in built)
    foreign = Counter(run.owner for run in observed.runs if not stack.owns(run.owner))
    return guards.Totals(
        runs=len(ours),
        active=sum(run.active for run in ours),
        left=sum(run.resource not in ended for run in ours) + created,
        manifests=manifests,
        foreign=dict(foreign),
        departed={f"{count.kind} in {count.scope}": count.runs for count in observed.left if count.runs},
        incomplete=incomplete(observed),
        lacking=guards.lacking(built, revision.lacking),
        older=guards.older(built, revision.commit, revision.applied, revision.lineage),
    )
