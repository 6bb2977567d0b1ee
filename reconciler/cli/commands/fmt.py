"""`reconciler fmt`: manifests in canonical form, comments kept; a file is written whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import click

from reconciler.cli import wiring
from reconciler.cli.flow import left_out
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import completions, flags, outputs
from reconciler.files import documents, manifests, positions, schemas, stack
from reconciler.files.canonical import layout
from reconciler.renderers import escape, file_diff, results
from reconciler.renderers.style import Style
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kinds
from reconciler.vocabulary.model import Problem, Severity

STDIN = "<stdin>"


@dataclass(frozen=True, slots=True)
class Page:
    """A file to format: where it is, how it is named to people, and the stack's root or its folder."""

    path: Path
    name: str
    root: Path


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file's text. `before` and `after` differ where it was not canonical."""

    name: str
    before: str
    after: str
    problems: tuple[Problem, ...] = ()

    @property
    def changes(self) -> bool:
        """True where the file is not in canonical form."""
        return self.before != self.after


@click.command()
@click.argument("paths", nargs=-1, shell_complete=completions.files)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a file is not in canonical form.")
@click.option("--diff", "show_diff", is_flag=True, help="Show what changes in place of the names of files.")
@flags.color
@click.pass_obj
def command(surroundings: Surroundings, paths: tuple[str, ...], color: str, *, check: bool, show_diff: bool) -> int:
    """Rewrite the manifests at PATHS in canonical form: stacks, folders of a stack, files, or - for a stream.

    Names the files it changes. Their meaning stays the same, which is checked before anything is written.
    """
    kinds = schemas.load_kinds()
    if wiring.STREAM in paths:
        if len(paths) > 1:
            raise click.UsageError("- reads stdin, so no other path can be given")
        return _stream(surroundings.stdin, kinds, outputs.style(color), check=check, show_diff=show_diff)
    problems: list[Problem] = []
    changed = False
    for page in _pages(paths or (".",), surroundings, problems):
        result = _format(page, kinds)
        problems.extend(positions.Locator(page.root).place_all(result.problems))
        if result.changes:
            changed = True
            if not check:
                _save(page.path, result.after)
            told = _diff(result, outputs.style(color)) if show_diff else escape.visible(page.name)
            click.echo(told, color=True)
    return _end(problems, outputs.style(color, sys.stderr), failed=check and changed)


def _end(problems: list[Problem], style: Style, *, failed: bool) -> int:
    if problems:
        click.echo(results.problems(problems, style), err=True, nl=False)
    return 1 if failed or any(each.severity is Severity.ERROR for each in problems) else 0


def _stream(stdin: TextIO, kinds: Kinds, style: Style, *, check: bool, show_diff: bool) -> int:
    """Format stdin to stdout; what cannot be formatted goes nowhere, so that no half of it is taken for the whole."""
    text, problems = documents.exact(stdin.buffer.read(manifests.MAX_STREAM + 1), STDIN)
    if not problems:
        made = layout.rewrite(text, STDIN, kinds, as_json=_is_json(text))
        result = Result(STDIN, text, made.text, made.problems)
        _tell(STDIN, made.notes)
        problems = tuple(positions.Locator(Path(), {STDIN: text}).place_all(made.problems))
        if show_diff and result.changes:
            click.echo(_diff(result, style), color=True)
        elif not check and not problems:
            click.echo(result.after, nl=False)
        return _end(list(problems), style, failed=check and result.changes)
    return _end(list(problems), style, failed=True)


def _is_json(text: str) -> bool:
    if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return False
    try:
        json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return False
    return True


def _pages(paths: tuple[str, ...], surroundings: Surroundings, problems: list[Problem]) -> Iterator[Page]:
    """Yield every file once, whatever names lead to it."""
    seen: set[Path] = set()
    for path in paths:
        found = [_file(path, surroundings)] if Path(path).is_file() else _folder(path, surroundings, problems)
        for page in found:
            if page is not None and page.path not in seen:
                seen.add(page.path)
                yield page


def _file(path: str, surroundings: Surroundings) -> Page | None:
    """Find one file. A link is followed where it stays inside the stack."""
    file = Path(path)
    if file.name == manifests.STACK_FILE:
        outputs.say(f"{path}: a stack file is no manifest; left as it is")
        return None
    try:
        root = stack.find_root(file.absolute().parent)
    except errors.InputError:
        root = file.absolute().parent
    if _left_out(file, root, surroundings):
        return None
    place = file.resolve()
    if not place.is_relative_to(root.resolve()):
        raise errors.InputError(f"{path} is a link that leads out of {root}", f"format {place} itself if that is meant")
    return Page(place, path, root)


def _left_out(file: Path, root: Path, surroundings: Surroundings) -> bool:
    try:
        return left_out.tell(file, wiring.open_workspace(str(root), surroundings))
    except errors.InputError:  # no stack, or one whose file validate complains of: the manifest can be formatted
        return False


def _folder(path: str, surroundings: Surroundings, problems: list[Problem]) -> Iterator[Page]:
    workspace = wiring.open_workspace(path, surroundings)
    here = Path(path).resolve()
    files, refused = manifests.find(workspace.root, workspace.stack.manifests, workspace.stack.ignore)
    problems.extend(refused)
    for file in files:
        place = workspace.root / file
        if place.is_relative_to(here) or place.resolve().is_relative_to(here):
            yield Page(place.resolve(), os.path.relpath(place), workspace.root)


def _format(page: Page, kinds: Kinds) -> Result:
    name = os.path.relpath(page.path, page.root.resolve())
    text, unreadable = documents.read_exact(page.path, name)
    if unreadable:
        return Result(page.name, "", "", unreadable)
    made = layout.rewrite(text, name, kinds, as_json=page.path.suffix == ".json")
    _tell(page.name, made.notes)
    return Result(page.name, text, made.text, made.problems)


def _tell(name: str, notes: tuple[str, ...]) -> None:
    for note in notes:
        outputs.say(f"{name}: {note}")


def _save(path: Path, text: str) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    outputs.save(path, text, mode)
    path.chmod(mode)  # the umask narrowed it


def _diff(result: Result, style: Style) -> str:
    return file_diff.unified(result.name, result.before, result.after, style)
