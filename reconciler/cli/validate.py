"""`reconciler validate`: offline, without credentials, every problem in one run."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli import flags, outputs, wiring
from reconciler.files import manifests, stack
from reconciler.files.reading import Reading
from reconciler.renderers import table
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Problem


@click.command()
@click.argument("paths", nargs=-1)
@flags.output
@flags.color
def command(paths: tuple[str, ...], given: tuple[str, ...], color: str) -> int:
    """Check the stacks at PATHS (here by default), or single files in the context of their stack."""
    targets = outputs.chosen(given, table.PROBLEM_FORMATS)
    problems: list[Problem] = []
    count = 0
    for path in paths or (".",):
        try:
            found, documents = _check(path)
        except errors.InputError as unusable:
            if not unusable.problems:
                raise
            found, documents = list(unusable.problems), 0
        problems.extend(found)
        count += documents
    outputs.write(targets, lambda name, style: table.PROBLEM_FORMATS[name](problems, style), color)
    return 0 if wiring.Manifests((), tuple(problems), count).ok else 1


def _check(path: str) -> tuple[list[Problem], int]:
    """Check a stack, a stream, or one file; a file is checked against its whole stack and told apart afterwards."""
    file = Path(path)
    if path == wiring.STREAM or not file.is_file():
        workspace = wiring.open_workspace(path)
        read = wiring.read_manifests(workspace, path)
        return list(read.problems), read.documents
    root = stack.find_root(file.absolute().parent)
    workspace = wiring.open_workspace(str(root))
    if file.name == manifests.STACK_FILE:
        return [], 0
    one = manifests.read_file(file, root)
    names = {document.file for document in one.documents} | {problem.file for problem in one.problems}
    whole = manifests.read(root, workspace.stack.manifests, workspace.stack.ignore)
    others = [document for document in whole.documents if document.file not in names]
    read = wiring.check(workspace, Reading((*others, *one.documents), one.problems))
    return [problem for problem in read.problems if problem.file in names], len(one.documents)
