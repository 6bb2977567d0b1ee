"""One spelling for every value: tables of cases, and laws over arbitrary JSON."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.spec import normalize, shape
from reconciler.files import schemas

KINDS = schemas.load_kinds()
CUSTOM = KINDS["CustomJob"]
ML = KINDS["Job"]
POOL = CUSTOM.schema["definitions"]["WorkerPoolSpec"]


def known_names() -> list[str]:
    names = {"displayName", "valueFrom", "env", "x_y_z", "_", "__", "a_", ""}
    for kind in KINDS.values():
        for message in kind.schema["definitions"].values():
            names.update(message.get("properties", {}))
    snaked = {"".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name) for name in names}
    return sorted(names | snaked)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["3", "003", "-0", "3.5s", "0s", "SPOT", "1" * 5000, "1" * 5000 + "s", "٣", "3\n", "3s\n"])
)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(known_names()) | st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=15,
)
kinds = st.sampled_from(sorted(KINDS)).map(KINDS.__getitem__)


@given(documents, kinds)
@settings(max_examples=300, deadline=None)
def test_canonical_is_idempotent_and_never_raises(value: Any, kind: Any) -> None:
    once = normalize.canonical(value, kind.spec_schema, kind.schema)
    assert normalize.canonical(once, kind.spec_schema, kind.schema) == once


@given(documents, kinds)
@settings(max_examples=300, deadline=None)
def test_stripping_defaults_twice_strips_nothing_more(value: Any, kind: Any) -> None:
    once = normalize.strip_defaults(
        normalize.canonical(value, kind.spec_schema, kind.schema), kind.spec_schema, kind.schema
    )
    again = normalize.canonical(once, kind.spec_schema, kind.schema)
    assert normalize.strip_defaults(again, kind.spec_schema, kind.schema) == once


@given(documents, kinds)
@settings(max_examples=200, deadline=None)
def test_normalising_leaves_its_input_alone(value: Any, kind: Any) -> None:
    before = copy.deepcopy(value)
    normalize.strip_defaults(normalize.canonical(value, kind.spec_schema, kind.schema), kind.spec_schema, kind.schema)
    assert value == before


pools = st.fixed_dictionaries(
    {},
    optional={
        "replicaCount": st.integers(0, 9) | st.integers(0, 9).map(str),
        "machineSpec": st.fixed_dictionaries(
            {}, optional={"machineType": st.sampled_from(["", "a"]), "acceleratorCount": st.integers(0, 2)}
        ),
        "containerSpec": st.fixed_dictionaries(
            {}, optional={"imageUri": st.just("i"), "args": st.lists(st.text(max_size=2), max_size=2)}
        ),
    },
)
specs = st.fixed_dictionaries(
    {"jobSpec": st.fixed_dictionaries(
        {"workerPoolSpecs": st.lists(pools, max_size=3)},
        optional={
            "enableWebAccess": st.booleans(),
            "scheduling": st.fixed_dictionaries(
                {},
                optional={
                    "timeout": st.sampled_from(["0s", "5s", "5.0s", "5.5s"]),
                    "strategy": st.sampled_from(["STRATEGY_UNSPECIFIED", "SPOT", 0, 4]),
                    "disableRetries": st.booleans(),
                },
            ),
        },
    )}
)  # fmt: skip


def echoed(value: Any, node: Any, root: Any) -> Any:
    """Answer as a proto3 service does: int64 as text, enums by name, defaults and empty lists not printed."""
    node = shape.resolve(node, root)
    if isinstance(value, dict):
        kept = {}
        for key, item in value.items():
            below = shape.resolve(node["properties"][key], root)
            if item in (0, "0", "", False) or item == [] or item == below.get("x-enum", {}).get("zero", object()):
                continue
            kept[key] = echoed(item, node["properties"][key], root)
        return dict(reversed(kept.items()))
    if isinstance(value, list):
        return [echoed(item, node.get("items", {}), root) for item in value]
    if node.get("format") == "int64":
        return str(value)
    if "x-enum" in node and isinstance(value, int):
        return {number: name for name, number in node["x-enum"]["numbers"].items()}[value]
    if node.get("format") == "google-duration":
        return {"5.0s": "5s", "5.5s": "5.500s"}.get(value, value)
    return value


@given(specs)
@settings(max_examples=200, deadline=None)
def test_what_a_service_echoes_settles_to_what_was_sent(spec: Any) -> None:
    def settled(value: Any) -> Any:
        told = normalize.canonical(value, CUSTOM.spec_schema, CUSTOM.schema)
        return normalize.strip_defaults(told, CUSTOM.spec_schema, CUSTOM.schema)

    assert settled(echoed(spec, CUSTOM.spec_schema, CUSTOM.schema)) == settled(spec)


@pytest.mark.parametrize(
    ("given_", "written"),
    [
        ("3600s", "3600s"),
        ("3600.0s", "3600s"),
        ("3600.000000000s", "3600s"),
        ("007s", "7s"),
        ("3.5s", "3.500s"),
        ("3.000001s", "3.000001s"),
        ("3.0000010s", "3.000001s"),
        ("3.000000001s", "3.000000001s"),
        ("0s", "0s"),
        ("-0.0s", "0s"),
        ("-1.5s", "-1.500s"),
        ("-0.5s", "-0.500s"),
        ("0.5s", "0.500s"),
        ("5", "5"),
        ("5m", "5m"),
        ("1.0000000001s", "1.0000000001s"),
        ("5s\n", "5s\n"),
        ("٣s", "٣s"),
        ("", ""),
        ("9" * 5000 + "s", "9" * 5000 + "s"),
    ],
)
def test_a_duration_is_written_as_proto3_prints_it(given_: str, written: str) -> None:
    assert normalize.duration(given_) == written


@pytest.mark.parametrize(
    ("given_", "written"),
    [
        (3, "3"),
        (3.0, "3"),
        ("3", "3"),
        ("-003", "-3"),
        ("-0", "0"),
        (3.5, "3.5"),
        ("3.0", "3.0"),
        ("", ""),
        ("three", "three"),
        (True, True),
        ("3\n", "3\n"),
        ("٣", "٣"),
        ("9" * 5000, "9" * 5000),
        (2**63 - 1, "9223372036854775807"),
        (None, None),
    ],
)
def test_an_int64_is_written_as_text(given_: Any, written: Any) -> None:
    told = normalize.canonical([given_], {"type": "array", "items": POOL["properties"]["replicaCount"]}, CUSTOM.schema)
    assert told == [written]
    assert type(told[0]) is type(written)


@pytest.mark.parametrize(
    ("given_", "written"),
    [
        ({"worker_pool_specs": 1}, {"workerPoolSpecs": 1}),
        ({"workerPoolSpecs": 1, "worker_pool_specs": 2}, {"workerPoolSpecs": 1, "worker_pool_specs": 2}),
        ({"workerPoolSpecs": None, "worker_pool_specs": 2}, {"workerPoolSpecs": 2}),
        ({"workerPoolSpecs": None}, {}),
        ({"no_such_field": 1}, {"no_such_field": 1}),
        ({"Worker_Pool_Specs": 1}, {"Worker_Pool_Specs": 1}),
        ({"service_account": "a"}, {"serviceAccount": "a"}),
        ({5: "a"}, {5: "a"}),
    ],
)
def test_known_fields_are_spelled_in_camel_case_and_nulls_dropped(given_: Any, written: Any) -> None:
    node = CUSTOM.schema["definitions"]["CustomJobSpec"]
    assert normalize.rename(given_, node, CUSTOM.schema) == written


def test_keys_of_a_map_are_the_users_own() -> None:
    node = {"type": "object", "x-map": True, "additionalProperties": {"type": "string"}}
    told = {"a_b": "", "aB": None}
    assert normalize.canonical(told, node, {}) == told
    assert normalize.strip_defaults(told, node, {}) == told


@pytest.mark.parametrize(
    ("node", "keys_are_the_users"),
    [
        ({"x-map": True}, True),
        ({"additionalProperties": {"type": "string"}}, True),
        ({"additionalProperties": False}, False),
        ({"properties": {}, "additionalProperties": {"type": "string"}}, False),
        ({}, False),
    ],
)
def test_a_map_is_told_from_a_message(node: Any, keys_are_the_users: bool) -> None:
    assert shape.is_map(node) is keys_are_the_users


@pytest.mark.parametrize(
    ("value", "node", "default"),
    [
        ("", {}, True),
        ("0", {"format": "int64"}, True),
        ("0", {}, False),
        (0, {}, True),
        (0.0, {"format": "double"}, True),
        (False, {}, True),
        (True, {}, False),
        ([], {}, True),
        ([0], {}, False),
        ({}, {}, False),
        ({}, {"x-map": True}, True),
        ("0s", {"format": "google-duration"}, False),
        ("A", {"x-enum": {"zero": "A", "numbers": {}}}, True),
        ("B", {"x-enum": {"zero": "A", "numbers": {}}}, False),
        ("", {"x-enum": {"zero": "A", "numbers": {}}}, False),
        (None, {}, False),
    ],
)
def test_only_what_proto3_leaves_out_is_a_default(value: Any, node: Any, default: bool) -> None:
    assert normalize.is_default(value, node) is default


def test_an_empty_message_stays_and_a_list_keeps_its_positions() -> None:
    spec = {"jobSpec": {"workerPoolSpecs": [{"replicaCount": 0}, {}], "scheduling": {"disableRetries": False}}}
    told = normalize.canonical(spec, CUSTOM.spec_schema, CUSTOM.schema)
    assert normalize.strip_defaults(told, CUSTOM.spec_schema, CUSTOM.schema) == {
        "jobSpec": {"workerPoolSpecs": [{}, {}], "scheduling": {}}
    }
