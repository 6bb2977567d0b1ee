"""Field paths: parsed, written back, and cut out of a value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.spec import paths
from reconciler.vocabulary.model import show_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("spec", ("spec",)),
        ("spec.a.b", ("spec", "a", "b")),
        ("a[0].b", ("a", 0, "b")),
        ("a[12][3]", ("a", 12, 3)),
        ("a[]", ("a", "[]")),
        ("a[*].b", ("a", "[]", "b")),
        ("a-b.c_d", ("a-b", "c_d")),
    ],
)
def test_a_path_is_parsed(text: str, path: tuple[str | int, ...]) -> None:
    assert paths.parse(text) == path


@pytest.mark.parametrize(
    "text", ["", ".", ".a", "a.", "a..b", "a[", "a]", "a[x]", "a[-1]", "a[1", "[" * 50, "a[0].", "a[0]b"]
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"path|dot"):
        paths.parse(text)


@given(st.text(alphabet="ab.[]*0", max_size=12))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    try:
        path = paths.parse(text)
    except ValueError:
        return
    assert path


steps = st.text(alphabet="abcXYZ_-9", min_size=1, max_size=5)


@given(steps, st.lists(steps | st.integers(0, 99), max_size=5))
def test_a_path_as_people_write_it_is_parsed_back(first: str, rest: list[str | int]) -> None:
    path = (first, *rest)
    assert paths.parse(show_path(path)) == path


@pytest.mark.parametrize(
    ("value", "text", "left"),
    [
        ({"a": 1, "b": 2}, "a", {"b": 2}),
        ({"a": {"b": 1, "c": 2}}, "a.b", {"a": {"c": 2}}),
        ({"a": {"b": 1}}, "a.b", {"a": {}}),
        ({"a": [1, 2, 3]}, "a[1]", {"a": [1, None, 3]}),
        ({"a": [{"b": 1}, {"b": 2}]}, "a[].b", {"a": [{}, {}]}),
        ({"a": [{"b": 1}, {"b": 2}]}, "a[*].b", {"a": [{}, {}]}),
        ({"a": [{"b": 1}, {"b": 2}]}, "a[1].b", {"a": [{"b": 1}, {}]}),
        ({"a": [{"b": 1}]}, "a[7].b", {"a": [{"b": 1}]}),
        ({"a": 1}, "b", {"a": 1}),
        ({"a": 1}, "a.b.c", {"a": 1}),
        ({"a": {"b": 1}}, "a[0]", {"a": {"b": 1}}),
        ({"a": [1]}, "a.b", {"a": [1]}),
        ([{"a": 1}], "[0].a", [{}]),
        ({}, "a", {}),
        (None, "a", None),
    ],
)
def test_what_stands_at_a_path_is_taken_out(value: Any, text: str, left: Any) -> None:
    assert paths.without(value, paths.parse(text)) == left


def test_taking_out_leaves_its_input_alone() -> None:
    value = {"a": [{"b": 1}], "c": {"d": 2}}
    paths.without(paths.without(value, ("a", "[]", "b")), ("c", "d"))
    assert value == {"a": [{"b": 1}], "c": {"d": 2}}
