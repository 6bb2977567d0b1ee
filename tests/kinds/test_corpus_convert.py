"""Job files of other people, converted and validated, against a table that somebody has reviewed row by row.

The files are not part of this repository: without them these tests are left out.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from reconciler.core import convert
from reconciler.core.validate.manifests import Validator
from reconciler.files import json_reader, manifest_writer, schemas, yaml_reader
from reconciler.vocabulary.model import Document, Problem, Scope, Severity
from tests.support import stack
from tests.support.checkout import CORPUS

TABLE = Path(__file__).with_name("corpus_convert.csv")
GROUPS = ("custom_jobs", "nas_jobs", "legacy_training", "legacy_prediction")
FILES = [f"{group}/{path.name}" for group in GROUPS for path in sorted((CORPUS / group).glob("*.*"))]
STACK = replace(stack.STACK, scopes=(stack.SCOPE, Scope("demo-project")))
MARK = "${"

__test__ = bool(FILES)


@dataclass(frozen=True)
class Row:
    """What was reviewed of one file. `blank` is yes where a text still holds a placeholder of the file's own."""

    verdict: str
    blank: str
    finding: str
    note: str


@cache
def reviewed() -> dict[str, Row]:
    with TABLE.open(newline="", encoding="utf-8") as handle:
        return {row.pop("file"): Row(**row) for row in csv.DictReader(handle)}


@cache
def kinds() -> Any:
    return schemas.load_kinds()


@cache
def validator() -> Validator:
    return Validator(kinds())


@cache
def collected_by_hand() -> frozenset[str]:
    """Files in which `${…}` is the collector's mark for an expression, and no template of their author."""
    with (CORPUS / "INDEX.jsonl").open(encoding="utf-8") as handle:
        return frozenset(row["file"] for row in map(json.loads, handle) if row["converted"])


def read(file: str) -> Any:
    text = (CORPUS / file).read_text(encoding="utf-8")
    reading = (json_reader if file.endswith(".json") else yaml_reader).read(text, file)
    return None if reading.problems else reading.documents[0].value


def flags_of(file: str, document: Any) -> tuple[tuple[str, Any], ...]:
    """What `gcloud ai-platform jobs submit training` takes from flags, where the file leaves it to them."""
    if not file.startswith("legacy_training"):
        return ()
    given = document.get("trainingInput", document.get("training_input", document))
    needed = {"region": "us-central1"}
    if "masterConfig" not in given:
        needed |= {"packageUris": "gs://bucket/trainer.tar.gz", "pythonModule": "trainer.task"}
    left = {name: value for name, value in needed.items() if given.get(name) is None}
    if MARK in str(given.get("scaleTier")) and file in collected_by_hand():
        left["scaleTier"] = "BASIC"  # the value was an expression in a program; gcloud takes --scale-tier
    return tuple((f"trainingInput.{name}", value) for name, value in left.items())


@cache
def converted(file: str) -> tuple[convert.Converted, tuple[Problem, ...]]:
    """The conversion, and every problem of it and of the manifest; placeholders in plain text as warnings."""
    document = read(file)
    done = convert.to_manifest(
        document, name=Path(file).stem, kind=None, kinds=kinds(), sets=flags_of(file, document), location="us-central1"
    )
    if not done.manifest:
        return done, done.problems
    found = validator().check([Document(file, 0, 1, done.manifest)], STACK).problems
    return done, (*done.problems, *convert.soften(found, done.manifest, kinds()[done.manifest["kind"]]))


def errors_of(file: str) -> list[Problem]:
    return [problem for problem in converted(file)[1] if problem.severity is Severity.ERROR]


def has_blank(file: str) -> bool:
    return any(problem.rule == "placeholder" for problem in converted(file)[1])


def is_mark(file: str, problem: Problem) -> bool:
    """Say that a problem is nothing but the collector's mark in a place that wants another type."""
    value: Any = converted(file)[0].manifest
    for step in problem.path:
        value = value.get(step) if isinstance(value, dict) else value[step]
    return file in collected_by_hand() and isinstance(value, str) and MARK in value


def verdict(file: str) -> str:
    if read(file) is None:
        return "unparsable"
    errors = errors_of(file)
    if not errors:
        return "converted"
    if any(problem.rule in ("unguessable-kind", "unsupported-kind") for problem in errors):
        return "other_kind"
    own = [problem for problem in errors if not is_mark(file, problem)]
    if not own:
        return "collector_placeholder"
    return "placeholder" if all(problem.rule == "placeholder" for problem in own) else "mistake"


def finding(file: str) -> str:
    """The first fault that is the file's own, as rule and sentence."""
    if read(file) is None or not (errors := errors_of(file)):
        return ""
    own = [problem for problem in errors if not is_mark(file, problem)] or errors
    return f"{own[0].rule}: {own[0].message}"


def test_every_file_has_been_reviewed() -> None:
    assert set(FILES) - set(reviewed()) == set()


@pytest.mark.parametrize("file", FILES)
def test_a_file_gets_its_reviewed_verdict(file: str) -> None:
    row = reviewed()[file]
    blank = "yes" if row.verdict == "converted" and has_blank(file) else ""
    assert (verdict(file), blank, finding(file)) == (row.verdict, row.blank, row.finding)


def test_a_refusal_in_the_table_is_explained() -> None:
    unexplained = [file for file, row in reviewed().items() if row.verdict != "converted" and not row.note]
    assert unexplained == []


@pytest.mark.parametrize(
    "file", [file for file in FILES if file in reviewed() and reviewed()[file].verdict == "converted"]
)
def test_a_converted_manifest_is_read_back_as_it_was_written(file: str) -> None:
    manifest = converted(file)[0].manifest
    reading = yaml_reader.read(manifest_writer.dump(manifest, "schema.json"), file)
    assert reading.problems == ()
    assert [document.value for document in reading.documents] == [manifest]


def share(group: str, *, of: tuple[str, ...], strict: bool = False) -> float:
    """The share of a group's files with these verdicts that convert; strict: and need nothing filled in."""
    rows = [(file, verdict(file)) for file in FILES if file.startswith(f"{group}/")]
    counted = [file for file, judged in rows if judged in of]
    good = [file for file, judged in rows if judged == "converted" and not (strict and has_blank(file))]
    return len(good) / len(counted)


PARSABLE = ("converted", "placeholder", "collector_placeholder", "mistake", "other_kind")
REAL = ("converted", "placeholder", "mistake", "other_kind")
"""Without the files that are no longer what their authors wrote."""


@pytest.mark.parametrize(
    ("group", "counted", "least"),
    [
        ("custom_jobs", PARSABLE, 0.85),
        ("custom_jobs", REAL, 0.90),
        ("nas_jobs", PARSABLE, 1.0),
        ("legacy_training", PARSABLE, 0.90),
        ("legacy_training", REAL, 0.90),
    ],
)
def test_most_files_in_use_convert(group: str, counted: tuple[str, ...], least: float) -> None:
    reached = share(group, of=counted)
    without_blanks = share(group, of=counted, strict=True)
    tally = dict(Counter(verdict(file) for file in FILES if file.startswith(f"{group}/")))
    print(f"{group}: {reached:.1%} convert, {without_blanks:.1%} with nothing left to fill in; {tally}")  # noqa: T201
    assert reached >= least
