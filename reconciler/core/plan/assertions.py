"""Does the world still look as it did when the plan was made? Pure: compares assertions with what was just read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.runs import labels, run_key
from reconciler.vocabulary.model import LedgerRun, Run
from reconciler.vocabulary.plans import Assertion, Change


@dataclass(frozen=True, slots=True)
class Now:
    """What was just read, by what assertions ask for: a plan has thousands of them."""

    by_resource: Mapping[str, Run]
    by_name: Mapping[tuple[str, str], Sequence[Run]]
    """By lower-case kind and name, as labels spell them."""
    keys: Collection[str]
    past: Mapping[str, Sequence[LedgerRun]]
    """By address."""


def index(runs: Sequence[Run], past: Sequence[LedgerRun] = ()) -> Now:
    """Sort live runs and the ledger for `failures`: once a plan, not once an assertion."""
    by_name: dict[tuple[str, str], list[Run]] = defaultdict(list)
    remembered: dict[str, list[LedgerRun]] = defaultdict(list)
    for run in runs:
        by_name[run.kind.lower(), run.name].append(run)
    for old in past:
        remembered[old.address].append(old)
    return Now({run.resource: run for run in runs}, by_name, frozenset(run.run_key for run in runs), remembered)


def failures(change: Change, now: Now, *, own: Collection[str] = ()) -> list[str]:
    """Return a sentence for every assertion of a change that no longer holds.

    `own` names what an unfinished apply of this very plan already did: run keys it created, resources it deleted. What
    differs by that alone still holds. The ledger counts too: a run may have come and gone since.
    """
    stale = []
    for assertion in change.assertions:
        if assertion.exists:
            text = _present(assertion, now.by_resource.get(assertion.resource), change, own)
        else:
            text = _absent(assertion, change, now, own) or _gone(assertion, change, now)
        if text:
            stale.append(f"{change.address}: {text}")
    return stale


def _present(assertion: Assertion, run: Run | None, change: Change, own: Collection[str]) -> str:
    if run is None:
        return "" if assertion.resource in own else f"{assertion.resource} existed and is gone"
    if not run.marked:
        return f"{assertion.resource} was run {assertion.run} and has lost its labels"
    if run.run_key != assertion.run:
        now = f"is now run {run.run_key}" if run.run_key else "has lost its label"
        return f"{assertion.resource} was run {assertion.run} and {now}"
    if run.active == assertion.active:
        return ""
    cancelled = any(each.verb == "cancel" and each.resource == assertion.resource for each in change.operations)
    if assertion.active and cancelled:
        return ""  # a job that ended by itself is what the cancel wanted
    return f"{assertion.resource} was {_word(assertion.active)} and is now {run.phase.value}"


def _absent(assertion: Assertion, change: Change, now: Now, own: Collection[str]) -> str:
    """A create's run must not be there, nor any other run of the address that came after the plan was made."""
    create = next(each for each in change.operations if each.verb == "create" and each.resource == assertion.resource)
    name = create.body["labels"][labels.NAME]
    kind = create.body["labels"][labels.KIND]
    owner = create.body["labels"][labels.OWNER]
    number = run_key.number_of(assertion.run)
    for run in now.by_name.get((kind, name), ()):
        if run.number < number or run.owner != owner:
            continue
        if run.run_key == assertion.run and assertion.run in own:
            continue
        return f"run {run.run_key} did not exist and does now: {run.resource} ({run.phase.value})"
    return ""


def _gone(assertion: Assertion, change: Change, now: Now) -> str:
    """A run that the ledger knows and nobody finds was started, by this plan or another: never start it again."""
    number = run_key.number_of(assertion.run)
    for old in now.past.get(change.address, ()):
        if old.number >= number and old.run_key not in now.keys:
            return f"run {old.run_key} was started since this plan was made, and its record is gone"
    return ""


def _word(active: bool) -> str:
    return "active" if active else "finished"
