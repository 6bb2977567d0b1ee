"""`--set PATH=VALUE`: where a path leads, what is told, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core import convert
from reconciler.files import schemas

KINDS = schemas.load_kinds()
TRAINING = {"trainingInput": {"scaleTier": "BASIC", "args": ["--a"]}}
POOLS = {"workerPoolSpecs": {"containerSpec": {"imageUri": "a", "env": [{"name": "K", "value": "v"}]}}}


def converted(document: Any, *sets: tuple[str, Any]) -> convert.Converted:
    return convert.to_manifest(document, name="train", kind=None, kinds=KINDS, sets=sets)


@pytest.mark.parametrize(
    ("document", "path", "value", "place"),
    [
        (TRAINING, "trainingInput.region", "us-east1", ("spec", "trainingInput", "region")),
        (TRAINING, "spec.trainingInput.region", "us-east1", ("spec", "trainingInput", "region")),
        (TRAINING, "training_input.python_module", "a.b", ("spec", "trainingInput", "pythonModule")),
        (TRAINING, "trainingInput.args[1]", "--b", ("spec", "trainingInput", "args", 1)),
        (TRAINING, "trainingInput.args[0]", "--b", ("spec", "trainingInput", "args", 0)),
        (TRAINING, "metadata.labels.my_team", "x", ("metadata", "labels", "my_team")),
        (TRAINING, "labels.team", "x", ("metadata", "labels", "team")),
        (TRAINING, "name", "other", ("metadata", "name")),
        (TRAINING, "lifecycle.onChange", "keep", ("lifecycle", "onChange")),
        (POOLS, "workerPoolSpecs[0].replicaCount", 2, ("spec", "jobSpec", "workerPoolSpecs", 0, "replicaCount")),
        (POOLS, "location", "us-east1", ("metadata", "location")),
        (POOLS, "displayName", "a", ("spec", "displayName")),
    ],
)
def test_a_path_leads_into_manifest_spec_or_what_the_file_held(
    document: Any, path: str, value: Any, place: tuple[Any, ...]
) -> None:
    done = converted(document, (path, value))
    found: Any = done.manifest
    for step in place:
        found = found[step]
    assert (found, done.problems) == (value, ())
    assert any("set to" in note for note in done.notes)


def test_what_was_there_before_is_told() -> None:
    done = converted(TRAINING, ("trainingInput.scaleTier", "CUSTOM"))
    assert 'spec.trainingInput.scaleTier: set to "CUSTOM"; it was "BASIC".' in done.notes


def test_what_is_set_is_bent_like_the_rest() -> None:
    done = converted(TRAINING, ("trainingInput.packageUris", "gs://b/p.tar.gz"))
    assert done.manifest["spec"]["trainingInput"]["packageUris"] == ["gs://b/p.tar.gz"]


def test_the_value_of_a_variable_is_not_told() -> None:
    done = converted(POOLS, ("workerPoolSpecs[0].containerSpec.env[0].value", "hunter2"))
    assert "hunter2" in str(done.manifest)
    assert "hunter2" not in str(done.notes)


@pytest.mark.parametrize(
    ("sets", "rule", "words"),
    [
        ([("trainingInput..x", 1)], "bad-set", "not a field path"),
        ([("trainingImput.region", "r")], "bad-set", "Did you mean trainingInput?"),
        ([("kind", "NasJob")], "bad-set", "--kind"),
        ([("trainingInput.region", None)], "bad-set", "has no value"),
        ([("trainingInput.args[5]", "a")], "bad-set", "[5] has no place"),
        ([("trainingInput.args[].x", "a")], "bad-set", "names nothing inside a list"),
        ([("trainingInput.scaleTier.x", "a")], "bad-set", 'names nothing inside "BASIC"'),
        ([("trainingInput.region", "a"), ("spec.trainingInput.region", "b")], "conflicting-set", "contradict"),
        ([("trainingInput", {}), ("trainingInput.region", "b")], "conflicting-set", "contradict"),
    ],
)
def test_what_cannot_be_set_is_refused(sets: list[tuple[str, Any]], rule: str, words: str) -> None:
    (problem,) = converted(TRAINING, *sets).problems
    assert problem.rule == rule
    assert words in f"{problem.message} {problem.hint}"


def test_the_same_setting_twice_is_one_setting() -> None:
    done = converted(TRAINING, ("region", "r"), ("trainingInput.region", "r"))
    assert (done.manifest["spec"]["trainingInput"]["region"], done.problems) == ("r", ())


def test_every_bad_setting_is_told() -> None:
    assert len(converted(TRAINING, ("nope", 1), ("trainingInput.region", None)).problems) == 2
