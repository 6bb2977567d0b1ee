"""What plan, apply and destroy share: make a plan from a path, save it, render it, and turn it into an exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import click

import reconciler
from reconciler.cli import clock, wiring
from reconciler.cli.flow import age, given
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import outputs
from reconciler.core.documents import plan_json, snapshot_json
from reconciler.core.plan import quota_time
from reconciler.core.plan.observed import Observed
from reconciler.engine import plan as planner
from reconciler.engine.world import World
from reconciler.files import changed, git, snapshotfile
from reconciler.renderers import table
from reconciler.renderers.style import Style
from reconciler.vocabulary.model import Desired
from reconciler.vocabulary.plans import Against, Lineage, Plan


@dataclass(frozen=True, slots=True)
class View:
    """Where a plan looks, and how far. `against` is a snapshot's file, of at most `max_age` seconds; empty for live jobs.

    `changed_since` is a Git ref; empty for every address.
    """

    against: str = ""
    max_age: float | None = None
    changed_since: str = ""


LIVE = View()


@dataclass(frozen=True, slots=True)
class Drawn:
    """A plan, the file it would be saved as, and the stack it was drawn for."""

    plan: Plan
    document: Mapping[str, Any]
    workspace: wiring.Workspace
    world: World

    @property
    def digest(self) -> str:
        """What a reviewer approves."""
        return str(self.document["digest"])


def draw(
    path: str,
    surroundings: Surroundings,
    asked: given.Planning,
    closing: ExitStack,
    *,
    reading: bool,
    view: View = LIVE,
) -> Drawn:
    """Read the stack at `path` and plan it, or plan its end where that is asked.

    The world stays open until `closing` closes. Raises whatever stops a plan; nothing but GET is sent.
    """
    workspace = wiring.open_workspace(path, surroundings)
    taken = _snapshot(view, workspace) if view.against else None
    read = wiring.read_manifests(workspace, path)
    desired = wiring.require(read)
    for problem in read.problems:
        outputs.say(f"Warning: {problem.place}: {problem.message}")
    options = asked.options
    if view.changed_since:
        among = _changed(view.changed_since, workspace, path)
        narrowed = replace(options.selection, among=among, changed_since=view.changed_since)
        options = replace(options, selection=narrowed)
    if taken:
        opened = wiring.open_snapshot(workspace, taken.snapshot)
    else:
        opened = wiring.open_world(workspace, impersonate=asked.impersonate, reading=reading, asked=asked.rate)
    world = closing.enter_context(opened)
    applied = "" if taken else world.store.applied_commit()
    revision = wiring.revision(workspace, path, read)
    line = wiring.lineage(workspace, (revision.commit,), applied)
    commit = replace(revision, applied=applied, lineage=line)
    tell_lineage(line, applied)
    if revision.unknown:
        outputs.say(f"Nobody can tell whether the manifests are those of the commit: {revision.unknown}")
    if options.destroy is None:
        planned = planner.plan(world, workspace.stack, desired, options, commit)
    else:
        records = options.destroy.records
        planned = planner.destroy(world, workspace.stack, desired, options, commit, records=records)
    budget = wiring.budget(workspace, asked.rate)
    longest = quota_time.longest(planned.plan, budget.requests, budget.submissions) if budget else None
    against = Against(taken.digest, taken.created_at) if taken else None
    plan = replace(planned.plan, quota_time=longest, against=against)
    options.selection.require_matched(_addresses(desired, planned.observed))
    return Drawn(
        plan, plan_json.to_json(plan, clock.rfc3339(surroundings.clock), reconciler.__version__), workspace, world
    )


def tell_lineage(line: Lineage, applied: str) -> None:
    """Say where a commit is not simply the next one; that it is older is a block, which says so itself."""
    last = f"The commit last applied is {applied[:12]}"
    if line is Lineage.DIVERGED:
        outputs.say(f"{last}, and no ancestor of this one: two lines of work diverged")
    elif line is Lineage.UNKNOWN:
        outputs.say(f"{last}: the history here does not tell whether this one came before it or after")


def _snapshot(view: View, workspace: wiring.Workspace) -> snapshot_json.Taken:
    """Read a snapshot and hold it to the stack at hand. Raises errors.PlanRefused."""
    taken = snapshot_json.from_json(snapshotfile.load(Path(view.against)))
    snapshot_json.require(taken, workspace.stack)
    if view.max_age is not None:
        age.require(taken.created_at, view.max_age, workspace.surroundings.clock, "snapshot", "take a snapshot again")
    return taken


def _changed(ref: str, workspace: wiring.Workspace, path: str) -> frozenset[str] | None:
    """Return the addresses that changed since a ref, None for all of them, and say so."""
    if path == wiring.STREAM:
        raise click.UsageError("--changed-since compares the files with those of a commit; a stream has none")
    stack = workspace.stack
    found = changed.since(workspace.root, stack.manifests, stack.ignore, git.merge_base(workspace.root, ref))
    if found.everything:
        outputs.say(f"Every address counts as changed since {ref}: {found.everything}")
        return None
    count = len(found.addresses)
    nothing = "" if count else ": the plan is a part with nothing in it"
    outputs.say(f"{count} address{'' if count == 1 else 'es'} changed since {ref}{nothing}")
    return found.addresses


def _addresses(desired: Sequence[Desired], observed: Observed) -> set[str]:
    """Return every address that manifests, live runs or the ledger know."""
    known = {want.address for want in desired} | {old.address for old in observed.ledger}
    return known | {run.address for run in observed.runs}


def render(
    plan: Plan,
    document: Mapping[str, Any],
    targets: Sequence[outputs.Target],
    color: str,
    *,
    verbose: bool = False,
    to: TextIO | None = None,
) -> None:
    """Write a plan in every form that was asked for, to stdout where `to` names no other stream."""

    def one(name: str, style: Style) -> str:
        return table.PLAN_FORMATS[name](plan, document, style)

    outputs.write(targets, one, color, verbose=verbose, to=to)
