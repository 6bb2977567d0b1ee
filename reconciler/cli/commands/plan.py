"""`reconciler plan`: GET requests only; writes nothing but the file of --out."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from reconciler.cli.flow import exit_code, given, plan
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import flags, outputs
from reconciler.files import planfile
from reconciler.renderers import table
from reconciler.vocabulary.plans import Plan


@click.command()
@flags.path
@click.option("--out", metavar="FILE", callback=flags.not_empty, help="Save the plan for review and apply.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where there are changes.")
@click.option(
    "--against", metavar="SNAPSHOT", callback=flags.not_empty, help="Plan offline, against a file of `snapshot`."
)
@click.option(
    "--max-age", default="", metavar="DURATION", callback=flags.duration, help="Refuse an older snapshot: 12h, 3d."
)
@click.option(
    "--changed-since",
    metavar="REF",
    callback=flags.not_empty,
    help="Look only at addresses whose manifests changed since the work here left this Git ref; maybe at none.",
)
@flags.selection
@flags.allowances
@flags.impersonate
@flags.rate
@flags.verbose
@flags.output(table.PLAN_FORMATS)
@flags.color
@click.pass_obj
@given.as_one(given.Plan)
def command(surroundings: Surroundings, asked: given.Plan) -> int:
    """Show what apply would do to the stack at PATH; `-` reads the whole desired set from stdin."""
    if asked.max_age is not None and not asked.against:
        raise click.UsageError("--max-age limits the snapshot of --against, which is not given")
    if asked.impersonate and asked.against:
        raise click.UsageError("--against uses no credentials, so there is nobody to impersonate")
    view = plan.View(asked.against or "", asked.max_age, asked.changed_since or "")
    with ExitStack() as closing:
        drawn = plan.draw(asked.path, surroundings, asked, closing, reading=True, view=view)
    if asked.out:
        outputs.save(Path(asked.out), planfile.dump(drawn.document), mode=0o600)
    plan.render(drawn.plan, drawn.document, asked.targets, asked.color, verbose=asked.verbose)
    if asked.out:
        outputs.say(f"Saved the plan to {asked.out}. {_next(drawn.plan, drawn.digest, asked.out)}")
    return exit_code.of_plan(drawn.plan, detailed=asked.detailed_exitcode)


def _next(plan: Plan, digest: str, out: str) -> str:
    """Say which command applies the saved plan, or why none does."""
    from reconciler.renderers import html_view

    if plan.against:
        return "It was made against a snapshot: it can be shown but not applied"
    command = html_view.command(plan, digest).replace("PLANFILE", out, 1)
    if not command:
        return "It is blocked, and no flag allows it"
    return f"{'To allow it and do' if plan.blocked else 'To do'} exactly this: {command}"
