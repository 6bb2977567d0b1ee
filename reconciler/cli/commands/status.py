"""`reconciler status`: what is live, and for one address also why it is as it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import click

from reconciler.cli import wiring
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import completions, flags, outputs
from reconciler.core.plan import build
from reconciler.core.plan.build import Options, Revision
from reconciler.core.plan.observed import Observed
from reconciler.engine import plan as planner
from reconciler.engine.reading import find
from reconciler.engine.world import World
from reconciler.renderers import table
from reconciler.renderers.status import AddressStatus, Status
from reconciler.renderers.style import Style
from reconciler.transport.rate import Budget
from reconciler.vocabulary.model import Desired

EVERY = 5.0
"""Seconds between looks under --watch."""


@click.command()
@click.argument("addresses", nargs=-1, shell_complete=completions.addresses)
@click.option("--watch", is_flag=True, help="Look again every 5 seconds until nothing is active.")
@flags.impersonate
@flags.rate
@flags.output(table.STATUS_FORMATS)
@flags.color
@click.pass_obj
def command(
    surroundings: Surroundings,
    addresses: tuple[str, ...],
    targets: tuple[outputs.Target, ...],
    color: str,
    impersonate: str,
    rate: Budget | None,
    *,
    watch: bool,
) -> int:
    """Show the live runs of the stack here, or of ADDRESSES (Kind/name)."""
    with ExitStack() as closing:
        workspace = wiring.open_workspace(".", surroundings)
        desired = wiring.require(wiring.read_manifests(workspace, "."))
        world = closing.enter_context(wiring.open_world(workspace, impersonate=impersonate, reading=True, asked=rate))
        while True:
            seen, observed = _look(world, workspace, desired, addresses)
            for gap in build.incomplete(observed):
                outputs.say(f"Warning: {gap.rule}: {gap.message}")
            outputs.write(targets, _form(seen), color)
            if not watch or not seen.active:
                return 0
            world.clock.sleep(EVERY)


def _form(seen: Status) -> Callable[[str, Style], str]:
    return lambda name, style: table.STATUS_FORMATS[name](seen, style)


def _look(
    world: World, workspace: wiring.Workspace, desired: tuple[Desired, ...], addresses: tuple[str, ...]
) -> tuple[Status, Observed]:
    planned = planner.plan(world, workspace.stack, desired, Options(), Revision())
    plan, observed = planned.plan, planned.observed
    found = {each.address: each for each in find.among(workspace.stack, world.kinds, desired, observed, addresses)}
    shown = tuple(
        AddressStatus(change, found[change.address].runs, found[change.address].past)
        for change in plan.changes
        if change.address in found
    )
    return Status(workspace.stack, workspace.kinds, shown, world.clock.now()), observed
