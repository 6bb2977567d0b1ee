"""`reconciler apply`: with a plan file exactly that plan or nothing; with a path plan, show, ask, apply."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from reconciler.cli import wiring
from reconciler.cli.environment import EnvironmentSecrets
from reconciler.cli.flow import apply, approval, given, plan
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import completions, flags, outputs
from reconciler.core.documents import plan_json
from reconciler.files import planfile
from reconciler.renderers import table
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
@flags.output(table.APPLY_FORMATS)
@flags.color
@click.pass_obj
@given.as_one(given.Apply)
def command(surroundings: Surroundings, asked: given.Apply) -> int:
    """Converge the live jobs to a saved plan, or to the manifests of a stack."""
    saved = Path(asked.target).is_file()
    with ExitStack() as closing:
        if saved:
            drawn = _saved(asked, surroundings, closing)
        else:
            drawn = plan.draw(asked.target, surroundings, asked, closing, reading=False)
            apply.show(drawn, asked)
        approval.check(drawn, asked)
        return apply.carry_out(
            drawn, asked, EnvironmentSecrets(surroundings.environment, asked.secret_env), saved=saved
        )


def _saved(asked: given.Apply, surroundings: Surroundings, closing: ExitStack) -> plan.Drawn:
    """Open a saved plan in the stack it was made for."""
    saved = plan_json.from_json(planfile.load(Path(asked.target)))
    if asked.select or asked.exclude or asked.rerun:
        raise click.UsageError("a saved plan is applied whole; --select, --exclude and --rerun belong to plan")
    if saved.plan.against:
        raise errors.PlanRefused(
            f"the plan was made against a snapshot of {saved.plan.against.created_at}, without a look at the live jobs",
            "plan with credentials, and apply that: where nothing changed meanwhile its digest is the same",
        )
    workspace = wiring.open_workspace(".", surroundings)
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
    wiring.require_own_uid(workspace)
    outputs.say(f"Applying {asked.target} to stack {stack.name} ({stack.uid}), backend {stack.backend}")
    world = closing.enter_context(wiring.open_world(workspace, impersonate=asked.impersonate, asked=asked.rate))
    return plan.Drawn(saved.plan, saved.document, workspace, world)
