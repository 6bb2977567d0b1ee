"""Jobs that something else than a list's labels names as runs: what they are where their labels no longer say so.

Who names a job (the ledger, an id of our own choice, a list read a moment ago) is the caller's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.runs import labels
from reconciler.core.runs.identity import Identity, run_of
from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.model import LedgerRun, Run, Scope, Stack


def remembered(old: LedgerRun, stack: Stack) -> Identity:
    """Return who a run is by the ledger alone."""
    return Identity(
        name=old.name,
        owner=stack.uid,
        fingerprint=old.fingerprint,
        run_key=old.run_key,
        number=old.number,
        token=old.token,
        removal=old.removal,
    )


def derived(name: str, number: int, stack: Stack) -> Identity:
    """Return who a run is by its id alone: no fingerprint, so that it has to be compared field by field, and no key."""
    return Identity(name=name, owner=stack.uid, number=number)


def seen(run: Run) -> Identity:
    """Return who a run was when it was read last."""
    return Identity(
        name=run.name,
        owner=run.owner,
        fingerprint=run.fingerprint,
        run_key=run.run_key,
        number=run.number,
        token=run.token,
        removal=run.removal,
    )


def read(known: Identity, row: Mapping[str, Any], kind: Kind, scope: Scope, resource: str, stack: Stack) -> Run | None:
    """Read a job that is known to be a run: unmarked where its labels no longer make it ours.

    None where they make it another run of ours. Where no key is `known`, any key of ours will do.
    """
    run = labels.read(row, kind, scope, resource)
    if run is not None and stack.owns(run.owner):
        if run.run_key == known.run_key or not known.run_key:
            return run
        if run.run_key:
            return None
    return run_of(known, row, kind, scope, resource, marked=False)
