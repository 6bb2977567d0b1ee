"""`reconciler destroy`: a plan with an empty desired set, applied."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import click

from reconciler.cli import wiring
from reconciler.cli.flow import apply, plan
from reconciler.cli.terminal import flags, outputs
from reconciler.core.plan.address import Destroy


@click.command(cls=flags.Waiting)
@flags.path
@click.option("--delete", "records", is_flag=True, help="Delete the records too.")
@flags.yes
@flags.applying
@flags.choosing
@flags.allowances
@flags.impersonate
@flags.rate
@flags.output(apply.FORMATS)
@flags.color
def command(path: str, *, records: bool, **given: Any) -> int:
    """Cancel every active run of the stack at PATH. What lifecycle.onRemoval keeps is kept.

    Runs that no policy says to cancel need --allow-cancel, as in a plan.
    """
    targets = outputs.chosen(given["given"], apply.FORMATS)
    if path == wiring.STREAM:
        raise click.UsageError("destroy reads no manifests, so there is no stream to read; name the stack's folder")
    options = flags.options(given, Destroy(records))
    with ExitStack() as closing:
        drawn = plan.draw(path, options, closing, impersonate=given["impersonate"], reading=False, rate=given["rate"])
        apply.show(drawn, targets, given["color"])
        return apply.carry_out(drawn, targets, {**given, "secret_env": (), "destroying": True}, ask=True)
