"""The service's own checks of a parsed resource, driven by the behaviour data. It knows no kind by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.emulator import shapes
from reconciler.emulator.behaviour import Rule, Rules
from reconciler.emulator.fields import Violation
from reconciler.emulator.shapes import Field, Form


def unions(root: Field, resource: Mapping[str, Any], rules: Rules, path: str) -> list[Violation]:
    """Find oneofs with two members set; the JSON layer refuses them before any job logic."""
    found = []
    for field, value, place in _messages(root, resource, path):
        for rule in rules.oneofs:
            given = [name for name in rule.fields if rule.message == field.message and name in value]
            for name in given[1:]:
                text = f"oneof field '{rule.name}' is already set. Cannot set '{name}'"
                found.append((place, f"Invalid value at '{place}' (oneof), {text}"))
    return found


def semantic(root: Field, resource: Mapping[str, Any], rules: Rules) -> list[Violation]:
    """Find everything the job logic refuses, with snake_case paths from the resource's root."""
    found = label_rules(resource.get("labels", {}), rules)
    for field, value, place in _messages(root, resource, ""):
        if _is_placeholder(place, value):
            continue
        for sort, check in _CHECKS.items():
            for rule in getattr(rules, sort):
                if rule.message == field.message:
                    found += [(_join(place, name), text) for name, text in check(rule, value)]
    return sorted(found, key=lambda violation: violation[0])


def label_rules(labels: Mapping[str, str], rules: Rules) -> list[Violation]:
    """Find labels that the service refuses: too many, too long, or of other characters."""
    limits = rules.labels
    found: list[Violation] = []
    if len(labels) > limits["entries"]:
        found.append(("labels", f"At most {limits['entries']} labels are allowed on a resource, got {len(labels)}."))
    for key, value in labels.items():
        if not key or not (re.match(limits["key"], key) or key[0].isalpha()):
            found.append(("labels", f'Label keys must start with a letter or a number, got "{key}".'))
        for word, text in (("key", key), ("value", value)):
            if len(text) > limits["length"] or len(text.encode()) > limits["bytes"]:
                most = f"less than {limits['length'] + 1} characters and less than {limits['bytes'] + 1} bytes"
                found.append(("labels", f'Label {word} "{text}" is too long: it must have {most} in UTF-8.'))
            if not re.fullmatch(r"[\w-]*", text) or text != text.lower():
                only = "lowercase letters, numbers, dashes and underscores"
                found.append(("labels", f'Label {word} "{text}" can contain only {only}.'))
    return found


def _messages(field: Field, value: Any, path: str) -> Iterator[tuple[Field, Mapping[str, Any], str]]:
    """Yield every message of a resource, itself first, with its snake_case path."""
    if field.form is Form.MESSAGE:
        yield field, value, path
        for name, item in value.items():
            yield from _messages(field.fields[name], item, _join(path, shapes.snake(name)))
    elif field.form is Form.LIST and field.item is not None:
        for index, item in enumerate(value):
            yield from _messages(field.item, item, f"{path}[{index}]")
    elif field.form is Form.MAP and field.item is not None:
        for key, item in value.items():
            yield from _messages(field.item, item, _join(path, key))


def _is_placeholder(place: str, value: Mapping[str, Any]) -> bool:
    """Say whether this is an empty list element, which keeps an index and is checked by the `first` rule alone."""
    return not value and place.endswith("]")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _required(rule: Rule, value: Mapping[str, Any]) -> Iterator[Violation]:
    for name in rule.fields:
        if name not in value:
            yield shapes.snake(name), "Required field is not set."


def _oneof(rule: Rule, value: Mapping[str, Any]) -> Iterator[Violation]:
    if rule.on and not any(name in value for name in rule.fields):
        names = ", ".join(f"`{shapes.snake(name)}`" for name in rule.fields)
        yield "", f"One of {names} must be set."


def _pair(rule: Rule, value: Mapping[str, Any]) -> Iterator[Violation]:
    if len({name in value for name in rule.fields}) == 2:
        yield shapes.snake(rule.fields[0]), rule.text


def _first(rule: Rule, value: Mapping[str, Any]) -> Iterator[Violation]:
    items = value.get(rule.fields[0])
    if items and not items[0]:
        yield f"{shapes.snake(rule.fields[0])}[0]", rule.text


def _limit(rule: Rule, value: Mapping[str, Any]) -> Iterator[Violation]:
    name = rule.fields[0]
    if len(value.get(name, "")) > rule.most:
        yield shapes.snake(name), f"At most {rule.most} are allowed, got {len(value[name])}."


def _pattern(rule: Rule, value: Mapping[str, Any]) -> Iterator[Violation]:
    name = rule.fields[0]
    if name in value and not re.fullmatch(rule.value, value[name]):
        yield shapes.snake(name), rule.text


def _need(rule: Rule, value: Mapping[str, Any]) -> Iterator[Violation]:
    if value.get(rule.fields[0]) == rule.value and rule.other not in value:
        yield shapes.snake(rule.other), rule.text


_Check = Callable[[Rule, Mapping[str, Any]], Iterator[Violation]]

_CHECKS: Mapping[str, _Check] = {
    "required": _required,
    "oneofs": _oneof,
    "pairs": _pair,
    "first": _first,
    "limits": _limit,
    "patterns": _pattern,
    "needs": _need,
}
