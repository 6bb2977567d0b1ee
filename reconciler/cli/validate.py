"""`reconciler validate`: offline, without credentials, every problem in one run."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli import flags, outputs, wiring
from reconciler.files import git, manifests, stack
from reconciler.files.reading import Reading
from reconciler.renderers import table
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Checked, Severity


@click.command()
@click.argument("paths", nargs=-1)
@flags.output
@flags.color
def command(paths: tuple[str, ...], given: tuple[str, ...], color: str) -> int:
    """Check the stacks at PATHS (here by default), or single files in the context of their stack."""
    targets = outputs.chosen(given, table.PROBLEM_FORMATS)
    checked = [_one(path) for path in paths or (".",)]
    outputs.write(targets, lambda name, style: table.PROBLEM_FORMATS[name](checked, style), color)
    problems = (problem for each in checked for problem in each.problems)
    return 1 if any(problem.severity is Severity.ERROR for problem in problems) else 0


def _one(path: str) -> Checked:
    try:
        return _check(path)
    except errors.InputError as unusable:
        if not unusable.problems:
            raise
        return Checked(tuple(unusable.problems))


def _check(path: str) -> Checked:
    """Check a stack, a stream, or one file; a file is checked against its whole stack and told apart afterwards."""
    file = Path(path)
    if path == wiring.STREAM or not file.is_file():
        workspace = wiring.open_workspace(path)
        read = wiring.read_manifests(workspace, path)
        return Checked(read.problems, read.documents, git.prefix(workspace.root))
    root = stack.find_root(file.absolute().parent)
    workspace = wiring.open_workspace(str(root))
    if file.name == manifests.STACK_FILE:
        return Checked(())
    one = manifests.read_file(file, root)
    names = {document.file for document in one.documents} | {problem.file for problem in one.problems}
    whole = manifests.read(root, workspace.stack.manifests, workspace.stack.ignore)
    others = [document for document in whole.documents if document.file not in names]
    read = wiring.check(workspace, Reading((*others, *one.documents), one.problems))
    return Checked(
        tuple(problem for problem in read.problems if problem.file in names),
        tuple(each for each in read.documents if each[0].file in names),
        git.prefix(root),
    )
