"""Labels, removal policy and IAM bindings: how a manifest differs from a live job, and what a patch has to set.

It also says what others changed since the plan was made. What the manifest does not name is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.runs import labels
from reconciler.vocabulary.model import Desired, Run
from reconciler.vocabulary.plans import ABSENT, Change, FieldChange, Operation

Binding = Mapping[str, Any]


def label_changes(desired: Desired, run: Run) -> tuple[FieldChange, ...]:
    """Return the labels the manifest says and the job lacks or has otherwise. Labels others added are not drift."""
    live: Mapping[str, str] = run.row.get("labels") or {}
    return tuple(
        FieldChange(f"metadata.labels.{key}", live.get(key, ABSENT), value, "cosmetic")
        for key, value in sorted(desired.labels.items())
        if live.get(key) != value
    )


def removal_differs(desired: Desired, run: Run) -> bool:
    """Say whether the job was stamped with another removal policy than the manifest has now."""
    return run.removal is not None and run.removal is not desired.lifecycle.removal


def labels_to_set(desired: Desired, run: Run) -> dict[str, str]:
    """Return the labels a patch has to set so that manifest and job agree."""
    delta = {
        str(change.path).removeprefix("metadata.labels."): str(change.after) for change in label_changes(desired, run)
    }
    if removal_differs(desired, run):
        delta[labels.REMOVAL] = desired.lifecycle.removal.value
    return delta


def _by_role(bindings: Sequence[Binding]) -> dict[str, list[tuple[str, str]]]:
    """Group bindings by role; each entry is (condition expression, member). How they are bundled means nothing."""
    roles: dict[str, set[tuple[str, str]]] = {}
    for binding in bindings:
        condition = str((binding.get("condition") or {}).get("expression", ""))
        members = roles.setdefault(str(binding["role"]), set())
        members.update((condition, str(member)) for member in binding.get("members", ()))
    return {role: sorted(entries) for role, entries in roles.items()}


def iam_changes(wanted: Sequence[Binding], live: Sequence[Binding]) -> tuple[FieldChange, ...]:
    """Compare bindings role by role; roles the manifest does not name are not its business."""
    ours, theirs = _by_role(wanted), _by_role(live)
    return tuple(
        FieldChange(f"iamPolicy.bindings[{role}]", _members(theirs.get(role)), _members(ours[role]), "identity")
        for role in sorted(ours)
        if ours[role] != theirs.get(role, [])
    )


def _members(entries: Sequence[tuple[str, str]] | None) -> Any:
    if entries is None:
        return ABSENT
    return [member if not condition else f"{member} if {condition}" for condition, member in entries]


def touched_labels(change: Change, operation: Operation, live: Mapping[str, str]) -> list[str]:
    """Return a sentence for every label that a patch sets and that is neither as planned from nor as planned to."""
    before = {field.path.removeprefix("metadata.labels."): field.before for field in change.fields}
    wanted: Mapping[str, str] = operation.body["labels"]
    return [
        f"label {key} of {operation.resource} changed meanwhile to {live.get(key)!r}"
        for key in sorted(wanted)
        if key in before and live.get(key) not in (before[key] or None, wanted[key])
    ]


def touched_roles(change: Change, operation: Operation, live: Sequence[Binding]) -> list[str]:
    """Return a sentence for every role a plan writes whose members are neither as planned from nor as planned to."""
    before = {field.path: field.before for field in change.fields}
    return [
        f"{field.path} of {operation.resource} changed meanwhile to {field.before or []}"
        for field in iam_changes(operation.body["bindings"], live)
        if field.path not in before or (field.before or []) != (before[field.path] or [])
    ]


def merge(policy: Mapping[str, Any], delta: Sequence[Binding]) -> dict[str, Any]:
    """Return the policy with every role the delta names replaced by the delta's bindings; its etag stays."""
    named = {binding["role"] for binding in delta}
    kept = [binding for binding in policy.get("bindings", ()) if binding["role"] not in named]
    merged = {**policy, "bindings": [*kept, *(dict(binding) for binding in delta if binding.get("members"))]}
    if any(binding.get("condition") for binding in merged["bindings"]):
        merged["version"] = 3
    return merged
