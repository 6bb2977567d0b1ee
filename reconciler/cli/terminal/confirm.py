"""Ask a person before something is done that cannot be taken back."""

from __future__ import annotations

from typing import TextIO

import click

from reconciler.vocabulary import errors


def confirm(question: str, stdin: TextIO, *, alone: str, refused: str) -> None:
    """Go on only for a typed `yes`.

    Raises errors.InputError with the way out `alone` where stdin is no terminal, and with `refused` for another answer.
    """
    if not stdin.isatty():
        raise errors.InputError("there is nobody to ask: stdin is no terminal", alone)
    click.echo(f"{question} Only 'yes' is taken: ", nl=False, err=True)
    answer = stdin.readline()
    if not answer:
        raise click.Abort
    if answer.strip() != "yes":
        raise errors.InputError(refused)
