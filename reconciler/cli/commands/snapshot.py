"""`reconciler snapshot`: GET requests only; writes nothing but the file of --out, and withholds what may be secret."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

import reconciler
from reconciler.cli import clock, wiring
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import flags, outputs
from reconciler.core.documents import snapshot_json
from reconciler.engine import snapshot
from reconciler.files import planfile
from reconciler.transport.rate import Budget


@click.command()
@flags.path
@click.option("--out", metavar="FILE", required=True, callback=flags.not_empty, help="Where to save the snapshot.")
@flags.impersonate
@flags.rate
@click.pass_obj
def command(surroundings: Surroundings, path: str, out: str, impersonate: str, rate: Budget | None) -> int:
    """Save what a plan of the stack at PATH reads, for `plan --against` where there are no credentials.

    The value of every environment variable of a live job is withheld.
    """
    with ExitStack() as closing:
        workspace = wiring.open_workspace(path, surroundings)
        desired = wiring.require(wiring.read_manifests(workspace, path))
        opened = wiring.open_world(workspace, impersonate=impersonate, reading=True, asked=rate)
        shot = snapshot.take(closing.enter_context(opened), workspace.stack, desired)
    document = snapshot_json.to_json(shot.snapshot, clock.rfc3339(surroundings.clock), reconciler.__version__)
    outputs.save(Path(out), planfile.dump(document), mode=0o600)
    for (kind, scope), why in shot.closed.items():
        outputs.say(f"Left out: {kind} in {scope}: {why}. A plan that needs it will be blocked")
    held = shot.snapshot
    outputs.say(
        f"Saved {len(held.jobs)} runs of {len(held.lists)} lists and {len(held.ledger)} runs on record to {out}"
    )
    click.echo(f"Snapshot: {document['digest']}")
    return 0
