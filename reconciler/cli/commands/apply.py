"""`reconciler apply`: with a plan file exactly that plan or nothing; with a path plan, show, ask, apply."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from reconciler.cli import wiring
from reconciler.cli.flow import apply, approval, plan
from reconciler.cli.terminal import completions, flags, outputs
from reconciler.core.documents import plan_json
from reconciler.files import planfile
from reconciler.vocabulary import errors


@click.command(cls=flags.Waiting)
@click.argument(
    "target", default=".", metavar="[PLANFILE|PATH]", callback=flags.not_empty, shell_complete=completions.files
)
@approval.demands
@flags.yes
@flags.applying
@flags.secret_env
@flags.selection
@flags.allowances
@flags.impersonate
@flags.rate
@flags.output(apply.FORMATS)
@flags.color
def command(target: str, **given: Any) -> int:
    """Converge the live jobs to a saved plan, or to the manifests of a stack."""
    targets = outputs.chosen(given["given"], apply.FORMATS)
    with ExitStack() as closing:
        if Path(target).is_file():
            drawn = _saved(target, given, closing)
        else:
            drawn = plan.draw(
                target,
                flags.options(given),
                closing,
                impersonate=given["impersonate"],
                reading=False,
                rate=given["rate"],
            )
            apply.show(drawn, targets, given["color"])
        approval.check(drawn, given["expected"], given["revision"], given["max_age"])
        return apply.carry_out(drawn, targets, given, ask=not Path(target).is_file())


def _saved(file: str, given: dict[str, Any], closing: ExitStack) -> plan.Drawn:
    """Open a saved plan in the stack it was made for."""
    saved = plan_json.from_json(planfile.load(Path(file)))
    if given["select"] or given["exclude"] or given["rerun"]:
        raise click.UsageError("a saved plan is applied whole; --select, --exclude and --rerun belong to plan")
    if saved.plan.against:
        raise errors.PlanRefused(
            f"the plan was made against a snapshot of {saved.plan.against.created_at}, without a look at the live jobs",
            "plan with credentials, and apply that: where nothing changed meanwhile its digest is the same",
        )
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
    outputs.say(f"Applying {file} to stack {stack.name} ({stack.uid}), backend {stack.backend}")
    world = closing.enter_context(wiring.open_world(workspace, impersonate=given["impersonate"], asked=given["rate"]))
    return plan.Drawn(saved.plan, saved.document, workspace, world)
