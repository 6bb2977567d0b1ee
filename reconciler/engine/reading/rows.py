"""Rows of the job API read as runs: from a list, or alone. Knows which scopes a resource's name may lie in."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.runs import labels, marks, names, run_key
from reconciler.engine.world import World
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import IdForm, Kind
from reconciler.vocabulary.model import LedgerRun, Run, Scope, Stack
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
    """List the runs of one kind in one scope, and say what the lists lack. Every page is read."""
    return _united(stack, kind, scope, [_listed(world, kind, scope, each) for each in labels.list_filters(stack)])


def list_all(
    world: World, stack: Stack, kind_scopes: Sequence[tuple[Kind, Scope]]
) -> list[tuple[list[Run], ScopeCount]]:
    """Do what `list_runs` does for many kind scopes, all their lists side by side."""
    filters = labels.list_filters(stack)
    asked = [(kind, scope, each) for kind, scope in kind_scopes for each in filters]
    read = world.each(lambda one: _listed(world, *one), asked)
    return [
        _united(stack, kind, scope, read[at * len(filters) : (at + 1) * len(filters)])
        for at, (kind, scope) in enumerate(kind_scopes)
    ]


def _listed(world: World, kind: Kind, scope: Scope, label_filter: str) -> tuple[list[Run], str]:
    """Read one list to its end; returns its runs and what it says that it lacks."""
    runs: list[Run] = []
    try:
        for page in world.api.list(kind, scope, label_filter, kind.list_mask):
            runs += [run for run in (read_run(row, kind, scope) for row in page) if run is not None]
    except errors.ListIncomplete as gap:
        return runs, gap.message
    return runs, ""


def _united(
    stack: Stack, kind: Kind, scope: Scope, lists: Sequence[tuple[list[Run], str]]
) -> tuple[list[Run], ScopeCount]:
    """Unite lists by resource name; what one of them lacks is lacking. A run that one of them shows ended has ended."""
    found: dict[str, Run] = {}
    for run in (run for runs, _ in lists for run in runs):
        if run.resource not in found or not run.active:
            found[run.resource] = run
    lacking = "; ".join(dict.fromkeys(gap for _, gap in lists if gap))
    ours = sum(stack.owns(run.owner) for run in found.values())
    return list(found.values()), ScopeCount(kind.name, scope, ours, lacking)


def read_known(row: Row, kind: Kind, old: LedgerRun, stack: Stack) -> Run | None:
    """Read the job that the ledger names as a run: unmarked where its labels no longer make it ours.

    None where they make it another run of ours.
    """
    labelled = read_alone(row, kind, old.resource, stack)
    scopes = _scopes_of(old.resource, stack)
    home = run_key.home(old, (stack.uid, *stack.former_uids), scopes)
    scope = labelled.scope if labelled else home or scopes[0]
    resource = labelled.resource if labelled else str(row.get("name") or old.resource)
    return marks.read(marks.remembered(old, stack), row, kind, scope, resource, stack)


def read_alone(row: Row, kind: Kind, resource: str, stack: Stack) -> Run | None:
    """Read a row that came out of no list. Its name has the project's number where scopes have its id.

    So two projects may both fit; the run's key was made in one of them.
    """
    runs = [run for run in (read_run(row, kind, scope) for scope in _scopes_of(resource, stack)) if run is not None]
    return next((run for run in runs if run_key.is_at_home(run)), runs[0] if runs else None)


def is_made_here(old: LedgerRun, stack: Stack) -> bool:
    """Say whether the run key of a remembered run was made with a uid of this stack, in a scope that it covers."""
    scopes = (*stack.scopes, *(Scope(scope.project) for scope in stack.scopes))
    return run_key.home(old, (stack.uid, *stack.former_uids), scopes) is not None


def _scopes_of(resource: str, stack: Stack) -> list[Scope]:
    """Return the stack's scopes a resource name may lie in, its own where none fits."""
    parts = resource.split("/")
    project = parts[1] if len(parts) > 1 else ""
    location = parts[3] if len(parts) > 3 and parts[2] == "locations" else ""
    scopes = [scope for scope in stack.scopes if not location or scope.location == location]
    exact = [scope for scope in scopes if scope.project == project]
    found = exact or scopes or [Scope(project, location)]
    return found if location else [Scope(scope.project) for scope in found]
