"""`reconciler iam`: the IAM policy of the run of an address, read, written and tested. Only ml jobs have one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from reconciler.cli import wiring
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import completions, flags
from reconciler.engine.reading import find
from reconciler.engine.world import World
from reconciler.files import documents
from reconciler.renderers import escape, json_output
from reconciler.transport.rate import Budget
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind, Verb
from reconciler.vocabulary.model import Run, parts_of


@click.group()
def command() -> None:
    """Read, write and test the IAM policy of an ml job."""


@command.command()
@click.argument("address", shell_complete=completions.addresses)
@flags.impersonate
@flags.rate
@click.pass_obj
def get(surroundings: Surroundings, address: str, impersonate: str, rate: Budget | None) -> int:
    """Print the policy of ADDRESS as JSON, etag included."""
    with ExitStack() as closing:
        world, kind, run = _open(surroundings, address, closing, impersonate, rate, reading=True)
        _print(world.api.get_iam_policy(kind, run.resource))
    return 0


@command.command("set")
@click.argument("address", shell_complete=completions.addresses)
@click.argument("policy_file", shell_complete=completions.files)
@flags.impersonate
@flags.rate
@click.pass_obj
def set_(surroundings: Surroundings, address: str, policy_file: str, impersonate: str, rate: Budget | None) -> int:
    """Replace the policy of ADDRESS by POLICY_FILE.

    The file is JSON or YAML, with the etag that `get` printed.
    """
    reading = documents.read(Path(policy_file), policy_file)
    if reading.problems:
        raise errors.InputError(f"{policy_file} cannot be read", problems=reading.problems)
    value = reading.documents[0].value if len(reading.documents) == 1 else None
    if not isinstance(value, dict) or not isinstance(value.get("bindings", []), list):
        raise errors.InputError(
            f"{policy_file} is no policy", "write what `reconciler iam get` prints, then edit its bindings"
        )
    if "etag" not in value:
        raise errors.InputError(
            f"{policy_file} has no etag, so it could overwrite what somebody changed meanwhile",
            "start from `reconciler iam get`",
        )
    with ExitStack() as closing:
        world, kind, run = _open(surroundings, address, closing, impersonate, rate, reading=False)
        if not run.marked:
            raise errors.InputError(
                f"{address}: {run.resource} lost our labels, and a live job without our mark is not changed",
                "give it its labels back (docs/labels.md), or set its policy with Google's own tools",
            )
        _print(world.api.set_iam_policy(kind, run.resource, value))
    return 0


@command.command()
@click.argument("address", shell_complete=completions.addresses)
@click.argument("permissions", nargs=-1, required=True)
@flags.impersonate
@flags.rate
@click.pass_obj
def test(
    surroundings: Surroundings, address: str, permissions: tuple[str, ...], impersonate: str, rate: Budget | None
) -> int:
    """Print those of PERMISSIONS that the caller has on ADDRESS."""
    with ExitStack() as closing:
        world, kind, run = _open(surroundings, address, closing, impersonate, rate, reading=True)
        for permission in world.api.test_iam_permissions(kind, run.resource, permissions):
            click.echo(escape.visible(permission))
    return 0


def _open(
    surroundings: Surroundings,
    address: str,
    closing: ExitStack,
    impersonate: str,
    rate: Budget | None,
    *,
    reading: bool,
) -> tuple[World, Kind, Run]:
    """Find the live run of an address whose kind has a policy."""
    workspace = wiring.open_workspace(".", surroundings)
    name = parts_of(address)[0]
    kind = workspace.kinds.get(name)
    if kind is None or not kind.can(Verb.GET_IAM_POLICY):
        have = ", ".join(sorted(each.name for each in workspace.kinds.values() if each.can(Verb.GET_IAM_POLICY)))
        raise errors.InputError(f"{address}: kind {name!r} has no IAM policy", f"kinds that have one: {have}")
    desired = wiring.require(wiring.read_manifests(workspace, "."))
    world = closing.enter_context(wiring.open_world(workspace, impersonate=impersonate, reading=reading, asked=rate))
    return world, kind, find.find(world, workspace.stack, desired, address).live


def _print(policy: Mapping[str, Any]) -> None:
    click.echo(json_output.resource(policy))
