"""`reconciler destroy`: a plan with an empty desired set, applied."""

from __future__ import annotations

from contextlib import ExitStack

import click

from reconciler.cli import wiring
from reconciler.cli.environment import EnvironmentSecrets
from reconciler.cli.flow import apply, given, plan
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import flags
from reconciler.renderers import table


@click.command(cls=flags.Waiting)
@flags.path
@click.option("--delete", "records", is_flag=True, help="Delete the records too.")
@flags.yes
@flags.applying
@flags.choosing
@flags.allowances
@flags.impersonate
@flags.rate
@flags.output(table.APPLY_FORMATS)
@flags.color
@click.pass_obj
@given.as_one(given.Destroy)
def command(surroundings: Surroundings, asked: given.Destroy) -> int:
    """Cancel every active run of the stack at PATH. Runs that lifecycle.onRemoval keeps go on.

    Runs that no policy says to cancel need --allow-cancel, as in a plan.
    """
    if asked.path == wiring.STREAM:
        raise click.UsageError("destroy reads no manifests, so there is no stream to read; name the stack's folder")
    with ExitStack() as closing:
        drawn = plan.draw(asked.path, surroundings, asked, closing, reading=False)
        apply.show(drawn, asked)
        return apply.carry_out(drawn, asked, EnvironmentSecrets(surroundings.environment, ()), saved=False)
