"""One process of a simulation: it gives the baton away before every act, and may die before, after or amid one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request, Response, Transport
from tests.simulation.baton import Baton
from tests.simulation.clocks import FileTimes, RunnerClock
from tests.support import mortal

Result = TypeVar("Result")
Death = mortal.Death


@dataclass(frozen=True)
class Fate:
    """When a process dies: at its `at`-th act of a sort (any, or `send` for what is no GET), never where it is 0."""

    at: int = 0
    sort: str = "any"
    how: str = "before"
    interrupt: int = 0
    """At which act it gets a signal instead; never where it is 0."""


class Life:
    """vocabulary.ports.Clock of one process, and the gate to everything it does outside itself.

    `clock` is what it believes of the time, `times` keeps those of its store's files true.
    """

    def __init__(
        self,
        baton: Baton,
        fate: Fate,
        folder: Path,
        told: Callable[[str], None],
        clock: RunnerClock,
        times: FileTimes,
    ) -> None:
        self._baton = baton
        self._clock = clock
        self._times = times
        self._born = baton.now()
        self._fate = fate
        self._folder = folder
        self._told = told
        self._acts = 0
        self._sends = 0
        self.stop = threading.Event()
        self.dead = False

    def now(self) -> float:
        """Seconds since the epoch, UTC, as this runner believes."""
        return self._clock.told(self._baton.now())

    def monotonic(self) -> float:
        """Seconds since this process began."""
        return self._baton.now() - self._born

    def sleep(self, seconds: float) -> None:
        """Let time pass while others run."""
        self._breathe()
        self._baton.turn(seconds)
        self._breathe()

    def act(self, what: str, work: Callable[[], Result], *, send: bool = False) -> Result:
        """Do something that others can see, unless this is the end."""
        self._breathe()
        self._baton.turn()
        self._breathe()
        self._clock.tick()
        self._acts += 1
        self._sends += send
        if self._acts == self._fate.interrupt:
            self.stop.set()
        last = (self._sends if self._fate.sort == "send" else self._acts) == self._fate.at
        last = last and (send or self._fate.sort == "any")
        if last and self._fate.how == "before":
            self._die(what)
        sizes = _sizes(self._folder) if last and self._fate.how == "torn" else None
        try:
            done = work()
        except (errors.ReconcilerError, OSError) as failure:
            self._told(f"{what}: {type(failure).__name__}")
            raise
        else:
            self._told(f"{what}: {_shown(done)}" if _shown(done) else what)
            return done
        finally:
            if last:
                if sizes is not None:
                    _tear(self._folder, sizes)
                self._die(what)

    def write(self, step: str, work: Callable[[], Result], more: str = "") -> Result:
        """Do what a store is asked to write."""
        try:
            return self.act(f"store {step} {more}".rstrip(), work)
        finally:
            self._times.set(self._folder)

    def _die(self, what: str) -> None:
        self.dead = True
        self._told(f"dies {self._fate.how} {what}")
        raise Death

    def _breathe(self) -> None:
        if self.dead:
            raise Death

    def wire(self, transport: Transport) -> Transport:
        """Pass requests through this life."""

        def send(request: Request) -> Response:
            path = request.url.partition("/v1/")[2] or request.url
            return self.act(f"{request.method} {path}", lambda: transport(request), send=request.method != "GET")

        return send


def _sizes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in folder.glob("journal/*.jsonl")}


def _tear(folder: Path, before: dict[Path, int]) -> None:
    """Cut the line in half that this very act wrote: what stood there before it has long been synced."""
    for path, size in _sizes(folder).items():
        if path in before and size > before[path]:
            os.truncate(path, before[path] + (size - before[path]) // 2)


def _shown(done: object) -> str:
    return str(done.status) if isinstance(done, Response) else ""
