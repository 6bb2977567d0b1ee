"""Waiting for runs: a look at a thousand of them must not be a thousand looks one after another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from reconciler.engine.events import Control
from reconciler.engine.reading import wait
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.ports import Graph
from tests.support.samples import THREE
from tests.support.site import Site, desired

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class Counted:
    """vocabulary.ports.Executor that notes how many items it was given at once."""

    sizes: list[int] = field(default_factory=list)

    def each(self, work: Callable[[Item], Result], graph: Graph[Item], width: int) -> list[Result]:
        self.sizes.append(len(graph.items))
        return [work(item) for item in graph.items]


def test_runs_are_looked_at_side_by_side_and_only_while_they_have_not_ended(site: Site) -> None:
    applied = site.converge(desired(THREE))
    runs = {each.address: each.resource for each in applied.outcomes if each.operation == "create"}
    executor = Counted()
    control = Control(lambda event: None, threading.Event())
    phases, late = wait.wait(replace(site.world(), executor=executor), runs, finished=True, limit=None, control=control)
    assert (set(phases.values()), late) == ({Phase.SUCCEEDED}, False)
    assert executor.sizes[0] == len(runs) == 3
    assert executor.sizes == sorted(executor.sizes, reverse=True)
