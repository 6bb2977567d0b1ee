"""The job APIs as a process of their own, which every runner of a test reaches over HTTP."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reconciler.transport.http import HttpTransport
from reconciler.vocabulary.wire import Request
from tests.support.stage import command_line

JOBS = "v1/projects/my-project/locations/us-central1/customJobs"


@contextmanager
def emulating(*arguments: str) -> Iterator[str]:
    """Start `reconciler emulate` and yield its URL; it is ended as programs end it."""
    with subprocess.Popen(
        command_line("emulate", "--port", "0", *arguments), text=True, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stderr is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
            assert found
            yield found[0]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=15)


def live(url: str) -> dict[str, list[dict[str, Any]]]:
    """Return every live job by its display name, oldest first."""
    with HttpTransport() as http:
        rows = json.loads(http(Request("GET", f"{url}/{JOBS}")).body).get("customJobs", [])
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row["createTime"]):
        found.setdefault(row["displayName"], []).append(row)
    return found


def active(url: str) -> dict[str, list[str]]:
    """Return the arguments of every active job by its display name: what people see running."""
    return {
        name: row["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]["args"]
        for name, rows in live(url).items()
        for row in rows
        if row["state"] in ("JOB_STATE_QUEUED", "JOB_STATE_PENDING", "JOB_STATE_RUNNING")
    }


def cancel(url: str, resource: str) -> None:
    """Cancel a job as somebody in the console would."""
    with HttpTransport() as http:
        http(Request("POST", f"{url}/v1/{resource}:cancel", {"content-type": "application/json"}, b"{}"))
