from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli import main
from reconciler.files import yaml_reader
from tests.support import language_server
from tests.support.language_server import Server

MODELINE = "# yaml-language-server: $schema=../.reconciler-schema.json\n"
MIXED = f"""\
{MODELINE}apiVersion: aiplatform.googleapis.com/v1
kind: CustomJob
metadata: {{name: first}}
spec:
  jobSpec:
    scheduling:
      ‸
    workerPoolSpecs:
      - machineSpec:
          machineTyp: n1-standard-4
---
{MODELINE}apiVersion: ml.googleapis.com/v1
kind: Job
metadata: {{name: second}}
lifecycle:
  desired: Sometimes
spec:
  trainingInput:
    regi‸on: us-central1
    ‸
---
{MODELINE}apiVersion: aiplatform.googleapis.com/v1
kind: ‸
---
{MODELINE}apiVersion: v1
kind: List
items:
  - apiVersion: aiplatform.googleapis.com/v1
    kind: NasJob
    metadata:
      nam: third
    spec: {{nasJobSpec: {{}}}}
"""
"""A file of several kinds; ‸ marks the places that are asked about."""


Marked = tuple[Path, list[tuple[int, int]], set[tuple[int, str]]]
"""A file, its marked places, and what is found wrong by line."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stack as `init` makes it, moved elsewhere as a clone on another machine is."""
    made = tmp_path_factory.mktemp("made") / "stack"
    assert main.run(["init", str(made)]) == 0
    return Path(shutil.move(made, tmp_path_factory.mktemp("clone") / "stack"))


@pytest.fixture(scope="module")
def server(clone: Path) -> Iterator[Server]:
    with language_server.server(clone) as running:
        yield running


@pytest.fixture(scope="module")
def mixed(clone: Path, server: Server) -> Marked:
    """The file, its marked places, and what the server finds wrong by line."""
    places = []
    lines = MIXED.split("\n")
    for number, line in enumerate(lines):
        if "‸" in line:
            places.append((number, line.index("‸")))
    path = clone / "jobs" / "mixed.yaml"
    path.write_text(MIXED.replace("‸", ""), encoding="utf-8")
    found = {(each["range"]["start"]["line"], each["message"]) for each in server.open(path)}
    return path, places, found


def test_a_new_stack_has_nothing_wrong(clone: Path, server: Server) -> None:
    assert server.open(clone / "jobs" / "hello.yaml") == []
    assert server.open(clone / "reconciler.yaml") == []


def test_fields_are_completed_by_the_kind_of_their_own_document(server: Server, mixed: Marked) -> None:
    path, places, _ = mixed
    assert server.completions(path, *places[0]) == [
        "disableRetries", "maxWaitDuration", "restartJobOnWorkerRestart", "strategy", "timeout",
    ]  # fmt: skip
    offered = server.completions(path, *places[2])
    assert "scaleTier" in offered
    assert "region" not in offered
    assert "workerPoolSpecs" not in offered


def test_kinds_are_offered(server: Server, mixed: Marked) -> None:
    path, places, _ = mixed
    assert server.completions(path, *places[3]) == ["CustomJob", "Job", "List", "NasJob", "Stack"]


def test_what_is_wrong_is_shown_where_it_stands(mixed: Marked) -> None:
    lines = MIXED.split("\n")
    found = {(lines[line].strip(), message) for line, message in mixed[2]}
    assert ("machineTyp: n1-standard-4", "Property machineTyp is not allowed.") in found
    assert ("nam: third", "Property nam is not allowed.") in found
    assert any(line == "desired: Sometimes" and "Cancelled" in message for line, message in found)


def test_the_api_s_own_words_show_over_a_field(server: Server, mixed: Marked) -> None:
    path, places, _ = mixed
    text = server.hover(path, *places[1])
    assert "The region to run the training job in" in text
    assert ".reconciler-schema.json" in text


def test_convert_names_the_copy_from_where_it_stands(
    clone: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = clone / ".config.json"
    config.write_text(json.dumps({"workerPoolSpecs": [{"machineSpec": {"machineType": "n1-standard-4"}, "replicaCount": 1,
                                                       "containerSpec": {"imageUri": "gcr.io/a/b:1"}}]}))  # fmt: skip
    monkeypatch.chdir(clone / "jobs")
    capsys.readouterr()
    assert main.run(["convert", "--kind", "CustomJob", "../.config.json"]) == 0
    text = capsys.readouterr().out.replace("name: .config", "name: config").replace("name: -config", "name: config")
    assert text.startswith(MODELINE)
    path = clone / "jobs" / "converted.yaml"
    path.write_text(text, encoding="utf-8")
    assert server.open(path) == []
    assert yaml_reader.read(text, "converted.yaml").problems == ()
