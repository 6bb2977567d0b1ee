"""The collaborators that every use case gets: the job API, kinds, store, clock, and the threads that work side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from reconciler.engine import schedule
from reconciler.engine.threads import Threads
from reconciler.vocabulary.kinds import Kinds
from reconciler.vocabulary.ports import Clock, Executor, Item, JobsApi, Result, Store


def at_once(project: str) -> None:
    """Wait for nothing: a backend on this machine has no quota."""
    del project


@dataclass(frozen=True, slots=True)
class World:
    """The collaborators of every use case. `workers` is how many requests may be under way at once.

    `turn` waits until a project may start another job. `executor` does the work side by side.
    """

    api: JobsApi
    kinds: Kinds
    store: Store
    clock: Clock
    workers: int = 8
    turn: Callable[[str], None] = at_once
    executor: Executor = field(default_factory=Threads)

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Do the same for every item side by side; results keep the items' order, the first error is raised."""
        return self.executor.each(work, schedule.listed(list(items)), self.workers)
