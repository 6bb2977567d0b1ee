"""Processes of this machine: start one in a session of its own, signal all of it, and know it again. It knows no job."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from reconciler.emulator.running.output import Output

_DRAIN_SECONDS = 1.0
_STAT_START = 19
"""Place of the start time in /proc/PID/stat after the name's closing bracket (proc(5): field 22)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A process that can be told from a later one of the same number by when it started."""

    pid: int
    started: str

    @property
    def is_alive(self) -> bool:
        """Say whether this very process still runs."""
        return _started(self.pid) == self.started != ""


def identify(pid: int) -> Identity:
    """Return who a process is."""
    return Identity(pid, _started(pid))


def _started(pid: int) -> str:
    """Return when a process started, in the system's own words; empty where there is none, or it is a zombie."""
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        except OSError:
            return ""
        return "" if fields[0] in "ZX" else f"{boot} {fields[_STAT_START]}"
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip()


class Process:
    """One running command, the leader of a session; what it prints goes to an Output under its name."""

    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, output: Output
    ) -> None:
        """Start it in a folder. Raises OSError or ValueError where the system will not."""
        self.name = name
        self._popen = subprocess.Popen(
            list(arguments),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.identity = identify(self._popen.pid)
        if hasattr(resource, "prlimit"):
            with contextlib.suppress(OSError):  # it may have ended already
                resource.prlimit(self._popen.pid, resource.RLIMIT_CORE, (0, 0))
        assert self._popen.stdout is not None
        self._drained = threading.Thread(target=output.drain, args=(name, self._popen.stdout), daemon=True)
        self._drained.start()

    @property
    def status(self) -> int | None:
        """The exit status once it ended, 128 and its number for a signal as shells have it; None while it runs.

        What it left behind in its session ends with it, as in a container.
        """
        if self._popen.returncode is None:
            # it stays a zombie for now, so that its number is nobody else's while the session is killed
            if os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return None
            kill_session(self._popen.pid, signal.SIGKILL)
            self._popen.wait()
        code = self._popen.returncode
        return 128 - code if code < 0 else code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to everything in its session that did not leave it."""
        if self._popen.returncode is None:
            kill_session(self._popen.pid, number)

    def drain(self) -> None:
        """Wait for the last lines of an ended process; one that left its session may hold them open for ever."""
        self._drained.join(_DRAIN_SECONDS)


def kill_session(pid: int, number: signal.Signals) -> None:
    """Signal the process group that a session's leader began with."""
    with contextlib.suppress(
        ProcessLookupError, PermissionError
    ):  # macOS: a group of zombies alone may not be signalled
        os.killpg(pid, number)


def free_addresses(count: int) -> tuple[str, ...]:
    """Return so many free ports of the loopback interface as host:port; they are free when this returns, not for ever."""
    with ExitStack() as held:
        ports = []
        for _ in range(count):
            taken = held.enter_context(socket.socket())
            taken.bind(("127.0.0.1", 0))
            ports.append(taken.getsockname()[1])
    return tuple(f"127.0.0.1:{port}" for port in ports)
