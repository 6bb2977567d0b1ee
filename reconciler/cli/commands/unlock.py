"""`reconciler unlock`: show who holds the stack's lock, and remove a lease whose holder is gone. Never breaks a live one."""

from __future__ import annotations

import click

from reconciler.cli import wiring
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import confirm, flags, outputs
from reconciler.renderers import escape
from reconciler.vocabulary import errors


@click.command()
@flags.path
@flags.yes
@flags.impersonate
@click.pass_obj
def command(surroundings: Surroundings, path: str, impersonate: str, *, yes: bool) -> int:
    """Show who holds the lock of the stack at PATH; remove it only where its lease ran out."""
    workspace = wiring.open_workspace(path, surroundings)
    with wiring.open_store(workspace, impersonate=impersonate) as store:
        store.require_format()
        found = store.holder()
        if found is None:
            outputs.say(
                f"Nobody holds the lock of {workspace.stack.name} (store {escape.visible(workspace.stack.store)})."
            )
            return 0
        if found.live:
            raise errors.LockHeld(
                f"the stack is locked by {found.description}",
                "a live lock is never broken: wait until it is done, or stop that process and wait for its lease to end",
            )
        outputs.say(f"The lease of a holder that is gone: {escape.visible(found.description)}.")
        if not yes:
            confirm.confirm(
                "Remove it?",
                surroundings.stdin,
                alone="add --yes to remove the lock",
                refused="the lock was not removed",
            )
        store.break_lock()
    outputs.say("Unlocked.")
    return 0
