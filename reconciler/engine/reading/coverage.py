"""Which kinds in which scopes a stack covers, which it left, and whether one that it left still answers."""

from __future__ import annotations

from collections.abc import Collection

from reconciler.core.runs import run_key
from reconciler.engine.reading import rows
from reconciler.engine.world import World
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind, Kinds
from reconciler.vocabulary.model import LedgerRun, Scope, Stack
from reconciler.vocabulary.plans import ScopeCount
from reconciler.vocabulary.ports import KindScope


def covered(stack: Stack, kinds: Kinds, wanted: Collection[str]) -> list[tuple[Kind, Scope]]:
    """Return every (kind, scope) to list: the stack's kinds, else those that are wanted or known, else all."""
    names = set(stack.kinds) or set(wanted) & set(kinds)
    kind_scopes = {
        (name, scope if kinds[name].located else Scope(scope.project))
        for name in (names or set(kinds))
        for scope in stack.scopes
        if scope.location or not kinds[name].located  # a scope of a project alone is for APIs without locations
    }
    return [(kinds[name], scope) for name, scope in sorted(kind_scopes)]


def look_at_left(world: World, stack: Stack, kind_scopes: Collection[KindScope]) -> tuple[ScopeCount, ...]:
    """List the kind scopes the stack was applied to and no longer covers; counts what of ours is active there.

    One that is closed to us may be gone for good: it is no error, and a gap that whoever plans has to hear of.
    """

    def count(kind_scope: KindScope) -> ScopeCount:
        try:
            return ScopeCount(*kind_scope, *active_in(world, stack, kind_scope))
        except errors.ApiError as refused:
            if not closed(refused):
                raise
            return ScopeCount(*kind_scope, 0, refused.message)

    return tuple(world.each(count, sorted(kind_scopes)))


def ever(world: World) -> list[KindScope]:
    """Return the kinds in scopes that the store remembers, of kinds that are known here."""
    return [kind_scope for kind_scope in world.store.kind_scopes() if kind_scope[0] in world.kinds]


def left_behind(world: World, stack: Stack) -> tuple[KindScope, ...]:
    """Return the remembered kind scopes that the stack no longer covers, ordered."""
    remembered = ever(world)
    now = {(kind.name, scope) for kind, scope in covered(stack, world.kinds, {kind for kind, _ in remembered})}
    return tuple(sorted(set(remembered) - now))


def covered_keys(world: World, stack: Stack, kinds: Collection[str]) -> frozenset[str]:
    """Return the run keys that complete lists of some kinds show in the places the stack covers."""
    kind_scopes = [kind_scope for kind_scope in covered(stack, world.kinds, kinds) if kind_scope[0].name in kinds]
    listed = rows.list_all(world, stack, kind_scopes)
    return frozenset(run.run_key for runs, _ in listed for run in runs)


def active_in(world: World, stack: Stack, kind_scope: KindScope) -> tuple[int, str]:
    """Count our active runs in a kind scope, and say what its list lacks."""
    runs, listed = rows.list_runs(world, stack, world.kinds[kind_scope[0]], kind_scope[1])
    return sum(run.active and stack.owns(run.owner) for run in runs), listed.lacking


def closed(refused: errors.ApiError) -> bool:
    """Say whether an answer means that a kind scope is not ours to look at: forbidden, or not there."""
    return refused.status in (403, 404)


def lies_in(old: LedgerRun, kind: str, scope: Scope, stack: Stack) -> bool:
    """Say whether a run may be in a kind scope. Its name has the project's number, which no scope has.

    Kind and location do, and the run's key where it was made in this scope or in one that the stack covers.
    """
    parts = old.resource.split("/")
    location = parts[3] if len(parts) > 3 and parts[2] == "locations" else ""
    if old.kind != kind or location != scope.location:
        return False
    covered = (each if location else Scope(each.project) for each in stack.scopes)
    return run_key.home(old, (stack.uid, *stack.former_uids), (scope, *covered)) in (None, scope)
