"""A plan as JSON and back, with the digest reviewers approve and the seal over the rest. Strict in both directions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core import fingerprint
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Scope, Source
from reconciler.vocabulary.plans import (
    ABSENT,
    Action,
    Assertion,
    Blocker,
    Change,
    FieldChange,
    Operation,
    Plan,
    ScopeCount,
)

FORMAT = "1.0"
_TOP = {
    "formatVersion", "tool", "createdAt", "digest", "seal", "stack", "backend", "source",
    "scopes", "blocked", "summary", "changes",
}  # fmt: skip


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
        "digest": _hash(covered),
    }
    return {**document, "seal": _hash(document)}


def digest(plan: Plan) -> str:
    """Return the digest of a plan that stands in no file yet."""
    return str(to_json(plan, "", "")["digest"])


def _hash(value: Any) -> str:
    return "sha256:" + hashlib.sha256(fingerprint.canonical_json(value)).hexdigest()


def _change_json(change: Change) -> dict[str, Any]:
    return {
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
    unknown = sorted(set(document) ^ _TOP)
    if unknown:
        raise errors.PlanUnreadable(f"the plan's fields are not those of format {FORMAT}: {', '.join(unknown)}")
    _verify(document)
    try:
        plan = _plan(document)
        again = to_json(plan, str(document["createdAt"]), str(document["tool"]["version"]))
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise errors.PlanUnreadable(f"the plan does not have the shape of format {FORMAT}: {cause}") from cause
    if again != document:
        raise errors.PlanUnreadable(f"the plan holds fields that format {FORMAT} does not know", "plan again")
    return Saved(plan, str(document["digest"]), str(document["createdAt"]), document)


def _verify(document: Mapping[str, Any]) -> None:
    covered = {key: document[key] for key in ("stack", "scopes", "blocked", "changes")}
    rest = {key: value for key, value in document.items() if key != "seal"}
    try:
        whole = document["digest"] == _hash(covered) and document["seal"] == _hash(rest)
    except ValueError as cause:
        raise errors.PlanUnreadable("the plan holds a number that JSON does not have") from cause
    if not whole:
        raise errors.PlanEdited(
            "the plan file was edited after it was written: its digest or seal does not fit",
            "plan again and review that",
        )


def _plan(document: Mapping[str, Any]) -> Plan:
    return Plan(
        stack=document["stack"]["name"],
        uid=document["stack"]["uid"],
        backend=document["backend"],
        revision=document["source"]["revision"] or "",
        dirty=document["source"]["dirty"],
        scopes=tuple(
            ScopeCount(item["kind"], Scope(item["project"], item["location"]), item["runs"])
            for item in document["scopes"]
        ),
        blocked=tuple(Blocker(item["rule"], item["message"], item["needs"]) for item in document["blocked"]),
        changes=tuple(_change(item) for item in document["changes"]),
    )


def _change(item: Mapping[str, Any]) -> Change:
    source = item["source"]
    return Change(
        address=item["address"],
        scope=Scope(item["project"], item["location"]),
        action=Action(item["action"]),
        reason=item["reason"],
        source=Source(source["file"], source["line"]) if source else None,
        operations=tuple(
            Operation(each["verb"], each["resource"], each["reason"], each.get("body")) for each in item["operations"]
        ),
        fields=tuple(
            FieldChange(
                each["path"],
                each.get("before", ABSENT),
                each.get("after", ABSENT),
                each["class"],
                each.get("sensitive", False),
            )
            for each in item["fields"]
        ),
        assertions=tuple(
            Assertion(each["resource"], each["exists"], each.get("active", False), each["run"])
            for each in item["assertions"]
        ),
        notes=tuple(item["notes"]),
        start_time=item["startTime"],
    )
