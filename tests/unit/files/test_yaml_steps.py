"""Every value of a YAML text comes with its key, wherever it stands."""

from __future__ import annotations

import pytest
import yaml

from reconciler.files.yaml_steps import steps


def told(text: str) -> list[tuple[str, str | None]]:
    """Each scalar and alias with its key."""
    return [
        (getattr(event, "value", None) or f"*{event.anchor}", key and key.value)
        for event, key in steps(text)
        if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent)
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a: 1\nb: {c: 2, d: [3, 4]}\ne: 5\n", [("1", "a"), ("2", "c"), ("3", None), ("4", None), ("5", "e")]),
        ("1\n---\n- a: 2\n- b\n", [("1", None), ("2", "a"), ("b", None)]),
        ("a: &x 1\nb: *x\n", [("1", "a"), ("*x", "b")]),
        ('{"a": {"a": 1}, "b": 2}', [("1", "a"), ("2", "b")]),
    ],
)
def test_a_value_comes_with_its_key(text: str, values: list[tuple[str, str | None]]) -> None:
    assert told(text) == values


def test_a_key_that_is_a_map_or_a_list_keeps_what_is_below_it_to_itself() -> None:
    text = "? {a: [1, {b: 2}]}\n: c: 3\n"
    values = [(event.value, key.value) for event, key in steps(text) if isinstance(event, yaml.ScalarEvent)]
    assert values == [("3", "c")]
    outer = [type(key) for event, key in steps(text) if isinstance(event, yaml.MappingStartEvent)]
    assert outer == [type(None), yaml.MappingStartEvent]


def test_what_stands_before_a_syntax_error_is_told() -> None:
    seen = []
    with pytest.raises(yaml.YAMLError):
        for event, key in steps("a: 1\nb: ["):
            seen.append((event, key))
    assert [event.value for event, _ in seen if isinstance(event, yaml.ScalarEvent)] == ["1"]
