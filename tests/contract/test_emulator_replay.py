"""Every recorded reply about our kinds, asked for again from the emulator: same keys, same types, same spelling.

A recorded job is created from what its caller must have sent, brought to its state, and read. The recordings are not
part of the project; without them these tests are left out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from reconciler.files import schemas
from tests.support import service
from tests.support.checkout import CORPUS, ROOT
from tests.support.service import CUSTOM, ML, Service

KINDS = schemas.load_kinds()
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(\d{3}|\d{6}|\d{9}))?Z")

NEVER_MADE = (
    ".trainingOutput.builtInAlgorithmOutput",
    ".trainingOutput.completedTrialCount",
    ".trainingOutput.consumedMLUnits",
    ".trainingOutput.isBuiltInAlgorithmJob",
    ".trainingOutput.isHyperparameterTuningJob",
    ".trainingOutput.trials",
    ".trainingOutput.hyperparameterMetricTag",
    ".predictionOutput",
)
"""What the service says of a run of AI Platform and the emulator does not: docs/fidelity.md tells so."""

__test__ = CORPUS.is_dir()

Form = set[tuple[str, str]]
"""Paths of a reply with the spelling of what stands there."""


def responses() -> list[Any]:
    index = CORPUS / "INDEX.jsonl"
    lines = index.read_text("utf-8").splitlines() if index.is_file() else []
    entries = (json.loads(line) for line in lines)
    files = [entry for entry in entries if entry["file"].startswith("api_responses/")]
    found = [(entry["file"], _sort(entry, json.loads((CORPUS / entry["file"]).read_text("utf-8")))) for entry in files]
    return [pytest.param(file, sort, id=f"{file}-{sort}") for file, sort in found if sort]


def _sort(entry: Mapping[str, Any], body: Any) -> str:
    """Say which method of which of our kinds a reply came from, empty for the other kinds."""
    about = f"{entry.get('path', '')} {body.get('name', '')}"
    if "jobId" in body:
        return "ml patch" if "patch-" in about else "ml job"
    if "jobs" in body:
        return "ml list"
    if "/customJobs" not in about and "-customJobs" not in about:
        return ""
    if body == {}:
        return "custom cancel"
    if "customJobs" in body:
        return "custom list"
    return "custom delete" if "done" in body else "custom job" if "jobSpec" in body else ""


def spelled(value: Any) -> str:
    """Say how a value is spelled: its JSON type, and for text whether it is a time, an integer or a resource name."""
    if not isinstance(value, str):
        return type(value).__name__
    if TIME.fullmatch(value):
        return "time"
    if re.fullmatch(r"-?\d+", value):
        return "digits"
    return re.sub(r"\d+|cloud-custodian", "N", value) if value.startswith("projects/") else "text"


def form(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from form(item, f"{path}.{name}")
    elif isinstance(value, list) and value:
        for item in value:
            yield from form(item, f"{path}[]")
    else:
        yield path, spelled(value)


def sent(kind: str, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the caller must have sent for a job to look like this."""
    output = {*KINDS[kind].output_only, "name"}
    body = {name: value for name, value in recorded.items() if name not in output}
    body.get("predictionInput", {}).pop("framework", None)  # unknown to discovery ml v1 rev 20251213, yet answered
    return body


def brought(jobs: Service, name: str, recorded: Mapping[str, Any], kind: str) -> Any:
    """Bring a job to the state that was recorded, on the way on which the service did, and read it."""
    state = recorded["state"].removeprefix("JOB_STATE_")
    if state == "CANCELLED":
        jobs.clock.advance(0.4 if kind == "CustomJob" else 5)
        assert jobs.send("POST", f"/v1/{name}:cancel").status == 200
        jobs.clock.advance(10)
    elif state == "FAILED":
        jobs.clock.advance(5)
        error = KINDS[kind].error_field
        jobs.emulator.set_state(name, recorded["state"], recorded[error])
    else:
        later = {"QUEUED": 0.4, "PENDING": 2.6 if "startTime" in recorded else 0}
        moments = later if kind == "CustomJob" else {"PREPARING": 1.5}
        jobs.clock.advance(moments.get(state, 700 if state == "SUCCEEDED" else 0))
    found = jobs.send("GET", f"/v1/{name}").json
    assert found["state"] == recorded["state"]
    return found


def made(jobs: Service, kind: str, recorded: Mapping[str, Any]) -> str:
    answer = jobs.create(ML if kind == "Job" else CUSTOM, sent(kind, recorded))
    return answer.get("name") or f"projects/demo/jobs/{answer['jobId']}"


def job(kind: str) -> Callable[[Service, Any], Any]:
    return lambda jobs, recorded: brought(jobs, made(jobs, kind, recorded), recorded, kind)


def listed(kind: str) -> Callable[[Service, Any], Any]:
    field = KINDS[kind].list_field

    def answer(jobs: Service, recorded: Any) -> Any:
        for row in recorded[field]:
            brought(jobs, made(jobs, kind, row), row, kind)
        return jobs.send("GET", ML if kind == "Job" else CUSTOM).json

    return answer


def patched(jobs: Service, recorded: Any) -> Any:
    name = made(jobs, "Job", {**recorded, "labels": {}})
    brought(jobs, name, recorded, "Job")
    return jobs.send("PATCH", f"/v1/{name}", {"labels": recorded["labels"]}, updateMask="labels").json


def cancelled(jobs: Service, recorded: Any) -> Any:
    return jobs.send("POST", f"/v1/{jobs.create(CUSTOM, service.custom_job())['name']}:cancel").json


def deleted(jobs: Service, recorded: Any) -> Any:
    name = jobs.create(CUSTOM, service.custom_job())["name"]
    jobs.clock.advance(1000)
    return jobs.send("DELETE", f"/v1/{name}").json


ASKS: Mapping[str, Callable[[Service, Any], Any]] = {
    "custom job": job("CustomJob"),
    "custom list": listed("CustomJob"),
    "custom cancel": cancelled,
    "custom delete": deleted,
    "ml job": job("Job"),
    "ml list": listed("Job"),
    "ml patch": patched,
}


@pytest.mark.parametrize(("file", "sort"), responses())
def test_a_recorded_reply_is_given_again_in_its_form(file: str, sort: str) -> None:
    recorded = json.loads((CORPUS / file).read_text("utf-8"))
    with service.opened("in process") as jobs:
        found = ASKS[sort](jobs, recorded)
    wanted, given = _but_for_what_is_never_made(recorded), _but_for_what_is_never_made(found)
    assert {"lacks": sorted(wanted - given), "adds": sorted(given - wanted)} == {"lacks": [], "adds": []}


def test_what_is_never_made_is_told() -> None:
    page = (ROOT / "docs" / "fidelity.md").read_text("utf-8")
    assert [path for path in NEVER_MADE if f"`{path[1:]}`" not in page] == []


def _but_for_what_is_never_made(reply: Any) -> Form:
    """Return the form of a reply; an ml output that is then empty counts as the empty one that it is here."""
    found = set(form(reply))
    kept = {(path, told) for path, told in found if not path.removeprefix(".jobs[]").startswith(NEVER_MADE)}
    emptied = {(re.sub(r"(Output)\..*", r"\1", path), "dict") for path, _ in found - kept if ".trainingOutput" in path}
    return kept | emptied
