"""The command `reconciler`: finds the command asked for, imports only that one, and turns errors into exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from reconciler.cli import surroundings as outside
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import streams
from reconciler.vocabulary import errors

COMMANDS = {
    "init": "start a new stack",
    "validate": "check manifests offline and report every problem",
    "fmt": "rewrite manifests in canonical form, comments kept",
    "convert": "turn gcloud config files and API JSON into manifests",
    "plan": "show what apply would do; calls GET only",
    "show": "show a saved plan",
    "snapshot": "save what a plan reads, for plans without credentials",
    "apply": "carry out a saved plan, or plan, ask and apply",
    "destroy": "cancel the active runs, and with --delete delete the records",
    "status": "show live runs, and for one address also why",
    "logs": "show what a run printed, from an emulator that runs jobs",
    "iam": "read, write and test the IAM policy of an ml job",
    "explain": "describe kinds and fields, or print a JSON Schema",
    "emulate": "serve the job APIs on this machine",
    "unlock": "show who holds the lock, and remove one whose holder is gone",
    "forget": "drop a scope that the stack left and that is gone for good",
    "completion": "print what makes bash, zsh or fish complete this command line",
    "version": "print the version",
}
"""Every command and its line in --help; the module of the same name holds it."""

LATER = frozenset({"wait", "get", "query", "cancel", "delete", "import", "export"})
"""Commands of later versions, refused by name."""

LATER_FLAGS = frozenset({"--executor", "--for"})
"""Flags of later versions, refused by name."""

ONE_DASH = ("out", "detailed-exitcode", "auto-approve")
"""Flags that Terraform's users write with one dash."""


class Commands(click.Group):
    """Loads a command's module when it is called, so that `version` does not pay for `apply`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name in LATER and not ctx.resilient_parsing:
            raise click.UsageError(f"`{cmd_name}` is not built yet. See `reconciler --help` for what is.")
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"reconciler.cli.commands.{cmd_name}").command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer commands without importing any of them."""
        options = click.Command.shell_complete(self, ctx, incomplete)
        found = COMMANDS.items()
        return [CompletionItem(name, help=does) for name, does in found if name.startswith(incomplete)] + options

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Declarative jobs for Google Cloud: manifests in Git, a reviewed plan, and calls that do exactly that.

    Anywhere on the line, --debug shows where an error came from.

    Exit codes: 0 done, 1 error, 2 changes (with --detailed-exitcode), 3 plan refused, 4 blocked by a guard, 5 locked,
    6 a job failed under --wait, 7 --timeout ran out, 8 applied in part.
    """


INTERRUPTED = 130
"""The exit code after SIGINT."""


def run(arguments: Sequence[str] | None = None, surroundings: Surroundings | None = None) -> int:
    """Run one command line and return its exit code; what surrounds it is this process, where nothing else is said."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    streams.prepare()
    around = surroundings or outside.of_process()
    given = [_two_dashes(each) for each in given if each != "--debug"]
    given = ["version"] if given == ["--version"] else given
    try:
        code = _call(given, around)
    except Exception as problem:
        if debug:
            raise
        code = _report(problem, around) if isinstance(problem, errors.ReconcilerError) else _report_foreign(problem)
    code = streams.finish(code)
    if code == INTERRUPTED and arguments is None:
        os._exit(code)  # the interpreter would wait for a thread whose call hangs; all is written down and told
    return code


def _call(given: list[str], surroundings: Surroundings) -> int:
    try:
        result = commands.main(given, prog_name="reconciler", standalone_mode=False, obj=surroundings)
    except click.exceptions.Exit as done:
        return done.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED
    except click.ClickException as wrong:
        _named(wrong).show(sys.stderr)
        return 1
    except BrokenPipeError:
        streams.abandon(sys.stdout)  # the reader of stdout went away, as `| head` does
        return 1
    return int(result or 0)


def _named(wrong: click.ClickException) -> click.ClickException:
    if isinstance(wrong, click.NoSuchOption) and wrong.option_name in LATER_FLAGS:
        return click.UsageError(f"`{wrong.option_name}` is not built yet. See --help for what is.", wrong.ctx)
    return wrong


def _report(problem: errors.ReconcilerError, surroundings: Surroundings) -> int:
    from reconciler.cli.terminal import outputs

    outputs.report(problem, surroundings.environment.color)
    return problem.exit_code


def _report_foreign(problem: Exception) -> int:
    """Tell of an error that is not ours: the system's in its own words, anything else as the bug it is."""
    from reconciler.renderers import escape

    what = "the system refused" if isinstance(problem, OSError) else f"internal: {type(problem).__name__}"
    sys.stderr.write(escape.visible(f"Error: {what}: {problem}") + "\nRun again with --debug to see where.\n")
    return 1


def _two_dashes(argument: str) -> str:
    name = argument.split("=", 1)[0]
    return f"-{argument}" if name.startswith("-") and name[1:] in ONE_DASH else argument
