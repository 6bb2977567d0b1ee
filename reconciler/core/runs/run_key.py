"""The key of a run: the same on every machine for the same intent, so that a create whose reply was lost is found again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

from reconciler.core.spec.fingerprint import canonical_json
from reconciler.vocabulary.model import LedgerRun, Run, Scope

_FORM = re.compile(r"([0-9]{1,9})-[0-9a-f]{32}")


def make(owner: str, kind: str, scope: Scope, name: str, fingerprint: str, token: str, number: int) -> str:
    """Return `<n>-<32 hex>`, the same on every machine for the same intent. `token` is already hashed."""
    parts = [owner, kind, scope.project, scope.location, name, fingerprint, token, number]
    return f"{number}-{hashlib.sha256(canonical_json(parts)).hexdigest()[:32]}"


def number_of(key: str) -> int:
    """Return the n of a run key, 0 for text that is none."""
    found = _FORM.fullmatch(key)
    return int(found[1]) if found else 0


def is_at_home(run: Run) -> bool:
    """Say whether a run's key was made in the scope it was read in, as far as its labels still tell."""
    made = (run.owner, run.kind, run.scope, run.name, run.fingerprint, run.token, run.number)
    return bool(run.run_key) and run.run_key == make(*made)


def home(old: LedgerRun, owners: Collection[str], scopes: Collection[Scope]) -> Scope | None:
    """Return the scope that a remembered run's key was made in, None where it is none of `scopes`."""
    for scope in scopes:
        for owner in owners:
            made = (owner, old.kind, scope, old.name, old.fingerprint, old.token, old.number)
            if old.run_key == make(*made):
                return scope
    return None
