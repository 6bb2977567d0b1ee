"""An address that a manifest wants present: finds the head, decides, and writes what follows. Looks at no other address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.core.plan import label_patches, losses, table
from reconciler.core.plan.address import Address
from reconciler.core.plan.change import ChangeBuilder
from reconciler.core.plan.losses import Decided, Losses, stops
from reconciler.core.plan.table import Decision, Role, Situation, Verdict, Wanted
from reconciler.core.runs import heads, labels, names, run_key
from reconciler.core.runs.heads import Spec
from reconciler.core.spec import diff, fingerprint
from reconciler.vocabulary.kinds import Kind, Verb
from reconciler.vocabulary.model import (
    Desired,
    OnChange,
    Run,
)
from reconciler.vocabulary.plans import ABSENT, Assertion, Change, FieldChange, Operation
from reconciler.vocabulary.ports import Row

_NAMED = 5
"""Paths that a note names before it counts the rest."""


def build(address: Address, desired: Desired) -> tuple[Change, Losses]:
    """Return the change of an address that a manifest wants present, and what it costs."""
    life = desired.lifecycle
    compared = _compared(address, desired)
    specs = _specs(address, desired, compared)
    head = heads.arrange(address.runs, address.past, desired.fingerprint, specs)
    token = fingerprint.token_hash(life.rerun.token)
    case = Situation(
        wanted=Wanted.PRESENT,
        live=head.run is not None,
        phase=head.phase,
        spec=head.spec,
        token_new=address.rerun or (bool(token) and token not in head.tokens and _tokens_known(address)),
        may_rerun=head.phase in life.rerun.on and head.count < life.rerun.maximum,
        on_change=life.on_change,
        can_delete=address.kind.can(Verb.DELETE),
        marked=head.run is None or head.run.marked,
    )
    decided = [Decided(run, _other(run, specs[run.resource], address, desired, frozenset())) for run in head.others]
    first = _held_back(table.decide(case), decided)
    ends = {each.run.resource for each in (*decided, Decided(head.run, first)) if each.run and stops(each)}
    old = heads.beyond_history(head.run, head.others, life.history, ends)
    decided = [Decided(run, _other(run, specs[run.resource], address, desired, old)) for run in head.others]
    builder = ChangeBuilder()
    if head.run and head.spec is not Spec.EQUAL:
        builder.fields = _fields(head.run, desired, head.spec, compared)
    if head.run:
        builder.notes.extend(_blind(head.run, desired, address, builder.fields))
    number = heads.next_number(address.runs, address.past)
    starts = first.verdict in (Verdict.CREATE, Verdict.REPLACE)
    for each in decided:
        builder.operate(each, await_stop=starts)
    builder.operate(Decided(head.run, first), await_stop=starts)
    if starts:
        _create(builder, address, desired, token, number, first.reason)
    elif first.verdict is Verdict.NOOP and head.run and head.run.marked:
        _patches(builder, address, desired, head.run)
    _tell(builder, first, head, address)
    if first.reason != "change_kept" and any(each.decision.reason == "change_kept" for each in decided):
        told = f"change_kept: a second active run, of another spec, goes on: lifecycle.onChange is {OnChange.KEEP}"
        builder.notes.append(told)
    everyone = [*decided, Decided(head.run, first)]
    return builder.finish(address, first, everyone), losses.of(address, everyone, protect=life.protect)


def head_of(address: Address, desired: Desired) -> heads.Head:
    """Find the head of an address."""
    specs = _specs(address, desired, _compared(address, desired))
    return heads.arrange(address.runs, address.past, desired.fingerprint, specs)


def _compared(address: Address, desired: Desired) -> dict[str, tuple[FieldChange, ...]]:
    """Compare every run whose label leaves it open and that was fetched: what differs, by resource. Once a run."""
    return {
        run.resource: _compare(run, address.full[run.resource], desired, address)
        for run in address.runs
        if run.fingerprint != desired.fingerprint and run.resource in address.full
    }


def _specs(address: Address, desired: Desired, compared: Mapping[str, tuple[FieldChange, ...]]) -> dict[str, Spec]:
    """Say by resource how the spec of each live run stands to the manifest's."""
    return {run.resource: _spec_of(run, desired, compared.get(run.resource)) for run in address.runs}


def _spec_of(run: Run, desired: Desired, differing: tuple[FieldChange, ...] | None) -> Spec:
    if run.fingerprint != desired.fingerprint and (differing is None or any(map(diff.counts, differing))):
        return Spec.DIFFERS
    return Spec.EQUAL if run.scope == desired.scope else Spec.MOVED


def _compare(run: Run, row: Row, desired: Desired, address: Address) -> tuple[FieldChange, ...]:
    ignore = desired.lifecycle.ignore_changes
    spec = {**dict.fromkeys(address.kind.cosmetic, desired.name), **desired.spec}
    ours = fingerprint.is_ours(run.fingerprint)
    fields = diff.compare(spec, row, address.kind, ours=ours, ignore=ignore)
    if not ours or any(diff.counts(change) for change in fields):
        return fields
    return (*fields, *_uncompared(run, row, desired, address))  # the label says that it changed: this is what is left


def _uncompared(run: Run, row: Row, desired: Desired, address: Address) -> tuple[FieldChange, ...]:
    return diff.uncompared(desired.spec, row, address.kind, run.fingerprint, desired.lifecycle.ignore_changes)


def _blind(run: Run, desired: Desired, address: Address, shown: Sequence[FieldChange]) -> list[str]:
    """Tell which live values a snapshot withholds, so that nobody takes them for equal.

    Those that stand among the fields `shown` speak for themselves.
    """
    row = address.full.get(run.resource) if run.fingerprint != desired.fingerprint else None
    if row is None:
        return []
    compared = {change.path for change in shown}
    paths = [change.path for change in _uncompared(run, row, desired, address) if change.path not in compared]
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return [f"not compared, the snapshot withholds the live value: {', '.join(paths[:_NAMED])}{more}"] if paths else []


def _fields(
    run: Run, desired: Desired, spec: Spec, compared: Mapping[str, tuple[FieldChange, ...]]
) -> tuple[FieldChange, ...]:
    fields = compared.get(run.resource, ()) if spec is Spec.DIFFERS else ()
    before, after = run.scope, desired.scope
    moves = (("project", before.project, after.project), ("location", before.location, after.location))
    return (*(FieldChange(f"metadata.{key}", old, new, "scope") for key, old, new in moves if old != new), *fields)


def _other(run: Run, spec: Spec, address: Address, desired: Desired, old: frozenset[str]) -> Decision:
    return table.decide(
        Situation(
            wanted=Wanted.PRESENT,
            role=Role.OTHER,
            phase=run.phase,
            spec=spec if run.active else Spec.EQUAL,
            beyond_history=run.resource in old,
            on_change=desired.lifecycle.on_change,
            can_delete=address.kind.can(Verb.DELETE),
            marked=run.marked,
        )
    )


def _tokens_known(address: Address) -> bool:
    """Say whether every run tells which token it carries: one that only its id names does not, and is no yes."""
    return all(run.marked or run.run_key for run in address.runs)


def _held_back(first: Decision, others: Sequence[Decided]) -> Decision:
    """Start nothing while onChange keeps an active run or refuses to stop it, or while one may not be touched.

    So there are no two active runs of an address.
    """
    if first.verdict in (Verdict.CREATE, Verdict.REPLACE):
        for each in others:
            stays = each.decision.reason in ("change_kept", "change_refused")
            if stays or (each.run is not None and each.run.active and not each.run.marked):
                return each.decision
    return first


def _create(builder: ChangeBuilder, address: Address, desired: Desired, token: str, number: int, reason: str) -> None:
    kind, uid = address.kind, address.stack.uid
    key = run_key.make(uid, kind.name, desired.scope, desired.name, desired.fingerprint, token, number)
    stamped = labels.stamp(desired, address.stack, key, token)
    target = names.collection(kind, desired.scope)
    body = names.create(desired, kind, uid, number, stamped)
    builder.operations.append(Operation("create", target, reason, body))
    builder.assertions.append(Assertion(target, exists=False, run=key))
    if desired.iam:
        resource = f"{target}/{body[kind.id_field]}"
        builder.operations.append(
            Operation("setIamPolicy", resource, reason, {"bindings": [dict(item) for item in desired.iam]})
        )


def _patches(builder: ChangeBuilder, address: Address, desired: Desired, run: Run) -> None:
    """Add the patches of labels and IAM policy for a run that stays, and a note for what cannot be patched."""
    touched = Assertion(run.resource, exists=True, active=run.active, run=run.run_key)
    if address.kind.can(Verb.PATCH):
        labels = label_patches.labels_to_set(desired, run)
        if labels:
            builder.operations.append(Operation("patch", run.resource, "labels_changed", {"labels": labels}))
            builder.fields = (*builder.fields, *label_patches.label_changes(desired, run))
    else:
        builder.notes.extend(_cosmetic(desired, run, address.kind))
    if desired.iam is not None and run.resource in address.policies:
        fields = label_patches.iam_changes(desired.iam, address.policies[run.resource].get("bindings", ()))
        if fields:
            body = {"bindings": [dict(item) for item in desired.iam]}
            builder.operations.append(Operation("setIamPolicy", run.resource, "policy_changed", body))
            builder.fields = (*builder.fields, *fields)
    if builder.operations and touched not in builder.assertions:
        builder.assertions.append(touched)


def _cosmetic(desired: Desired, run: Run, kind: Kind) -> list[str]:
    notes = []
    for name in kind.cosmetic:
        wanted, there = desired.spec.get(name, desired.name), run.row.get(name)
        if there is not None and wanted != there:
            notes.append(f"cosmetic: {name} is {there!r} on the live job and {wanted!r} here; the API cannot change it")
    for change in label_patches.label_changes(desired, run):
        there = "not there" if change.before is ABSENT else repr(change.before)
        notes.append(
            f"cosmetic: {change.path} is {there} on the live job and {change.after!r} here; the next run has it"
        )
    return notes


def _tell(builder: ChangeBuilder, first: Decision, head: heads.Head, address: Address) -> None:
    """Add the sentence a reader needs where nothing is done though something ended."""
    again = f"ask for one more run with lifecycle.rerun.token or --rerun {address.text}"
    if first.reason == "ended_kept":
        ended = head.phase.value if head.phase else "unknown"
        error = f": {head.run.error[:300]}" if head.run and head.run.error else ""
        builder.notes.append(f"the run ended {ended}{error}; {again}")
    elif first.reason in ("vanished", "outcome_unknown"):
        builder.notes.append(f"a run of this spec ended and nobody saw how; {again}")
    elif first.reason == "change_kept":
        builder.notes.append(f"the active run keeps its old spec: lifecycle.onChange is {OnChange.KEEP.value}")
    elif first.reason == "already_ran":
        builder.notes.append(f"it succeeded and its record is gone; {again}")
