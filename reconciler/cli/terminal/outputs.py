"""Where results go: `-o FORMAT[=FILE]`, stdout for the result and stderr for everything else."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import click

from reconciler.renderers import escape, results
from reconciler.renderers.style import Style
from reconciler.vocabulary import errors

LATER = frozenset({"mermaid"})
"""Formats of later versions, refused by name."""

Target = tuple[str, str]
"""A format, and the file it goes to; no file stands for stdout."""


def style(color: str, stream: TextIO | None = None) -> Style:
    """Decide on colour: `always` or `never`; `auto` where a person is looking."""
    stream = stream or sys.stdout
    wanted = color == "always" or (color == "auto" and stream.isatty())
    width = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 120
    return Style(color=wanted, width=width)


def chosen(given: Sequence[str], known: Collection[str]) -> tuple[Target, ...]:
    """Split every `FORMAT[=FILE]`; the default is text on stdout. Raises click.UsageError for an unknown format."""
    targets = []
    for each in given or ("text",):
        name, _, file = each.partition("=")
        if name not in known:
            built = ", ".join(sorted(known))
            raise click.UsageError(f"-o {name} {_why_not(name)}; there are: {built}")
        targets.append((name, file))
    if sum(not file for _, file in targets) > 1:
        raise click.UsageError("only one -o can go to stdout; give the others a file: -o FORMAT=FILE")
    return tuple(targets)


def _why_not(name: str) -> str:
    from reconciler.renderers import table

    if name in LATER:
        return "is not built yet"
    owners = [owner for owner, formats in table.FORMATS.items() if name in formats]
    return f"belongs to {' and to '.join(owners)}" if owners else "is no output format"


def write(
    targets: Sequence[Target],
    render: Callable[[str, Style], str],
    color: str,
    *,
    verbose: bool = False,
    to: TextIO | None = None,
) -> None:
    """Render once a target; a file gets no colour and appears whole or not at all. `to` stands in for stdout."""
    for name, file in targets:
        if file:
            save(Path(file), render(name, Style(width=120, verbose=verbose)))
        else:
            shown = replace(style(color, to), verbose=verbose)
            text = render(name, shown).rstrip("\n")
            if text:  # annotations of a sound stack are none at all
                click.echo(text, file=to, color=True)


def save(path: Path, content: str, mode: int = 0o644) -> None:
    """Write a file whole or not at all; a pipe or device is written to. Raises errors.ReconcilerError."""
    text = content if content.endswith("\n") else content + "\n"
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            with path.open("w", encoding="utf-8") as stream:  # replacing /dev/stdout would take it from everybody
                stream.write(text)
        else:
            _replace(path.resolve(), text, mode)
    except (OSError, RuntimeError) as cause:
        why = cause.strerror if isinstance(cause, OSError) else "its symbolic links lead in a circle"
        raise errors.ReconcilerError(f"{path} cannot be written: {why}", "name another file") from cause


def _replace(path: Path, text: str, mode: int) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        part.replace(path)
    except OSError:
        part.unlink()
        raise


def report(problem: errors.ReconcilerError, color: str) -> None:
    """Write an error for people to stderr."""
    sys.stderr.write(results.error(problem, style(color, sys.stderr)).rstrip("\n") + "\n")


def say(sentence: str) -> None:
    """Write a sentence to stderr; what it quotes from files steers no terminal."""
    click.echo(escape.visible(sentence), err=True)
