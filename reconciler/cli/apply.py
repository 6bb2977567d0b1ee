"""`reconciler apply`: with a plan file exactly that plan or nothing; with a path plan, show, ask, apply."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from reconciler.cli import applying, flags, outputs, planning, wiring
from reconciler.core import recipe
from reconciler.files import planfile
from reconciler.renderers import table
from reconciler.vocabulary import errors


@click.command()
@click.argument("target", default=".", metavar="[PLANFILE|PATH]")
@click.option("--expect-digest", "--expect", "expected", default="", metavar="D", help="Refuse any other plan.")
@flags.yes
@flags.applying
@flags.secret_env
@flags.selection
@flags.allowances
@flags.impersonate
@flags.output
@flags.color
def command(target: str, expected: str, **given: Any) -> int:
    """Converge the live jobs to a saved plan, or to the manifests of a stack."""
    targets = outputs.chosen(given["given"], table.OUTCOME_FORMATS)
    with ExitStack() as closing:
        if Path(target).is_file():
            drawn = _saved(target, given, closing)
        else:
            drawn = planning.draw(
                target, flags.options(given), closing, impersonate=given["impersonate"], reading=False
            )
            planning.render(drawn.plan, drawn.document, applying.shown(targets), given["color"])
        if expected and expected != drawn.digest:
            raise errors.WrongDigest(
                f"the plan's digest is {drawn.digest}, not {expected}", "review this plan, then apply with its digest"
            )
        return applying.carry_out(drawn, targets, given, ask=not Path(target).is_file())


def _saved(file: str, given: dict[str, Any], closing: ExitStack) -> planning.Drawn:
    """Open a saved plan in the stack it was made for."""
    document = planfile.load(Path(file))
    if given["select"] or given["exclude"] or given["rerun"]:
        raise click.UsageError("a saved plan is applied whole; --select, --exclude and --rerun belong to plan")
    saved = recipe.from_json(document)
    workspace = wiring.open_workspace(".")
    stack = workspace.stack
    if (stack.name, stack.uid) != (saved.plan.stack, saved.plan.uid):
        raise errors.StalePlan(
            f"the plan is for stack {saved.plan.stack} ({saved.plan.uid}), this is {stack.name} ({stack.uid})",
            "run apply in the plan's own stack",
        )
    if stack.backend != saved.plan.backend:
        raise errors.StalePlan(
            f"the plan is for backend {saved.plan.backend}, this stack has {stack.backend}", "plan again"
        )
    world = closing.enter_context(wiring.open_world(workspace, impersonate=given["impersonate"]))
    return planning.Drawn(saved.plan, saved.document, workspace, world)
