"""What tests of jobs that really run share: an emulator over HTTP that runs them, and waiting for what they do."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from reconciler.emulator.running.service import Machine
from tests.support import service
from tests.support.service import Service

PATIENCE = 15.0
"""Seconds that processes of this machine get for what takes them milliseconds."""

GRACE = 0.3

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED")


class WallClock:
    """Time as it passes."""

    now = staticmethod(time.time)
    sleep = staticmethod(time.sleep)


@contextlib.contextmanager
def opened(database: str = ":memory:", grace: float = GRACE, **options: Any) -> Iterator[Service]:
    """Open an emulator over HTTP whose jobs run."""
    with service.opened("http", database, **{"clock": WallClock(), **options}) as jobs:
        jobs.emulator.run_jobs(Machine({"PATH": os.environ["PATH"]}, time.monotonic, grace))
        yield jobs


def pool(*command: str, replicas: int = 1, env: dict[str, str] | None = None) -> dict[str, Any]:
    container: dict[str, Any] = {"imageUri": "img:1", "command": list(command)}
    if env:
        container["env"] = [{"name": name, "value": value} for name, value in env.items()]
    return {
        "machineSpec": {"machineType": "n1-standard-4"},
        "replicaCount": str(replicas),
        "containerSpec": container,
    }


def job(*pools: dict[str, Any], **more: Any) -> dict[str, Any]:
    return service.custom_job(jobSpec={"workerPoolSpecs": list(pools)} | more)


def python(script: str, **more: Any) -> dict[str, Any]:
    """A pool that runs a Python script."""
    return pool(sys.executable, "-u", "-c", script, **more)


def until(reached: Callable[[], Any], what: str = "the awaited") -> Any:
    """Look again and again until something is there, and return it."""
    pause, end = threading.Event(), time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = reached()
        if found:
            return found
        pause.wait(0.02)
    raise AssertionError(f"{what} did not come within {PATIENCE:g} s")


def state(jobs: Service, name: str) -> str:
    found: str = jobs.send("GET", f"/v1/{name}").json["state"]
    return found


def ended(jobs: Service, name: str) -> Any:
    """Wait for the end of a job and return it."""
    until(lambda: state(jobs, name).removeprefix("JOB_STATE_") in ENDED, f"the end of {name}")
    return jobs.send("GET", f"/v1/{name}").json


def logs(jobs: Service, name: str, after: int = 0) -> Any:
    reply = jobs.send("GET", f"/emulator/v1/{name}:logs", after=str(after))
    assert reply.status == 200, reply.body
    return reply.json


def printed(jobs: Service, name: str, replica: str = "workerpool0-0") -> list[str]:
    """The lines of one replica."""
    return [line["text"] for line in logs(jobs, name)["lines"] if line["replica"] == replica]


def notes(jobs: Service, name: str) -> str:
    return "\n".join(printed(jobs, name, "service"))
