"""One address, one change: runs the decision table over its runs and writes the recipe. Looks at no other address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.core import bodies, diff, fingerprint, heads, marks, policies
from reconciler.core.decide import Decision, Role, Situation, Spec, Verdict, Wanted, decide
from reconciler.core.guards import Toll
from reconciler.vocabulary.kinds import Kind, Phase, Verb
from reconciler.vocabulary.model import (
    Desired,
    DesiredState,
    LedgerRun,
    OnChange,
    Removal,
    Run,
    Scope,
    Source,
    Stack,
    address_of,
)
from reconciler.vocabulary.plans import ABSENT, Action, Assertion, Change, FieldChange, Operation
from reconciler.vocabulary.ports import Row

_WANTED = {
    DesiredState.PRESENT: Wanted.PRESENT,
    DesiredState.CANCELLED: Wanted.CANCELLED,
    DesiredState.ABSENT: Wanted.ABSENT,
}
_SAFEST_FIRST = (Removal.KEEP, Removal.ASK, Removal.CANCEL, Removal.DELETE)


@dataclass(frozen=True, slots=True)
class Destroy:
    """What `destroy` asks for: cancel what is active and, where `records` is set, delete what is left."""

    records: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """Everything known of one address. `full` holds the resources that were fetched to be compared, by name."""

    stack: Stack
    kind: Kind
    name: str
    desired: Desired | None
    runs: tuple[Run, ...]
    past: tuple[LedgerRun, ...]
    full: Mapping[str, Row]
    policies: Mapping[str, Row]
    rerun: bool = False
    destroy: Destroy | None = None

    @property
    def address(self) -> str:
        """`Kind/name`."""
        return address_of(self.kind.name, self.name)


@dataclass(frozen=True, slots=True)
class Judged:
    """A run and what the table said of it."""

    run: Run | None
    decision: Decision


@dataclass(slots=True)
class _Draft:
    """The change while it is being written."""

    operations: list[Operation] = field(default_factory=list)
    assertions: list[Assertion] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fields: tuple[FieldChange, ...] = ()


def to_compare(desired: Desired, kind: Kind, runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return the runs whose label cannot settle whether their spec is the manifest's: they have to be fetched."""
    if desired.lifecycle.desired is not DesiredState.PRESENT:
        return ()
    wanted = fingerprint.of(desired.spec, kind, desired.lifecycle.ignore_changes)
    return tuple(run for run in heads.candidates(runs) if run.fingerprint != wanted)


def build(place: Address) -> tuple[Change, Toll]:
    """Return the change of one address and what it costs."""
    if place.desired and place.desired.lifecycle.desired is DesiredState.PRESENT:
        return _present(place, place.desired)
    return _every_run(place)


# ---------------------------------------------------------------- a manifest wants it present


def _present(place: Address, desired: Desired) -> tuple[Change, Toll]:
    life = desired.lifecycle
    wanted = fingerprint.of(desired.spec, place.kind, life.ignore_changes)
    specs = {run.resource: _spec_of(run, desired, wanted, place) for run in place.runs}
    head = heads.arrange(place.runs, place.past, wanted, specs)
    token = fingerprint.token_hash(life.rerun.token)
    case = Situation(
        wanted=Wanted.PRESENT,
        live=head.run is not None,
        phase=head.phase,
        spec=head.spec,
        token_new=place.rerun or (bool(token) and token not in head.tokens),
        may_rerun=head.phase in life.rerun.on and head.count < life.rerun.maximum,
        on_change=life.on_change,
        can_delete=place.kind.can(Verb.DELETE),
    )
    judged = [Judged(run, _other(run, specs[run.resource], place, desired, frozenset())) for run in head.others]
    first = _held_back(decide(case), judged)
    ends = {each.run.resource for each in (*judged, Judged(head.run, first)) if each.run and _stops(each)}
    old = heads.beyond_history(head.run, head.others, life.history, ends)
    judged = [Judged(run, _other(run, specs[run.resource], place, desired, old)) for run in head.others]
    draft = _Draft()
    if head.run and head.spec is not Spec.EQUAL:
        draft.fields = _fields(head.run, desired, place, head.spec)
    number = heads.next_number(place.runs, place.past)
    starts = first.verdict in (Verdict.CREATE, Verdict.REPLACE)
    for each in judged:
        _operate(draft, each, await_stop=starts)
    _operate(draft, Judged(head.run, first), await_stop=starts)
    if starts:
        _create(draft, place, desired, wanted, token, number, first.reason)
    elif first.verdict is Verdict.NOOP and head.run:
        _beside(draft, place, desired, head.run)
    _tell(draft, first, head, place)
    if first.reason != "change_kept" and any(each.decision.reason == "change_kept" for each in judged):
        draft.notes.append(f"an active run of another spec goes on beside it: lifecycle.onChange is {OnChange.KEEP}")
    everyone = [*judged, Judged(head.run, first)]
    return _change(place, draft, first, everyone), _toll(place, everyone, protect=life.protect)


def _spec_of(run: Run, desired: Desired, wanted: str, place: Address) -> Spec:
    if run.fingerprint != wanted:
        row = place.full.get(run.resource)
        if row is None or any(diff.counts(change) for change in _compare(run, row, desired, place)):
            return Spec.DIFFERS
    return Spec.EQUAL if run.scope == desired.scope else Spec.MOVED


def _compare(run: Run, row: Row, desired: Desired, place: Address) -> tuple[FieldChange, ...]:
    ignore = desired.lifecycle.ignore_changes
    spec = {**dict.fromkeys(place.kind.cosmetic, desired.name), **desired.spec}
    return diff.compare(spec, row, place.kind, ours=fingerprint.is_ours(run.fingerprint), ignore=ignore)


def _fields(run: Run, desired: Desired, place: Address, spec: Spec) -> tuple[FieldChange, ...]:
    row = place.full.get(run.resource)
    fields = _compare(run, row, desired, place) if row is not None and spec is Spec.DIFFERS else ()
    before, after = run.scope, desired.scope
    moves = (("project", before.project, after.project), ("location", before.location, after.location))
    return (*(FieldChange(f"metadata.{key}", old, new, "scope") for key, old, new in moves if old != new), *fields)


def _other(run: Run, spec: Spec, place: Address, desired: Desired, old: frozenset[str]) -> Decision:
    return decide(
        Situation(
            wanted=Wanted.PRESENT,
            role=Role.OTHER,
            phase=run.phase,
            spec=spec if run.active else Spec.EQUAL,
            beyond_history=run.resource in old,
            on_change=desired.lifecycle.on_change,
            can_delete=place.kind.can(Verb.DELETE),
        )
    )


def _held_back(first: Decision, others: Sequence[Judged]) -> Decision:
    """Start nothing beside an active run that onChange keeps or refuses to stop: no two active runs of an address."""
    if first.verdict in (Verdict.CREATE, Verdict.REPLACE):
        for each in others:
            if each.decision.reason in ("change_kept", "change_refused"):
                return each.decision
    return first


def _create(draft: _Draft, place: Address, desired: Desired, wanted: str, token: str, number: int, reason: str) -> None:
    kind, uid = place.kind, place.stack.uid
    key = fingerprint.run_key(uid, kind.name, desired.scope, desired.name, wanted, token, number)
    labels = marks.stamp(desired, place.stack, key, wanted, token)
    target = bodies.collection(kind, desired.scope)
    body = bodies.create(desired, kind, uid, number, labels)
    draft.operations.append(Operation("create", target, reason, body))
    draft.assertions.append(Assertion(target, exists=False, run=key))
    if desired.iam:
        resource = f"{target}/{body[kind.id_field]}"
        draft.operations.append(
            Operation("setIamPolicy", resource, reason, {"bindings": [dict(item) for item in desired.iam]})
        )


def _beside(draft: _Draft, place: Address, desired: Desired, run: Run) -> None:
    """Write what can be patched beside a run that stays, and tell what cannot."""
    touched = Assertion(run.resource, exists=True, active=run.active, run=run.run_key)
    if place.kind.can(Verb.PATCH):
        labels = policies.labels_to_set(desired, run)
        if labels:
            draft.operations.append(Operation("patch", run.resource, "labels_changed", {"labels": labels}))
            draft.fields = (*draft.fields, *policies.label_changes(desired, run))
    else:
        draft.notes.extend(_cosmetic(desired, run, place.kind))
    if desired.iam is not None and run.resource in place.policies:
        fields = policies.iam_changes(desired.iam, place.policies[run.resource].get("bindings", ()))
        if fields:
            body = {"bindings": [dict(item) for item in desired.iam]}
            draft.operations.append(Operation("setIamPolicy", run.resource, "policy_changed", body))
            draft.fields = (*draft.fields, *fields)
    if draft.operations and touched not in draft.assertions:
        draft.assertions.append(touched)


def _cosmetic(desired: Desired, run: Run, kind: Kind) -> list[str]:
    notes = []
    for name in kind.cosmetic:
        wanted, there = desired.spec.get(name, desired.name), run.row.get(name)
        if there is not None and wanted != there:
            notes.append(f"cosmetic: {name} is {there!r} on the live job and {wanted!r} here; the API cannot change it")
    for change in policies.label_changes(desired, run):
        there = "not there" if change.before is ABSENT else repr(change.before)
        notes.append(
            f"cosmetic: {change.path} is {there} on the live job and {change.after!r} here; the next run has it"
        )
    if policies.removal_differs(desired, run) and run.removal:
        notes.append(
            f"the live job is stamped onRemoval {run.removal.value}; what the manifest says now reaches the next run"
        )
    return notes


# ---------------------------------------------------------------- cancelled, absent, or in no manifest


def _every_run(place: Address) -> tuple[Change, Toll]:
    wanted = _WANTED[place.desired.lifecycle.desired] if place.desired else Wanted.NOTHING
    remembered = {old.run_key: old.removal for old in place.past}
    judged = []
    for run in heads.order(place.runs):
        policy = _removal(run, remembered.get(run.run_key), place)
        case = Situation(
            wanted=wanted,
            phase=run.phase,
            removal=_destroying(policy, place.destroy),
            can_delete=place.kind.can(Verb.DELETE),
        )
        judged.append(Judged(run, _priced(decide(case), policy, place.destroy)))
    if not judged:
        judged.append(Judged(None, decide(Situation(wanted=wanted, live=False))))
    draft = _Draft()
    for each in judged:
        _operate(draft, each, await_stop=False)
    first = max(judged, key=lambda each: _WEIGHT[each.decision.verdict]).decision
    protect = bool(place.desired and place.desired.lifecycle.protect)
    return _change(place, draft, first, judged), _toll(place, judged, protect=protect)


def _removal(run: Run, remembered: Removal | None, place: Address) -> Removal:
    """Return the safest policy that label or ledger name; the stack's default only where neither says anything."""
    said = [policy for policy in (run.removal, remembered) if policy is not None]
    if said:
        return min(said, key=_SAFEST_FIRST.index)
    return Removal(place.stack.default_lifecycle.get("onRemoval", Removal.ASK))


def _destroying(policy: Removal, destroy: Destroy | None) -> Removal:
    """`destroy` leaves what is to be kept, cancels the rest, and deletes records only where that was asked for."""
    if destroy is None or policy is Removal.KEEP:
        return policy
    if destroy.records:
        return Removal.DELETE
    return Removal.CANCEL if policy is Removal.DELETE else policy


def _priced(decision: Decision, policy: Removal, destroy: Destroy | None) -> Decision:
    """Mark a delete that only `destroy --delete` asks for as unwritten: it needs its number."""
    unwritten = decision.verdict is Verdict.DELETE and destroy is not None and policy is not Removal.DELETE
    return Decision(decision.verdict, decision.reason, unwritten=True) if unwritten else decision


# ---------------------------------------------------------------- writing the change down

_WEIGHT = {
    Verdict.NOOP: 0,
    Verdict.REFUSE: 1,
    Verdict.DELETE: 2,
    Verdict.CANCEL: 3,
    Verdict.CREATE: 4,
    Verdict.REPLACE: 5,
    Verdict.ON_CHANGE: 0,
}


_CANNOT_DELETE = "cannot_delete: this API has no delete, the record stays"


def _stops(each: Judged) -> bool:
    verdict = each.decision.verdict
    return verdict in (Verdict.CANCEL, Verdict.REPLACE) or bool(
        verdict is Verdict.DELETE and each.run and each.run.active
    )


def _operate(draft: _Draft, each: Judged, *, await_stop: bool) -> None:
    """Append the calls a decision asks for on a live run. With `await_stop` a run that is stopping is waited for."""
    run, verdict, reason = each.run, each.decision.verdict, each.decision.reason
    if run is None:
        return
    if reason == "cannot_delete" and _CANNOT_DELETE not in draft.notes:
        draft.notes.append(_CANNOT_DELETE)
    stops = _stops(each)
    if stops or (await_stop and run.phase is Phase.STOPPING):
        draft.operations.append(Operation("cancel", run.resource, reason))
    if verdict is Verdict.DELETE:
        draft.operations.append(Operation("delete", run.resource, reason))
    if stops or verdict is not Verdict.NOOP:
        draft.assertions.append(Assertion(run.resource, exists=True, active=run.active, run=run.run_key))


def _change(place: Address, draft: _Draft, first: Decision, judged: Sequence[Judged]) -> Change:
    verbs = {operation.verb for operation in draft.operations}
    live = [each.run for each in judged if each.run]
    scope = place.desired.scope if place.desired else (live[-1].scope if live else Scope(place.stack.default_project))
    source: Source | None = place.desired.source if place.desired else None
    return Change(
        address=place.address,
        scope=scope,
        action=_action(verbs),
        reason=_reason(first, draft),
        source=source,
        operations=tuple(sorted(draft.operations, key=lambda operation: _ORDER[operation.verb])),
        fields=draft.fields,
        assertions=tuple(draft.assertions) if draft.operations else (),
        notes=tuple(draft.notes),
        start_time=_since(live[-1]) if live else "",
    )


_ORDER = {"cancel": 0, "delete": 1, "patch": 2, "create": 3, "setIamPolicy": 4}


def _action(verbs: set[str]) -> Action:
    if "create" in verbs:
        return Action.REPLACE if "cancel" in verbs else Action.CREATE
    for verb, action in (("cancel", Action.CANCEL), ("delete", Action.DELETE)):
        if verb in verbs:
            return Action.DELETE if "delete" in verbs else action
    return Action.UPDATE if verbs else Action.NOOP


def _reason(first: Decision, draft: _Draft) -> str:
    """Name the decision the change stands for: the head's, unless only what lies beside it calls anything."""
    if first.verdict is Verdict.NOOP and draft.operations:
        return draft.operations[0].reason
    return first.reason


def _since(run: Run) -> str:
    return str(run.row.get("startTime") or run.create_time)


def _toll(place: Address, judged: Sequence[Judged], *, protect: bool) -> Toll:
    cancels, deletes, unwritten, unwritten_deletes = [], [], [], []
    refused = any(each.decision.verdict is Verdict.REFUSE for each in judged)
    for each in judged:
        run, decision = each.run, each.decision
        if run is None:
            continue
        price = f"{place.address} ({run.phase.value.lower()} since {_since(run)})"
        stops = decision.verdict in (Verdict.CANCEL, Verdict.REPLACE, Verdict.DELETE)
        if stops and run.active and run.phase is not Phase.STOPPING and decision.reason != "duplicate":
            cancels.append(price)
            unwritten.extend([price] if decision.unwritten else [])
        if decision.verdict is Verdict.DELETE:
            deletes.append(f"{place.address} ({run.resource.rsplit('/', 1)[-1]})")
            unwritten_deletes.extend([deletes[-1]] if decision.unwritten else [])
    replaced = any(each.run and each.decision.verdict is Verdict.REPLACE for each in judged)
    touches = protect and (cancels or deletes or replaced)
    return Toll(
        cancels=tuple(cancels),
        deletes=tuple(deletes),
        unwritten=tuple(unwritten),
        unwritten_deletes=tuple(unwritten_deletes),
        protected=f"{place.address} has lifecycle.protect: no plan may cancel, delete or replace it" if touches else "",
        refused=f"{place.address} is active, its spec changed, and lifecycle.onChange is refuse" if refused else "",
    )


def _tell(draft: _Draft, first: Decision, head: heads.Head, place: Address) -> None:
    """Add the sentence a reader needs where nothing is done though something ended."""
    again = f"ask for one more run with lifecycle.rerun.token or --rerun {place.address}"
    if first.reason == "ended_kept":
        ended = head.phase.value if head.phase else "unknown"
        error = f": {head.run.error[:300]}" if head.run and head.run.error else ""
        draft.notes.append(f"the run ended {ended}{error}; {again}")
    elif first.reason in ("vanished", "outcome_unknown"):
        draft.notes.append(f"a run of this spec ended and nobody saw how; {again}")
    elif first.reason == "change_kept":
        draft.notes.append(f"the active run keeps its old spec: lifecycle.onChange is {OnChange.KEEP.value}")
    elif first.reason == "already_ran":
        draft.notes.append(f"it succeeded and its record is gone; {again}")
