"""What a person or a pipeline asks of a plan before it may be applied: its digest, its revision, its age."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from reconciler.cli.flow import age, given
from reconciler.cli.flow.plan import Drawn
from reconciler.cli.terminal import flags
from reconciler.files import checkout
from reconciler.renderers import words
from reconciler.vocabulary import errors

_SHORTEST = 7
"""Characters of an abbreviated commit, as Git itself writes one at least."""


def demands(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags of this module."""
    command = click.option(
        "--max-age",
        "max_age",
        default="",
        metavar="DURATION",
        callback=flags.duration,
        help="Refuse an older plan: 12h, 3d.",
    )(command)
    command = click.option(
        "--require-revision",
        "revision",
        metavar="REV",
        callback=flags.not_empty,
        help="Refuse a plan of another commit, or of uncommitted changes; HEAD is the one checked out here.",
    )(command)
    return click.option(
        "--expect-digest", "--expect", "expected", metavar="D", callback=flags.not_empty, help="Refuse any other plan."
    )(command)


def check(drawn: Drawn, asked: given.Apply) -> None:
    """Hold a plan to what was asked of it. Raises errors.WrongDigest or errors.StalePlan; nothing was called."""
    if asked.expected is not None and asked.expected != drawn.digest:
        raise errors.WrongDigest(
            f"the plan's digest is {drawn.digest}, not {asked.expected}", "review this plan, then apply with its digest"
        )
    if asked.revision is not None:
        _require_revision(drawn, asked.revision)
    if asked.max_age is not None:
        age.require(
            str(drawn.document["createdAt"]), asked.max_age, drawn.workspace.surroundings.clock, "plan", "plan again"
        )


def _require_revision(drawn: Drawn, asked: str) -> None:
    plan = drawn.plan
    wanted = checkout.head(drawn.workspace.root).commit if asked == "HEAD" else asked.lower()
    if not wanted:
        raise errors.StalePlan("--require-revision HEAD: there is no commit here", "name the commit, or leave the flag")
    if len(wanted) < _SHORTEST or not plan.revision.startswith(wanted):
        made = plan.revision or "no commit at all"
        raise errors.StalePlan(f"the plan was made of {made}, not of {wanted}", "plan again at that commit")
    if plan.dirty is not False:
        way_out = "commit them" if plan.dirty else "see to it that Git can tell"
        raise errors.StalePlan(
            f"the plan was made of {plan.revision}, {words.doubt(plan)}", f"{way_out} and plan again"
        )
