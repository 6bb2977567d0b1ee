"""The rules that can block a plan, and the numbers that allow it all the same. A guard looks at the plan, never at one job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.core.plan.losses import Losses
from reconciler.vocabulary.model import Lacking, Limits, Scope
from reconciler.vocabulary.plans import Action, Blocker, Change, Lineage, ScopeCount


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the command line allows: numbers for cancels and deletes, an empty result, and a commit older than the last."""

    cancel: int = 0
    delete: int = 0
    empty: bool = False
    older: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """The stack as a whole: runs there are, active ones, those a plan would leave, and manifests. Unmarked runs are none.

    `foreign` counts runs by another owner's uid; `departed` counts our active runs by the kind and scope that the stack left.
    `incomplete` holds what `incomplete` made of the lists, `lacking` and `older` what these made of the checkout.
    """

    runs: int
    active: int
    left: int
    manifests: int
    foreign: Mapping[str, int] = field(default_factory=dict)
    departed: Mapping[str, int] = field(default_factory=dict)
    incomplete: tuple[Blocker, ...] = ()
    lacking: tuple[Blocker, ...] = ()
    older: tuple[Blocker, ...] = ()


def check(
    all_losses: Sequence[Losses], totals: Totals, limits: Limits, allowed: Allowed, stack: str
) -> tuple[Blocker, ...]:
    """Return every guard that blocks, in the order of docs/decisions.md, less those that `allowed` allows."""
    found = [
        *_unwritten(all_losses),
        *_limit(
            "cancel", [name for losses in all_losses for name in losses.cancels], (totals.active, totals.runs), limits
        ),
        *_limit("delete", [name for losses in all_losses for name in losses.deletes], (totals.runs,), limits),
        *_empty(totals),
        *totals.older,
        *(Blocker("protected", losses.protected) for losses in all_losses if losses.protected),
        *(Blocker("refused", losses.refused) for losses in all_losses if losses.refused),
        *_departed(totals),
        *_foreign(totals, stack),
        *totals.incomplete,
        *totals.lacking,
    ]
    return tuple(blocker for blocker in found if not permitted(blocker, allowed))


def permitted(blocker: Blocker, allowed: Allowed) -> bool:
    """Say whether the command line allows what a guard blocks."""
    if blocker.rule == "empty":
        return allowed.empty
    if blocker.rule == "older_revision":
        return allowed.older
    numbers = {"cancel": allowed.cancel, "delete": allowed.delete}
    return bool(blocker.needs) and all(numbers.get(verb, -1) >= count for verb, count in blocker.needs.items())


def _unwritten(all_losses: Sequence[Losses]) -> list[Blocker]:
    cancels = [name for losses in all_losses for name in losses.unwritten]
    deletes = [name for losses in all_losses for name in losses.unwritten_deletes]
    parts, needs = [], {}
    if cancels:
        parts.append(f"{_count(cancels, 'active run')} would be cancelled: {_some(cancels)}")
        needs["cancel"] = len(cancels)
    if deletes:
        parts.append(f"{_count(deletes, 'run record')} would be deleted: {_some(deletes)}")
        needs["delete"] = len(deletes)
    if not needs:
        return []
    flags = " ".join(f"--allow-{verb} {count}" for verb, count in needs.items())
    text = f"{'; '.join(parts)}. No policy says so: allow it with {flags}, or write lifecycle.onChange or onRemoval"
    return [Blocker("unwritten_cancel", text, needs)]


def _count(names: Sequence[str], noun: str) -> str:
    return f"{len(names)} {noun}{'' if len(names) == 1 else 's'}"


def _limit(verb: str, names: Sequence[str], of: Sequence[int], limits: Limits) -> list[Blocker]:
    """Compare with every total given: a crowd of finished records must not make a stop of all work look small."""
    share = limits.cancel if verb == "cancel" else limits.delete
    beyond = [total for total in of if total >= limits.start and len(names) > round(share * total, 6)]
    if not beyond:  # rounded, because 0.29 * 100 is a little less than 29
        return []
    what = "runs would be cancelled" if verb == "cancel" else "run records would be deleted"
    text = (
        f"{len(names)} of {beyond[0]} {what}, more than the stack's limit of {share:.0%} (spec.limits.{verb}): "
        f"{_some(names)}. Allow it with --allow-{verb} {len(names)}"
    )
    return [Blocker("limits", text, {verb: len(names)})]


def _empty(totals: Totals) -> list[Blocker]:
    if not totals.manifests:
        text = f"there is no manifest, so nothing is wanted; this stack has {_count(['run'] * totals.runs, 'run')}"
    elif totals.runs and not totals.left:
        text = f"none of the {totals.runs} runs of this stack would be left"
    else:
        return []
    return [Blocker("empty", f"{text}. If that is meant, allow it with --allow-empty")]


def _departed(totals: Totals) -> list[Blocker]:
    return [
        Blocker(
            "scope_left",
            f"{_count(['run'] * count, 'active run')} of this stack: {kind_scope}, which the stack file no longer covers. "
            "Put it back into spec.scopes or spec.kinds, remove the manifests, apply, and only then take it out",
        )
        for kind_scope, count in sorted(totals.departed.items())
    ]


def _foreign(totals: Totals, stack: str) -> list[Blocker]:
    return [
        Blocker(
            "foreign_owner",
            f"{_count(['run'] * count, 'live run')} of the stack name {stack!r} but with uid {uid or '(none)'}: "
            "another stack of the same name works in this scope. Give one of them another metadata.name",
        )
        for uid, count in sorted(totals.foreign.items())
    ]


def incomplete(covered: Sequence[ScopeCount], left: Sequence[ScopeCount]) -> tuple[Blocker, ...]:
    """Return a block for every list that lacks something: of kinds and scopes that the stack covers, and of those it left."""
    now = [
        Blocker(
            "incomplete",
            f"the list of {count.kind} in {count.scope} is not complete: {count.lacking}. Plan again once it is",
        )
        for count in sorted(covered, key=_kind_scope)
        if count.lacking
    ]
    then = [
        Blocker(
            "incomplete",
            f"the stack covered {count.kind} in {count.scope} once, and the runs still there cannot be listed: "
            f"{count.lacking}. Get the access back, put it back into the stack file, or, if it is gone for good, run "
            f"`reconciler forget --scope {count.scope} --kind {count.kind}`",
        )
        for count in sorted(left, key=_kind_scope)
        if count.lacking
    ]
    return (*now, *then)


def lacking(changes: Sequence[Change], files: Sequence[Lacking]) -> tuple[Blocker, ...]:
    """Return a block for every file that the commit has and the folder lacks, where a removal would follow from that."""
    removals = {change.address for change in changes if change.source is None and change.action.ends}
    return tuple(
        Blocker("incomplete_checkout", _lacking_text(each, sorted(hit)))
        for each in files
        for hit in [removals if each.addresses is None else removals & each.addresses]
        if hit
    )


def _lacking_text(lacking: Lacking, hit: Sequence[str]) -> str:
    if not lacking.file:
        return (
            f"Git lacks the files of the commit here, so nobody can tell whether {_some(hit)} was removed on purpose. "
            "Fetch the whole commit"
        )
    return (
        f"the commit has {lacking.file} and this folder lacks it, though nobody removed it with `git rm`; so {_some(hit)} "
        f"would be removed by accident. Restore it (`git restore {lacking.file}`; a sparse checkout or a submodule has to "
        f"be fetched), or remove it with `git rm {lacking.file}`"
    )


def older(changes: Sequence[Change], commit: str, applied: str, lineage: Lineage) -> tuple[Blocker, ...]:
    """Return a block where a commit is older than the one applied last, or nobody can tell and something would end."""
    last = f"the commit last applied is {applied[:_SHORT]}"
    here = f"this is {commit[:_SHORT]}" if commit else "here is none"
    if lineage is Lineage.OLDER and any(change.action is not Action.NOOP for change in changes):
        text = f"{last}, and {here}, which came before it: applying it would undo what came after"
    elif lineage is Lineage.UNKNOWN and any(change.action.ends for change in changes):
        text = f"{last}, and {here}: the history here does not tell which came first. Fetch the whole of it, or go on"
    else:
        return ()
    return (Blocker("older_revision", f"{text}. If that is meant, allow it with --allow-older"),)


_SHORT = 12
"""Characters of a commit that a sentence shows."""


def _kind_scope(count: ScopeCount) -> tuple[str, Scope]:
    return count.kind, count.scope


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
