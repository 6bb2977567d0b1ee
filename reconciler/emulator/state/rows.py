"""What the emulator stores of a job, and how it stands in SQLite's tables. Runs no statement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from reconciler.emulator.behaviour import Step
from reconciler.emulator.state.lifecycle import Life

_STEP = tuple(each.name for each in fields(Step))

COLUMNS = (
    "id, kind, project, location, job, state, created, updated, started, ended, fields, ahead, cancelled,"
    " body, version, policy"
)
"""The columns that `job` reads, in their order."""

TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, project TEXT NOT NULL, location TEXT NOT NULL, job TEXT NOT NULL,
  display_name TEXT NOT NULL, state TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
  started INTEGER, ended INTEGER, fields TEXT NOT NULL, ahead TEXT NOT NULL, due INTEGER, cancelled INTEGER NOT NULL,
  body TEXT NOT NULL, version INTEGER NOT NULL, policy TEXT NOT NULL,
  UNIQUE (kind, project, location, job));
CREATE INDEX IF NOT EXISTS jobs_listed ON jobs (kind, project, location, updated DESC, job);
CREATE INDEX IF NOT EXISTS jobs_made ON jobs (kind, project, location, created DESC, job);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_created ON jobs (created);
CREATE TABLE IF NOT EXISTS labels (
  job INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (job, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS labels_value ON labels (key, value, job);
CREATE TABLE IF NOT EXISTS operations (name TEXT PRIMARY KEY, body TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Key:
    """Which job: kind, project number, location (empty for none) and id."""

    kind: str
    project: str
    location: str
    job: str

    @property
    def parent(self) -> str:
        """The name of the location, or of the project where there is none."""
        project = f"projects/{self.project}"
        return f"{project}/locations/{self.location}" if self.location else project


@dataclass(frozen=True, slots=True)
class Job:
    """One stored job. `body` is what the caller said and the server filled in, labels included."""

    key: Key
    body: Mapping[str, Any]
    life: Life
    version: int = 1
    policy: Mapping[str, Any] | None = None
    id: int = 0


Change = tuple[Key, Job | None]
"""A job as a request left it, None where it was removed. Steps of a life are none: they follow from the job."""


def row(job: Job) -> dict[str, Any]:
    """Return a job's columns, but for its key."""
    life = job.life
    return {
        "display_name": job.body.get("displayName", job.key.job),
        "state": life.state,
        "created": life.created,
        "updated": life.updated,
        "started": life.started,
        "ended": life.ended,
        "fields": json.dumps(life.fields),
        "ahead": json.dumps([(at, {name: getattr(step, name) for name in _STEP}) for at, step in life.ahead]),
        "due": life.due,
        "cancelled": life.cancelled,
        "body": json.dumps(job.body, ensure_ascii=False),
        "version": job.version,
        "policy": "" if job.policy is None else json.dumps(job.policy, ensure_ascii=False),
    }


def job(columns: tuple[Any, ...]) -> Job:
    """Read a row of COLUMNS back."""
    identity, kind, project, location, name, state, created, updated, started, ended, *rest = columns
    shown, ahead, cancelled, body, version, policy = rest
    life = Life(
        state=state,
        created=created,
        updated=updated,
        started=started,
        ended=ended,
        fields=json.loads(shown),
        ahead=tuple((at, Step(**step)) for at, step in json.loads(ahead)),
        cancelled=bool(cancelled),
    )
    parsed = json.loads(policy) if policy else None
    return Job(Key(kind, project, location, name), json.loads(body), life, version, parsed, identity)
