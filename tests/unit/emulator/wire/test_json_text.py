"""Indented JSON is, byte for byte, what the standard library writes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.wire import json_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_any_value_is_written_as_the_standard_library_does(value: Any) -> None:
    assert json_text.write(value) == json.dumps(value, indent=2, ensure_ascii=False)


@pytest.mark.parametrize("value", [{}, [], (), {"a": []}, [{}], [[], {}], {"a": (1, 2)}, '\u2028\x00"\\ä', -0.0, 1e999])
def test_the_edges_are_written_so_too(value: Any) -> None:
    assert json_text.write(value) == json.dumps(value, indent=2, ensure_ascii=False)
