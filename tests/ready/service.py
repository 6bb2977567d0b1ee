"""What people see of the jobs on a served emulator, and what somebody in the console does to them."""

from __future__ import annotations

import json
from typing import Any

from reconciler.transport.http import HttpTransport
from reconciler.vocabulary.wire import Request

JOBS = "v1/projects/my-project/locations/us-central1/customJobs"


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
