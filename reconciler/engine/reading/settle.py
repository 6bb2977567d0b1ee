"""Lists that have settled: while a create of a stopped apply may still be hidden, everything is listed again."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.engine.reading import rows
from reconciler.engine.world import World
from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.model import Run, Scope, Stack
from reconciler.vocabulary.plans import ScopeCount
from reconciler.vocabulary.ports import Intent

POLL = 5.0
"""Seconds between lists while an open intent settles."""

OLDEST = 30 * 24 * 3600.0
"""Seconds: an age above this makes no sense. Archives that are made to be the same each time set times to 1970 or 1980."""


def settled_lists(
    world: World, stack: Stack, kind_scopes: Sequence[tuple[Kind, Scope]]
) -> tuple[list[Run], list[ScopeCount]]:
    """List everything; while a create of a stopped apply may still be hidden by list lag, list again.

    Its age is what the store's clock says, or how long we have known of it, whichever is more.
    """
    first_seen: dict[str, float] = {}
    while True:
        asked = world.clock.monotonic()
        listed = rows.list_all(world, stack, kind_scopes)
        runs = [run for found, _ in listed for run in found]
        hidden = _hidden(world, {run.run_key for run in runs})
        read = world.clock.monotonic()
        born = [min(first_seen.setdefault(intent.id, read), read - believed(intent.age)) for intent in hidden]
        # What counts is when the lists were asked for: one that was answered early has not seen what came while the
        # others took their time.
        settled = max((at + stack.settle for at in born), default=asked)
        if settled <= asked:
            return runs, [count for _, count in listed]
        world.clock.sleep(min(POLL, max(settled - world.clock.monotonic(), 0.0)))


def believed(age: float | None) -> float:
    """Return an age in seconds, 0 for one that makes no sense: such an intent is waited for in full."""
    return age if age is not None and 0.0 <= age <= OLDEST else 0.0


def _hidden(world: World, seen: set[str]) -> list[Intent]:
    intents = world.store.journals.open_intents()
    return [intent for intent in intents if intent.verb == "create" and intent.run_key not in seen]
