"""The schema of all documents says yes and no where the schemas of the kinds do."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.cli import main
from reconciler.files import manifests, schemas, yaml_reader
from tests.support.checkout import ROOT

SAMPLES = sorted(path for path in (ROOT / "manifests").rglob("*.yaml") if path.parent.name != "gcloud")
GOOD = {"apiVersion": "aiplatform.googleapis.com/v1", "kind": "CustomJob", "metadata": {"name": "a"}}
GOOD = {**GOOD, "lifecycle": {"desired": "Absent"}}


@cache
def checker() -> Any:
    return jsonschema.Draft7Validator(schemas.load_schema(schemas.EVERYTHING))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_document_of_the_sample_stacks_fits(path: Path) -> None:
    documents = yaml_reader.read(path.read_text(encoding="utf-8"), path.name).documents
    assert documents
    for document in documents:
        assert [error.message for error in checker().iter_errors(document.value)] == []


BAD = {
    "an unknown kind": {**GOOD, "kind": "CustomJobs"},
    "no kind": {"apiVersion": "v1"},
    "the API of another kind": {**GOOD, "apiVersion": "ml.googleapis.com/v1"},
    "an unknown field": {**GOOD, "specs": {}},
    "an unknown field far below": {**GOOD, "spec": {"jobSpec": {"workerPoolSpec": []}}},
    "a field of another kind": {**GOOD, "spec": {"trainingInput": {}}},
    "an item of a List": {"apiVersion": "v1", "kind": "List", "items": [GOOD, {**GOOD, "specs": {}}]},
    "a List with a spec": {"apiVersion": "v1", "kind": "List", "items": [], "spec": {}},
    "a stack without scopes": {
        "apiVersion": "reconciler/v1", "kind": "Stack", "metadata": {"name": "a", "uid": "0" * 8},
        "spec": {"backend": "embedded"},
    },
}  # fmt: skip


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_refused(value: dict[str, Any]) -> None:
    assert not checker().is_valid(value)


def test_what_is_right_is_taken() -> None:
    assert checker().is_valid(GOOD)
    assert checker().is_valid({"apiVersion": "v1", "kind": "List", "items": [GOOD]})


def test_init_copies_it_to_where_no_glob_looks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["init", str(tmp_path)]) == 0
    copy = tmp_path / schemas.COPY
    capsys.readouterr()
    assert main.run(["explain", "--schema"]) == 0
    assert copy.read_text(encoding="utf-8") == capsys.readouterr().out
    files, refused = manifests.find(tmp_path, ["**/*.yaml", "**/*.json"])
    assert (files, refused) == (["jobs/hello.yaml"], [])


def test_without_a_copy_convert_names_no_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "manifests" / "quickstart", tmp_path / "stack")
    monkeypatch.chdir(tmp_path / "stack")
    (tmp_path / "a.json").write_text('{"trainingInput": {"region": "us-central1", "scaleTier": "BASIC"}}')
    main.run(["convert", "../a.json"])
    assert capsys.readouterr().out.startswith("apiVersion: ")
