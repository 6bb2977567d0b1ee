"""`reconciler snapshot`: GET requests only; writes nothing but the file of --out, and no secret into it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

import reconciler
from reconciler.cli import wiring
from reconciler.cli.flow import plan
from reconciler.cli.terminal import flags, outputs
from reconciler.core.documents import snapshot_json
from reconciler.engine import snapshot
from reconciler.files import planfile


@click.command()
@flags.path
@click.option("--out", metavar="FILE", required=True, callback=flags.not_empty, help="Where to save the snapshot.")
@flags.impersonate
@flags.rate
def command(path: str, out: str, impersonate: str, rate: flags.Rate) -> int:
    """Save what a plan of the stack at PATH reads, for `plan --against` where there are no credentials.

    The value of every environment variable of a live job is withheld.
    """
    with ExitStack() as closing:
        workspace = wiring.open_workspace(path)
        desired = wiring.require(wiring.read_manifests(workspace, path))
        opened = wiring.open_world(workspace, impersonate=impersonate, reading=True, asked=rate)
        shot = snapshot.take(closing.enter_context(opened), workspace.stack, desired)
    document = snapshot_json.to_json(shot.snapshot, plan.now(), reconciler.__version__)
    outputs.save(Path(out), planfile.dump(document), mode=0o600)
    for (kind, scope), why in shot.closed.items():
        outputs.say(f"Left out: {kind} in {scope}: {why}. A plan that needs it will be blocked")
    held = shot.snapshot
    outputs.say(
        f"Saved {len(held.jobs)} runs of {len(held.lists)} lists and {len(held.ledger)} runs on record to {out}"
    )
    click.echo(f"Snapshot: {document['digest']}")
    return 0
