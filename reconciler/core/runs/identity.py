"""Who a live job is. Labels say it of the runs we started; whoever knows it otherwise hands the identity in.

What a job does (phase, times, error) is read from its row in one way, however it came to be ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.model import Removal, Run, Scope


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a job a run of an address. `number` is the n of the run key, 0 where there is none."""

    name: str
    owner: str
    fingerprint: str = ""
    run_key: str = ""
    number: int = 0
    token: str = ""
    removal: Removal | None = None


def run_of(
    identity: Identity, row: Mapping[str, Any], kind: Kind, scope: Scope, resource: str, *, marked: bool = True
) -> Run:
    """Read a job whose identity is known. `resource` is its name, which not every row has.

    `marked` says whether its labels tell who it is.
    """
    return Run(
        kind=kind.name,
        name=identity.name,
        scope=scope,
        resource=resource,
        phase=kind.phase(row),
        state=str(row.get(kind.state_field, "")),
        create_time=str(row.get("createTime", "")),
        end_time=str(row.get("endTime", "")),
        error=_error_text(row.get(kind.error_field)),
        owner=identity.owner,
        fingerprint=identity.fingerprint,
        run_key=identity.run_key,
        number=identity.number,
        token=identity.token,
        removal=identity.removal,
        row=row,
        marked=marked,
    )


def _error_text(error: Any) -> str:
    """Read a google.rpc.Status or ml's plain errorMessage."""
    if isinstance(error, Mapping):
        return str(error.get("message", ""))
    return str(error or "")
