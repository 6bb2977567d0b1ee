"""`reconciler forget --scope`: drop a scope that the stack left and that cannot be listed any more. Calls GET only."""

from __future__ import annotations

from contextlib import ExitStack

import click

from reconciler.cli import wiring
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import completions, confirm, flags, outputs
from reconciler.engine import forget
from reconciler.engine.forget import Leftover
from reconciler.transport.rate import Budget
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Scope


@click.command()
@click.argument("addresses", nargs=-1, shell_complete=completions.addresses)
@click.option(
    "--scope",
    metavar="PROJECT[/LOCATION]",
    callback=flags.not_empty,
    help="The scope to forget; a project alone means all of its scopes that the stack left.",
)
@click.option("--kind", metavar="KIND", callback=flags.not_empty, help="This kind alone; all of them by default.")
@flags.yes
@flags.impersonate
@flags.rate
@click.pass_obj
def command(
    surroundings: Surroundings,
    addresses: tuple[str, ...],
    scope: str | None,
    kind: str | None,
    impersonate: str,
    rate: Budget | None,
    *,
    yes: bool,
) -> int:
    """Remove a scope that the stack left from the store, so that plans no longer look there.

    No job is touched. A scope where runs of the stack are active is not forgotten.
    """
    if addresses:
        raise click.UsageError(f"forgetting an address ({addresses[0]}) is not built yet; --scope forgets a scope")
    if scope is None:
        raise click.UsageError("--scope is missing: write PROJECT or PROJECT/LOCATION")
    with ExitStack() as closing:
        workspace = wiring.open_workspace(".", surroundings)
        if kind and kind not in workspace.kinds:
            raise click.UsageError(f"--kind {kind} is no kind; there are: {', '.join(sorted(workspace.kinds))}")
        opened = wiring.open_world(workspace, impersonate=impersonate, reading=True, asked=rate)
        world = closing.enter_context(opened)
        kind_scopes = forget.chosen(world, workspace.stack, _scope(scope), kind or "")
        found = forget.look(world, workspace.stack, kind_scopes)
        for each in found:
            outputs.say(_sentence(each))
        forget.refuse_active(found)
        if not yes:
            confirm.confirm("Forget?", surroundings.stdin, alone="add --yes to forget", refused="nothing was forgotten")
        forget.forget(world, workspace.stack, kind_scopes)
    outputs.say("Forgotten.")
    return 0


def _scope(given: str) -> Scope:
    project, slash, location = given.partition("/")
    if not project or bool(slash) != bool(location) or "/" in location:
        raise errors.InputError(f"--scope {given} is not a scope", "write PROJECT or PROJECT/LOCATION")
    return Scope(project, location)


def _sentence(each: Leftover) -> str:
    kind, scope = each.kind_scope
    state = f"its jobs cannot be listed ({each.closed})" if each.closed else "nothing of this stack is active there"
    lost = f"; {len(each.lost)} run(s) on record would count as ended, outcome unknown" if each.lost else ""
    return f"{kind} in {scope}: {state if not each.active else f'{each.active} active run(s)'}{lost}."
