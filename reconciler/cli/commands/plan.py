"""`reconciler plan`: GET requests only; writes nothing but the file of --out."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from reconciler.cli.flow import plan
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
    help="Look only at addresses whose manifests changed since the work here left this Git ref.",
)
@flags.selection
@flags.allowances
@flags.impersonate
@flags.rate
@flags.verbose
@flags.output(table.PLAN_FORMATS)
@flags.color
def command(path: str, out: str | None, color: str, **given: Any) -> int:
    """Show what apply would do to the stack at PATH; `-` reads the whole desired set from stdin."""
    targets = outputs.chosen(given["given"], table.PLAN_FORMATS)
    if given["max_age"] is not None and not given["against"]:
        raise click.UsageError("--max-age limits the snapshot of --against, which is not given")
    if given["impersonate"] and given["against"]:
        raise click.UsageError("--against uses no credentials, so there is nobody to impersonate")
    view = plan.View(given["against"] or "", given["max_age"], given["changed_since"] or "")
    with ExitStack() as closing:
        drawn = plan.draw(
            path,
            flags.options(given),
            closing,
            impersonate=given["impersonate"],
            reading=True,
            rate=given["rate"],
            view=view,
        )
    if out:
        outputs.save(Path(out), planfile.dump(drawn.document), mode=0o600)
    plan.render(drawn.plan, drawn.document, targets, color, verbose=given["verbose"])
    if out:
        outputs.say(f"Saved the plan to {out}. {_next(drawn.plan, drawn.digest, out)}")
    return plan.exit_code(drawn.plan, detailed=given["detailed_exitcode"])


def _next(plan: Plan, digest: str, out: str) -> str:
    """Say which command applies the saved plan, or why none does."""
    from reconciler.renderers import html_view

    if plan.against:
        return "It was made against a snapshot: it can be shown but not applied"
    command = html_view.command(plan, digest).replace("PLANFILE", out, 1)
    if not command:
        return "It is blocked, and no flag allows it"
    return f"{'To allow it and do' if plan.blocked else 'To do'} exactly this: {command}"
