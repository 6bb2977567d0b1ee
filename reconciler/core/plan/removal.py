"""What becomes of runs once no manifest names them: which policy counts, and what a plan records and tells of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reconciler.core.plan.address import Address
from reconciler.vocabulary.model import Removal, Run, safest
from reconciler.vocabulary.plans import OnRemoval


def recorded(address: Address) -> dict[str, Removal]:
    """Return the policy the ledger recorded last, by run key."""
    return {old.run_key: old.removal for old in address.past}


def policy(run: Run, address: Address, last: Mapping[str, Removal]) -> Removal:
    """Return the safest policy that label, ledger or manifest name; the stack's default only where none does.

    `last` is what `recorded` says.
    """
    today = address.destroy.policies.get(address.text) if address.destroy else None
    said = [each for each in (run.removal, last.get(run.run_key), today) if each is not None]
    return safest(said) if said else Removal(address.stack.default_lifecycle.get("onRemoval", Removal.ASK))


def to_record(address: Address) -> OnRemoval | None:
    """Return what the manifest says of its live runs that are marked or recorded otherwise; None where none is."""
    if address.desired is None:
        return None
    now, last = address.desired.lifecycle.removal, recorded(address)
    marked = [run for run in address.runs if run.marked]
    runs = {run.run_key for run in marked if (run.removal, last.get(run.run_key, now)) != (now, now)} - {""}
    return OnRemoval(now, tuple(sorted(runs))) if runs else None


def notes(address: Address, changed: Collection[str]) -> list[str]:
    """Tell where the label of a live job is not what the manifest says, or said last, and which of both counts.

    `changed` are the resources that the plan deletes, or whose label it sets right.
    """
    differing, last = set(), recorded(address)
    for run in address.runs:
        if not run.marked:
            continue  # it has no label that could say anything
        now = address.desired.lifecycle.removal if address.desired else last.get(run.run_key)
        if run.resource not in changed and run.removal is not None and now is not None and run.removal is not now:
            differing.add((run.removal, now))
    said, when = (
        ("the manifest says", "once no manifest names the job, ") if address.desired else ("its manifest last said", "")
    )
    return [
        f"the label of a live job says onRemoval {label} and {said} {now}: {when}the safer one counts, {safest((label, now))}"
        for label, now in sorted(differing)
    ]
