"""Whatever is read, the answer is problems: no error of ours or of a library leaves reading and validating."""

import copy
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.validate import stack_file
from reconciler.core.validate.manifests import Validation, Validator
from reconciler.core.validate.schema import open_up
from reconciler.files import manifests, positions, schemas
from reconciler.files.reading import Reading
from reconciler.vocabulary.model import Document
from tests.unit.core.validate.samples import CUSTOM, KINDS, ML, NAS, stack

VALIDATOR = Validator(KINDS)
SOUND = [manifests.read_stream(text).documents[0].value for text in (CUSTOM, NAS, ML)]
WORDS = ["kind", "spec", "metadata", "name", "jobSpec", "workerPoolSpecs", "env", "value", "List", "items", "CustomJob"]

TEXTS = st.one_of(
    st.text(max_size=12), st.sampled_from([*WORDS, "${X}", "NVIDIA_T4", "1", "60s", "reconciler_run", "\n"])
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.integers(10**30, 10**31), st.floats(), TEXTS)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
MARKS = [
    ": ",
    "\n",
    "  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "---\n",
    "!!str ",
    '"',
    "'",
    "#",
    "\t",
    "|",
    "?",
    "1",
    "~",
]
YAML_PIECES = st.lists(st.sampled_from([*WORDS, *MARKS]), max_size=40).map("".join)


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    keys: Iterable[str | int] = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield from paths_of(value[key], (*path, key))


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A sound manifest with something else in one or two places."""
    value = copy.deepcopy(draw(st.sampled_from(SOUND)))
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from([each for each in paths_of(value) if each]))
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        if draw(st.booleans()) and isinstance(holder, dict):
            holder[draw(TEXTS)] = draw(VALUES)
        else:
            holder[path[-1]] = draw(VALUES)
    return value


def answer(reading: Reading, text: str = "") -> Validation:
    validation = VALIDATOR.check(reading.documents, stack())
    places = positions.Locator(Path("/nowhere"), {"<stdin>": text})
    for problem in places.place_all([*reading.problems, *validation.problems]):
        assert problem.rule
        assert problem.message
    assert len({each.address for each in validation.desired}) <= len(reading.documents)
    return validation


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.one_of(st.text(max_size=200), YAML_PIECES))
def test_any_text_is_read(text: str) -> None:
    answer(manifests.read_stream(text), text)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(VALUES)
def test_any_json_is_read(value: Any) -> None:
    text = json.dumps(value)
    answer(manifests.read_stream(text), text)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(mutated())
def test_any_change_of_a_sound_manifest_is_judged(value: Any) -> None:
    answer(Reading((Document("<stdin>", 0, 1, value),)))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(mutated())
def test_the_fast_and_the_full_validator_agree(value: Any) -> None:
    text = json.dumps(value)
    if "\\n" in text or str(value.get("kind")) not in KINDS:
        return  # Python's regular expressions let a line break end a text
    schema = open_up(KINDS[value["kind"]].schema)
    fast = jsonschema_rs.Draft7Validator(schema, validate_formats=False)
    assert fast.is_valid(value) == jsonschema.Draft7Validator(schema).is_valid(value)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(VALUES)
def test_any_stack_file_is_judged(value: Any) -> None:
    schema = schemas.load_schema("reconciler/v1/Stack.json")
    document = Document("reconciler.yaml", 0, 1, value)
    found, problems = stack_file.stack(document, root="/s", schema=schema, kinds=KINDS, suggested_uid="00000000")
    assert (found is None) == bool(problems)


@pytest.mark.parametrize(
    "spec",
    [
        {f"x{n}": n for n in range(50_000)},
        {"jobSpec": {"workerPoolSpecs": [{"replicas": n} for n in range(5000)]}},
        {"jobSpec": {"workerPoolSpecs": [{"machineSpec": {"acceleratorType": f"N_{n}"}} for n in range(5000)]}},
        {"jobSpec": {"serviceAccount": "{" * 1_000_000}},
        {"jobSpec": {"serviceAccount": "<a" * 500_000}},
        {"jobSpec": {"experiment": "$" * 1_000_000}},
        {"jobSpec": {"scheduling": {"strategy": "A_" * 100_000}}},
        {"jobSpec": {"scheduling": {"timeout": "1" * 1_000_000}}},
        {"jobSpec" * 10_000: 1},
    ],
    ids=["fields", "faults", "accelerators", "braces", "angles", "dollars", "enum", "duration", "name"],
)
def test_a_hostile_spec_is_refused_soon(spec: dict[str, Any]) -> None:
    value = {"apiVersion": "aiplatform.googleapis.com/v1", "kind": "CustomJob", "metadata": {"name": "a"}, "spec": spec}
    start = time.process_time()
    validation = VALIDATOR.check([Document("a.yaml", 0, 1, value)], stack())
    assert not validation.ok
    assert sum(len(each.message) + len(each.hint) for each in validation.problems) < 1_000_000
    assert time.process_time() - start < 5
