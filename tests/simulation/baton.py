"""Many runners, one thread at a time: who holds the baton runs, and a seed says who gets it next and how late it is.

Time is virtual. A runner gives the baton away at every request, every write to its store and every sleep.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

LONGEST = 6000
"""Turns of one schedule: many times what any needs, so that one which never ends is told."""


class Endless(BaseException):
    """The schedule does not come to an end."""


def _taken() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(eq=False)
class Task:
    """One runner in a schedule. `gate` opens when it is its turn, `wake` is when it wants to go on."""

    name: str
    body: Callable[[], None]
    wake: float = 0.0
    done: bool = False
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
        self.turns = 0
        self.between: Callable[[], None] = lambda: None
        self.alarm: Callable[[float], None] = lambda until: None

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
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
        threads = [threading.Thread(target=self._live, args=(task,), name=task.name) for task in self._tasks]
        for thread in threads:
            thread.start()
        self._next().gate.release()
        self._finish.acquire()
        for thread in threads:
            thread.join()
        self._tasks = []
        if self._failure is not None:
            raise self._failure

    def task(self, name: str) -> Task:
        """Return the task of a name."""
        return next(task for task in self._tasks if task.name == name)

    def turn(self, task: Task, seconds: float = 0.0) -> None:
        """Give the baton away; returns when it came back, `seconds` later at the earliest."""
        self.turns += 1
        if self.turns > LONGEST or self._failure is not None:
            raise Endless(f"{self.turns} turns")
        task.wake = self._now + seconds
        following = self._next()
        if following is not task:
            following.gate.release()
            task.gate.acquire()

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
        if all(each.done for each in self._tasks):
            self._finish.release()
        else:
            self._next().gate.release()
