"""A snapshot as JSON and back: what a plan reads of live jobs and store, without what may be a secret. Strict on reading.

Knows neither where the jobs were read nor which plan will ask for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.documents.seal import checksum, exact, exact_map, is_whole
from reconciler.core.spec import fingerprint, secrets, shape
from reconciler.core.spec.shape import Schema
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind, Phase
from reconciler.vocabulary.model import Json, LedgerRun, Removal, Scope, Stack
from reconciler.vocabulary.ports import KindScope, Row

FORMAT = "1.0"
API_VERSION, KIND = "reconciler/v1", "Snapshot"
_COVERED = ("stack", "backend", "scopes", "unlisted", "ledger", "places")
_TOP = {"apiVersion", "kind", "formatVersion", "tool", "createdAt", "digest", "seal", *_COVERED}
_AGAIN = "take one with `reconciler snapshot --out FILE`"


@dataclass(frozen=True, slots=True)
class Held:
    """One live job. `full` says that `row` has its spec; `policy` is None where it was not read."""

    resource: str
    row: Row
    full: bool
    policy: Row | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One list and the jobs of this stack's name in it; `lacking` says why it does not show everything, if so."""

    kind: str
    scope: Scope
    jobs: tuple[Held, ...]
    lacking: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one moment showed. `unlisted` are jobs, by kind, that a get found and no list shows."""

    stack: str
    uid: str
    former_uids: tuple[str, ...]
    backend: str
    lists: tuple[Listed, ...]
    unlisted: tuple[tuple[str, Held], ...]
    ledger: tuple[LedgerRun, ...]
    kind_scopes: tuple[KindScope, ...]

    @property
    def jobs(self) -> tuple[Held, ...]:
        """Every job, listed or not."""
        return (*(job for listed in self.lists for job in listed.jobs), *(job for _, job in self.unlisted))


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot as it stands in a file, and what surrounds it."""

    snapshot: Snapshot
    digest: str
    created_at: str


# ---------------------------------------------------------------- what may be held


def identity(row: Row, kind: Kind) -> dict[str, Json]:
    """Return what places a job and tells its state, and nothing of its spec. An error quotes no variable of the job."""
    kept = {"labels", "createTime", "startTime", "endTime", kind.state_field, kind.id_field, *kind.list_mask}
    told = {key: row[key] for key in sorted(row) if key in kept - {"updateTime", kind.error_field}}
    error = row.get(kind.error_field)
    if error:
        quoted = secrets.quotable({key: item for key, item in row.items() if key not in kept})
        told[kind.error_field] = _error(error, quoted)
    return told


def _error(error: Any, quoted: frozenset[str]) -> Json:
    """Keep the code and message of a google.rpc.Status, or ml's plain text."""
    if isinstance(error, Mapping):
        told = {key: error[key] for key in ("code", "message") if key in error}
        return told | {"message": secrets.hide(str(told.get("message", "")), quoted)}
    return secrets.hide(str(error), quoted)


def whole(row: Row, kind: Kind) -> dict[str, Json]:
    """Return a job with the fields of its spec that we know, and nothing in them that may be a secret."""
    known = shape.resolve(kind.spec_schema, kind.schema).get("properties", {})
    spec = {key: _known(row[key], known[key], kind.schema) for key in row if key in known}
    return {**secrets.withhold(spec), **identity(row, kind)}


def _known(value: Any, node: Schema, root: Schema) -> Any:
    """Leave out fields that no schema of ours describes: nobody compares them, and nobody knows what is in them."""
    node = shape.resolve(node, root)
    if isinstance(value, Mapping) and "properties" in node and not shape.is_map(node):
        fields = node["properties"]
        return {key: _known(item, fields[key], root) for key, item in value.items() if key in fields}
    if isinstance(value, list):
        below = shape.child(node, 0, root)
        return [_known(item, below, root) for item in value]
    return value


# ---------------------------------------------------------------- writing


def to_json(snapshot: Snapshot, created_at: str, version: str) -> dict[str, Any]:
    """Return the file's content. `created_at` is RFC 3339 in UTC."""
    covered = {
        "stack": {"name": snapshot.stack, "uid": snapshot.uid, "formerUids": list(snapshot.former_uids)},
        "backend": snapshot.backend,
        "scopes": [
            {
                **_kind_scope_json((listed.kind, listed.scope)),
                "runs": len(listed.jobs),
                "lacking": listed.lacking,
                "jobs": [_held_json(job) for job in listed.jobs],
            }
            for listed in snapshot.lists
        ],
        "unlisted": [{"kind": kind, **_held_json(job)} for kind, job in snapshot.unlisted],
        "ledger": [_ledger_json(run) for run in snapshot.ledger],
        "places": [_kind_scope_json(kind_scope) for kind_scope in snapshot.kind_scopes],
    }
    document = {
        **covered,
        "apiVersion": API_VERSION,
        "kind": KIND,
        "formatVersion": FORMAT,
        "tool": {"name": "reconciler", "version": version},
        "createdAt": created_at,
        "digest": checksum(covered),
    }
    return {**document, "seal": checksum(document)}


def _kind_scope_json(kind_scope: KindScope) -> dict[str, str]:
    return {"kind": kind_scope[0], "project": kind_scope[1].project, "location": kind_scope[1].location}


def _held_json(job: Held) -> dict[str, Any]:
    written = {"resource": job.resource, "full": job.full, "row": job.row}
    return written if job.policy is None else {**written, "policy": job.policy}


def _ledger_json(run: LedgerRun) -> dict[str, Any]:
    return {
        "kind": run.kind,
        "name": run.name,
        "number": run.number,
        "runKey": run.run_key,
        "fingerprint": run.fingerprint,
        "token": run.token,
        "removal": run.removal.value,
        "phase": run.phase.value if run.phase else None,
        "resource": run.resource,
        "removals": run.removals,
    }


# ---------------------------------------------------------------- reading


def from_json(document: Any) -> Taken:
    """Read a file's content back. Raises WrongVersion, PlanEdited or PlanUnreadable; in every case nothing was called."""
    if not isinstance(document, Mapping) or document.get("kind") != KIND or "formatVersion" not in document:
        raise errors.PlanUnreadable("this is not a snapshot", _AGAIN)
    if document["formatVersion"] != FORMAT:
        made_by = document.get("tool")
        raise errors.WrongVersion(
            f"the snapshot has formatVersion {document['formatVersion']!r}, written by {made_by!r}; this is for {FORMAT!r}",
            "take a snapshot with this version of reconciler",
        )
    unknown = sorted(str(key) for key in set(document) ^ _TOP)
    if unknown:
        raise errors.PlanUnreadable(f"the snapshot's fields are not those of format {FORMAT}: {', '.join(unknown)}")
    _verify(document)
    try:
        snapshot = _snapshot(document)
        again = to_json(snapshot, exact(document["createdAt"], str), exact(document["tool"]["version"], str))
    except KeyError as cause:
        raise errors.PlanUnreadable(f"the snapshot lacks the field {cause} of format {FORMAT}") from cause
    except (TypeError, ValueError, AttributeError, RecursionError) as cause:
        raise errors.PlanUnreadable(f"the snapshot does not have the shape of format {FORMAT}: {cause}") from cause
    if fingerprint.canonical_json(again) != fingerprint.canonical_json(document):
        raise errors.PlanUnreadable(
            f"the snapshot holds fields that format {FORMAT} does not know, or a value it must not hold", _AGAIN
        )
    return Taken(snapshot, str(document["digest"]), str(document["createdAt"]))


def _verify(document: Mapping[str, Any]) -> None:
    try:
        whole_file = is_whole(document, {key: document[key] for key in _COVERED})
    except (ValueError, TypeError, RecursionError) as cause:
        raise errors.PlanUnreadable(
            f"the snapshot holds a value that JSON does not have, or is nested too deeply: {cause}"
        ) from cause
    if not whole_file:
        raise errors.PlanEdited("the snapshot was edited after it was written: its digest or seal does not fit", _AGAIN)


def _snapshot(document: Mapping[str, Any]) -> Snapshot:
    stack = exact(document["stack"], dict)
    return Snapshot(
        stack=exact(stack["name"], str),
        uid=exact(stack["uid"], str),
        former_uids=tuple(exact(uid, str) for uid in exact(stack["formerUids"], list)),
        backend=exact(document["backend"], str),
        lists=tuple(_listed(item) for item in exact(document["scopes"], list)),
        unlisted=tuple((exact(item["kind"], str), _held(item)) for item in exact(document["unlisted"], list)),
        ledger=tuple(_ledger(item) for item in exact(document["ledger"], list)),
        kind_scopes=tuple(_kind_scope(item) for item in exact(document["places"], list)),
    )


def _kind_scope(item: Mapping[str, Any]) -> KindScope:
    return exact(item["kind"], str), Scope(exact(item["project"], str), exact(item["location"], str))


def _listed(item: Mapping[str, Any]) -> Listed:
    jobs = tuple(_held(job) for job in exact(item["jobs"], list))
    return Listed(*_kind_scope(item), jobs, exact(item["lacking"], str))


def _held(item: Mapping[str, Any]) -> Held:
    row = exact(item["row"], dict)
    exact_map(row.get("labels", {}), str)
    labels = {"labels": row["labels"]} if "labels" in row else {}
    policy = exact(item["policy"], dict) if "policy" in item else None
    for binding in exact((policy or {}).get("bindings", []), list):
        exact(exact(binding, dict)["role"], str)
        exact(binding.get("condition", {}), dict)
        for member in exact(binding.get("members", []), list):
            exact(member, str)
    unlabelled = {key: value for key, value in row.items() if key != "labels"}
    held = {**secrets.withhold(unlabelled), **labels}
    return Held(exact(item["resource"], str), held, exact(item["full"], bool), policy)


def _ledger(item: Mapping[str, Any]) -> LedgerRun:
    return LedgerRun(
        kind=exact(item["kind"], str),
        name=exact(item["name"], str),
        number=exact(item["number"], int),
        run_key=exact(item["runKey"], str),
        fingerprint=exact(item["fingerprint"], str),
        token=exact(item["token"], str),
        removal=Removal(item["removal"]),
        phase=None if item["phase"] is None else Phase(item["phase"]),
        resource=exact(item["resource"], str),
        removals=exact(item["removals"], int),
    )


# ---------------------------------------------------------------- whose it is


def require(taken: Taken, stack: Stack) -> None:
    """Raise errors.StalePlan where a snapshot is of another stack, owner or backend than the one at hand."""
    held = taken.snapshot
    if (held.stack, held.uid) != (stack.name, stack.uid):
        raise errors.StalePlan(
            f"the snapshot is of stack {held.stack} ({held.uid}), this is {stack.name} ({stack.uid})",
            "name the snapshot of this stack",
        )
    if held.former_uids != stack.former_uids:
        raise errors.StalePlan(
            f"the snapshot counts the runs of uids {_named(held.former_uids)} to stack {stack.name} and reconciler.yaml "
            f"those of {_named(stack.former_uids)} (metadata.formerUids)",
            "take a snapshot of the stack as it is here",
        )
    if held.backend != stack.backend:
        raise errors.StalePlan(
            f"the snapshot is of backend {held.backend}, this stack has {stack.backend}",
            "take a snapshot of that backend",
        )


def _named(uids: Sequence[str]) -> str:
    return ", ".join(uids) or "(none)"
