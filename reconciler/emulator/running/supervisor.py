"""Runs the jobs that were given to it: starts their processes, watches them, and says how each job ended.

One thread does all of it. It knows neither HTTP nor the database: what a job is now it asks through a port."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.emulator.running import environment, plans, texts
from reconciler.emulator.running import output as outputs
from reconciler.emulator.running.output import Output
from reconciler.emulator.running.plans import Plan
from reconciler.emulator.running.ports import Jobs, Move, Verdict
from reconciler.emulator.running.processes import Process, free_addresses, identify, kill_session
from reconciler.emulator.running.records import Folder, Record
from reconciler.emulator.state.rows import Key
from reconciler.emulator.wire.replies import Refusal

MOST_PROCESSES = 32
"""Processes of all jobs at once (chosen); later jobs wait QUEUED, in the order of their creation."""

GRACE_SECONDS = 10.0
"""Time between SIGTERM and SIGKILL (chosen)."""

CLOSING_SECONDS = 3.0
"""The same where the emulator itself ends (chosen)."""

_TICK_SECONDS = 0.05
_LOOK_SECONDS = 1.0


@dataclass(slots=True)
class _Run:
    """A job from the moment it was taken; touched by the supervisor's thread alone once it is heard of."""

    key: Key
    plan: Plan
    output: Output
    record: Record
    processes: list[Process] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    heard: bool = False
    until: float = 0.0
    verdict: Verdict | None = None
    kill_at: float = 0.0
    killed: bool = False
    queued: bool = False


class Supervisor:
    """Takes jobs and runs them until `close`. `ticks` tells seconds that pass for real, whatever the jobs live by."""

    def __init__(
        self,
        jobs: Jobs,
        folder: Folder,
        machine: Mapping[str, str],
        ticks: Callable[[], float],
        grace: float = GRACE_SECONDS,
    ) -> None:
        """Start it. `machine` holds the variables every process gets, such as PATH."""
        self._jobs = jobs
        self._folder = folder
        self._machine = dict(machine)
        self._ticks = ticks
        self._grace = grace
        self._keeper = identify(os.getpid())
        self._lock = threading.Lock()
        self._claimed: dict[Key, _Run] = {}
        self._arrived: deque[_Run] = deque()
        self._removed: deque[Key] = deque()
        self._waiting: deque[_Run] = deque()
        self._runs: list[_Run] = []
        self._next_look = 0.0
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._recover()
        self._thread = threading.Thread(target=self._work, name="running-jobs")
        self._thread.start()

    def takes(self, body: Mapping[str, Any]) -> bool:
        """Say whether a job would be run: it has a command, and nobody stops the emulator at this moment."""
        return plans.read(body) is not None and not self._closing.is_set()

    def claim(self, key: Key, body: Mapping[str, Any]) -> None:
        """Take a job that is being created; it starts once `hear` tells that the creation stands.

        Raises Refusal (503) where its folder cannot be made.
        """
        plan = plans.read(body)
        assert plan is not None, "takes was asked first"
        record = Record(key, self._keeper)
        try:
            self._folder.remove(key)
            self._folder.write(record)
            output = Output(self._folder.output(key), self._jobs.now)
        except OSError as error:
            raise Refusal("UNAVAILABLE", f"The emulator cannot write the job's folder: {error}.") from error
        run = _Run(key, plan, output, record)
        with self._lock:
            self._claimed[key] = run

    def holds(self, key: Key) -> bool:
        """Say whether a job is run here and has not ended."""
        with self._lock:
            return key in self._claimed

    def hear(self, changes: Iterable[tuple[Key, object | None]]) -> None:
        """Learn that changes of jobs stand: created, asked to be cancelled, or removed (None)."""
        concerned = False
        with self._lock:
            for key, job in dict(changes).items():  # a restore removes a job and adds it again
                run = self._claimed.get(key)
                concerned = concerned or run is not None or job is None
                if job is None:
                    self._removed.append(key)
                elif run is not None and not run.heard:
                    run.heard = True
                    self._arrived.append(run)
        if concerned:
            self._next_look = 0.0
            self._wake.set()

    def read(self, key: Key, after: int, most: int) -> tuple[tuple[outputs.Line, ...], int] | None:
        """Return kept lines of a job after the n-th and how many are lost between; None for one that was never run."""
        folder = self._folder.output(key)
        return outputs.read(folder, after, most) if folder.is_dir() else None

    def close(self) -> None:
        """Stop every process and wait for that; their jobs end FAILED. A second close does nothing."""
        self._closing.set()
        self._wake.set()
        self._thread.join()

    def _recover(self) -> None:
        """End what a supervisor that is gone left behind. Only processes that are surely its own are killed."""
        for record in self._folder.unfinished():
            if record.keeper.is_alive and record.keeper != self._keeper:
                continue
            for process in record.processes:
                if process.is_alive:
                    kill_session(process.pid, signal.SIGKILL)
            self._jobs.move(record.key, Move.FAILED, *texts.STOPPED)
            self._folder.write(replace(record, ended=True))

    def _work(self) -> None:
        while True:
            busy = self._runs or self._waiting
            self._wake.wait(_TICK_SECONDS if busy else None)
            self._wake.clear()
            self._take_in()
            look = self._ticks() >= self._next_look
            if look:
                self._next_look = self._ticks() + _LOOK_SECONDS
            for run in (*self._runs, *self._waiting):
                with contextlib.suppress(sqlite3.OperationalError):  # another process holds the database: the next time
                    self._step(run, look=look)
            with contextlib.suppress(sqlite3.OperationalError):
                self._start_waiting()
            if self._closing.is_set() and not (self._runs or self._waiting or self._arrived):
                return

    def _take_in(self) -> None:
        with self._lock:
            self._waiting.extend(self._arrived)
            self._arrived.clear()
            removed = [key for key in self._removed if key not in self._claimed]
            self._removed.clear()
        for key in removed:
            self._folder.remove(key)

    def _start_waiting(self) -> None:
        """Start who waits, in order, as far as there is room."""
        while self._waiting:
            run = self._waiting[0]
            if sum(len(each.processes) for each in self._runs) + len(run.plan.replicas) > MOST_PROCESSES:
                break
            runs = not run.plan.problem and self._jobs.move(run.key, Move.RUNNING)
            self._waiting.popleft()
            self._runs.append(run)
            if run.plan.problem:
                run.output.note(run.plan.problem)
                run.verdict = Verdict(Move.FAILED, texts.INVALID_ARGUMENT, run.plan.problem)
            elif runs:
                run.until = self._jobs.now() + run.plan.timeout
                self._start(run)
        for run in self._waiting:
            if not run.queued:
                run.queued = self._jobs.move(run.key, Move.QUEUED)

    def _start(self, run: _Run) -> None:
        addresses = free_addresses(len(run.plan.replicas))
        for replica in run.plan.replicas:
            run.output.note(f"{replica.name} starts: {plans.short(replica.arguments)}")
            try:
                folder = self._folder.work(run.key, replica.name)
                machine = {**self._machine, "HOME": str(folder), "PWD": str(folder)}
                found = environment.variables(run.plan, replica, addresses, run.key, machine)
                process = Process(replica.name, replica.arguments, found, folder, run.output)
            except (OSError, ValueError) as error:
                run.verdict = Verdict(Move.FAILED, *texts.unstartable(replica, run.key, error))
                run.output.note(run.verdict.message)
                return
            run.processes.append(process)
            run.record = replace(run.record, processes=(*run.record.processes, process.identity))
            with contextlib.suppress(OSError):
                self._folder.write(run.record)

    def _step(self, run: _Run, *, look: bool) -> None:
        """Bring one run forward: see who ended, stop who has to, and end the job when nobody is left."""
        for process in run.processes:
            if process.status is not None and process.name not in run.seen:
                self._see_end(run, process)
        if run.verdict is None:
            run.verdict = self._asked(run, look=look)
        if run.verdict is None:
            return
        alive = [process for process in run.processes if process.status is None]
        if alive and not self._is_given_up(run):
            self._stop(run, alive)
        else:
            self._finish(run, run.verdict)

    def _see_end(self, run: _Run, process: Process) -> None:
        run.seen.add(process.name)
        process.drain()
        status = process.status or 0
        run.output.note(f"{process.name} ended with status {status}")
        if run.verdict is not None:
            return
        if status:
            replica = next(each for each in run.plan.replicas if each.name == process.name)
            run.verdict = Verdict(Move.FAILED, *texts.exited(run.plan, replica, run.key, status))
        elif process is run.processes[0]:
            # documented: a job has succeeded when its primary replica exits with 0; the others are shut down
            run.verdict = Verdict(Move.SUCCEEDED)

    def _asked(self, run: _Run, *, look: bool) -> Verdict | None:
        """Say what was asked of a run since: nothing, or how it is to end."""
        if self._closing.is_set():
            return Verdict(Move.FAILED, *texts.STOPPED, note="the emulator is stopped")
        if run.processes and self._jobs.now() >= run.until:
            # ml: "cancels it"; Vertex AI: python-tfx#6223, cancelled after the default of 7 days
            return Verdict(Move.CANCELLED, note=f"the job ran for {run.plan.timeout:g} s, which is its timeout")
        if not look:
            return None
        standing = self._jobs.standing(run.key)
        if standing is None or standing.over:
            return Verdict(None, note="the job has an end already")
        return Verdict(Move.CANCELLED, note="the job is cancelled") if standing.cancelled else None

    def _stop(self, run: _Run, alive: Sequence[Process]) -> None:
        now = self._ticks()
        if not run.kill_at:
            grace = min(self._grace, CLOSING_SECONDS) if self._closing.is_set() else self._grace
            run.kill_at = now + grace
            if run.verdict is not None and run.verdict.note:
                run.output.note(run.verdict.note)
            for process in alive:
                process.signal(signal.SIGTERM)
        elif self._closing.is_set():
            run.kill_at = min(run.kill_at, now + CLOSING_SECONDS)
        if now >= run.kill_at and not run.killed:
            run.killed = True
            for process in alive:
                run.output.note(f"{process.name} did not end after SIGTERM and is killed")
                process.signal(signal.SIGKILL)

    def _is_given_up(self, run: _Run) -> bool:
        """Say whether the emulator ends without a process that even SIGKILL did not reach, as one of another user."""
        return self._closing.is_set() and run.killed and self._ticks() >= run.kill_at + CLOSING_SECONDS

    def _finish(self, run: _Run, verdict: Verdict) -> None:
        for process in run.processes:
            if process.name not in run.seen and process.status is not None:
                self._see_end(run, process)
        run.output.close()
        with self._lock:
            self._claimed.pop(run.key, None)  # before the state says so: who sees the end must find the output whole
        if verdict.to is not None:
            self._jobs.move(run.key, verdict.to, verdict.code, verdict.message)
        with contextlib.suppress(ValueError):
            self._waiting.remove(run)
        with contextlib.suppress(ValueError):
            self._runs.remove(run)
        with contextlib.suppress(OSError):  # a record that says less is ended again at the next start
            self._folder.write(replace(run.record, ended=True))
        if verdict.to is None and self._jobs.standing(run.key) is None:
            self._folder.remove(run.key)
