"""`reconciler version`."""

from __future__ import annotations

import json
from pathlib import Path

import click

import reconciler
from reconciler.cli.terminal import outputs


@click.command()
@click.option("-o", "--output", "given", multiple=True, metavar="FORMAT[=FILE]", help="text or json.")
def command(given: tuple[str, ...]) -> int:
    """Print the version."""
    facts = {"name": "reconciler", "version": reconciler.__version__}
    for name, file in outputs.chosen(given, ("text", "json")):
        content = json.dumps(facts, sort_keys=True, indent=2) if name == "json" else f"reconciler {facts['version']}"
        if file:
            outputs.save(Path(file), content)
        else:
            click.echo(content)
    return 0
