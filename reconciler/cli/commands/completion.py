"""`reconciler completion`: the script that makes a shell complete this command line."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

VARIABLE = "_RECONCILER_COMPLETE"
"""What the script sets when it asks; click answers it (https://click.palletsprojects.com/en/stable/shell-completion/)."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the script for SHELL; addresses are read from the stack you stand in, offline.

    \b
    bash   source <(reconciler completion bash)                  in ~/.bashrc
    zsh    source <(reconciler completion zsh)                   in ~/.zshrc, after compinit
    fish   reconciler completion fish | source                   in ~/.config/fish/config.fish
    """
    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"this click knows no completion for {shell}")
    click.echo(script(command, {}, "reconciler", VARIABLE).source())
    return 0
