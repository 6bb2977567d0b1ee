"""Real processes: `apply` is killed with signal 9 at six of its writes, against a served emulator, and heals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.serving import server
from reconciler.vocabulary.wire import Request, Response
from tests.support import samples
from tests.support.emulator import emulating
from tests.support.service import over_http
from tests.support.stack import STACK_FILE

FIELDS = {"CustomJob": "customJobs", "NasJob": "nasJobs", "Job": "jobs"}
KILLS = ((1, "before"), (1, "after"), (1, "before"), (1, "after"), (1, "after"), (1, "before"))
"""At which write of its own each process dies, and on which side of it."""


class Killer:
    """Passes requests on to the service; when the moment has come, the client is killed before it has its answer."""

    def __init__(self, service: Callable[[Request], Response]) -> None:
        self._service = service
        self._guard = threading.Lock()
        self.writes = 0
        self.moment = (0, "")
        self.kill: Callable[[], None] = lambda: None

    def __call__(self, request: Request) -> Response:
        if request.method == "GET":
            return self._service(request)
        with self._guard:
            self.writes += 1
            now = self.writes == self.moment[0]
            if now and self.moment[1] == "before":
                self.kill()
                return Response(503)
            reply = self._service(request)
            if now:
                self.kill()
            return reply


@contextmanager
def served(app: Callable[[Request], Response]) -> Iterator[int]:
    handle = server.serve(app)
    thread = threading.Thread(target=handle.run)
    thread.start()
    try:
        with closing(handle):
            yield handle.port
    finally:
        thread.join(30)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    root = tmp_path / "stack"
    root.mkdir()
    (root / "reconciler.yaml").write_text(STACK_FILE)
    (root / "jobs.yaml").write_text(samples.THREE)
    return root


def test_apply_killed_at_six_writes_ends_with_one_run_of_each(stack: Path) -> None:
    with emulating() as port:
        killer = Killer(over_http(port))
        with served(killer) as proxy:
            for moment in KILLS:
                assert run(stack, proxy, killer, moment, "apply", "--yes") == -signal.SIGKILL
            assert run(stack, proxy, killer, (0, ""), "apply", "--yes") == 0
            assert run(stack, proxy, killer, (0, ""), "plan", "--detailed-exitcode") == 0
        rows = [row for kind in FIELDS for row in jobs(over_http(port), kind)]
    assert sorted(row["labels"]["reconciler_name"] for row in rows) == ["legacy", "search", "train"]
    assert {row["labels"]["reconciler_run"][:2] for row in rows} == {"1-"}


def jobs(service: Callable[[Request], Response], kind: str) -> list[Any]:
    """Read every job of a kind past the code under test."""
    reply = service(Request("GET", f"http://any.host/v1/{samples.PATHS[kind]}?pageSize=100"))
    return list(json.loads(reply.body)[FIELDS[kind]])


def run(stack: Path, port: int, killer: Killer, moment: tuple[int, str], *arguments: str) -> int:
    """Run a command in the stack; it dies at the moment, if there is one."""
    environment = {**os.environ, "RECONCILER_BACKEND": f"http://127.0.0.1:{port}"}
    more = ["--parallelism", "1"] if "apply" in arguments else []
    command = [sys.executable, "-m", "reconciler", *arguments, *more, str(stack)]
    killer.writes, killer.moment = 0, moment
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        killer.kill = process.kill
        return process.wait(60)
