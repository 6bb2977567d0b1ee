"""The running of jobs as the emulator uses it: start it over a database, end it, and answer for the output it keeps."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.emulator.messages.served import Served
from reconciler.emulator.running import plans
from reconciler.emulator.running.records import Folder
from reconciler.emulator.running.stored import StoredJobs
from reconciler.emulator.running.supervisor import GRACE_SECONDS, Supervisor
from reconciler.emulator.state import lifecycle
from reconciler.emulator.state.database import State
from reconciler.emulator.state.rows import Job, Key
from reconciler.emulator.wire.replies import Refusal
from reconciler.emulator.wire.requests import Call

MOST_LINES = 1000
"""Lines of output in one answer."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What jobs run on: the variables every process gets, real seconds, and those between SIGTERM and SIGKILL."""

    variables: Mapping[str, str]
    ticks: Callable[[], float]
    grace: float = GRACE_SECONDS


class Running:
    """The jobs that run, for as long as the emulator is open. A database in memory has a folder that goes with it."""

    def __init__(
        self, database: str, state: State, served: Mapping[str, Served], now: Callable[[], int], machine: Machine
    ) -> None:
        """Start it; what an emulator before this one left behind is ended. Raises errors.StoreFailed."""
        self._fleeting = database == ":memory:"
        self._folder = Folder(
            Path(tempfile.mkdtemp(prefix="reconciler-runs-")) if self._fleeting else runs_folder(database)
        )
        jobs = StoredJobs(state, served, now)
        self._supervisor = Supervisor(jobs, self._folder, machine.variables, machine.ticks, machine.grace)

    def takes(self, body: Mapping[str, Any]) -> bool:
        """Say whether a job would be run."""
        return self._supervisor.takes(body)

    def claim(self, key: Key, body: Mapping[str, Any]) -> None:
        """Take a job that is being created."""
        self._supervisor.claim(key, body)

    def holds(self, key: Key) -> bool:
        """Say whether a job is run and has not ended."""
        return self._supervisor.holds(key)

    def hear(self, changes: Iterable[tuple[Key, Job | None]]) -> None:
        """Learn of changes that stand."""
        self._supervisor.hear(changes)

    def logs(self, served: Served, job: Job, call: Call) -> dict[str, Any]:
        """Answer kept lines after the query's `after`, oldest first, at most MOST_LINES; `ended`: none will follow them.

        Raises Refusal for a job that was never run, saying why.
        """
        after = call.after("the `n` of a line")
        over = served.is_terminal(job) and not self.holds(job.key)
        found = self._supervisor.read(job.key, after, MOST_LINES)
        if found is None:
            why = "it was created before the emulator ran jobs" if plans.read(job.body) else NO_COMMAND
            raise Refusal("FAILED_PRECONDITION", f"There is no output of {served.resource_name(job.key)}: {why}.")
        lines, dropped = found
        shown = [
            {
                "n": line.n,
                "time": lifecycle.timestamp(round(line.time * lifecycle.MICROSECONDS), 6),
                "replica": line.replica,
                "text": line.text,
            }
            for line in lines
        ]
        return {"lines": shown, "dropped": dropped, "state": job.life.state, "ended": over and len(lines) < MOST_LINES}

    def close(self) -> None:
        """Stop every process; their jobs end FAILED."""
        self._supervisor.close()
        if self._fleeting:
            self._folder.remove_all()


def runs_folder(database: str) -> Path:
    """Return the folder of runs of a database file; it is hidden, so that no stack takes what jobs write for manifests."""
    file = Path(database).absolute()
    return file.with_name(f".{file.name}.runs")


NO_COMMAND = "its manifest names no container command, so there was nothing to run, and its states follow the clock"
