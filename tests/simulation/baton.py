"""Many runners, one thread at a time: who holds the baton runs, and a seed says who gets it next and how late it is.

Time is virtual. A runner gives the baton away at every request, every write to its store and every sleep. It may have
several hands, which are tasks of their own.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

LONGEST = 6000
"""Turns of one schedule: many times what any needs, so that one which never ends is told."""


Item = TypeVar("Item")
Result = TypeVar("Result")


class Endless(BaseException):
    """The schedule does not come to an end."""


def _taken() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(eq=False)
class Task:
    """One runner in a schedule, or a hand of it. `gate` opens when it is its turn, `wake` is when it wants to go on."""

    name: str
    body: Callable[[], None]
    wake: float = 0.0
    done: bool = False
    hands: tuple[Task, ...] = ()
    gate: threading.Lock = field(default_factory=_taken)


class Baton:
    """The clock and the turns.

    `between` is what else may happen at a turn: what people do. `alarm` is told before time moves, and may stop on the
    way by `wait_until`.
    """

    def __init__(self, chance: random.Random, start: float) -> None:
        self._chance = chance
        self._now = start
        self._tasks: list[Task] = []
        self._finish = _taken()
        self._failure: BaseException | None = None
        self._holder: Task | None = None
        self.turns = 0
        self.between: Callable[[], None] = lambda: None
        self.alarm: Callable[[float], None] = lambda until: None

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that nobody sets."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward."""
        until = self._now + seconds
        self.alarm(until)
        self._now = max(self._now, until)

    def wait_until(self, moment: float) -> None:
        """Move to a moment, never back."""
        self._now = max(self._now, moment)

    def sleep(self, seconds: float) -> None:
        """Let time pass for whoever has no task, such as the service itself."""
        self.advance(seconds)

    def run(self, bodies: dict[str, Callable[[], None]]) -> None:
        """Run every body to its end, in turns. Raises what a body raised."""
        self._tasks = [Task(name, body, self._now) for name, body in bodies.items()]
        self._finish = _taken()
        threads = [self._start(task) for task in self._tasks]
        self._pass(self._next())
        self._finish.acquire()
        for thread in threads:
            thread.join()
        self._tasks = []
        self._holder = None
        if self._failure is not None:
            raise self._failure

    def turn(self, seconds: float = 0.0) -> None:
        """Give the baton away; returns when it came back, `seconds` later at the earliest."""
        self.turns += 1
        if self.turns > LONGEST or self._failure is not None:
            raise Endless(f"{self.turns} turns")
        task = self._held()
        task.wake = self._now + seconds
        following = self._next()
        if following is not task:
            self._pass(following)
            task.gate.acquire()

    def spread(self, work: Callable[[Item], Result], items: Sequence[Item], width: int) -> list[Result]:
        """Do the same for every item with `width` hands, which take turns as runners do; raise the first that failed."""
        todo = list(range(len(items)))
        done: dict[int, Result] = {}
        failed: dict[int, BaseException] = {}

        def hand() -> None:
            while todo:
                at = todo.pop(0)
                try:
                    done[at] = work(items[at])
                except BaseException as failure:  # noqa: BLE001 handed on below, in the items' order
                    failed[at] = failure

        parent = self._held()
        hands = [Task(f"{parent.name}.{number}", hand, self._now) for number in range(min(width, len(items)))]
        self._tasks += hands
        threads = [self._start(task) for task in hands]
        parent.wake = math.inf  # until the last hand is done
        parent.hands = tuple(hands)
        self._pass(self._next())
        parent.gate.acquire()
        for thread in threads:
            thread.join()
        self._tasks = [task for task in self._tasks if task not in hands]
        if failed:
            raise failed[min(failed)]
        return [done[at] for at in range(len(items))]

    def _start(self, task: Task) -> threading.Thread:
        thread = threading.Thread(target=self._live, args=(task,), name=task.name)
        thread.start()
        return thread

    def _held(self) -> Task:
        assert self._holder is not None, "nobody holds the baton"
        return self._holder

    def _pass(self, task: Task) -> None:
        self._holder = task
        task.gate.release()

    def _next(self) -> Task:
        self.advance(self._chance.random() * 0.2)
        self.between()
        alive = [task for task in self._tasks if not task.done]
        awake = [task for task in alive if task.wake <= self._now]
        if not awake:
            first = min(alive, key=lambda task: task.wake)
            self.advance(max(0.0, first.wake - self._now))
            return first
        return awake[0] if len(awake) == 1 else awake[self._chance.randrange(len(awake))]

    def _live(self, task: Task) -> None:
        task.gate.acquire()
        try:
            task.body()
        except BaseException as failure:  # noqa: BLE001 handed to whoever started the schedule
            self._failure = self._failure or failure
        task.done = True
        for parent in self._tasks:
            if parent.hands and all(each.done for each in parent.hands):
                parent.hands, parent.wake = (), self._now
        if all(each.done for each in self._tasks):
            self._finish.release()
        else:
            self._pass(self._next())


class Turnstile:
    """A lock between the hands of one runner: who waits for it gives the baton away."""

    def __init__(self, baton: Baton) -> None:
        self._baton = baton
        self._taken = False

    def __enter__(self) -> None:
        while self._taken:
            self._baton.turn(0.1)
        self._taken = True

    def __exit__(self, *failure: object) -> None:
        self._taken = False
