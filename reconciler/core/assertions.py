"""Does the world still look as it did when the plan was made? Pure: compares assertions with what was just read."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.core import marks
from reconciler.vocabulary.model import LedgerRun, Run
from reconciler.vocabulary.plans import Assertion, Change


def failures(
    change: Change, runs: Sequence[Run], *, own: Collection[str] = (), past: Sequence[LedgerRun] = ()
) -> list[str]:
    """Return a sentence for every assertion of a change that no longer holds.

    `own` names what an unfinished apply of this very plan already did: run keys it created, resources it deleted. What
    differs by that alone still holds. `past` is the ledger: a run may have come and gone since.
    """
    by_resource = {run.resource: run for run in runs}
    stale = []
    for assertion in change.assertions:
        if assertion.exists:
            text = _present(assertion, by_resource.get(assertion.resource), change, own)
        else:
            text = _absent(assertion, change, runs, own) or _gone(assertion, change, runs, past)
        if text:
            stale.append(f"{change.address}: {text}")
    return stale


def _present(assertion: Assertion, run: Run | None, change: Change, own: Collection[str]) -> str:
    if run is None:
        return "" if assertion.resource in own else f"{assertion.resource} was there and is gone"
    if run.run_key != assertion.run:
        return f"{assertion.resource} was run {assertion.run} and is now {run.run_key or 'unmarked'}"
    if run.active == assertion.active:
        return ""
    cancelled = any(each.verb == "cancel" and each.resource == assertion.resource for each in change.operations)
    if assertion.active and cancelled:
        return ""  # a job that ended by itself is what the cancel wanted
    return f"{assertion.resource} was {_word(assertion.active)} and is now {run.phase.value}"


def _absent(assertion: Assertion, change: Change, runs: Sequence[Run], own: Collection[str]) -> str:
    """A create's run must not be there, nor any other run of the address that came after the plan was made."""
    create = next(each for each in change.operations if each.verb == "create" and each.resource == assertion.resource)
    name = create.body["labels"][marks.NAME]
    kind = create.body["labels"][marks.KIND]
    owner = create.body["labels"][marks.OWNER]
    number = marks.number_of(assertion.run)
    for run in runs:
        if run.name != name or run.kind.lower() != kind or run.number < number or run.owner != owner:
            continue
        if run.run_key == assertion.run and assertion.run in own:
            continue
        return f"run {run.run_key} was not there and is now {run.resource} ({run.phase.value})"
    return ""


def _gone(assertion: Assertion, change: Change, runs: Sequence[Run], past: Sequence[LedgerRun]) -> str:
    """A run that the ledger knows and nobody finds was started, by this plan or another: never start it again."""
    number, live = marks.number_of(assertion.run), {run.run_key for run in runs}
    for old in past:
        if old.address == change.address and old.number >= number and old.run_key not in live:
            return f"run {old.run_key} was started since this plan was made, and its record is gone"
    return ""


def _word(active: bool) -> str:
    return "active" if active else "finished"
