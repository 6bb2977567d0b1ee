"""A plan as JSON and back, with the digest reviewers approve and the seal over the rest. Strict in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.documents.seal import checksum, exact, exact_map, is_whole
from reconciler.core.plan.change import action_of
from reconciler.core.runs import labels
from reconciler.core.spec import fingerprint
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Removal, Scope, Source
from reconciler.vocabulary.plans import (
    ABSENT,
    Action,
    Against,
    Assertion,
    Blocker,
    Change,
    FieldChange,
    OnRemoval,
    Operation,
    Plan,
    ScopeCount,
)

FORMAT = "1.0"
_TOP = {
    "formatVersion", "tool", "createdAt", "digest", "seal", "stack", "backend", "source",
    "scopes", "blocked", "summary", "changes",
}  # fmt: skip
_MAY = {"against"}
_WITH_BODY = ("create", "patch", "setIamPolicy")
_NEEDED = (labels.OWNER, labels.KIND, labels.NAME, labels.FINGERPRINT, labels.RUN, labels.REMOVAL)


@dataclass(frozen=True, slots=True)
class Saved:
    """A plan as it stands in a file: the recipe and what surrounds it."""

    plan: Plan
    digest: str
    created_at: str
    document: Mapping[str, Any]


def to_json(plan: Plan, created_at: str, version: str) -> dict[str, Any]:
    """Return the plan file's content. `created_at` is RFC 3339 in UTC."""
    covered = {
        "stack": {"name": plan.stack, "uid": plan.uid},
        "scopes": [
            {"kind": count.kind, "project": count.scope.project, "location": count.scope.location, "runs": count.runs}
            for count in plan.scopes
        ],
        "blocked": [
            {"rule": blocker.rule, "message": blocker.message, "needs": dict(blocker.needs)} for blocker in plan.blocked
        ],
        "changes": [_change_json(change) for change in plan.changes],
    }
    document = {
        **covered,
        "formatVersion": FORMAT,
        "tool": {"name": "reconciler", "version": version},
        "createdAt": created_at,
        "backend": plan.backend,
        "source": {"revision": plan.revision or None, "dirty": plan.dirty},
        "summary": plan.summary(),
        "digest": checksum(covered),
    }
    if plan.against is not None:  # under the seal alone: the digest is that of the same plan made live
        document["against"] = {"digest": plan.against.digest, "createdAt": plan.against.created_at}
    return {**document, "seal": checksum(document)}


def digest(plan: Plan) -> str:
    """Return the digest of a plan that stands in no file yet."""
    return str(to_json(plan, "", "")["digest"])


def _change_json(change: Change) -> dict[str, Any]:
    written = {
        "address": change.address,
        "project": change.scope.project,
        "location": change.scope.location,
        "action": change.action.value,
        "reason": change.reason,
        "source": {"file": change.source.file, "line": change.source.line} if change.source else None,
        "operations": [_operation_json(operation) for operation in change.operations],
        "fields": [_field_json(field) for field in change.fields],
        "assertions": [_assertion_json(assertion) for assertion in change.assertions],
        "notes": list(change.notes),
        "startTime": change.start_time,
        "dependsOn": [],
    }
    said = change.on_removal
    return written if said is None else {**written, "onRemoval": {"policy": said.policy.value, "runs": list(said.runs)}}


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


def from_json(document: Any) -> Saved:
    """Read a plan file's content back.

    Raises WrongVersion, PlanEdited or PlanUnreadable; in every case nothing was called.
    """
    if not isinstance(document, Mapping) or "formatVersion" not in document:
        raise errors.PlanUnreadable("this is not a plan file", "make one with `reconciler plan --out FILE`")
    if document["formatVersion"] != FORMAT:
        made_by = document.get("tool")
        raise errors.WrongVersion(
            f"the plan has formatVersion {document['formatVersion']!r}, written by {made_by!r}; this is for {FORMAT!r}",
            "plan again with this version of reconciler",
        )
    unknown = sorted(str(key) for key in (set(document) - _MAY) ^ _TOP)
    if unknown:
        raise errors.PlanUnreadable(f"the plan's fields are not those of format {FORMAT}: {', '.join(unknown)}")
    _verify(document)
    try:
        plan = _plan(document)
        again = to_json(plan, str(document["createdAt"]), str(document["tool"]["version"]))
    except KeyError as cause:
        raise errors.PlanUnreadable(f"the plan lacks the field {cause} of format {FORMAT}") from cause
    except (TypeError, ValueError, AttributeError) as cause:
        raise errors.PlanUnreadable(f"the plan does not have the shape of format {FORMAT}: {cause}") from cause
    if fingerprint.canonical_json(again) != fingerprint.canonical_json(document):  # == takes 1 for true
        raise errors.PlanUnreadable(f"the plan holds fields that format {FORMAT} does not know", "plan again")
    return Saved(plan, str(document["digest"]), str(document["createdAt"]), document)


def _verify(document: Mapping[str, Any]) -> None:
    try:
        whole = is_whole(document, ("stack", "scopes", "blocked", "changes"))
    except (ValueError, TypeError, RecursionError) as cause:
        raise errors.PlanUnreadable(
            f"the plan holds a value that JSON does not have, or is nested too deeply: {cause}"
        ) from cause
    if not whole:
        raise errors.PlanEdited(
            "the plan file was edited after it was written: its digest or seal does not fit",
            "plan again and review that",
        )


def _plan(document: Mapping[str, Any]) -> Plan:
    stack, source = exact(document["stack"], dict), exact(document["source"], dict)
    against = exact(document["against"], dict) if "against" in document else None
    return Plan(
        stack=exact(stack["name"], str),
        uid=exact(stack["uid"], str),
        backend=exact(document["backend"], str),
        revision="" if source["revision"] is None else exact(source["revision"], str),
        dirty=None if source["dirty"] is None else exact(source["dirty"], bool),
        scopes=tuple(
            ScopeCount(exact(item["kind"], str), _scope(item), exact(item["runs"], int))
            for item in exact(document["scopes"], list)
        ),
        blocked=tuple(
            Blocker(exact(item["rule"], str), exact(item["message"], str), exact_map(item["needs"], int))
            for item in exact(document["blocked"], list)
        ),
        changes=tuple(_change(item) for item in exact(document["changes"], list)),
        against=None if against is None else Against(exact(against["digest"], str), exact(against["createdAt"], str)),
    )


def _scope(item: Mapping[str, Any]) -> Scope:
    return Scope(exact(item["project"], str), exact(item["location"], str))


def _change(item: Mapping[str, Any]) -> Change:
    source = item["source"]
    change = Change(
        address=exact(item["address"], str),
        scope=_scope(item),
        action=Action(item["action"]),
        reason=exact(item["reason"], str),
        source=None if source is None else Source(exact(source["file"], str), exact(source["line"], int)),
        operations=tuple(_operation(each) for each in exact(item["operations"], list)),
        fields=tuple(_field(each) for each in exact(item["fields"], list)),
        assertions=tuple(_assertion(each) for each in exact(item["assertions"], list)),
        notes=tuple(exact(note, str) for note in exact(item["notes"], list)),
        start_time=exact(item["startTime"], str),
        on_removal=_on_removal(exact(item["onRemoval"], dict)) if "onRemoval" in item else None,
    )
    _coherent(change)
    return change


def _on_removal(item: Mapping[str, Any]) -> OnRemoval:
    runs = tuple(exact(run, str) for run in exact(item["runs"], list))
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
