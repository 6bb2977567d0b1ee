"""Rows of the job API read as runs: from a list, or alone. Knows which scopes a resource's name may lie in."""

from __future__ import annotations

from reconciler.core.runs import labels, names, run_key
from reconciler.engine.world import World
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import IdForm, Kind
from reconciler.vocabulary.model import Run, Scope, Stack
from reconciler.vocabulary.plans import ScopeCount
from reconciler.vocabulary.ports import Row


def read_run(row: Row, kind: Kind, scope: Scope) -> Run | None:
    """Read a row that our labels make a run, None for any other.

    An API whose ids we choose has no `name` field, and the resource name is built from the id.
    """
    own = row.get(kind.id_field) if kind.id_form is IdForm.CLIENT else None
    resource = f"{names.collection(kind, scope)}/{own}" if own else str(row.get("name", ""))
    return labels.read(row, kind, scope, resource)


def list_runs(world: World, stack: Stack, kind: Kind, scope: Scope) -> tuple[list[Run], ScopeCount]:
    """List the runs of one kind in one scope, and say what the list lacks. Every page is read."""
    runs: list[Run] = []
    lacking = ""
    try:
        for page in world.api.list(kind, scope, labels.label_filter(stack), kind.list_mask):
            runs += [run for run in (read_run(row, kind, scope) for row in page) if run is not None]
    except errors.ListIncomplete as gap:
        lacking = gap.message
    return runs, ScopeCount(kind.name, scope, sum(stack.owns(run.owner) for run in runs), lacking)


def read_alone(row: Row, kind: Kind, resource: str, stack: Stack) -> Run | None:
    """Read a row that came out of no list. Its name has the project's number where scopes have its id.

    So two projects may both fit; the run's key was made in one of them.
    """
    runs = [run for run in (read_run(row, kind, scope) for scope in _scopes_of(resource, stack)) if run is not None]
    return next((run for run in runs if run_key.is_at_home(run)), runs[0] if runs else None)


def _scopes_of(resource: str, stack: Stack) -> list[Scope]:
    """Return the stack's scopes a resource name may lie in, its own where none fits."""
    parts = resource.split("/")
    project = parts[1] if len(parts) > 1 else ""
    location = parts[3] if len(parts) > 3 and parts[2] == "locations" else ""
    scopes = [scope for scope in stack.scopes if not location or scope.location == location]
    exact = [scope for scope in scopes if scope.project == project]
    found = exact or scopes or [Scope(project, location)]
    return found if location else [Scope(scope.project) for scope in found]
