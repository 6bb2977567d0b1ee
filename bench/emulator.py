"""The emulator as a server: request rates beside a bare server of its library, 100,000 jobs paged, what a commit costs.

`python -m bench.emulator`, or with --short for a look at whether it runs."""

from __future__ import annotations

import argparse
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench import harness, manifests
from bench.clients import Client, rate, request
from reconciler.emulator import app
from reconciler.emulator.state.clocks import ManualClock
from reconciler.files import schemas
from reconciler.vocabulary.wire import Request

JOBS = "/v1/projects/demo-project/locations/us-central1/customJobs"
SHARDS = 16
EMULATOR, BARE = "reconciler", "bench.bare"


@contextmanager
def serving(folder: Path, module: str, *arguments: str) -> Iterator[tuple[int, int]]:
    """Run a server of this repository as a process; yields its port and process number."""
    command = [sys.executable, "-m", module, *arguments]
    environment = {"PYTHONPATH": str(harness.ROOT)}
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        if found is None:
            raise RuntimeError(line + process.stderr.read())
        yield int(found[1]), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def body(number: int) -> bytes:
    """Write a create as the tool sends it: a realistic job with the tool's own labels."""
    return json.dumps(manifests.resource(number)).encode()


def rates(folder: Path, clients: Sequence[int], duration: float, rounds: int) -> str:
    """Measure create, get and list at so many clients beside a bare server that answers as many bytes."""
    rows = []
    database = folder / "rates.db"
    # a clock that stands still: no job moves, so that every round meets the same
    with (
        serving(folder, EMULATOR, "emulate", "--port", "0", "--clock", "manual", "--db", str(database)) as (
            port,
            process,
        ),
        serving(folder, BARE) as (bare, bare_process),
    ):
        client = Client(port)
        made = [json.loads(client.send(request("POST", JOBS, body(number)))) for number in range(200)]
        asked: dict[str, Callable[[int], bytes]] = {
            "get": lambda number: request("GET", f"/v1/{made[number % 200]['name']}"),
            "list, page of 100": lambda _number: request("GET", f"{JOBS}?pageSize=100"),
            "create": lambda number: request("POST", JOBS, body(number)),
        }
        sizes = {name: len(client.send(make(0))) for name, make in asked.items()}
        client.close()
        for name, make in asked.items():
            for count in clients:
                constant = request(
                    "POST" if name == "create" else "GET", f"/{sizes[name]}", body(0) if name == "create" else b""
                )
                spent: dict[int, list[float]] = {process: [], bare_process: []}
                subjects = {
                    "emulator": partial(_rate, port, process, make, count, duration, spent[process]),
                    "bare": partial(
                        _rate, bare, bare_process, partial(_same, constant), count, duration, spent[bare_process]
                    ),
                }
                found = harness.rotate(subjects, rounds)
                own, least = (harness.Sample(tuple(values)).median * 1e3 for values in spent.values())
                emulator, floor = found["emulator"].median, found["bare"].median
                size = f"{name} ({sizes[name]:,} bytes)"
                rates_told = (f"{emulator:,.0f}", f"{floor:,.0f}", f"{floor / emulator:.1f}")
                spent_told = (f"{own:.2f}", f"{least:.2f}", f"{own / least:.1f}" if least else "")
                rows.append((size, str(count), *rates_told, *spent_told))
    header = ("request", "clients", "emulator", "bare waitress", "times slower", "CPU, ms", "bare's CPU, ms", "times")
    return harness.table("Requests a second, and what each costs the server", header, rows)


def _rate(
    port: int, process: int, make: Callable[[int], bytes], clients: int, duration: float, spent: list[float]
) -> float:
    """Measure a rate, and note the processor seconds that the server spent on each request."""
    before = harness.cpu(process)
    found = rate(port, make, clients, duration)
    spent.append((harness.cpu(process) - before) / (found * duration))
    return found


def _same(data: bytes, _number: int) -> bytes:
    return data


def fill(database: Path, count: int) -> float:
    """Store jobs as creates leave them, past HTTP: one made as callers do, the others copies of it. Returns seconds."""
    emulator = app.Emulator(schemas.load_kinds(), str(database), ManualClock(), app.random_ids(random.Random(1)))
    try:
        emulator(Request("POST", f"http://localhost{JOBS}", {}, body(0)))
        state = emulator._state
        start = time.perf_counter()
        with state.transaction(write=True):
            [one] = state.stored_after(0, 1)
            for number in range(1, count):
                life = replace(one.life, created=one.life.created + number, updated=one.life.updated + number)
                made = {**one.body, **manifests.resource(number)}
                state.add(replace(one, key=replace(one.key, job=str(10**18 + number)), body=made, life=life))
        return time.perf_counter() - start
    finally:
        emulator.close()


def paging(folder: Path, count: int, size: int) -> str:
    """Page through a large database over HTTP: everything, one shard of sixteen, one job, none."""
    database = folder / "paging.db"
    filled = fill(database, count)
    rows = [(f"store {count:,} jobs (one transaction)", f"{count:,}", "", f"{filled:.2f}", "", "")]
    asked = {
        "all": "",
        "all, readMask=name,labels": "&readMask=name,labels",
        f"one of {SHARDS} shards": f"&filter={quote('labels.reconciler_shard=3')}",
        "one job by its label": f"&filter={quote('labels.reconciler_name=train-00007')}",
        "a label that no job has": f"&filter={quote('labels.reconciler_stack=another')}",
    }
    with serving(folder, EMULATOR, "emulate", "--port", "0", "--clock", "manual", "--db", str(database)) as (
        port,
        process,
    ):
        client = Client(port)
        for name, query in asked.items():
            found, pages = _walk(client, f"{JOBS}?pageSize={size}&prettyPrint=false{query}")
            rows.append(
                (name, f"{found:,}", str(len(pages)), f"{sum(pages):.2f}", f"{max(pages) * 1000:.1f}", _memory(process))
            )
        client.close()
    header = ("list", "jobs", "pages", "seconds", "slowest page, ms", "server's peak, MB")
    megabytes = database.stat().st_size / 1e6
    return harness.table(f"{count:,} jobs, pages of {size:,} ({megabytes:.0f} MB on disk)", header, rows)


def _walk(client: Client, path: str) -> tuple[int, list[float]]:
    """Read every page; returns the rows and the seconds of each page. Raises RuntimeError for a row seen twice."""
    names: set[str] = set()
    count, pages, token = 0, [], ""
    while True:
        start = time.perf_counter()
        data = client.send(request("GET", f"{path}{'&pageToken=' + token if token else ''}"))
        pages.append(time.perf_counter() - start)
        page: dict[str, Any] = json.loads(data)
        count += len(page.get("customJobs", []))
        names.update(row["name"] for row in page.get("customJobs", []))
        token = page.get("nextPageToken", "")
        if not token:
            break
    if len(names) != count:
        raise RuntimeError(f"{count - len(names)} rows were shown twice")
    return count, pages


def _memory(process: int) -> str:
    """Read the most memory a process had, empty where the system does not tell."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return ""
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
    return f"{int(found[1]) / 1024:.0f}" if found else ""


def commits(folder: Path, count: int, rounds: int) -> str:
    """Measure a create in process, with and without waiting for the disk at every commit."""

    def creating(mode: str) -> Callable[[], float]:
        def measure() -> float:
            database = folder / f"commit-{mode}-{time.monotonic_ns()}.db"
            emulator = app.Emulator(
                schemas.load_kinds(), str(database), ManualClock(), app.random_ids(random.Random(1))
            )
            try:
                emulator._state._connection.execute(f"PRAGMA synchronous={mode}")
                calls = [Request("POST", f"http://localhost{JOBS}", {}, body(number)) for number in range(count)]
                return harness.seconds(lambda: [emulator(call) for call in calls]) / count * 1e3
            finally:
                emulator.close()

        return measure

    found = harness.rotate({mode: creating(mode) for mode in ("NORMAL", "FULL")}, rounds)
    floor = found["NORMAL"].median
    rows = [
        (mode, f"{sample.median:.3f}", sample.spread, f"{sample.median / floor:.1f}") for mode, sample in found.items()
    ]
    header = ("PRAGMA synchronous", "ms a create", "from–to", "times")
    return harness.table("A create in process, by what a commit waits for", header, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.emulator", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a look at whether it runs; the numbers mean nothing")
    parser.add_argument("--jobs", type=int, default=100_000, help="jobs to page through")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement of a rate")
    given = parser.parse_args(arguments)
    jobs, rounds, duration, size, creates = given.jobs, given.rounds, given.seconds, 1000, 500
    if given.short:
        jobs, rounds, duration, size, creates = 60, 1, 0.05, 10, 5
    print(f"# The emulator\n\n{harness.machine()} Medians of {rounds} rounds, in turns.\n")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        print(rates(folder, (1, 16), duration, rounds))
        print(paging(folder, jobs, size))
        print(commits(folder, creates, rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
