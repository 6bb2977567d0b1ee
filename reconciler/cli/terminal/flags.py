"""Flags that several commands share, each defined once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

import click

from reconciler.cli.terminal import completions, outputs
from reconciler.transport.rate import Budget

Decorated = Callable[..., Any]

_LONGEST_NUMBER = 9
"""Digits of a duration: more than thirty years in seconds, and far from what a number overflows at."""

_NUMBER = re.compile(rf"[0-9]{{1,{_LONGEST_NUMBER}}}")

_HIGHEST_RATE = 1_000_000
"""Requests a minute: no quota is as high, and no process sends as many."""

WAITS = ("running", "finished")
"""What --wait can wait for; the last is what it means by itself."""


def _color(context: click.Context, _option: click.Parameter, given: str) -> str:
    return str(context.obj.environment.color) if given == "auto" else given


color = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    callback=_color,
    help="Colour: auto is on a terminal only.",
)
verbose = click.option("--verbose", "-v", is_flag=True, help="Unfold large plans and show what each call sends.")
yes = click.option("--yes", "-y", "--auto-approve", "yes", is_flag=True, help="Do not ask.")
secret_env = click.option(
    "--secret-env", "secret_env", multiple=True, metavar="NAME", help="Let manifests read this variable; repeatable."
)
impersonate = click.option(
    "--impersonate-service-account", "impersonate", default="", metavar="EMAIL", help="Act as this service account."
)


def output(formats: Collection[str]) -> Callable[[Decorated], Decorated]:
    """Add `-o` as `targets`: its help, its completion and what it takes all come from the formats that the command has."""
    names = ", ".join(sorted(formats))
    return click.option(
        "-o",
        "--output",
        "targets",
        multiple=True,
        metavar="FORMAT[=FILE]",
        callback=lambda _context, _option, given: outputs.chosen(given, formats),
        shell_complete=completions.words(formats),
        help=f"Write this form of the result, to stdout or FILE; text alone by default. Repeatable. Forms: {names}.",
    )


def _rate(_context: click.Context, _option: click.Parameter, given: str | None) -> Budget | None:
    """Read `N` or `N,M`. Submissions are a tenth where M is not said, as they are of Google's published quotas."""
    if given is None:
        return None
    requests, comma, submissions = given.partition(",")
    numbers = [requests, submissions] if comma else [requests]
    if not all(
        each.isascii() and each.isdigit() and len(each) <= _LONGEST_NUMBER and 1 <= int(each) <= _HIGHEST_RATE
        for each in numbers
    ):
        raise click.UsageError(
            f"--rate {given!r} is no budget; write requests a minute, or requests and submissions: 600 or 600,60"
        )
    most, starts = int(requests), int(submissions) if comma else max(1, int(requests) // 10)
    if starts > most:
        raise click.UsageError(f"--rate {given}: a submission is a request too, so there cannot be more of them")
    return Budget(most, starts)


rate = click.option(
    "--rate",
    metavar="N[,M]",
    callback=_rate,
    help="Send at most N requests a minute and project, M of them submissions (creates, deletes); M is N/10 unless said.",
)


def allowances(command: Decorated) -> Decorated:
    """Add the flags that allow what guards block."""
    command = click.option(
        "--allow-older",
        is_flag=True,
        help="Allow a commit that came before the one applied last, or whose place in history is unknown.",
    )(command)
    command = click.option(
        "--allow-empty", is_flag=True, help="Allow a plan without manifests, or one after which no run is left."
    )(command)
    command = click.option(
        "--allow-delete", type=click.IntRange(min=0), default=0, metavar="N", help="Allow deleting up to N records."
    )(command)
    return click.option(
        "--allow-cancel",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Allow cancelling up to N active runs.",
    )(command)


def selection(command: Decorated) -> Decorated:
    """Add the flags that choose addresses and ask for reruns."""
    command = click.option(
        "--rerun",
        multiple=True,
        metavar="ADDRESS",
        shell_complete=completions.addresses,
        help="Run this address once more, whatever its last run did; repeatable.",
    )(command)
    return choosing(command)


def choosing(command: Decorated) -> Decorated:
    """Add --select and --exclude."""
    command = click.option(
        "--exclude",
        multiple=True,
        metavar="GLOB",
        callback=_globs,
        shell_complete=completions.addresses,
        help="Leave these addresses alone; repeatable. A glob that matches none is an error.",
    )(command)
    return click.option(
        "--select",
        multiple=True,
        metavar="GLOB",
        callback=_globs,
        shell_complete=completions.addresses,
        help="Look at these addresses only, such as '*/train'; repeatable. A glob that matches none is an error.",
    )(command)


def not_empty(_context: click.Context, option: click.Parameter, given: str | None) -> str | None:
    """Refuse an empty value: it comes from a variable that is not set, and must not read as one left away."""
    if given == "":
        name = (option.metavar or "PATH") if isinstance(option, click.Argument) else option.opts[0]
        raise click.UsageError(f"{name} is empty, as if a variable were not set")
    return given


def duration(_context: click.Context, _option: click.Parameter, given: str) -> float | None:
    """Read a duration in seconds, None where it was not given."""
    return seconds(given)


path = click.argument("path", default=".", callback=not_empty, shell_complete=completions.folders)


def _globs(_context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    if "" in given:
        raise click.UsageError(f"{option.opts[0]} is empty, as if a variable were not set; name an address or a glob")
    return given


def applying(command: Decorated) -> Decorated:
    """Add the flags of every command that writes."""
    command = click.option(
        "--on-error",
        type=click.Choice(["stop", "continue"]),
        default="stop",
        show_default=True,
        help="After a failure: start nothing new, or go on.",
    )(command)
    command = click.option(
        "--parallelism",
        type=click.IntRange(1, 64),
        default=10,
        show_default=True,
        metavar="N",
        help="Changes under way at once.",
    )(command)
    command = click.option(
        "--timeout",
        default="",
        metavar="DURATION",
        callback=_timeout,
        help="How long --wait waits, such as 30m; no limit by default.",
    )(command)
    return click.option(
        "--wait",
        is_flag=False,
        flag_value="finished",
        default="",
        type=click.Choice(["", *WAITS]),
        metavar="[=running|finished]",
        is_eager=True,
        help="Wait for the runs this apply started.",
    )(command)


def _timeout(context: click.Context, _option: click.Parameter, given: str) -> float | None:
    limit = seconds(given)
    if limit is not None and not context.params.get("wait"):
        raise click.UsageError("--timeout limits --wait, which is not given")
    return limit


class Waiting(click.Command):
    """A command with `--wait[=…]`: without an equals sign the word after it is the argument, as GNU flags have it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write a bare `--wait` out, unless one of its own words follows."""
        arguments = [
            f"--wait={WAITS[-1]}" if each == "--wait" and following not in WAITS else each
            for each, following in zip(args, [*args, ""][1:], strict=True)
        ]
        return super().parse_args(ctx, arguments)


def seconds(duration: str) -> float | None:
    """Read `90s`, `30m`, `2h` or `1d`; None for no limit. Raises click.UsageError."""
    if not duration:
        return None
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = duration[:-1], duration[-1]
    if unit not in units or not number.isdecimal() or len(number) > _LONGEST_NUMBER:
        raise click.UsageError(f"{duration!r} is no duration; write it like 90s, 30m or 2h")
    return float(int(number) * units[unit])
