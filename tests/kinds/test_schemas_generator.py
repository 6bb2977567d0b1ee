"""The generator refuses facts that hit nothing, lack a source or contradict Google's description."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tools.schemas import facts, generate

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def copied(tmp_path: pathlib.Path) -> pathlib.Path:
    for folder in ("apis", "kinds"):
        shutil.copytree(generate.SCHEMAS / folder, tmp_path / folder)
    return tmp_path


def edit(folder: pathlib.Path, name: str, change: Edit) -> None:
    path = folder / "kinds" / name
    value = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(value)
    path.write_text(yaml.safe_dump(value), encoding="utf-8")


def pool(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = value["WorkerPoolSpec"]
    return found


MISTAKES: dict[str, tuple[str, Edit, str]] = {
    "a misspelt field": (
        "types.yaml",
        lambda value: pool(value)["fields"].update(machineSpecs=pool(value)["fields"].pop("machineSpec")),
        r"WorkerPoolSpec fields: missing \['machineSpec'\], unexpected \['machineSpecs'\]",
    ),
    "a field without a line": (
        "types.yaml",
        lambda value: pool(value)["fields"].pop("diskSpec"),
        r"WorkerPoolSpec fields: missing \['diskSpec'\]",
    ),
    "a misspelt type": (
        "types.yaml",
        lambda value: value.update(DiskSpecs=value["DiskSpec"]),
        r"types\.yaml.*\['DiskSpecs'\]",
    ),
    "a message without facts": ("types.yaml", lambda value: value.pop("NfsMount"), "NfsMount: .* has no facts"),
    "a type no manifest holds": (
        "Job.yaml",
        lambda value: value["types"].update(Nothing=value["types"]["DiskConfig"]),
        r"Job: facts of \['Nothing'\]",
    ),
    "a misspelt key of a type": ("types.yaml", lambda value: pool(value).update(require=[]), r"unknown \['require'\]"),
    "a misspelt key of a field": (
        "types.yaml",
        lambda value: pool(value)["fields"].update(diskSpec={"clas": "data"}),
        r"diskSpec: unknown \['clas'\]",
    ),
    "a class of its own": (
        "types.yaml",
        lambda value: pool(value)["fields"].update(diskSpec={"class": "disks"}),
        "class disks is none of",
    ),
    "a type without source": ("types.yaml", lambda value: pool(value).pop("source"), "WorkerPoolSpec: no source"),
    "a server default without source": (
        "types.yaml",
        lambda value: value["DiskSpec"]["fields"]["bootDiskSizeGb"].pop("source"),
        "without a source",
    ),
    "an enum of which nobody said whether it is open": (
        "types.yaml",
        lambda value: value["Scheduling"]["fields"].update(strategy={}),
        r"Scheduling\.strategy: `open` must be said",
    ),
    "open on what is no enum": (
        "types.yaml",
        lambda value: value["Scheduling"]["fields"].update(timeout={"open": True}),
        r"Scheduling\.timeout: `open` must be said",
    ),
    "a required field that Google does not call so": (
        "types.yaml",
        lambda value: pool(value).update(required=["machineSpec"]),
        r"WorkerPoolSpec: required .* unexpected \['machineSpec'\]",
    ),
    "a required field forgotten": (
        "types.yaml",
        lambda value: value["ContainerSpec"].pop("required"),
        r"ContainerSpec: required .* missing \['imageUri'\]",
    ),
    "a oneof the proto does not have": (
        "types.yaml",
        lambda value: value["Scheduling"].update(
            oneof=[{"name": "x", "fields": ["timeout", "strategy"], "required": False}]
        ),
        "Scheduling: oneofs",
    ),
    "a oneof of the proto forgotten": ("types.yaml", lambda value: pool(value).pop("oneof"), "WorkerPoolSpec: oneofs"),
    "a pair of nothing": (
        "types.yaml",
        lambda value: value["MachineSpec"].update(pairs=[["acceleratorType", "count"]]),
        r"MachineSpec: unknown \['count'\]",
    ),
    "a rule about nothing, deep inside": (
        "Job.yaml",
        lambda value: value["types"]["TrainingInput"]["rules"].append(
            {
                "message": "m",
                "source": "s",
                "schema": {"not": {"properties": {"masterConfig": {"required": ["imageURI"]}}}},
            }
        ),
        r"ReplicaConfig rules: unknown \['imageURI'\]",
    ),
    "a returned field that can be written": (
        "Job.yaml",
        lambda value: value["types"]["PredictionInput"].update(outputOnly=["uri"]),
        r"\['uri'\] can be written and is called output only",
    ),
    "a misspelt fact": (
        "NasJob.yaml",
        lambda value: value["facts"].update(verb=value["facts"].pop("verbs")),
        r"missing \['verbs'\], unexpected \['verb'\]",
    ),
    "a fact without source": ("NasJob.yaml", lambda value: value["facts"]["etag"].pop("source"), r"facts\.etag"),
    "a misspelt key of a kind": (
        "NasJob.yaml",
        lambda value: value.update(apiversion="x"),
        r"unknown \['apiversion'\]",
    ),
    "a method the API does not have": (
        "Job.yaml",
        lambda value: value["facts"]["verbs"]["value"].append("delete"),
        r"Job verbs, against discovery: .* unexpected \['delete'\]",
    ),
    "a method forgotten": (
        "CustomJob.yaml",
        lambda value: value["facts"]["verbs"]["value"].remove("delete"),
        r"CustomJob verbs, against discovery: missing \['delete'\]",
    ),
    "a state without phase": (
        "CustomJob.yaml",
        lambda value: value["facts"]["states"]["value"].pop("JOB_STATE_EXPIRED"),
        r"missing \['JOB_STATE_EXPIRED'\]",
    ),
    "a phase of its own": (
        "CustomJob.yaml",
        lambda value: value["facts"]["states"]["value"].update(JOB_STATE_EXPIRED="TIRED"),
        r"unknown \['TIRED'\]",
    ),
    "a mask where the list takes none": (
        "Job.yaml",
        lambda value: value["facts"]["listMask"].update(value=["jobId"]),
        "listMask and the parameter readMask",
    ),
    "a mask of unknown fields": (
        "CustomJob.yaml",
        lambda value: value["facts"]["listMask"].update(value=["name", "status"]),
        r"unknown \['status'\]",
    ),
    "an error field that is none": (
        "Job.yaml",
        lambda value: value["facts"]["errorField"].update(value="error"),
        r"unknown \['error'\]",
    ),
    "an etag that is none": (
        "CustomJob.yaml",
        lambda value: value["facts"]["etag"].update(value=True),
        "etag is True here",
    ),
    "a location that is none": (
        "../apis/ml.yaml",
        lambda value: value["facts"]["located"].update(value=True),
        "located is True",
    ),
    "a host that is none": (
        "../apis/aiplatform.yaml",
        lambda value: value["facts"]["hosts"]["value"].update(region="aiplatform.{location}.{universe}"),
        r"hosts of africa-south1: unknown \['aiplatform\.africa-south1\.googleapis\.com'\]",
    ),
    "a host for all that is none": (
        "../apis/ml.yaml",
        lambda value: value["facts"]["hosts"]["value"].update({"global": "ml-jobs.{universe}"}),
        r"hosts\.global: missing \['ml\.googleapis\.com'\]",
    ),
    "an API that has no file": (
        "Job.yaml",
        lambda value: value.update(apiVersion="ml.googleapis.com/v2"),
        r"Job\.yaml apiVersion: unknown \['ml\.googleapis\.com/v2'\]",
    ),
    "a fact of an API without a source": (
        "../apis/ml.yaml",
        lambda value: value["facts"]["located"].pop("source"),
        r"ml\.yaml facts\.located: missing \['source'\]",
    ),
    "a client id without field": (
        "Job.yaml",
        lambda value: value["facts"]["idField"].update(value=""),
        "a client's id needs a field",
    ),
    "a file named otherwise": ("Job.yaml", lambda value: value.update(kind="MlJob"), "Job.yaml: holds kind MlJob"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_in_the_facts_stops_the_generator(copied: pathlib.Path, case: str) -> None:
    name, change, message = MISTAKES[case]
    edit(copied, name, change)
    with pytest.raises(facts.FactError, match=message):
        generate.generate(copied)


def test_unchanged_facts_give_the_same_files_twice(copied: pathlib.Path) -> None:
    assert generate.generate(copied) == generate.generate()


def test_a_file_that_differs_or_is_missing_is_named(copied: pathlib.Path) -> None:
    files = {"a.json": "{}\n", "b/c.json": "{}\n", "d.json": "{}\n"}
    (copied / "a.json").write_text("{ }\n", encoding="utf-8")
    (copied / "d.json").write_text("{}\n", encoding="utf-8")
    assert generate.differing(files, copied) == ["a.json", "b/c.json"]
