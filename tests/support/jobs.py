"""A world of jobs small enough to reason about: builds stacks, manifests and runs, and carries out a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.core.plan import by_address
from reconciler.core.plan.address import Address
from reconciler.core.plan.losses import Losses
from reconciler.core.runs import heads, labels, names, run_key
from reconciler.core.spec import fingerprint
from reconciler.files import schemas
from reconciler.vocabulary.kinds import Kind, Phase, Verb
from reconciler.vocabulary.model import (
    Desired,
    LedgerRun,
    Lifecycle,
    Removal,
    Run,
    Scope,
    Source,
)
from reconciler.vocabulary.plans import Change
from tests.support import stack

KINDS = schemas.load_kinds()
HERE = Scope("demo", "us-central1")
THERE = Scope("demo", "europe-west4")
STACK = replace(
    stack.STACK,
    name="vision",
    root="/stack",
    scopes=(HERE, THERE),
    default_project=HERE.project,
    default_location=HERE.location,
)

CUSTOM_SPEC = {"jobSpec": {"workerPoolSpecs": [{"replicaCount": "1"}]}}
OTHER_CUSTOM_SPEC = {"jobSpec": {"workerPoolSpecs": [{"replicaCount": "2"}]}}
ML_SPEC = {"trainingInput": {"region": "us-central1"}}
OTHER_ML_SPEC = {"trainingInput": {"region": "europe-west4"}}


def spec_of(kind: Kind, *, other: bool = False) -> dict[str, Any]:
    """Return the spec the manifests say, or another one."""
    if kind.name == "Job":
        return OTHER_ML_SPEC if other else ML_SPEC
    return OTHER_CUSTOM_SPEC if other else CUSTOM_SPEC


def manifest(kind: str = "CustomJob", name: str = "train", life: Lifecycle | None = None, **fields: Any) -> Desired:
    """Return a manifest of the stack."""
    known = KINDS[kind]
    lifecycle = life or Lifecycle()
    told: dict[str, Any] = {
        "kind": kind,
        "name": name,
        "scope": HERE if known.located else Scope("demo"),
        "spec": spec_of(known),
        "fingerprint": fingerprint.of(fields.get("spec", spec_of(known)), known, lifecycle.ignore_changes),
        "labels": {},
        "lifecycle": lifecycle,
        "source": Source("train.yaml", 1),
    }
    return Desired(**{**told, **fields})


def live(desired: Desired, number: int, phase: Phase, **fields: Any) -> Run:
    """Return a live run of a manifest. `resource`, `token`, `removal`, `owner`, `run_key`, `created` may be given."""
    kind = KINDS[desired.kind]
    digest = fields.pop("fingerprint", fingerprint.of(desired.spec, kind, desired.lifecycle.ignore_changes))
    token = fields.pop("token", "")
    key = fields.pop(
        "run_key", run_key.make(stack.UID, desired.kind, desired.scope, desired.name, digest, token, number)
    )
    resource = fields.pop("resource", f"{names.collection(kind, desired.scope)}/{number}")
    created = fields.pop("created", f"2026-01-01T00:{number:02d}:00Z")
    stamped = {**labels.stamp(replace(desired, fingerprint=digest), STACK, key, token), **fields.pop("labels", {})}
    row = {**names.create(desired, kind, stack.UID, number, stamped), "name": resource, "createTime": created}
    run = labels.read({**row, **fields.pop("row", {})}, kind, desired.scope, resource)
    assert run is not None
    return replace(run, phase=phase, **fields)


def remembered(run: Run, phase: Phase | None) -> LedgerRun:
    """Return what the ledger keeps of a run that ended in a phase; None where nobody saw how."""
    return LedgerRun(
        kind=run.kind,
        name=run.name,
        number=run.number,
        run_key=run.run_key,
        fingerprint=run.fingerprint,
        token=run.token,
        removal=run.removal or Removal.ASK,
        phase=phase,
        resource=run.resource,
    )


@dataclass(slots=True)
class World:
    """What is live and what the ledger holds of one address; changes can be carried out on it."""

    runs: list[Run]
    ledger: list[LedgerRun] = field(default_factory=list)
    policies: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def plan(self, desired: Desired | None, kind: Kind, **fields: Any) -> tuple[Change, Losses]:
        """Build the change of the one address."""
        runs = tuple(self.runs)
        fetched = by_address.to_compare(desired, runs) if desired else ()
        place = Address(
            stack=STACK,
            kind=kind,
            name=desired.name if desired else "train",
            desired=desired,
            runs=runs,
            past=tuple(self.ledger),
            full={run.resource: run.row for run in fetched},
            policies=self.policies,
            **fields,
        )
        return by_address.build(place)

    def carry_out(self, change: Change, kind: Kind) -> None:
        """Do what apply does: remember what is seen and what the manifest says, then call. A cancel is awaited."""
        self.remember()
        said = change.on_removal
        if said:
            self.ledger = [
                replace(old, removal=said.policy) if old.run_key in said.runs else old for old in self.ledger
            ]
        for operation in change.operations:
            if operation.verb == "create":
                self._create(operation.resource, operation.body, kind)
            elif operation.verb == "setIamPolicy":
                self.policies[operation.resource] = operation.body
            else:
                self._touch(operation.verb, operation.resource, operation.body, kind)

    def remember(self) -> None:
        """Write the ledger as engine.writing.record.remember does: what is new, what ended, and what is gone."""
        held = {old.run_key: old for old in self.ledger}
        for run in heads.order(self.runs):
            old = held.setdefault(run.run_key, remembered(run, None))
            first = next(each for each in heads.order(self.runs) if each.run_key == run.run_key)
            if first is run and not run.active and old.phase is None:
                held[run.run_key] = replace(old, phase=run.phase)
        there = {run.run_key for run in self.runs}
        self.ledger = [
            replace(old, phase=Phase.ENDED_UNKNOWN) if old.phase is None and key not in there else old
            for key, old in held.items()
        ]

    def _create(self, collection: str, body: Mapping[str, Any], kind: Kind) -> None:
        number = run_key.number_of(body["labels"][labels.RUN])
        parts = collection.split("/")
        scope = Scope(parts[1], parts[3] if kind.located else "")
        resource = f"{collection}/{body[kind.id_field] if kind.id_field else number}"
        assert resource not in {run.resource for run in self.runs}
        row = {**body, "name": resource, "createTime": f"2026-02-01T00:{number:02d}:00Z"}
        run = labels.read(row, kind, scope, resource)
        assert run is not None
        self.runs.append(replace(run, phase=Phase.PENDING))
        self.ledger.append(remembered(self.runs[-1], None))

    def _touch(self, verb: str, resource: str, body: Any, kind: Kind) -> None:
        index = next(i for i, run in enumerate(self.runs) if run.resource == resource)
        run = self.runs[index]
        if verb == "delete":
            assert kind.can(Verb.DELETE)
            assert not run.active
            del self.runs[index]
        elif verb == "cancel":
            assert run.active
            self.runs[index] = replace(run, phase=Phase.CANCELLED)
        else:
            assert verb == "patch"
            assert kind.can(Verb.PATCH)
            row = {**run.row, "labels": {**run.row["labels"], **body["labels"]}}
            read = labels.read(row, kind, run.scope, resource)
            assert read is not None
            self.runs[index] = replace(read, phase=run.phase)


def verbs(change: Change) -> Sequence[str]:
    """Return the verbs of a change's operations in order."""
    return [operation.verb for operation in change.operations]
