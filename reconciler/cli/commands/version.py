"""`reconciler version`."""

from __future__ import annotations

import click

import reconciler
from reconciler.cli.terminal import flags, outputs
from reconciler.renderers import version


@click.command()
@flags.output(version.FORMATS)
def command(targets: tuple[outputs.Target, ...]) -> int:
    """Print the version."""
    outputs.write(targets, lambda name, style: version.FORMATS[name](reconciler.__version__, style), "never")
    return 0
