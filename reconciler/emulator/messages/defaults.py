"""What the service writes into a job that the caller did not say, from the behaviour data alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.emulator.behaviour.rules import Rules
from reconciler.emulator.messages.shapes import Field, Form


def fill(root: Field, resource: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """Return the resource with the server's defaults; an empty message such as a placeholder pool stays empty."""
    filled: dict[str, Any] = _fill(root, resource, rules)
    return filled


def _fill(field: Field, value: Any, rules: Rules) -> Any:
    if field.form is Form.LIST and field.item is not None:
        return [_fill(field.item, item, rules) for item in value]
    if field.form is not Form.MESSAGE or not value:
        return value
    made = {name: _fill(field.fields[name], item, rules) for name, item in value.items()}
    for rule in rules.defaults:
        if rule.message == field.message and (rule.on or rule.fields[0] not in made):
            made[rule.fields[0]] = {**rule.value, **made.get(rule.fields[0], {})}
    for rule in rules.slashes:
        name = rule.fields[0]
        if rule.on and rule.message == field.message and not made.get(name, "/").endswith("/"):
            made[name] += "/"
    return {name: made[name] for name in field.fields if name in made}
