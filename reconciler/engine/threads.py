"""Threads that work side by side. Knows nothing of what they do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from reconciler.engine import schedule
from reconciler.vocabulary.ports import Graph, Item, Result


class Threads:
    """vocabulary.ports.Executor of this process's threads."""

    def each(self, work: Callable[[Item], Result], graph: Graph[Item], width: int) -> list[Result]:
        """Do the same for every item, at most `width` at once; results keep the items' order."""
        items = graph.items
        if len(items) < 2 or width < 2:
            found = {at: work(items[at]) for level in schedule.levels(graph) for at in level}
            return [found[at] for at in range(len(items))]
        pool = ThreadPoolExecutor(min(width, len(items)))
        waiting = True
        try:
            return _in_order(pool, work, graph) if graph.after else list(pool.map(work, items))
        except KeyboardInterrupt:
            waiting = False  # a call that hangs must not hold up whoever asked to stop
            raise
        finally:
            pool.shutdown(wait=waiting, cancel_futures=not waiting)


def _in_order(pool: ThreadPoolExecutor, work: Callable[[Item], Result], graph: Graph[Item]) -> list[Result]:
    """Start each item once all that it waits for are done; after a failure nothing new is started."""
    schedule.levels(graph)  # a circle would wait for ever
    ready, under_way, ended = schedule.Ready(graph), dict[Future[Result], int](), dict[int, Future[Result]]()
    failed = False
    while True:
        if not failed:
            under_way |= {pool.submit(work, graph.items[at]): at for at in ready.take()}
        if not under_way:
            break
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            at = under_way.pop(future)
            ended[at] = future
            failed = failed or future.exception() is not None
            ready.done(at)
    return [ended[at].result() for at in sorted(ended)]
