"""`reconciler validate`: offline, without credentials, every problem in one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli import wiring
from reconciler.cli.flow import left_out
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import completions, flags, outputs
from reconciler.files import git, manifests, stack
from reconciler.files.reading import Reading
from reconciler.renderers import table
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Checked, Severity


@click.command()
@click.argument("paths", nargs=-1, shell_complete=completions.files)
@flags.output(table.PROBLEM_FORMATS)
@flags.color
@click.pass_obj
def command(surroundings: Surroundings, paths: tuple[str, ...], targets: tuple[outputs.Target, ...], color: str) -> int:
    """Check the stacks at PATHS (here by default), or single files in the context of their stack."""
    checked = [_one(named, surroundings) for named in _together(paths or (".",))]
    outputs.write(targets, lambda name, style: table.PROBLEM_FORMATS[name](checked, style), color)
    problems = (problem for each in checked for problem in each.problems)
    return 1 if any(problem.severity is Severity.ERROR for problem in problems) else 0


def _together(paths: Sequence[str]) -> list[list[str]]:
    """Put the files of one stack together: it is read once, however many of its files a hook names."""
    units: dict[tuple[str, Path], list[str]] = {}
    for path in paths:
        file = Path(path)
        alone = path == wiring.STREAM or not file.is_file()
        key = (path, Path()) if alone else ("", stack.find_root(file.absolute().parent))
        units.setdefault(key, []).append(path)
    return list(units.values())


def _one(named: Sequence[str], surroundings: Surroundings) -> Checked:
    try:
        return _check(named, surroundings)
    except errors.InputError as unusable:
        if not unusable.problems:
            raise
        return Checked(tuple(unusable.problems))


def _check(named: Sequence[str], surroundings: Surroundings) -> Checked:
    """Check a stack, a stream, or files of one stack; with its stack file among them all of it is checked."""
    path, files = named[0], [Path(each) for each in named]
    if path == wiring.STREAM or not files[0].is_file():
        workspace = wiring.open_workspace(path, surroundings)
        read = wiring.read_manifests(workspace, path)
        return Checked(read.problems, read.documents, git.prefix(workspace.root))
    root = stack.find_root(files[0].absolute().parent)
    workspace = wiring.open_workspace(str(root), surroundings)
    if any(file.name == manifests.STACK_FILE for file in files):
        read = wiring.read_manifests(workspace, str(root))
        return Checked(read.problems, read.documents, git.prefix(root))
    return _files(workspace, [file for file in files if not left_out.tell(file, workspace)])


def _files(workspace: wiring.Workspace, files: Sequence[Path]) -> Checked:
    """Check files against their whole stack, and tell their problems apart afterwards."""
    root = workspace.root
    ones = [manifests.read_file(file, root) for file in files]
    problems = tuple(problem for one in ones for problem in one.problems)
    documents = tuple(document for one in ones for document in one.documents)
    names = {document.file for document in documents} | {problem.file for problem in problems}
    whole = manifests.read(root, workspace.stack.manifests, workspace.stack.ignore)
    others = [document for document in whole.documents if document.file not in names]
    read = wiring.check(workspace, Reading((*others, *documents), problems))
    return Checked(
        tuple(problem for problem in read.problems if problem.file in names),
        tuple(each for each in read.documents if each[0].file in names),
        git.prefix(root),
    )
