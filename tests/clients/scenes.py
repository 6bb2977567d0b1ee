"""One cell of the matrix set up: a project of its own in the emulator's process, and the jobs that its case needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.contract.test_emulator_command import send
from tests.support import service
from tests.support.google_clients import Caller
from tools.pages import client_matrix
from tools.pages.client_matrix import ML_JOBS, OPERATIONS, TRIALS, Cell, Client


@dataclass(frozen=True)
class Served:
    """The emulator in its process, and the clients of it."""

    port: int
    clients: Mapping[Client, Caller]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = send(self.port, method, f"/emulator/v1/{path}", body)
        assert status == 200, answer
        return answer

    def calls(self) -> int:
        """How many calls of the APIs there were."""
        last = 0
        while found := self.control("GET", f"audit?after={last}")["calls"]:
            last = found[-1]["n"]
        return last


@dataclass(frozen=True)
class Scene:
    """One cell's own project, and what may be asked in it."""

    served: Served
    cell: Cell
    project: str

    @property
    def place(self) -> str:
        return f"projects/{self.project}" + ("" if self.cell.client is Client.ML else "/locations/us-central1")

    @property
    def jobs(self) -> str:
        """The collection of jobs that the cell is about, or whose deletes or trials it is about."""
        found = self.cell.collection.removesuffix(".operations").removesuffix(".nasTrialDetails")
        return {"projects.locations": client_matrix.JOBS, "projects": ML_JOBS}.get(found, found)

    @property
    def collection(self) -> str:
        return self.jobs.rpartition(".")[2]

    def call(self, method: str, collection: str = "", **given: Any) -> Any:
        return self.served.clients[self.cell.client].call(collection or self.cell.collection, method, **given)

    def body(self, number: int = 1) -> dict[str, Any]:
        if self.jobs == ML_JOBS:
            return service.ml_job(f"job_{number}")
        return service.nas_job() if self.collection == "nasJobs" else service.custom_job()

    def made(self, number: int = 1) -> str:
        """Create a job and return its name."""
        found = self.call("create", self.jobs, parent=self.place, body=self.body(number))
        return found.get("name") or f"{self.place}/jobs/{found['jobId']}"

    def ended(self, number: int = 1) -> str:
        """Create a job that has succeeded and return its name."""
        name = self.made(number)
        state = "SUCCEEDED" if self.jobs == ML_JOBS else "JOB_STATE_SUCCEEDED"
        self.served.control("POST", f"{name}:setState", {"state": state})
        return name

    def deleted(self) -> str:
        """Delete a job that has ended and return the name of the operation, below the job where the cell is about that."""
        job = self.ended()
        name = str(self.call("delete", self.jobs, name=job)["name"])
        return f"{job}/operations/{name.rpartition('/')[2]}" if self.cell.collection == client_matrix.NESTED else name

    def searched(self) -> str:
        """Create a NasJob that ran all its trials and return its name."""
        name = self.made()
        self.served.control("POST", "clock:advance", {"seconds": 100_000})
        return name

    def missing(self) -> str:
        """Return a name of the cell's form that names nothing."""
        if self.cell.collection in (OPERATIONS, client_matrix.ML_OPERATIONS):
            return f"{self.place}/operations/1"
        if self.cell.collection == TRIALS:
            return f"{self.searched()}/nasTrialDetails/404"
        nested = "/operations/1" if self.cell.collection == client_matrix.NESTED else ""
        return f"{self.place}/{self.collection}/1{nested}"

    def parent(self) -> str:
        """Return what the cell's list is a list of."""
        if self.cell.collection == TRIALS:
            return self.searched()
        return self.made() if self.cell.collection == client_matrix.NESTED else self.place

    def arguments(self) -> Mapping[str, Any]:
        """Return what the method takes beside its name."""
        return ARGUMENTS.get(self.cell.method, {})


ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "patch": {"updateMask": "labels", "body": {"labels": {"team": "vision"}}},
    "setIamPolicy": {"body": {"policy": {"bindings": [{"role": "roles/viewer", "members": ["user:a@example.com"]}]}}},
    "testIamPermissions": {"body": {"permissions": ["ml.jobs.get"]}},
}
