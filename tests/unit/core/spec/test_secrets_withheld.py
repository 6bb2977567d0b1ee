"""What is withheld of a live job, and how a label proves a value that nobody can see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.core.documents import snapshot_json
from reconciler.core.spec import diff, fingerprint, secrets
from reconciler.files import schemas

KINDS = schemas.load_kinds()
CUSTOM, ML = KINDS["CustomJob"], KINDS["Job"]

VALUES: list[tuple[str, Any, Any]] = [
    ("any variable", {"name": "MODE", "value": "fast"}, {"name": "MODE", "value": "(sensitive)"}),
    ("a number", {"name": "N", "value": 1}, {"name": "N", "value": "(sensitive)"}),
    ("a list", {"name": "N", "value": ["a"]}, {"name": "N", "value": "(sensitive)"}),
    ("an empty value", {"name": "MODE", "value": ""}, {"name": "MODE", "value": ""}),
    ("no value", {"name": "MODE"}, {"name": "MODE"}),
    ("a value of no name", {"value": "x"}, {"value": "x"}),
    ("deep inside", [{"a": [{"name": "M", "value": "x"}]}], [{"a": [{"name": "M", "value": "(sensitive)"}]}]),
    ("an empty list", {"args": [], "more": [[]]}, {"args": [], "more": [[]]}),
    ("an assignment", ["--api-key=x", "--epochs=1"], ["--api-key=(sensitive)", "--epochs=1"]),
    ("an assignment of a variable", ["DB_PASSWORD=x y\nz"], ["DB_PASSWORD=(sensitive)"]),
    ("what follows a flag", ["--token", "x", "y"], ["--token", "(sensitive)", "y"]),
    ("a flag after a flag", ["--token", "--more"], ["--token", "--more"]),
    ("what follows a plain flag", ["--monkeys", "x"], ["--monkeys", "x"]),
    ("what follows a text", ["token of love", "x"], ["token of love", "x"]),
]


@pytest.mark.parametrize(("what", "value", "told"), VALUES, ids=[row[0] for row in VALUES])
def test_values_are_withheld_by_where_they_stand(what: str, value: Any, told: Any) -> None:
    held = secrets.withhold(value)
    assert held == told
    assert secrets.withhold(held) == told
    assert secrets.withholds(held) is (held != value)
    assert not secrets.withholds(json.loads(json.dumps(held)))


def job(*env: dict[str, Any], image: str = "i") -> dict[str, Any]:
    return {"jobSpec": {"workerPoolSpecs": [{"containerSpec": {"imageUri": image, "env": list(env)}}]}}


def variable(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


A, B, HIDDEN = variable("A", "1"), variable("B", "2"), {"name": "B", "valueFrom": {"env": "X"}}
AT = "spec.jobSpec.workerPoolSpecs[0].containerSpec.env"
LABELS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], list[tuple[str, Any, Any]]]] = [
    # title: manifest that started the job, the job, manifest now, what cannot be compared
    ("the same values", job(A, B), job(A, B), job(A, B, image="j"), []),
    (
        "another value",
        job(A, B),
        job(A, B),
        job(A, variable("B", "3")),
        [("[0].value", "(sensitive)", "1"), ("[1].value", "(sensitive)", "3")],
    ),
    ("a value from elsewhere, then as now", job(A, HIDDEN), job(A, B), job(A, HIDDEN, image="j"), []),
    ("a value from elsewhere, now written", job(HIDDEN), job(B), job(B), [("[0].value", "(sensitive)", "2")]),
    ("a written value, now from elsewhere", job(B), job(B), job(HIDDEN), []),
    (
        "a secret name",
        job(variable("KEY", "1")),
        job(variable("KEY", "1")),
        job(variable("KEY", "2")),
        [("[0].value", "(sensitive)", "(sensitive)")],
    ),
]


@pytest.mark.parametrize(("what", "then", "live", "now", "blind"), LABELS, ids=[row[0] for row in LABELS])
def test_a_label_proves_what_nobody_can_see(what: str, then: Any, live: Any, now: Any, blind: list[Any]) -> None:
    label = fingerprint.of(then, CUSTOM)
    told = diff.uncompared(now, snapshot_json.whole(live, CUSTOM), CUSTOM, label)
    assert [(change.path.removeprefix(AT), change.before, change.after) for change in told] == blind
    assert diff.uncompared(now, live, CUSTOM, label) == ()


def test_withheld_values_count_as_equal_and_the_same_text_on_a_real_job_does_not() -> None:
    withheld = snapshot_json.whole(job(A), CUSTOM)
    assert diff.compare(job(variable("A", "9")), withheld, CUSTOM, ours=True) == ()
    real = job(variable("A", "(sensitive)"))
    assert [change.path for change in diff.compare(job(A), real, CUSTOM, ours=True)] == [f"{AT}[0].value"]


def test_what_is_removed_or_added_is_seen_without_its_value() -> None:
    withheld = snapshot_json.whole(job(A, variable("GONE", "s3cr3t")), CUSTOM)
    [removed] = diff.compare(job(A), withheld, CUSTOM, ours=True)
    assert (removed.path, removed.before) == (f"{AT}[1]", {"name": "GONE", "value": "(sensitive)"})
    [added] = diff.compare(job(A, B), snapshot_json.whole(job(A), CUSTOM), CUSTOM, ours=True)
    assert (added.path, added.after) == (f"{AT}[1]", B)


def test_a_job_keeps_what_a_plan_reads_and_nothing_else() -> None:
    row = {
        **job(A),
        "name": "projects/1/locations/l/customJobs/2",
        "labels": {"name": "n", "value": "v", "reconciler_token": "t"},
        "state": "JOB_STATE_FAILED",
        "createTime": "2026-01-01T00:00:00Z",
        "updateTime": "2026-01-01T00:00:01Z",
        "etag": "e",
        "webAccessUris": {"w": "https://shell.example.com/?secret"},
        "newThing": {"password": "x"},
        "error": {"code": 9, "message": "B=hunter2-hunter2 failed", "details": [{"env": "hunter2-hunter2"}]},
    }
    row["jobSpec"]["workerPoolSpecs"][0]["containerSpec"] |= {
        "newField": "x",
        "env": [variable("B", "hunter2-hunter2")],
    }
    assert snapshot_json.whole(row, CUSTOM) == {
        "jobSpec": {"workerPoolSpecs": [{"containerSpec": {"imageUri": "i", "env": [variable("B", "(sensitive)")]}}]},
        "name": row["name"],
        "labels": row["labels"],
        "state": "JOB_STATE_FAILED",
        "createTime": "2026-01-01T00:00:00Z",
        "error": {"code": 9, "message": "B=(sensitive) failed"},
    }
    assert set(snapshot_json.identity(row, CUSTOM)) == {"name", "labels", "state", "createTime", "error"}
    ml = {"jobId": "j", "trainingInput": {"region": "r"}, "trainingOutput": {"x": 1}, "errorMessage": "e", "etag": "e"}
    assert snapshot_json.whole(ml, ML) == {"jobId": "j", "trainingInput": {"region": "r"}, "errorMessage": "e"}


@pytest.mark.parametrize(
    ("value", "message", "told"),
    [("fast", "it ran fast", "it ran fast"), ("fast-and-loose", "it ran fast-and-loose", "it ran (sensitive)")],
)
def test_an_error_loses_what_it_quotes_unless_that_is_too_short_to_tell(value: str, message: str, told: str) -> None:
    row = {**job(variable("MODE", value)), "error": {"message": message}}
    assert snapshot_json.identity(row, CUSTOM)["error"] == {"message": told}
    secret = {**job(variable("API_KEY", value)), "error": {"message": message}}
    assert value not in snapshot_json.identity(secret, CUSTOM)["error"]["message"]
