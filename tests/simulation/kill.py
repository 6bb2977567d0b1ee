"""The real process, killed with signal 9 at random moments against a served emulator with faults, until all is well.

And three of them at once, each with a store of its own, so that no lock keeps them apart.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reconciler.vocabulary.wire import Request, Response
from tests.simulation.service import ACTIVE, PLACES
from tests.simulation.wishes import Wish
from tests.support.emulator import emulating
from tests.support.service import over_http
from tests.support.stack import STACK_FILE

FAULTS = """\
faults:
  - {action: drop_after, method: create, nth: [2, 3]}
  - {action: status, code: 503, method: create, every: 4, carried_out: true}
  - {action: list_lag, seconds: 0.5}
  - {action: status, code: 503, method: list, probability: 0.1, seed: 1}
  - {action: truncate, method: get, probability: 0.1, seed: 2}
  - {action: delay, seconds: 0.2, method: create, every: 3}
"""

LONGEST = 90.0
"""Seconds after which a process that is neither killed nor done has failed."""


def manifests(version: int) -> str:
    """Write five manifests of two kinds."""
    kinds = {"alpha": "CustomJob", "beta": "CustomJob", "delta": "CustomJob", "gamma": "Job", "omega": "Job"}
    return "---\n".join(Wish(kind, name, version=version).text() for name, kind in kinds.items())


def faults(folder: Path) -> tuple[str, str]:
    """Write the faults of the service, and return how it is told of them."""
    (folder / "faults.yaml").write_text(FAULTS)
    return "--faults", str(folder / "faults.yaml")


def stack(folder: Path) -> Path:
    """Write a stack."""
    folder.mkdir(parents=True)
    (folder / "reconciler.yaml").write_text(STACK_FILE)
    (folder / "jobs.yaml").write_text(manifests(1))
    return folder


def start(root: Path, port: int, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command in a stack."""
    environment = {**os.environ, "RECONCILER_BACKEND": f"http://127.0.0.1:{port}"}
    command = [sys.executable, "-m", "reconciler", *arguments, str(root)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Wait for a process; returns its code and what it said."""
    _, said = process.communicate(timeout=LONGEST)
    return process.returncode, said.decode()


def jobs(port: int) -> list[dict[str, Any]]:
    """Read every job past the code under test."""
    found: list[dict[str, Any]] = []
    for kind, place in PLACES.items():
        reply = _patient(port, f"http://any.host/v1/{place}?pageSize=100")
        found += json.loads(reply.body).get({"CustomJob": "customJobs", "NasJob": "nasJobs", "Job": "jobs"}[kind], [])
    return found


def _patient(port: int, url: str) -> Response:
    service = over_http(port)
    for _ in range(20):
        reply = service(Request("GET", url))
        if reply.status == 200:
            return reply
    raise AssertionError(f"{url}: {reply.status}")


def calm(port: int) -> None:
    """Take all faults away."""
    assert over_http(port)(Request("DELETE", "http://any.host/emulator/v1/faults")).status == 200


def judge(port: int, version: int, *, once: bool) -> list[str]:
    """Return what is wrong: other than one active run of the version for each name, or with `once` a run key twice."""
    rows = [row for row in jobs(port) if row.get("labels")]
    active = [row for row in rows if row["state"].removeprefix("JOB_STATE_") in ACTIVE]
    problems = []
    names = sorted(row["labels"]["reconciler_name"] for row in active)
    if names != ["alpha", "beta", "delta", "gamma", "omega"]:
        problems.append(f"active runs: {names}")
    if any(f"gcr.io/a/b:{version}" not in json.dumps(row) for row in active):
        problems.append("a run of another version is active")
    keys = sorted(row["labels"]["reconciler_run"] for row in rows)
    if once and len(keys) != len(set(keys)):
        problems.append(f"a run was created twice: {keys}")
    return problems


def kill_at_random(moments: int, seed: int) -> list[str]:
    """Apply over and over, each time killed after a random while; then once in peace. Returns what went wrong."""
    chance = random.Random(seed)
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kill-") as base:
        root = stack(Path(base) / "stack")
        with emulating(*faults(Path(base))) as port:
            version, killed = 1, 0
            while killed < moments:
                if chance.random() < 0.15:
                    version += 1
                    (root / "jobs.yaml").write_text(manifests(version))
                process = start(root, port, "apply", "--yes", "--allow-cancel", "99")
                time.sleep(chance.uniform(0.3, 2.0))
                killed += process.poll() is None
                process.kill()
                finish(process)
            calm(port)
            problems += converge(root, port)
            problems += judge(port, version, once=True)
    return problems


def converge(root: Path, port: int) -> list[str]:
    """Apply once more; then a plan has nothing to do."""
    code, said = finish(start(root, port, "apply", "--yes", "--allow-cancel", "99"))
    if code:
        return [f"the last apply ended with {code}: {said[-500:]}"]
    code, said = finish(start(root, port, "plan", "--detailed-exitcode"))
    return [f"the next plan ended with {code}: {said[-500:]}"] if code else []


def three_at_once() -> list[str]:
    """Apply three times at once without a shared lock; then one run each is left. Returns what went wrong."""
    with tempfile.TemporaryDirectory(prefix="three-") as base, emulating() as port:
        roots = [stack(Path(base) / f"stack-{number}") for number in range(3)]
        for process in [start(root, port, "apply", "--yes", "--allow-cancel", "99") for root in roots]:
            finish(process)
        return converge(roots[0], port) + judge(port, 1, once=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="tests.simulation.kill", description=__doc__)
    parser.add_argument("--moments", type=int, default=50, help="how often a process is killed")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    started = time.monotonic()
    problems = kill_at_random(asked.moments, asked.seed) + three_at_once()
    told = "; ".join(problems) or "all is well"
    sys.stdout.write(f"killed {asked.moments} times, three at once: {told} ({time.monotonic() - started:.0f} s)\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
