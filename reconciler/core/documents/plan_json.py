"""A plan as JSON and back, with the digest reviewers approve and the seal over the rest. Strict in both directions.

The format is whole: words that later work fills are null here, and a value where this version knows only null is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.documents import change_json
from reconciler.core.documents.seal import checksum, exact, exact_map, is_whole, texts
from reconciler.core.spec import fingerprint
from reconciler.vocabulary import errors
from reconciler.vocabulary.plans import Against, Blocker, Part, Plan, ScopeCount

FORMAT = "1.1"
_TOP = {
    "formatVersion", "tool", "createdAt", "digest", "seal", "stack", "backend", "source",
    "selection", "against", "scopes", "blocked", "summary", "changes",
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
    against, part = plan.against, plan.part
    document: dict[str, Any] = {
        "formatVersion": FORMAT,
        "tool": {"name": "reconciler", "version": version},
        "createdAt": created_at,
        "stack": {"name": plan.stack, "uid": plan.uid},
        "backend": plan.backend,
        "source": {
            "revision": plan.revision or None,
            "dirty": plan.dirty,
            "differs": list(plan.differs),
            "unknown": plan.unknown or None,
        },
        "selection": selection(part) if part else None,
        "against": {"digest": against.digest, "createdAt": against.created_at} if against else None,
        "scopes": [
            {"kind": count.kind, "project": count.scope.project, "location": count.scope.location, "runs": count.runs}
            for count in plan.scopes
        ],
        "blocked": [
            {"rule": blocker.rule, "message": blocker.message, "needs": dict(blocker.needs)} for blocker in plan.blocked
        ],
        "summary": plan.summary(),
        "changes": [change_json.to_json(change) for change in plan.changes],
    }
    document["digest"] = checksum(approved(document))
    return {**document, "seal": checksum(document)}


def approved(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what reviewers approve: what a plan does, without what moves by itself while they look at it.

    Counts of rows, messages, notes and start times stand under the seal alone. So does `against`: the digest of a plan
    made against a snapshot is that of the same plan made live.
    """
    return {
        "stack": document["stack"],
        "selection": document["selection"],
        "scopes": _without(document["scopes"], "runs"),
        "blocked": _without(document["blocked"], "message"),
        "changes": _without(document["changes"], "startTime", "notes"),
    }


def _without(items: Any, *keys: str) -> Any:
    """Leave keys out of each item. What is no list of objects stays as it is: reading refuses it later."""
    if not isinstance(items, list):
        return items
    return [
        {key: value for key, value in item.items() if key not in keys} if isinstance(item, Mapping) else item
        for item in items
    ]


def selection(part: Part) -> dict[str, Any]:
    """Return what a plan file says of the part it is."""
    return {
        "select": list(part.select),
        "exclude": list(part.exclude),
        "changedSince": part.changed_since or None,
    }


def digest(plan: Plan) -> str:
    """Return the digest of a plan that stands in no file yet."""
    return str(to_json(plan, "", "")["digest"])


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
    unknown = sorted(str(key) for key in set(document) ^ _TOP)
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
        raise errors.PlanUnreadable(
            f"the plan holds fields that format {FORMAT} does not know, or a value where this version knows only null",
            "plan again with this version of reconciler",
        )
    return Saved(plan, str(document["digest"]), str(document["createdAt"]), document)


def _verify(document: Mapping[str, Any]) -> None:
    try:
        whole = is_whole(document, approved(document))
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
    against, narrowed = document["against"], document["selection"]
    return Plan(
        stack=exact(stack["name"], str),
        uid=exact(stack["uid"], str),
        backend=exact(document["backend"], str),
        revision="" if source["revision"] is None else exact(source["revision"], str),
        dirty=None if source["dirty"] is None else exact(source["dirty"], bool),
        differs=texts(source["differs"]),
        unknown="" if source["unknown"] is None else exact(source["unknown"], str),
        part=None if narrowed is None else _part(exact(narrowed, dict)),
        scopes=tuple(
            ScopeCount(exact(item["kind"], str), change_json.scope_of(item), exact(item["runs"], int))
            for item in exact(document["scopes"], list)
        ),
        blocked=tuple(
            Blocker(exact(item["rule"], str), exact(item["message"], str), exact_map(item["needs"], int))
            for item in exact(document["blocked"], list)
        ),
        changes=tuple(change_json.from_json(item) for item in exact(document["changes"], list)),
        against=None if against is None else _against(exact(against, dict)),
    )


def _against(item: Mapping[str, Any]) -> Against:
    return Against(exact(item["digest"], str), exact(item["createdAt"], str))


def _part(item: Mapping[str, Any]) -> Part:
    """Read what narrowed a plan. Raises ValueError where nothing did: such a plan looks at everything, and says null."""
    since = item["changedSince"]
    part = Part(texts(item["select"]), texts(item["exclude"]), "" if since is None else exact(since, str))
    if part == Part():
        raise ValueError("selection narrows nothing")
    return part
