"""What to ask the real job APIs, as data: one probe an open question. Knows no credentials and writes no report."""

from __future__ import annotations

import datetime
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tools.probe.session import LABEL, Json, Session

MACHINE = "n1-standard-4"
IMAGE = "python:3.12-slim"


@dataclass(frozen=True, slots=True)
class Probe:
    """One question. `jobs` is how many jobs it may start."""

    name: str
    asks: str
    run: Callable[[Session], None]
    writes: bool = False
    jobs: int = 0


def custom_job(*command: str, **spec: Any) -> Json:
    """Return a small job that ends by itself, after a minute unless it runs another command."""
    pool = {
        "machineSpec": {"machineType": MACHINE},
        "replicaCount": "1",
        "containerSpec": {"imageUri": IMAGE, "command": list(command) or ["sleep", "60"]},
    }
    return {"displayName": "reconciler probe", "jobSpec": {"workerPoolSpecs": [pool], **spec}}


def with_pool(**pool: Any) -> Json:
    """Return the job with other fields in its one pool; None takes one away."""
    body = custom_job()
    changed = {**body["jobSpec"]["workerPoolSpecs"][0], **pool}
    body["jobSpec"]["workerPoolSpecs"] = [{name: value for name, value in changed.items() if value is not None}]
    return body


def nas_job() -> Json:
    """Return a search of one trial."""
    trial = {"searchTrialJobSpec": custom_job()["jobSpec"], "maxTrialCount": 1, "maxParallelTrialCount": 1}
    algorithm = {"metric": {"metricId": "accuracy", "goal": "MAXIMIZE"}, "searchTrialSpec": trial}
    return {"displayName": "reconciler probe", "nasJobSpec": {"multiTrialAlgorithmSpec": algorithm}}


def refusals() -> Iterator[tuple[str, Json]]:
    """Yield creates that ought to be refused or may be, with what is wrong about them."""
    python = {"executorImageUri": IMAGE, "packageUris": ["gs://b/p.tar.gz"], "pythonModule": "a"}
    machine = {"machineType": MACHINE}
    yield "no fields", {}
    yield "unknown field", custom_job() | {"nonsense": 1}
    yield "both members of a oneof", with_pool(pythonPackageSpec=python)
    yield "neither member of a oneof", with_pool(containerSpec=None)
    yield "empty first pool", custom_job(workerPoolSpecs=[{}])
    yield "accelerator without a count", with_pool(machineSpec=machine | {"acceleratorType": "NVIDIA_TESLA_T4"})
    ended = {"acceleratorType": "NVIDIA_TESLA_K80", "acceleratorCount": 1}
    yield "accelerator that ended", with_pool(machineSpec=machine | ended)
    yield "short network", custom_job(network="default")
    yield "label of 64 characters", custom_job() | {"labels": {"k": "x" * 64}}
    yield "65 labels", custom_job() | {"labels": {f"k{n}": "v" for n in range(64)}}
    yield "empty label", custom_job() | {"labels": {"k": ""}}
    yield "label in upper case", custom_job() | {"labels": {"k": "UPPER"}}
    yield "display name of 129 characters", custom_job() | {"displayName": "x" * 129}


REFUSALS = len(list(refusals()))


def _missing(session: Session) -> None:
    for kind in ("CustomJob", "NasJob", "Job"):
        session.ask("GET", kind, "/1000000000000000001")


def _missing_writes(session: Session) -> None:
    for kind in ("CustomJob", "NasJob"):
        session.ask("POST", kind, "/1000000000000000001:cancel")
        session.ask("DELETE", kind, "/1000000000000000001")


def _odd_id(session: Session) -> None:
    for kind in ("CustomJob", "NasJob"):
        session.ask("GET", kind, "/no-number")


def _wildcard(session: Session) -> None:
    session.ask("GET", "CustomJob", place="-", pageSize="1")


def _places(session: Session) -> None:
    for place in ("global", "us", "eu"):
        session.ask("GET", "CustomJob", place=place, pageSize="1")


def _rows(session: Session, kind: str, **query: str) -> list[Json]:
    body = session.ask("GET", kind, **query).body
    found = body.get(session.kinds[kind].list_field, []) if isinstance(body, dict) else []
    return [row for row in found if isinstance(row, dict)]


def _order(session: Session) -> None:
    for kind in ("CustomJob", "NasJob"):
        rows = _rows(session, kind, pageSize="1000")
        for time in ("updateTime", "createTime"):
            times = [datetime.datetime.fromisoformat(row[time]) for row in rows if time in row]
            falling = all(later >= earlier for later, earlier in itertools.pairwise(times))
            session.note(f"{kind}: {len(rows)} rows, sorted by {time}, latest first: {falling}")


def _pages(session: Session) -> None:
    for query in ({}, {"pageSize": "100000"}, {"pageSize": "1"}):
        session.note(f"{query or 'no pageSize'}: {len(_rows(session, 'CustomJob', **query))} rows on the page")
    session.ask("GET", "CustomJob", pageSize="-1")
    session.ask("GET", "CustomJob", pageToken="no-token")


def _mask(session: Session) -> None:
    for mask in ("displayName", "display_name", "*", "nonsense"):
        rows = _rows(session, "CustomJob", pageSize="1", readMask=mask)
        session.note(f"readMask={mask}: keys {sorted(rows[0]) if rows else 'of no row'}")


FILTERS = (
    'state="JOB_STATE_FAILED" OR state="JOB_STATE_SUCCEEDED" AND display_name="x"',
    'NOT display_name="x"',
    '-display_name="x"',
    'display_name:"x*"',
    'displayName="x"',
    'create_time>"2021-05-18T00:00:00Z"',
    'update_time>"2021-05-18T00:00:00Z"',
    "labels.k:*",
    "labels:k",
    'state="NONSENSE"',
    "((",
)
"""The documented examples, and what the documents leave open."""


def _filter(session: Session) -> None:
    for text in FILTERS:
        session.ask("GET", "CustomJob", pageSize="1", filter=text)


def _trimmed(session: Session) -> None:
    rows = _rows(session, "NasJob", pageSize="100")
    session.note(f"{len(rows)} NasJobs, with nasJobOutput: {sum('nasJobOutput' in row for row in rows)}")


def _unknown(session: Session) -> None:
    session.ask("GET", "CustomJob", pageSize="1", requestId="1")


def _ml(session: Session) -> None:
    session.ask("GET", "Job", pageSize="1")
    session.ask("GET", "Job", filter="state:FAILED")


def _refusals(session: Session) -> None:
    for wrong, body in refusals():
        seen = session.start("CustomJob", body)
        session.note(f"{wrong}: {seen.status} {seen.code}")


def _life(session: Session, kind: str, body: Json) -> None:
    made = session.start(kind, body)
    if made.status != 200:
        return
    job = made.body["name"].rpartition("/")[2]
    rows = _rows(session, kind, filter=f'labels.{LABEL}="{session.mark}"')
    session.note(f"listed at once: {any(row.get('name') == made.body['name'] for row in rows)}")
    session.ask("DELETE", kind, f"/{job}")
    session.ask("POST", kind, f"/{job}:cancel")
    session.ask("POST", kind, f"/{job}:cancel")
    session.note(f"states after the cancel: {session.wait_ended(kind, job)}")
    session.ask("POST", kind, f"/{job}:cancel")
    operation = session.ask("DELETE", kind, f"/{job}")
    if operation.status == 200:
        session.note(f"operation done in the reply: {operation.body.get('done', False)}")
        session.read(kind, operation.body["name"])
    session.ask("GET", kind, f"/{job}")
    session.ask("DELETE", kind, f"/{job}")


def _states(session: Session) -> None:
    """Cancel and delete jobs that run, that succeeded and that failed."""
    for command, until in ((("sleep", "60"), "JOB_STATE_RUNNING"), (("true",), ""), (("false",), "")):
        made = session.start("CustomJob", custom_job(*command))
        if made.status != 200:
            continue
        job = made.body["name"].rpartition("/")[2]
        seen = session.wait_ended("CustomJob", job, until, every=5.0)
        session.note(f"{' '.join(command)}: states {seen}; now cancel and delete in the last one")
        for method, path in (("DELETE", f"/{job}"), ("POST", f"/{job}:cancel")) if until else ():
            session.ask(method, "CustomJob", path)
        if not until:
            session.ask("POST", "CustomJob", f"/{job}:cancel")
            session.ask("DELETE", "CustomJob", f"/{job}")


def _echo(session: Session) -> None:
    asked = custom_job(
        scheduling={"timeout": "3600s", "strategy": "ON_DEMAND"},
        baseOutputDirectory={"outputUriPrefix": f"gs://{session.project}-probe/out"},
    )
    asked["jobSpec"]["workerPoolSpecs"][0]["diskSpec"] = {"bootDiskSizeGb": 150}
    del asked["jobSpec"]["workerPoolSpecs"][0]["replicaCount"]
    made = session.start("CustomJob", asked)
    session.note(
        f"jobSpec in the reply: {json.dumps((made.body or {}).get('jobSpec') if made.status == 200 else None)}"
    )


def _request_id(session: Session) -> None:
    session.start("CustomJob", custom_job(), requestId="1")


PROBES: tuple[Probe, ...] = (
    Probe("missing", "get of jobs that are not there", _missing),
    Probe("odd-id", "get of an id that is no number", _odd_id),
    Probe("wildcard", "a list over `locations/-`", _wildcard),
    Probe("places", "lists in `global`, `us` and `eu`", _places),
    Probe("order", "in which order lists are", _order),
    Probe("pages", "sizes of pages, and refused ones", _pages),
    Probe("mask", "what a readMask does", _mask),
    Probe("filter", "which filters are taken", _filter),
    Probe("rows", "what a row of a NasJob list has", _trimmed),
    Probe("unknown", "a query parameter that no method has", _unknown),
    Probe("ml", "anything at all from AI Platform's jobs", _ml),
    Probe("missing-writes", "cancel and delete of jobs that are not there", _missing_writes, writes=True),
    Probe("refusals", "the texts of refused creates", _refusals, writes=True, jobs=REFUSALS),
    Probe(
        "life",
        "a job's states, its cancels, its deletes, its operation",
        lambda session: _life(session, "CustomJob", custom_job()),
        writes=True,
        jobs=1,
    ),
    Probe("echo", "what comes back of what was sent", _echo, writes=True, jobs=1),
    Probe("request-id", "requestId on a create", _request_id, writes=True, jobs=1),
    Probe("states", "cancel and delete of jobs that run, succeeded, failed", _states, writes=True, jobs=3),
    Probe(
        "nas-create",
        "the first NasJob of a project, and its life",
        lambda session: _life(session, "NasJob", nas_job()),
        writes=True,
        jobs=1,
    ),
)
"""In the order in which they are run: everything that only reads comes first."""
