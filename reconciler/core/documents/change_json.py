"""One change of a plan as JSON and back, refused where apply could not follow it. Knows nothing of the plan around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.documents.seal import exact, exact_map, texts
from reconciler.core.plan.change import action_of
from reconciler.core.runs import labels
from reconciler.vocabulary.model import Removal, Scope, Source
from reconciler.vocabulary.plans import ABSENT, Action, Assertion, Change, FieldChange, OnRemoval, Operation

_WITH_BODY = ("create", "patch", "setIamPolicy")
_NEEDED = (labels.OWNER, labels.KIND, labels.NAME, labels.FINGERPRINT, labels.RUN, labels.REMOVAL)


def to_json(change: Change) -> dict[str, Any]:
    """Return a change as a plan file holds it; words that later work fills are null."""
    source, said = change.source, change.on_removal
    return {
        "address": change.address,
        "project": change.scope.project,
        "location": change.scope.location,
        "action": change.action.value,
        "reason": change.reason,
        "source": {"file": source.file, "line": source.line, "base": None, "patches": None} if source else None,
        "operations": [_operation_json(operation) for operation in change.operations],
        "fields": [_field_json(field) for field in change.fields],
        "assertions": [_assertion_json(assertion) for assertion in change.assertions],
        "notes": list(change.notes),
        "startTime": change.start_time,
        "starts": None,
        "bound": None,
        "onRemoval": {"policy": said.policy.value, "runs": list(said.runs)} if said else None,
        "dependsOn": [],
    }


def _operation_json(operation: Operation) -> dict[str, Any]:
    written = {"verb": operation.verb, "resource": operation.resource, "reason": operation.reason}
    return written if operation.body is None else {**written, "body": operation.body}


def _field_json(change: FieldChange) -> dict[str, Any]:
    written: dict[str, Any] = {"path": change.path, "class": change.cls}
    if change.before is not ABSENT:
        written["before"] = change.before
    if change.after is not ABSENT:
        written["after"] = change.after
    return {**written, "sensitive": True} if change.sensitive else written


def _assertion_json(assertion: Assertion) -> dict[str, Any]:
    written: dict[str, Any] = {"resource": assertion.resource, "exists": assertion.exists, "run": assertion.run}
    return {**written, "active": assertion.active} if assertion.exists else written


def scope_of(item: Mapping[str, Any]) -> Scope:
    """Read the project and location of a change or a list."""
    return Scope(exact(item["project"], str), exact(item["location"], str))


def from_json(item: Mapping[str, Any]) -> Change:
    """Read a change back. Raises KeyError, TypeError, ValueError or AttributeError for what is none."""
    source, said = item["source"], item["onRemoval"]
    change = Change(
        address=exact(item["address"], str),
        scope=scope_of(item),
        action=Action(item["action"]),
        reason=exact(item["reason"], str),
        source=None if source is None else Source(exact(source["file"], str), exact(source["line"], int)),
        operations=tuple(_operation(each) for each in exact(item["operations"], list)),
        fields=tuple(_field(each) for each in exact(item["fields"], list)),
        assertions=tuple(_assertion(each) for each in exact(item["assertions"], list)),
        notes=texts(item["notes"]),
        start_time=exact(item["startTime"], str),
        on_removal=None if said is None else _on_removal(exact(said, dict)),
    )
    _coherent(change)
    return change


def _on_removal(item: Mapping[str, Any]) -> OnRemoval:
    runs = texts(item["runs"])
    if not runs:
        raise ValueError("onRemoval names no run")
    return OnRemoval(Removal(exact(item["policy"], str)), runs)


def _operation(item: Mapping[str, Any]) -> Operation:
    verb = exact(item["verb"], str)
    body = exact(item["body"], dict) if verb in _WITH_BODY else None
    if verb not in (*_WITH_BODY, "cancel", "delete"):
        raise ValueError(f"{verb!r} is no verb of a plan")
    if verb in ("create", "patch"):
        exact_map(exact(item["body"], dict)["labels"], str)
    elif verb == "setIamPolicy":
        for binding in exact(exact(item["body"], dict)["bindings"], list):
            exact(exact(binding, dict)["role"], str)
            exact(binding.get("members", []), list)
            exact(binding.get("condition", {}), dict)
    return Operation(verb, exact(item["resource"], str), exact(item["reason"], str), body)


def _field(item: Mapping[str, Any]) -> FieldChange:
    return FieldChange(
        path=exact(item["path"], str),
        before=item.get("before", ABSENT),
        after=item.get("after", ABSENT),
        cls=exact(item["class"], str),
        sensitive=exact(item.get("sensitive", False), bool),
    )


def _assertion(item: Mapping[str, Any]) -> Assertion:
    exists = exact(item["exists"], bool)
    active = exact(item["active"], bool) if exists else False
    return Assertion(exact(item["resource"], str), exists, active, exact(item["run"], str))


def _coherent(change: Change) -> None:
    """Refuse a recipe that apply could not follow, or that says one thing and does another.

    That is an address without a name, a create without labels or assertion, an action that its calls do not come to.
    """
    kind, slash, name = change.address.partition("/")
    if not (kind and slash and name):
        raise ValueError(f"{change.address!r} is no address")
    comes_to = action_of({each.verb for each in change.operations})
    if change.action is not comes_to:
        raise ValueError(f"{change.address} says {change.action}, but its calls amount to {comes_to}")
    creates = {each.resource: each.body["labels"] for each in change.operations if each.verb == "create"}
    for resource, stamped in creates.items():
        missing = [key for key in _NEEDED if key not in stamped]
        if missing:
            raise ValueError(f"a create of {change.address} has no label {missing[0]}")
        if (stamped[labels.KIND], stamped[labels.NAME]) != (kind.lower(), name):
            raise ValueError(f"a create of {change.address} has the labels of another address")
        Removal(stamped[labels.REMOVAL])
        if Assertion(resource, exists=False, run=stamped[labels.RUN]) not in change.assertions:
            raise ValueError(f"{change.address} creates run {stamped[labels.RUN]} without asserting that it is absent")
    for assertion in change.assertions:
        if not assertion.exists and assertion.resource not in creates:
            raise ValueError(f"{change.address} asserts the absence of a run that it does not create")
