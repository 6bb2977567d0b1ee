"""What really happened in a simulation, who did it, and the laws it is held to. It asks no code under test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.service import Live, Service

FIELDS = {"customJobs": "CustomJob", "nasJobs": "NasJob", "jobs": "Job"}


def version_of(body: Any) -> str:
    """Return the image of a job: the one field that tells two specs apart here."""
    if isinstance(body, Mapping):
        if isinstance(body.get("imageUri"), str):
            return str(body["imageUri"])
        return next((found for value in body.values() if (found := version_of(value))), "")
    if isinstance(body, list):
        return next((found for value in body if (found := version_of(value))), "")
    return ""


@dataclass(eq=False)
class Job:
    """One job that ever was. `causes` are all who ended or deleted it, or tried to.

    `stamps` are the removal policies its label ever said, in order.
    """

    kind: str
    id: str
    name: str
    key: str
    image: str
    token: str
    order: int
    made: float
    by: str
    state: str = ""
    active: bool = True
    gone: bool = False
    ended: float | None = None
    causes: set[str] = field(default_factory=set)
    stamps: list[str] = field(default_factory=list)


class Truth:
    """Every job there ever was. `problems` are the laws that were broken.

    `stripped` are jobs that people took our labels from, with the time: nobody may touch them, and they live on.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self.jobs: dict[tuple[str, str], Job] = {}
        self.foreign: set[tuple[str, str]] = set()
        self.stripped: dict[tuple[str, str], float] = {}
        self.problems: list[str] = []

    def look(self, now: float, by: str) -> list[Job]:
        """Take in what is there; returns what is new."""
        fresh: list[Job] = []
        seen = set()
        for live in self._service.jobs():
            at = (live.kind, live.id)
            seen.add(at)
            job = self.jobs.get(at)
            if job is None:
                job = _job(live, len(self.jobs), now, by)
                self.jobs[at] = job
                fresh.append(job)
            stamp = live.labels.get("reconciler_removal", "")
            if job.stamps[-1:] != [stamp]:
                job.stamps.append(stamp)
            job.state, job.active = live.state, live.active
            if live.state == "SUCCEEDED":
                job.causes.add("ended by itself")
        for at, job in self.jobs.items():
            if at not in seen and not job.gone:
                job.gone, job.active = True, False
        for job in self.jobs.values():
            if not job.active and job.ended is None:
                job.ended = now
        return fresh

    def of(self, kind: str, *names: str) -> list[Job]:
        """Return the jobs of a kind that carry one of the names, oldest first, foreign ones left out."""
        return [
            job for at, job in self.jobs.items() if job.kind == kind and job.name in names and at not in self.foreign
        ]

    def is_stripped(self, job: Job) -> bool:
        """Say whether people took our labels from a job."""
        return (job.kind, job.id) in self.stripped

    def duplicates(self, job: Job) -> list[Job]:
        """Return every job of the same run, oldest first."""
        return [each for each in self.jobs.values() if each.key == job.key and each.kind == job.kind]

    def broken(self, text: str) -> None:
        """Remember that a law was broken."""
        if text not in self.problems:
            self.problems.append(text)


def _job(live: Live, order: int, now: float, by: str) -> Job:
    token = live.labels.get("reconciler_token", "")
    return Job(live.kind, live.id, live.name, live.key, version_of(live.body), token, order, now, by, live.state)


def place_of(url: str) -> tuple[str, str, str]:
    """Return kind, id and custom verb that a URL speaks of; the id is empty for a collection."""
    path = url.partition("?")[0]
    path, _, verb = path.rpartition("/v1/")[2].partition(":")
    parts = path.split("/")
    for at, part in enumerate(parts):
        if part in FIELDS and at % 2 == 0:
            return FIELDS[part], parts[at + 1] if len(parts) > at + 1 else "", verb
    return "", "", verb
