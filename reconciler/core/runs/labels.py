"""The labels that we put on a job, and what they say when read back. They are the state (docs/labels.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.core.runs import run_key
from reconciler.core.runs.identity import Identity, run_of
from reconciler.core.spec import fingerprint
from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.model import Desired, Removal, Run, Scope, Stack

STACK = "reconciler_stack"
OWNER = "reconciler_owner"
KIND = "reconciler_kind"
NAME = "reconciler_name"
FINGERPRINT = "reconciler_fingerprint"
RUN = "reconciler_run"
TOKEN = "reconciler_token"
REMOVAL = "reconciler_removal"
SHARD = "reconciler_shard"

_SECONDS = re.compile(r"^(.*:\d\d)(?:\.(\d+))?Z$")


def list_filters(stack: Stack) -> tuple[str, ...]:
    """Return the filters of the lists that together show our runs, whatever the stack was called when they started.

    One for each uid that is ours, and one for the stack's name, so that another owner's runs are seen. Each is a list
    of its own: ml.googleapis.com documents no OR in a filter
    (https://cloud.google.com/ai-platform/training/docs/reference/rest/v1/projects.jobs/list).
    """
    uids = dict.fromkeys((stack.uid, *stack.former_uids))
    return (*(f'labels.{OWNER}="{uid}"' for uid in uids), f'labels.{STACK}="{stack.name}"')


def run_filter(key: str) -> str:
    """Return the list filter that finds one run by its key alone: the stack may have had another name."""
    return f'labels.{RUN}="{key}"'


def stamp(desired: Desired, stack: Stack, key: str, token: str) -> dict[str, str]:
    """Return all labels of a new run: the user's, and ours. `token` is already hashed."""
    ours = {
        STACK: stack.name,
        OWNER: stack.uid,
        KIND: desired.kind.lower(),
        NAME: desired.name,
        FINGERPRINT: desired.fingerprint,
        RUN: key,
        TOKEN: token,
        REMOVAL: desired.lifecycle.removal.value,
        SHARD: fingerprint.shard(desired.name),
    }
    return dict(sorted({**desired.labels, **{key: value for key, value in ours.items() if value}}.items()))


def identity(row: Mapping[str, Any], kind: Kind) -> Identity | None:
    """Read who a job is from its labels.

    None where its kind label is not its collection's: a child that inherited labels, or a job of somebody else.
    """
    labels: Mapping[str, str] = row.get("labels") or {}
    if labels.get(KIND) != kind.name.lower() or not labels.get(NAME):
        return None
    key = labels.get(RUN, "")
    return Identity(
        name=labels[NAME],
        owner=labels.get(OWNER, ""),
        fingerprint=labels.get(FINGERPRINT, ""),
        run_key=key,
        number=run_key.number_of(key),
        token=labels.get(TOKEN, ""),
        removal=_removal(labels.get(REMOVAL, "")),
    )


def read(row: Mapping[str, Any], kind: Kind, scope: Scope, resource: str) -> Run | None:
    """Read a listed row as a run; None where its labels make it none of ours."""
    found = identity(row, kind)
    return None if found is None else run_of(found, row, kind, scope, resource)


def _removal(value: str) -> Removal | None:
    return Removal(value) if value in tuple(Removal) else None


def time_order(run: Run) -> tuple[str, str, str]:
    """Order runs by createTime as an instant, then by resource name.

    Fractions are compared as digits: `…36Z` comes before `…36.1Z`, which plain text order gets wrong.
    """
    found = _SECONDS.match(run.create_time)
    return (found[1], (found[2] or "").rstrip("0"), run.resource) if found else (run.create_time, "", run.resource)
