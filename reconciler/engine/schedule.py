"""The order of work whose items may wait for one another: what is ready, and when. Runs nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from reconciler.vocabulary.ports import Graph, Item


class Ready:
    """Hands out the items of a graph, each once all that it waits for are done."""

    def __init__(self, graph: Graph[Any]) -> None:
        self._waits_for = {at: set(before) for at, before in graph.after.items() if before}
        self._held_up = defaultdict[int, list[int]](list)
        for at, before in self._waits_for.items():
            for each in before:
                self._held_up[each].append(at)
        self._ready = [at for at in range(len(graph.items)) if at not in self._waits_for]

    def take(self) -> tuple[int, ...]:
        """Return the positions of the items that became ready, in order; each is handed out once."""
        ready, self._ready = tuple(sorted(self._ready)), []
        return ready

    def done(self, at: int) -> None:
        """Take note that an item is done."""
        for each in self._held_up.pop(at, ()):
            self._waits_for[each].discard(at)
            if not self._waits_for[each]:
                del self._waits_for[each]
                self._ready.append(each)

    @property
    def left(self) -> bool:
        """True while an item waits for another that is not done."""
        return bool(self._waits_for)


def levels(graph: Graph[Any]) -> tuple[tuple[int, ...], ...]:
    """Return positions in groups: an item waits for items of earlier groups only. Raises ValueError for a circle."""
    ready, found = Ready(graph), []
    while group := ready.take():
        found.append(group)
        for at in group:
            ready.done(at)
    if ready.left:
        raise ValueError("items of the graph wait for one another in a circle")
    return tuple(found)


def listed(items: Sequence[Item]) -> Graph[Item]:
    """Return items that wait for nothing."""
    return Graph(tuple(items))
