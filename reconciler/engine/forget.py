"""The use case behind `forget --scope`: drop kind scopes the stack left, and record the end of runs nobody can see there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.engine.reading import coverage
from reconciler.engine.world import World
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import LedgerRun, Scope, Stack
from reconciler.vocabulary.ports import KindScope


@dataclass(frozen=True, slots=True)
class Leftover:
    """A kind scope the stack left, as it answers now.

    `active` counts our active runs there, `closed` says why it cannot be looked at (empty where it can), and `lost`
    are runs of the ledger without a known end that cannot be looked at either.
    """

    kind_scope: KindScope
    active: int
    closed: str
    lost: tuple[LedgerRun, ...]


def look(world: World, stack: Stack, kind_scopes: Sequence[KindScope]) -> tuple[Leftover, ...]:
    """List what is still there. Reads only. Raises what a list of the kind scopes that are covered raises."""
    world.store.require_format()
    gone = [(kind_scope, *_listed(world, stack, kind_scope)) for kind_scope in kind_scopes]
    open_runs = [old for old in world.store.ledger.runs() if old.phase is None and old.resource]
    shown = coverage.covered_keys(world, stack, {old.kind for old in open_runs}) if open_runs else frozenset()
    lost = [old for old in open_runs if old.run_key not in shown and _unseen(world, stack, old, kind_scopes)]
    return tuple(
        Leftover(kind_scope, active, closed, tuple(old for old in lost if coverage.lies_in(old, *kind_scope, stack)))
        for kind_scope, active, closed in gone
    )


def forget(world: World, stack: Stack, kind_scopes: Sequence[KindScope]) -> None:
    """Forget kind scopes, under the lock and after one more look.

    Runs that cannot be seen any more are recorded as ended, outcome unknown: a scope that answers again shows them
    again. Raises errors.LockHeld, and errors.PlanBlocked where runs of ours are active.
    """
    with world.store.lock("forget"):
        found = look(world, stack, kind_scopes)
        refuse_active(found)
        world.store.assert_held()
        for old in {old.run_key: old for each in found for old in each.lost}.values():
            world.store.ledger.ended(old, Phase.ENDED_UNKNOWN)
        world.store.forget_kind_scopes(kind_scopes)


def refuse_active(found: Sequence[Leftover]) -> None:
    """Raise errors.PlanBlocked for the first kind scope where runs of ours are active."""
    for each in found:
        if each.active:
            kind, scope = each.kind_scope
            raise errors.PlanBlocked(
                f"{each.active} active run{'' if each.active == 1 else 's'} of this stack: {kind} in {scope}; "
                "if the store forgot that, no plan would look for them any more",
                "put it back into spec.scopes or spec.kinds, remove the manifests and apply",
            )


def _listed(world: World, stack: Stack, kind_scope: KindScope) -> tuple[int, str]:
    """Count our active runs in a kind scope; where it does not answer, say why."""
    try:
        return coverage.active_in(world, stack, kind_scope)
    except (errors.ApiError, errors.TransportFailed) as failed:
        if not _silent(failed):
            raise
        return 0, failed.message


def _unseen(world: World, stack: Stack, old: LedgerRun, kind_scopes: Sequence[KindScope]) -> bool:
    if old.kind not in world.kinds or not any(coverage.lies_in(old, *kind_scope, stack) for kind_scope in kind_scopes):
        return False
    try:
        world.api.get(world.kinds[old.kind], old.resource)
    except (errors.ApiError, errors.TransportFailed) as failed:
        if not _silent(failed):
            raise
        return True
    return False


def _silent(failed: errors.ReconcilerError) -> bool:
    """Say whether a kind scope is closed or gone, and not only our credentials or our pace at fault."""
    if isinstance(failed, errors.ApiError) and coverage.closed(failed):
        return True
    return isinstance(failed, errors.ServerFailed | errors.TransportFailed)


def chosen(world: World, stack: Stack, scope: Scope, kind: str) -> tuple[KindScope, ...]:
    """Return the remembered kind scopes that a scope and a kind name; a project alone names all of its own, no kind names all.

    Raises errors.InputError where there is none, or the stack covers what is named.
    """
    world.store.require_format()
    known = world.store.kind_scopes()
    named = [
        kind_scope
        for kind_scope in known
        if kind_scope[1].project == scope.project
        and (not scope.location or kind_scope[1].location == scope.location)
        and kind in ("", kind_scope[0])
    ]
    behind = coverage.left_behind(world, stack)
    found = tuple(kind_scope for kind_scope in named if kind_scope in behind)
    asked = f"{kind} in {scope}" if kind else str(scope)
    if not named:
        there = ", ".join(f"{name} in {at}" for name, at in known[:10]) or "none"
        raise errors.InputError(f"{asked}: the store remembers no such scope", f"it remembers: {there}")
    if not found:
        raise errors.InputError(
            f"{asked}: the stack covers this scope, so every plan reads it, whatever the store remembers",
            "take it out of spec.scopes or spec.kinds first",
        )
    return found
