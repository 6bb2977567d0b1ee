"""The service's own checks of a parsed resource, driven by the behaviour data. It knows no kind by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.emulator.behaviour.rules import Rule, Rules
from reconciler.emulator.messages import shapes
from reconciler.emulator.messages.parse import Violation
from reconciler.emulator.messages.shapes import Field, Form


def unions(root: Field, resource: Mapping[str, Any], rules: Rules, path: str) -> list[Violation]:
    """Find oneofs with two members set; the JSON layer refuses them before any job logic."""
    found = []
    for field, value, at in _messages(root, resource, path):
        for rule in rules.oneofs:
            given = [name for name in rule.fields if rule.message == field.message and name in value]
            for name in given[1:]:
                text = f"oneof field '{rule.name}' is already set. Cannot set '{name}'"
                found.append((at, f"Invalid value at '{at}' (oneof), {text}"))
    return found


def semantic(
    root: Field, resource: Mapping[str, Any], rules: Rules, resource_name: str = "", location: str = ""
) -> list[Violation]:
    """Find everything the job logic refuses, with snake_case paths from the resource's root.

    `resource_name` such as custom_job is how the label rule names its field; `location` is where the job shall be.
    """
    found = label_rules(resource.get("labels", {}), rules, resource_name)
    for field, value, at in _messages(root, resource, ""):
        if _is_placeholder(at, value):
            continue
        for sort, rule in rules.checks.get(field.message, ()):
            if sort == "regions":
                found += [(_join(at, name), text) for name, text in _region(rule, value, location)]
            else:
                found += [(_join(at, name), text) for name, text in _CHECKS[sort](rule, value)]
    named = [(path or resource_name, text) for path, text in found]
    return sorted(named, key=lambda violation: violation[0])


def accelerators(root: Field, resource: Mapping[str, Any], rules: Rules) -> str:
    """Say why a machine cannot have its accelerator, in the plain sentence recorded for it; empty where it can."""
    for field, value, _ in _messages(root, resource, ""):
        for rule in rules.accelerators:
            given, machine = value.get(rule.fields[0]), value.get(rule.other, "")
            meant = rule.on and rule.message == field.message and machine.startswith(rule.starts)
            if meant and given and (rule.value is None or given in rule.value):
                return rule.text.replace("{accelerator}", given).replace("{machine}", machine)
    return ""


def label_rules(labels: Mapping[str, str], rules: Rules, resource_name: str = "") -> list[Violation]:
    """Find out whether the service refuses the labels: too many, too long, or of other characters.

    Whatever is wrong with them, it says one and the same thing, once (recorded: statmike/vertex-ai-mlops#6).
    """
    limits = rules.labels
    fits = len(labels) <= limits["entries"] and all(
        _label(key, limits) and (re.match(limits["key"], key) or key[:1].isalpha()) and _label(value, limits)
        for key, value in labels.items()
    )
    return [] if fits else [(_join(resource_name, "labels"), limits["text"])]


def _label(text: str, limits: Mapping[str, Any]) -> bool:
    """Say whether a key or value has an allowed length and only letters of no or lower case, numbers, `-` and `_`."""
    if len(text) > limits["length"] or len(text.encode()) > limits["bytes"]:
        return False
    return re.fullmatch(r"[\w-]*", text) is not None and text == text.lower()


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


def _is_placeholder(at: str, value: Mapping[str, Any]) -> bool:
    """Say whether this is an empty list element, which keeps an index and is checked by the `first` rule alone."""
    return not value and at.endswith("]")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _required(rule: Rule, value: Mapping[str, Any]) -> Iterator[Violation]:
    for name in rule.fields:
        if name not in value:
            yield shapes.snake(name), "Required field is not set."


def _oneof(rule: Rule, value: Mapping[str, Any]) -> Iterator[Violation]:
    if not any(name in value for name in rule.fields):
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
        yield shapes.snake(name), rule.text or f"At most {rule.most} are allowed, got {len(value[name])}."


def _pattern(rule: Rule, value: Mapping[str, Any]) -> Iterator[Violation]:
    name = rule.fields[0]
    if name in value and not re.fullmatch(rule.value, value[name]):
        yield shapes.snake(name), rule.text


def _need(rule: Rule, value: Mapping[str, Any]) -> Iterator[Violation]:
    """Ask for `other` where the field has the rule's value, or any where the rule names none."""
    given = value.get(rule.fields[0])
    if given is not None and rule.value in (None, given) and rule.other not in value:
        yield shapes.snake(rule.other), rule.text


def _exclude(rule: Rule, value: Mapping[str, Any]) -> Iterator[Violation]:
    """Refuse `other` together with a field that holds what the rule's value names."""
    for name in rule.fields:
        if rule.other in value and rule.value in value.get(name, {}):
            yield f"{shapes.snake(name)}.{shapes.snake(rule.value)}", rule.text


def _range(rule: Rule, value: Mapping[str, Any]) -> Iterator[Violation]:
    """Hold numbers, and durations in seconds, to their bounds; what is absent has its default."""
    for name in rule.fields:
        if name in value and not rule.least <= float(str(value[name]).removesuffix("s")) <= rule.most:
            yield shapes.snake(name), rule.text


def _region(rule: Rule, value: Mapping[str, Any], location: str) -> Iterator[Violation]:
    """Refuse a resource name of another location than the job's."""
    name = rule.fields[0]
    found = re.search(r"/locations/([^/]+)/", value.get(name, ""))
    if location and found and found[1] != location:
        yield shapes.snake(name), rule.text.replace("{location}", location)


_Check = Callable[[Rule, Mapping[str, Any]], Iterator[Violation]]

_CHECKS: Mapping[str, _Check] = {
    "required": _required,
    "oneofs": _oneof,
    "pairs": _pair,
    "first": _first,
    "limits": _limit,
    "patterns": _pattern,
    "needs": _need,
    "excludes": _exclude,
    "ranges": _range,
}
