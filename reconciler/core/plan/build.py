"""Manifests, live runs and ledger in, plan out: pure, and the same bytes for the same input."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from reconciler.core.plan import by_address, guards
from reconciler.core.plan.by_address import Address, Destroy
from reconciler.core.plan.observed import Key, Observed, group, renames
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kinds
from reconciler.vocabulary.model import Desired, DesiredState, LedgerRun, Stack, address_of
from reconciler.vocabulary.plans import Action, Blocker, Change, Plan, ScopeCount


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks of a plan. `select` and `exclude` are globs over addresses.

    `among` narrows the plan to these addresses; None where it does not.
    """

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    rerun: tuple[str, ...] = ()
    allowed: guards.Allowed = field(default_factory=guards.Allowed)
    destroy: Destroy | None = None
    among: frozenset[str] | None = None

    def picks(self, address: str) -> bool:
        """Say whether an address is within --select and --changed-since and outside --exclude."""
        if self.among is not None and address not in self.among:
            return False
        chosen = not self.select or any(fnmatchcase(address, glob) for glob in self.select)
        return chosen and not any(fnmatchcase(address, glob) for glob in self.exclude)


@dataclass(frozen=True, slots=True)
class Revision:
    """The Git commit the manifests came from, empty outside Git."""

    commit: str = ""
    dirty: bool = False


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
    wanted = {(want.kind, want.name): want for want in desired}
    moved = renames(desired)
    runs = group(observed.runs, stack, moved)
    past: dict[Key, list[LedgerRun]] = defaultdict(list)
    for old in observed.ledger:
        key = (old.kind, old.name)
        past[moved.get(key, key)].append(old)
    _check_rerun(options, wanted)
    built: list[Change] = []
    all_losses: list[guards.Losses] = []
    for key in sorted({*wanted, *runs}):
        address = Address(
            stack=stack,
            kind=kinds[key[0]],
            name=key[1],
            desired=wanted.get(key),
            runs=tuple(runs.get(key, ())),
            past=tuple(past.get(key, ())),
            full=observed.full,
            policies=observed.policies,
            rerun=address_of(*key) in options.rerun,
            destroy=options.destroy,
        )
        if options.picks(address.text):
            change, losses = by_address.build(address)
            built.append(change)
            all_losses.append(losses)
    totals = _totals(stack, observed, built, len(desired))
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
        if not options.picks(address):
            raise errors.InputError(
                f"--rerun {address}: --select, --exclude or --changed-since leaves this address out"
            )


def _totals(
    stack: Stack,
    observed: Observed,
    built: Sequence[Change],
    manifests: int,
) -> guards.Totals:
    ours = [run for run in observed.runs if stack.owns(run.owner)]
    ended = {
        operation.resource
        for change in built
        for operation in change.operations
        if operation.verb in ("cancel", "delete")
    }
    created = sum(change.action in (Action.CREATE, Action.REPLACE) for change in built)
    foreign = Counter(run.owner for run in observed.runs if not stack.owns(run.owner))
    return guards.Totals(
        runs=len(ours),
        active=sum(run.active for run in ours),
        left=sum(run.resource not in ended for run in ours) + created,
        manifests=manifests,
        foreign=dict(foreign),
        departed={f"{count.kind} in {count.scope}": count.runs for count in observed.left if count.runs},
        incomplete=incomplete(observed),
    )
