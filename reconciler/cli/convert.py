"""`reconciler convert`: gcloud config files and API JSON in, manifests out; offline."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.cli import outputs, wiring
from reconciler.core import convert
from reconciler.files import documents, manifest_writer, schemas
from reconciler.files import stack as stack_files
from reconciler.renderers import results
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind, Kinds
from reconciler.vocabulary.model import Document, Problem, Severity


@dataclass(frozen=True, slots=True)
class Defaults:
    """What fills a manifest's scope: the stack's defaults, empty where there is no stack."""

    project: str = ""
    location: str = ""


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--kind", "kind_name", default="", metavar="KIND", help="What the files hold; guessed by default.")
@click.option(
    "--set", "given", multiple=True, metavar="PATH=VALUE", help="Set a field, such as gcloud takes from flags."
)
def command(files: tuple[str, ...], kind_name: str, given: tuple[str, ...]) -> int:
    """Turn FILES into manifests on stdout, and say on stderr what was changed."""
    kinds = schemas.load_kinds()
    kind = _kind(kind_name, kinds)
    sets = [_setting(each) for each in given]
    workspace, defaults = _defaults()
    problems: list[Problem] = []
    pages: list[str] = []
    for file in files:
        reading = documents.read(Path(file), file)
        problems.extend(reading.problems)
        many = len(reading.documents) > 1
        for number, document in enumerate(reading.documents, start=1):
            name = f"{Path(file).stem}-{number}" if many else Path(file).stem
            made = convert.to_manifest(
                document.value, name=name, kind=kind, kinds=kinds, sets=sets,
                project=defaults.project, location=defaults.location,
            )  # fmt: skip
            problems.extend(_in_file(made.problems, document))
            for note in made.notes:
                outputs.say(f"{file}: {note}")
            if made.manifest:
                problems.extend(_in_file(_check(made.manifest, workspace), document))
                pages.append(manifest_writer.dump(made.manifest, _schema_of(made.manifest)))
    click.echo("---\n".join(pages), nl=False)
    if problems:
        click.echo(results.problems(problems, outputs.style()), err=True, nl=False)
    return 1 if any(problem.severity is Severity.ERROR for problem in problems) else 0


def _kind(name: str, kinds: Kinds) -> Kind | None:
    if not name:
        return None
    if name not in kinds:
        raise click.UsageError(f"--kind {name} is no kind; there are: {', '.join(sorted(kinds))}")
    return kinds[name]


def _setting(text: str) -> tuple[str, object]:
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise click.UsageError(f"--set {text!r} is not PATH=VALUE")
    try:
        return path, documents.read_value(value)
    except ValueError as cause:
        raise click.UsageError(f"--set {path}: {cause}") from cause


def _defaults() -> tuple[wiring.Workspace | None, Defaults]:
    """Use the stack here, where there is one; without it a manifest keeps only the scope it says itself."""
    try:
        stack_files.find_root(Path())
    except errors.InputError:
        return None, Defaults()
    workspace = wiring.open_workspace(".")
    return workspace, Defaults(workspace.stack.default_project, workspace.stack.default_location)


def _check(manifest: dict[str, object], workspace: wiring.Workspace | None) -> list[Problem]:
    """Validate what was made in the stack it will stand in; without one there is no scope to check it against."""
    if workspace is None:
        return []
    result = workspace.validator.check([Document("", 0, 1, manifest)], workspace.stack)
    return [problem for problem in result.problems if problem.rule != "scope-missing"]


def _in_file(problems: object, document: Document) -> list[Problem]:
    from dataclasses import replace

    return [replace(problem, file=document.file, document=document.index) for problem in problems]  # type: ignore[attr-defined]


def _schema_of(manifest: dict[str, object]) -> str:
    """Name the published schema of a manifest from here."""
    path = schemas.schema_root() / f"{manifest['apiVersion']}" / f"{manifest['kind']}.json"
    return os.path.relpath(path)
