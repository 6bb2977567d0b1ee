"""The use case behind `forget --scope`: drop places the stack left, and close the books on runs nobody can see there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.engine import observe
from reconciler.engine.observe import World
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import LedgerRun, Scope, Stack
from reconciler.vocabulary.ports import Place


@dataclass(frozen=True, slots=True)
class Leftover:
    """A place the stack left, as it answers now.

    `active` counts our active runs there, `closed` says why it cannot be looked at (empty where it can), and `lost`
    are runs of the ledger without a known end that cannot be looked at either.
    """

    place: Place
    active: int
    closed: str
    lost: tuple[LedgerRun, ...]


def look(world: World, stack: Stack, places: Sequence[Place]) -> tuple[Leftover, ...]:
    """Ask the places for what is still there. Reads only. Raises what a list of the places that are covered raises."""
    gone = [(place, *_listed(world, stack, place)) for place in places]
    open_runs = [old for old in world.store.ledger.runs() if old.phase is None and old.resource]
    shown = observe.covered_keys(world, stack, {old.kind for old in open_runs}) if open_runs else frozenset()
    lost = [old for old in open_runs if old.run_key not in shown and _unseen(world, stack, old, places)]
    return tuple(
        Leftover(place, active, closed, tuple(old for old in lost if observe.lies_in(old, *place, stack)))
        for place, active, closed in gone
    )


def forget(world: World, stack: Stack, places: Sequence[Place]) -> None:
    """Forget places, under the lock and after one more look.

    Runs that cannot be seen any more are recorded as ended, outcome unknown: a place that answers again shows them
    again. Raises errors.LockHeld, and errors.PlanBlocked where runs of ours are active.
    """
    with world.store.lock("forget"):
        found = look(world, stack, places)
        refuse_active(found)
        world.store.assert_held()
        for old in {old.run_key: old for each in found for old in each.lost}.values():
            world.store.ledger.ended(old, Phase.ENDED_UNKNOWN)
        world.store.forget_places(places)


def refuse_active(found: Sequence[Leftover]) -> None:
    """Raise errors.PlanBlocked for the first place where runs of ours are active."""
    for each in found:
        if each.active:
            kind, scope = each.place
            raise errors.PlanBlocked(
                f"{each.active} active run{'' if each.active == 1 else 's'} of this stack live in {kind} in {scope}: "
                "forgetting the place would leave them running unseen",
                "put it back into spec.scopes or spec.kinds, remove the manifests and apply",
            )


def _listed(world: World, stack: Stack, place: Place) -> tuple[int, str]:
    """Count our active runs in a place; where it does not answer, say why."""
    try:
        return observe.active_in(world, stack, place)
    except (errors.ApiError, errors.TransportFailed) as failed:
        if not _silent(failed):
            raise
        return 0, failed.message


def _unseen(world: World, stack: Stack, old: LedgerRun, places: Sequence[Place]) -> bool:
    if old.kind not in world.kinds or not any(observe.lies_in(old, *place, stack) for place in places):
        return False
    try:
        world.api.get(world.kinds[old.kind], old.resource)
    except (errors.ApiError, errors.TransportFailed) as failed:
        if not _silent(failed):
            raise
        return True
    return False


def _silent(failed: errors.ReconcilerError) -> bool:
    """Say whether a place is closed or dead, and not only our credentials or our pace at fault."""
    if isinstance(failed, errors.ApiError) and observe.closed(failed):
        return True
    return isinstance(failed, errors.ServerFailed | errors.TransportFailed)


def chosen(world: World, stack: Stack, scope: Scope, kind: str) -> tuple[Place, ...]:
    """Return the remembered places that a scope and a kind name; a project alone names all of its own, no kind names all.

    Raises errors.InputError where there is none, or the stack covers what is named.
    """
    known = world.store.places()
    named = [
        place
        for place in known
        if place[1].project == scope.project
        and (not scope.location or place[1].location == scope.location)
        and kind in ("", place[0])
    ]
    behind = observe.left_behind(world, stack)
    found = tuple(place for place in named if place in behind)
    asked = f"{kind} in {scope}" if kind else str(scope)
    if not named:
        there = ", ".join(f"{name} in {at}" for name, at in known[:10]) or "none"
        raise errors.InputError(f"{asked}: the store remembers no such place", f"it remembers: {there}")
    if not found:
        raise errors.InputError(
            f"{asked}: the stack covers this place, so it is looked at whatever the store remembers",
            "take it out of spec.scopes or spec.kinds first",
        )
    return found
