"""Where results go: `-o FORMAT[=FILE]`, stdout for the result and stderr for everything else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import click

from reconciler.cli.environment import variable
from reconciler.renderers import results
from reconciler.renderers.style import Style
from reconciler.vocabulary import errors

LATER = frozenset({"html", "mermaid", "sarif", "junit", "github", "gitlab", "jsonl"})
"""Formats of later versions, refused by name."""


def style(color: str = "auto", stream: TextIO | None = None) -> Style:
    """Decide on colour: the flag, then NO_COLOR (https://no-color.org), then whether a person is looking."""
    stream = stream or sys.stdout
    wanted = color == "always" or (color == "auto" and not variable("NO_COLOR") and stream.isatty())
    width = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 120
    return Style(color=wanted, width=width)


def chosen(given: Sequence[str], known: Collection[str]) -> list[tuple[str, str]]:
    """Split every `FORMAT[=FILE]`; the default is text on stdout. Raises click.UsageError for an unknown format."""
    targets = []
    for each in given or ("text",):
        name, _, file = each.partition("=")
        if name not in known:
            built = ", ".join(sorted(known))
            why = "is not built yet" if name in LATER else "is no output format"
            raise click.UsageError(f"-o {name} {why}; there are: {built}")
        targets.append((name, file))
    if sum(not file for _, file in targets) > 1:
        raise click.UsageError("only one -o can go to stdout; give the others a file: -o FORMAT=FILE")
    return targets


def write(
    targets: Sequence[tuple[str, str]],
    render: Callable[[str, Style], str],
    color: str = "auto",
    *,
    verbose: bool = False,
) -> None:
    """Render once a target; a file gets no colour and appears whole or not at all."""
    for name, file in targets:
        if file:
            save(Path(file), render(name, Style(width=120, verbose=verbose)))
        else:
            shown = replace(style(color), verbose=verbose)
            click.echo(render(name, shown).rstrip("\n"), color=True)


def save(path: Path, content: str, mode: int = 0o644) -> None:
    """Write a file atomically. Raises errors.ReconcilerError where that fails."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(content if content.endswith("\n") else content + "\n")
        part.replace(path)
    except OSError as cause:
        part.unlink(missing_ok=True)
        raise errors.ReconcilerError(f"{path} cannot be written: {cause.strerror}") from cause


def report(problem: errors.ReconcilerError) -> None:
    """Write an error for people to stderr."""
    sys.stderr.write(results.error(problem, style("auto", sys.stderr)).rstrip("\n") + "\n")


def say(sentence: str) -> None:
    """Write a sentence to stderr."""
    click.echo(sentence, err=True)


Table = Mapping[str, Callable[..., str]]
