"""Work whose items wait for one another: nothing starts before what it waits for, and everything is done once."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine import schedule
from reconciler.engine.threads import Threads
from reconciler.vocabulary.ports import Graph


@st.composite
def graphs(draw: st.DrawFn) -> Graph[int]:
    """Items that wait for some of those before them in a shuffled order."""
    order = draw(st.permutations(range(draw(st.integers(0, 12)))))
    after: dict[int, frozenset[int]] = {}
    for position, at in enumerate(order):
        before = draw(st.frozensets(st.sampled_from(order[:position]))) if position else frozenset()
        if before:
            after[at] = before
    return Graph(tuple(range(len(order))), after)


@given(graphs(), st.integers(1, 4))
def test_every_item_is_done_once_and_after_what_it_waits_for(graph: Graph[int], width: int) -> None:
    done: list[int] = []
    lock = threading.Lock()

    def work(item: int) -> int:
        with lock:
            assert set(graph.after.get(item, ())) <= set(done)
            done.append(item)
        return item * 10

    assert Threads().each(work, graph, width) == [item * 10 for item in graph.items]
    assert sorted(done) == list(graph.items)


@given(graphs())
def test_levels_hold_every_item_once_and_only_what_waits_for_earlier_ones(graph: Graph[int]) -> None:
    found = schedule.levels(graph)
    assert sorted(at for level in found for at in level) == list(range(len(graph.items)))
    level_of = {at: number for number, level in enumerate(found) for at in level}
    assert all(level_of[at] > level_of[each] for at, before in graph.after.items() for each in before)


CIRCLES: Mapping[str, Mapping[int, tuple[int, ...]]] = {
    "of one": {0: (0,)},
    "of two": {0: (1,), 1: (0,)},
    "beside an item that is free": {1: (2,), 2: (1,)},
}


@pytest.mark.parametrize("after", CIRCLES.values(), ids=CIRCLES)
@pytest.mark.parametrize("width", [1, 3])
def test_a_circle_is_refused_before_anything_is_done(after: Mapping[int, tuple[int, ...]], width: int) -> None:
    done: list[int] = []
    with pytest.raises(ValueError, match="in a circle"):
        Threads().each(done.append, Graph((0, 1, 2), after), width)
    assert done == []


@pytest.mark.parametrize("width", [1, 2])
def test_what_waits_for_a_failed_item_is_never_started(width: int) -> None:
    started: list[str] = []

    def work(item: str) -> None:
        started.append(item)
        if item == "fails":
            raise RuntimeError(item)

    with pytest.raises(RuntimeError, match="fails"):
        Threads().each(work, Graph(("fails", "waits"), {1: (0,)}), width)
    assert started == ["fails"]
