"""`reconciler show`: a saved plan in any form, checked for edits first."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from reconciler.cli.flow import plan
from reconciler.cli.terminal import completions, flags, outputs
from reconciler.core.documents import plan_json
from reconciler.files import planfile
from reconciler.renderers import table


@click.command()
@click.argument("file", shell_complete=completions.files)
@click.option("--verify", is_flag=True, help="Only say whether digest and seal fit, and print the digest.")
@flags.verbose
@flags.output(table.PLAN_FORMATS)
@flags.color
def command(file: str, targets: tuple[outputs.Target, ...], color: str, *, verify: bool, verbose: bool) -> int:
    """Show the plan in FILE."""
    if verify and click.get_current_context().get_parameter_source("targets") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--verify prints only the digest; leave -o out")
    saved = plan_json.from_json(planfile.load(Path(file)))
    if verify:
        click.echo(saved.digest)
        return 0
    plan.render(saved.plan, saved.document, targets, color, verbose=verbose)
    return 0
