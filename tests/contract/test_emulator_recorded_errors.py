"""Every error reply of the collection against the reviewed table of how the emulator brings it forth.

The replies are not part of the project: what is compared with them is left out where they are not there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.faults import Fault, Status
from tests.unit.emulator import service
from tests.unit.emulator.service import CUSTOM, ML, Answer, Service
from tools import error_pages
from tools.error_pages import Recorded

CORPUS = Path(os.environ.get("RECONCILER_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
ROWS = error_pages.load()
FILES = sorted(f"errors/{path.name}" for path in (CORPUS / "errors").glob("*.json"))


def of(how: str) -> list[Any]:
    return [pytest.param(row, id=row.file) for row in ROWS if row.how == how]


def pool(**machine: Any) -> dict[str, Any]:
    body = service.custom_job()
    body["jobSpec"]["workerPoolSpecs"][0]["machineSpec"] |= machine
    return body


def spec(**more: Any) -> dict[str, Any]:
    body = service.custom_job()
    body["jobSpec"] |= more
    return body


CAUSES: Mapping[str, Callable[[Service], Answer]] = {
    "get of a job that is not there": lambda jobs: jobs.send("GET", f"{CUSTOM}/1"),
    "create with text for a message": lambda jobs: jobs.send("POST", CUSTOM, {"displayName": "a", "jobSpec": "object"}),
    "create with JSON in a text": lambda jobs: jobs.send(
        "POST", CUSTOM, spec(pscInterfaceConfig=json.dumps({"networkAttachment": "projects/p/regions/r/x/y"}))
    ),
    "create with an accelerator and no count": lambda jobs: jobs.send(
        "POST", CUSTOM, pool(acceleratorType="NVIDIA_L4")
    ),
    "create with an accelerator that the machine does not take": lambda jobs: jobs.send(
        "POST", CUSTOM, pool(machineType="e2-standard-4", acceleratorType="NVIDIA_TESLA_T4", acceleratorCount=1)
    ),
    "ml create with a field that jobs do not have": lambda jobs: jobs.send(
        "POST", ML, service.ml_job("one", parameter_server_type="n1-standard-4")
    ),
}


def details(error: Mapping[str, Any]) -> set[str]:
    return {each["@type"].rpartition(".")[2] for each in error.get("details", [])}


def held(row: Recorded, answer: Answer) -> None:
    """Assert that an answer has the row's status, code and form, and of its details all but those it lacks.

    A reply that was reshaped from a program's output shows no details that the program did not print.
    """
    body = answer.json[0] if isinstance(answer.json, list) else answer.json
    error = body["error"]
    assert (answer.status, error["code"], error["status"]) == (int(row.status), int(row.status), row.code)
    assert row.fits(error["message"]), error["message"]
    wanted = set(filter(None, row.details.split("+"))) - set(filter(None, row.lacks.split("+")))
    assert details(error) >= wanted if row.grade == "R, reshaped" else details(error) == wanted


@pytest.mark.parametrize("row", of("cause"))
@pytest.mark.parametrize("wire", service.WIRES)
def test_a_real_cause_brings_the_error_forth(row: Recorded, wire: str) -> None:
    with service.opened(wire) as jobs:
        held(row, CAUSES[row.by](jobs))


@pytest.mark.parametrize("row", of("fault"))
def test_a_fault_brings_the_error_forth(row: Recorded) -> None:
    message = row.form.replace(error_pages.ANY, "x")
    own = row.by in ("rate", "hardware_quota")
    action = Status(int(row.status), body=row.by, reason="" if own else row.code, message="" if own else message)
    with service.opened("in process", faults=[Fault(action, method="create")]) as jobs:
        held(row, jobs.send("POST", CUSTOM, service.custom_job()))


@pytest.mark.parametrize("row", of("control"))
def test_the_control_path_brings_an_error_inside_a_job_forth(row: Recorded) -> None:
    message = row.form.replace(error_pages.ANY, "cpus")
    with service.opened("in process") as jobs:
        name = jobs.create(CUSTOM, service.custom_job())["name"]
        asked = {"state": "JOB_STATE_FAILED", "error": {"code": int(row.code), "message": message}}
        assert jobs.send("POST", f"/emulator/v1/{name}:setState", asked).status == 200
        assert jobs.send("GET", f"/v1/{name}").json["error"] == asked["error"]


def test_every_cause_of_the_table_is_tried_and_no_other() -> None:
    assert {row.by for row in ROWS if row.how == "cause"} == set(CAUSES)


def test_every_row_says_how_or_why_not() -> None:
    assert {row.how for row in ROWS} == {"cause", "fault", "control", "none"}
    assert all(row.by if row.how != "none" else row.note for row in ROWS)


if FILES:

    def test_every_error_of_the_collection_has_its_row() -> None:
        assert [row.file for row in ROWS] == FILES

    @pytest.mark.parametrize("row", [pytest.param(row, id=row.file) for row in ROWS])
    def test_a_row_says_of_its_error_what_the_file_says(row: Recorded) -> None:
        found = json.loads((CORPUS / row.file).read_text("utf-8"))
        error = found.get("error", found)
        told = (str(error["code"]), error["status"]) if "error" in found else ("–", str(error["code"]))
        assert (row.status, row.code) == told
        assert row.fits(error["message"])
        assert {each["@type"].rpartition(".")[2] for each in error.get("details", [])} == set(
            filter(None, row.details.split("+"))
        )
