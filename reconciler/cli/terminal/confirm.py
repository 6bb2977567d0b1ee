"""Ask a person before something is done that cannot be taken back."""

from __future__ import annotations

import sys

import click

from reconciler.vocabulary import errors


def confirm(question: str, *, alone: str, refused: str) -> None:
    """Go on only for a typed `yes`.

    Raises errors.InputError with the way out `alone` where stdin is no terminal, and with `refused` for another answer.
    """
    if not sys.stdin.isatty():
        raise errors.InputError("there is nobody to ask: stdin is no terminal", alone)
    answer = click.prompt(f"{question} Only 'yes' is taken", default="", show_default=False, err=True)
    if answer.strip() != "yes":
        raise errors.InputError(refused)
