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


def settled_lists(
    world: World, stack: Stack, kind_scopes: Sequence[tuple[Kind, Scope]]
) -> tuple[list[Run], list[ScopeCount]]:
    """List everything; while a create of a stopped apply may still be hidden by list lag, list again."""
    began = world.clock.now()
    while True:
        asked = world.clock.now()
        listed = rows.list_all(world, stack, kind_scopes)
        runs = [run for found, _ in listed for run in found]
        hidden = _hidden(world, {run.run_key for run in runs})
        # An intent that claims a later time than ours was written under a clock that runs ahead. What counts is when the
        # lists were asked for: one that was answered early has not seen what came while the others took their time.
        settled = max((min(intent.at, began) + stack.settle for intent in hidden), default=asked)
        if settled <= asked:
            return runs, [count for _, count in listed]
        world.clock.sleep(min(POLL, max(settled - world.clock.now(), 0.0)))


def _hidden(world: World, seen: set[str]) -> list[Intent]:
    intents = world.store.journals.open_intents()
    return [intent for intent in intents if intent.verb == "create" and intent.run_key not in seen]
