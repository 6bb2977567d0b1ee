"""What was asked for beside what the service recorded: no difference, where the collection of traffic is at hand."""

from __future__ import annotations

import copy
import json
import pathlib
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.spec import diff, fingerprint
from reconciler.files import schemas
from tests.support.checkout import CORPUS

KIND = schemas.load_kinds()["CustomJob"]
DISK = ("definitions", "DiskSpec", "properties")


def filled(request: Any, recorded: Any) -> Any:
    """Put the recording's values where the collection holds `${…}` for an expression of the caller's program."""
    if isinstance(request, str) and request.startswith("${"):
        return recorded
    if isinstance(request, dict):
        return {key: filled(value, recorded.get(key)) for key, value in request.items()}
    if isinstance(request, list):
        if [item for item in request if isinstance(item, str) and item.startswith("${")]:
            return recorded
        return [filled(item, recorded[index]) for index, item in enumerate(request)]
    return request


def pairs() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    index = CORPUS / "PAIRS.jsonl"
    found = []
    for line in index.read_text(encoding="utf-8").splitlines() if index.is_file() else []:
        pair = json.loads(line)
        if pair["request"].startswith("custom_jobs/"):
            recorded = json.loads((CORPUS / pair["response"]).read_text(encoding="utf-8"))
            request = json.loads((CORPUS / pair["request"]).read_text(encoding="utf-8"))
            found.append((pathlib.Path(pair["response"]).stem, filled(request, recorded), recorded))
    return found


PAIRS = pairs()

if PAIRS:
    each_pair = pytest.mark.parametrize(
        ("request_", "recorded"), [pair[1:] for pair in PAIRS], ids=[p[0] for p in PAIRS]
    )

    def test_the_collection_holds_the_nine_pairs_of_custom_jobs() -> None:
        assert len(PAIRS) == 9

    @each_pair
    @pytest.mark.parametrize("ours", [True, False])
    def test_a_job_is_no_different_from_the_request_that_made_it(
        request_: dict[str, Any], recorded: dict[str, Any], ours: bool
    ) -> None:
        assert diff.compare(request_, recorded, KIND, ours=ours) == ()

    @each_pair
    def test_a_field_the_manifest_takes_back_is_a_difference(
        request_: dict[str, Any], recorded: dict[str, Any]
    ) -> None:
        shorter = copy.deepcopy(request_)
        del shorter["jobSpec"]["workerPoolSpecs"][0]["machineSpec"]
        found = diff.compare(shorter, recorded, KIND, ours=True)
        assert [change.path for change in found] == ["spec.jobSpec.workerPoolSpecs[0].machineSpec"]
        assert diff.compare(shorter, recorded, KIND, ours=False) == ()

    @each_pair
    def test_a_changed_request_is_a_difference(request_: dict[str, Any], recorded: dict[str, Any]) -> None:
        changed = copy.deepcopy(request_)
        changed["jobSpec"]["workerPoolSpecs"][0]["machineSpec"]["machineType"] = "n1-standard-8"
        (found,) = diff.compare(changed, recorded, KIND, ours=False)
        assert (found.before, found.after, found.cls) == ("n1-standard-4", "n1-standard-8", "resources")

    @each_pair
    @pytest.mark.parametrize(("field", "wrong"), [("bootDiskSizeGb", 200), ("bootDiskType", "pd-standard")])
    def test_a_wrong_server_default_in_the_facts_shows_in_every_pair(
        request_: dict[str, Any], recorded: dict[str, Any], field: str, wrong: Any
    ) -> None:
        schema = copy.deepcopy(dict(KIND.schema))
        schema[DISK[0]][DISK[1]][DISK[2]][field]["x-server-default"] = wrong
        found = diff.compare(request_, recorded, replace(KIND, schema=schema), ours=True)
        assert [change.path.split(".")[-1] for change in found] == ["diskSpec"]
        assert field in found[0].before

    @each_pair
    def test_the_request_and_what_the_service_made_of_it_differ_in_the_hash_by_the_defaults_alone(
        request_: dict[str, Any], recorded: dict[str, Any]
    ) -> None:
        live = {key: copy.deepcopy(recorded[key]) for key in ("displayName", "jobSpec")}
        assert fingerprint.of(live, KIND) != fingerprint.of(request_, KIND)
        for pool in live["jobSpec"]["workerPoolSpecs"]:
            del pool["diskSpec"]
        assert fingerprint.of(live, KIND) == fingerprint.of(request_, KIND)
