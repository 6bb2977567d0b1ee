"""The emulator against traffic recorded from the real service: it adds, retypes and drops what the service did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import behaviour
from tests.support import service
from tests.support.checkout import CORPUS
from tests.support.service import CUSTOM, NAS

__test__ = CORPUS.is_dir()  # the recordings are not part of the project; without them these tests are left out


def pairs() -> list[Any]:
    listed = CORPUS / "PAIRS.jsonl"
    lines = listed.read_text("utf-8").splitlines() if listed.is_file() else []
    found = [json.loads(line) for line in lines]
    return [
        pytest.param(pair, id=pair["response"])
        for pair in found
        if pair["request"].startswith("custom_jobs/") and (CORPUS / pair["request"]).is_file()
    ]


def nas_bodies() -> list[Any]:
    files = sorted((CORPUS / "nas_jobs").glob("*.json")) if CORPUS.is_dir() else []
    return [pytest.param(file, id=file.name) for file in files]


def load(path: str) -> Any:
    return json.loads((CORPUS / path).read_text("utf-8"))


def completed(sent: Any, recorded: Any) -> Any:
    """Put the recording's values where the collector left `${expression}` marks."""
    if isinstance(sent, dict):
        return {key: completed(value, recorded.get(key)) for key, value in sent.items()}
    if isinstance(sent, list):
        return [completed(value, other) for value, other in zip(sent, recorded, strict=True)]
    return recorded if isinstance(sent, str) and "${" in sent else sent


def job_logic(resource: Any, meta: list[str]) -> Any:
    return {key: value for key, value in resource.items() if key not in meta}


def answered(pair: Any, behaviours: Any = None) -> tuple[Any, Any]:
    """The emulator's and the service's answer to the same create."""
    recorded = load(pair["response"])
    with service.opened("in process", behaviours=behaviours) as jobs:
        return jobs.create(CUSTOM, completed(load(pair["request"]), recorded)), recorded


if (CORPUS / "PAIRS.jsonl").is_file():

    def test_no_pair_of_our_kinds_is_left_out() -> None:
        lines = (CORPUS / "PAIRS.jsonl").read_text("utf-8").splitlines()
        groups = [json.loads(line)["request"].partition("/")[0] for line in lines]
        assert [groups.count(group) for group in ("nas_jobs", "legacy_training", "legacy_prediction")] == [0, 0, 0]
        assert len(pairs()) == groups.count("custom_jobs") == 9


@pytest.mark.parametrize("pair", pairs())
def test_a_create_is_answered_as_the_service_answered_it(pair: Any) -> None:
    made, recorded = answered(pair)
    assert made["state"] == recorded["state"] == pair["state"]
    assert set(made) == set(recorded)
    assert job_logic(made, pair["server_meta"]) == job_logic(recorded, pair["server_meta"])


@pytest.mark.parametrize("pair", pairs())
def test_all_that_is_added_to_a_create_is_what_the_service_adds(pair: Any) -> None:
    made, _ = answered(pair)
    assert set(made) - set(load(pair["request"])) == set(pair["server_meta"])


@pytest.mark.parametrize("pair", pairs()[:1])
@pytest.mark.parametrize(
    "wrong", [{"bootDiskType": "pd-standard", "bootDiskSizeGb": 100}, {"bootDiskType": "pd-ssd"}, None]
)
def test_a_wrong_default_in_the_behaviour_data_is_detected(pair: Any, wrong: Any) -> None:
    altered = list(behaviour.documents())
    for document in altered:
        document["defaults"] = [rule | {"value": wrong} for rule in document["defaults"] if wrong is not None]
    made, recorded = answered(pair, behaviour.parse(altered))
    assert job_logic(made, pair["server_meta"]) != job_logic(recorded, pair["server_meta"])


@pytest.mark.parametrize("file", nas_bodies())
def test_bodies_of_googles_own_nas_client_are_taken(file: Path) -> None:
    with service.opened("in process") as jobs:
        answer = jobs.send("POST", NAS, json.loads(file.read_text("utf-8")))
        assert answer.status == 200, answer.body


def test_a_missing_custom_job_is_told_as_recorded() -> None:
    with service.opened("in process") as jobs:
        assert jobs.send("GET", f"{CUSTOM}/1").json == load("errors/003.json")
