"""Recorded error replies of other people against the known ones of the emulator: code, status, form and details.

The recordings are not part of this repository: without them these tests are left out.
"""

from __future__ import annotations

import json
import re

import pytest

from tests.contract.test_emulator_errors import KNOWN, struck, types
from tests.support import service
from tests.support.checkout import CORPUS
from tests.support.service import CUSTOM

RECORDED = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted((CORPUS / "errors").glob("*.json"))}
__test__ = bool(RECORDED)

REPLIES = {number: body for number, body in RECORDED.items() if "error" in body}
STATUSES = {number: body for number, body in RECORDED.items() if "error" not in body}

SAME: dict[str, str] = {
    "003": "no such custom job",
    "004": "no such custom job",
    "005": "no such custom job",
    "007": "hardware quota of ml",
    "008": "a permission",
    "009": "a value of another type",
    "015": "a value of another type",
    "016": "a field of the job",
    "017": "a field of the job",
    "018": "an accelerator that ended",
    "022": "acting as a service account",
    "024": "an unknown name",
    "025": "a reference that is not there",
    "026": "a permission",
    "027": "a project that is none",
    "028": "an API that is off",
    "029": "scopes",
    "030": "a permission",
    "033": "hardware quota",
    "035": "capacity",
    "036": "no service",
}
"""Recordings whose form one of the known replies has."""

CONVERTED = {"016", "017", "008", "026", "030"}
"""Texts of clients made into replies: the details that the service sends beside them were left out or are in part."""

OTHER: dict[str, str] = {
    "001": "a monitoring job",
    "002": "a monitoring job",
    "010": "a tuning job",
    "011": "a tuning job",
    "012": "a prediction",
    "013": "a prediction",
    "014": "a prediction",
    "019": "a training pipeline",
    "020": "a training pipeline",
    "021": "a training pipeline",
    "031": "a pipeline job",
    "032": "a metadata context",
    "034": "a prediction",
}
"""Recordings of what this emulator does not serve: no cause of their own, but a fault can say them word for word."""


def test_every_recording_is_either_a_known_reply_or_of_something_else() -> None:
    assert sorted(REPLIES) == sorted([*SAME, *OTHER])


@pytest.mark.parametrize("number", sorted(set(SAME) & set(REPLIES)))
def test_a_recording_has_the_code_status_form_and_details_of_the_known_reply(number: str) -> None:
    error, known = REPLIES[number]["error"], KNOWN[SAME[number]]
    assert (error["code"], error["status"]) == (known.code, known.status)
    assert re.fullmatch(known.form, error["message"], re.DOTALL), error["message"]
    assert types(error) == known.details or number in CONVERTED


@pytest.mark.parametrize("number", sorted(set(OTHER) & set(REPLIES)))
def test_a_recording_of_something_else_can_be_said_by_a_fault(number: str) -> None:
    error = REPLIES[number]["error"]
    said = re.sub(r"\s+", " ", error["message"])  # a faults file has texts of one line
    with service.opened("in process") as jobs:
        answer = struck("GET", code=error["code"], reason=error["status"], message=said)(jobs)
    assert answer.json == {"error": {"code": error["code"], "message": said, "status": error["status"]}}


@pytest.mark.parametrize("number", sorted(STATUSES))
def test_the_recorded_error_of_a_job_can_be_set_and_is_shown_as_it_is(number: str) -> None:
    with service.opened("in process") as jobs:
        made = jobs.create(CUSTOM, service.custom_job())
        jobs.emulator.set_state(made["name"], "JOB_STATE_FAILED", STATUSES[number])
        shown = jobs.send("GET", f"/v1/{made['name']}").json
    assert (shown["state"], shown["error"]) == ("JOB_STATE_FAILED", STATUSES[number])
