"""`reconciler status`: what is live, and for one address also why it is as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli import wiring
from reconciler.cli.terminal import completions, flags, outputs
from reconciler.core.plan import build
from reconciler.core.plan.build import Options, Revision
from reconciler.core.plan.observed import Observed
from reconciler.engine import plan as planner
from reconciler.engine.reading import find
from reconciler.engine.world import World
from reconciler.renderers import escape, results, words
from reconciler.renderers.style import Style
from reconciler.vocabulary.model import Desired, LedgerRun, Run
from reconciler.vocabulary.plans import Change

EVERY = 5.0
"""Seconds between looks under --watch."""

HEADER = ("ADDRESS", "PHASE", "RUN", "SINCE", "AGE", "DECISION", "ERROR")


@click.command()
@click.argument("addresses", nargs=-1, shell_complete=completions.addresses)
@click.option("--watch", is_flag=True, help="Look again every 5 seconds until nothing is active.")
@flags.impersonate
@flags.rate
@flags.output(("text", "json"))
@flags.color
def command(
    addresses: tuple[str, ...],
    given: tuple[str, ...],
    color: str,
    impersonate: str,
    rate: flags.Rate,
    *,
    watch: bool,
) -> int:
    """Show the live runs of the stack here, or of ADDRESSES (Kind/name)."""
    targets = outputs.chosen(given, ("text", "json"))
    with ExitStack() as closing:
        workspace = wiring.open_workspace(".")
        desired = wiring.require(wiring.read_manifests(workspace, "."))
        world = closing.enter_context(wiring.open_world(workspace, impersonate=impersonate, reading=True, asked=rate))
        while True:
            view = _look(world, workspace, desired, addresses)
            for gap in build.incomplete(view.observed):
                outputs.say(f"Warning: {gap.rule}: {gap.message}")
            outputs.write(targets, view.render, color)
            if not watch or not view.active:
                return 0
            world.clock.sleep(EVERY)


class View:
    """What one look saw: decisions, and by address the runs from oldest to newest and what the ledger remembers."""

    def __init__(
        self,
        changes: list[Change],
        observed: Observed,
        found: Mapping[str, find.Found],
        now: float,
        workspace: wiring.Workspace,
    ) -> None:
        self.changes = changes
        self.observed = observed
        self.now = now
        self.workspace = workspace
        self._found = found

    @property
    def active(self) -> bool:
        """True while a run of an address that is shown is active."""
        return any(run.active for change in self.changes for run in self.of(change))

    def render(self, name: str, style: Style) -> str:
        """Return the view in one of the formats."""
        return _json(self) if name == "json" else _text(self, style)

    def of(self, change: Change) -> Sequence[Run]:
        """Return the live runs of an address."""
        return self._found[change.address].runs

    def past(self, change: Change) -> Sequence[LedgerRun]:
        """Return the remembered runs of an address."""
        return self._found[change.address].past


def _look(world: World, workspace: wiring.Workspace, desired: tuple[Desired, ...], addresses: tuple[str, ...]) -> View:
    planned = planner.plan(world, workspace.stack, desired, Options(), Revision())
    plan, observed = planned.plan, planned.observed
    found = {each.address: each for each in find.among(workspace.stack, world.kinds, desired, observed, addresses)}
    changes = [change for change in plan.changes if change.address in found]
    return View(changes, observed, found, world.clock.now(), workspace)


def _text(view: View, style: Style) -> str:
    rows: list[tuple[str, ...]] = []
    for change in view.changes:
        runs = view.of(change)
        rows.extend(_row(run, change, view.now) for run in runs)
        if not runs:
            rows.append((change.address, "-", "-", "-", "-", change.reason, ""))
    stack = view.workspace.stack
    head = escape.visible(f"Stack {stack.name} ({stack.uid}), backend {stack.backend}") + "\n\n"
    table = results.table(HEADER, rows, style) if rows else "No runs and no manifests.\n"
    return head + table + (_why(view, view.changes[0]) if len(view.changes) == 1 else "")


def _row(run: Run, change: Change, now: float) -> tuple[str, ...]:
    age = _age(run.since, now)
    return (change.address, run.phase.value, str(run.number), run.since, age, change.reason, run.error[:80])


def _age(since: str, now: float) -> str:
    try:
        seconds = int(now - datetime.fromisoformat(since).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"


def _why(view: View, change: Change) -> str:
    """Explain one address: manifest, decision row, fingerprint, console and the runs the ledger holds."""
    facts = [("Decision", words.reason(change.reason))]
    if change.source:
        facts.append(("Manifest", f"{change.source.file}:{change.source.line}"))
    for run in view.of(change):
        facts.append((f"Run {run.number}", f"{run.resource}  {run.fingerprint}"))
        facts.append(("Console", _console(view, run)))
    facts.extend(("Note", note) for note in change.notes)
    for old in view.past(change):
        facts.append((f"Ledger {old.number}", f"{old.phase.value if old.phase else 'not ended'}  {old.fingerprint}"))
    lines = [f"{name + ':':12} {escape.visible(text)}" for name, text in facts]
    return "\n" + "\n".join(lines) + "\n"


def _console(view: View, run: Run) -> str:
    kind = view.workspace.kinds[run.kind]
    parts = run.resource.split("/")
    return kind.console_url.format(project=run.scope.project, location=run.scope.location, id=parts[-1])


def _json(view: View) -> str:
    rows: list[dict[str, Any]] = [
        {
            "address": change.address,
            "decision": change.reason,
            "action": change.action.value,
            "notes": list(change.notes),
            "runs": [
                {
                    "resource": run.resource,
                    "phase": run.phase.value,
                    "state": run.state,
                    "number": run.number,
                    "createTime": run.create_time,
                    "endTime": run.end_time,
                    "error": run.error,
                    "fingerprint": run.fingerprint,
                }
                for run in view.of(change)
            ],
        }
        for change in view.changes
    ]
    return json.dumps(
        {"backend": view.workspace.stack.backend, "addresses": rows}, sort_keys=True, indent=2, ensure_ascii=True
    )
