"""`reconciler convert`: gcloud config files, API JSON and StackQL INSERTs in, manifests out; offline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from reconciler.cli import wiring
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import completions, outputs
from reconciler.core import convert
from reconciler.core.spec import key_order
from reconciler.core.validate.manifests import Validator
from reconciler.files import documents, manifest_writer, schemas
from reconciler.files import stack as stack_files
from reconciler.renderers import results
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind, Kinds
from reconciler.vocabulary.model import Document, Limits, Problem, Scope, Severity, Stack

STACKQL = (".sql", ".iql", ".stackql")
"""Endings of files that hold StackQL statements."""


@dataclass(frozen=True, slots=True)
class Item:
    """One job as it was found: `index` is its document, `name` what its file is called."""

    value: Any
    index: int
    name: str
    kind: Kind | None
    project: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What every file is converted in: the kinds, what the command line sets, and the stack here, if there is one."""

    kinds: Kinds
    kind: Kind | None
    sets: tuple[tuple[str, Any], ...]
    stack: Stack | None
    validator: Validator
    schema: str
    """The stack's copy of the schema for editors, seen from here; empty where there is none."""

    def convert(self, item: Item) -> convert.Converted:
        """Convert one job; what it says itself goes before the stack's defaults."""
        project = item.project or (self.stack.default_project if self.stack else "")
        location = item.location or (self.stack.default_location if self.stack else "")
        return convert.to_manifest(
            item.value,
            name=item.name,
            kind=item.kind,
            kinds=self.kinds,
            sets=self.sets,
            project=project,
            location=location,
        )

    def check(self, manifest: Mapping[str, Any]) -> tuple[Problem, ...]:
        """Validate what was made; without a stack nothing is said of its scope, which the stack will decide."""
        stack = self.stack or _STAND_IN
        found = self.validator.check([Document("", 0, 1, manifest)], stack).problems
        if self.stack is None:
            found = tuple(problem for problem in found if problem.rule != "scope-outside")
        return convert.soften(found, manifest, self.kinds[manifest["kind"]])


_STAND_IN = Stack(
    name="none", uid="00000000", root="", backend="embedded", scopes=(Scope("none", "none"),), kinds=(),
    default_project="none", default_location="none", default_labels={}, default_lifecycle={}, manifests=(), ignore=(),
    limits=Limits(), store="none", settle=0.0,
)  # fmt: skip


@click.command()
@click.argument("files", nargs=-1, required=True, shell_complete=completions.files)
@click.option(
    "--kind", "kind_name", default="", metavar="KIND", help="The kind of the jobs in the files; guessed by default."
)
@click.option("--set", "given", multiple=True, metavar="PATH=VALUE", help="Set a field, as gcloud does from its flags.")
@click.pass_obj
def command(surroundings: Surroundings, files: tuple[str, ...], kind_name: str, given: tuple[str, ...]) -> int:
    """Turn FILES into manifests on stdout, and say on stderr what was changed."""
    context = _context(surroundings, kind_name, given)
    problems: list[Problem] = []
    pages: list[str] = []
    for file in files:
        for item in _items(file, context, problems):
            made = context.convert(item)
            found = [*made.problems, *(context.check(made.manifest) if made.manifest else ())]
            problems.extend(replace(problem, file=file, document=item.index) for problem in found)
            for note in made.notes:
                outputs.say(f"{file}: {note}")
            if made.manifest:
                pages.append(manifest_writer.dump(key_order.arrange(made.manifest, context.kinds), context.schema))
    click.echo("---\n".join(pages), nl=False)
    if problems:
        click.echo(results.problems(problems, outputs.style(surroundings.environment.color)), err=True, nl=False)
    return 1 if any(problem.severity is Severity.ERROR for problem in problems) else 0


def _context(surroundings: Surroundings, kind_name: str, given: Iterable[str]) -> Context:
    kinds = schemas.load_kinds()
    if kind_name and kind_name not in kinds:
        raise click.UsageError(f"--kind {kind_name} is no kind; there are: {', '.join(sorted(kinds))}")
    kind = kinds[kind_name] if kind_name else None
    stack = _stack(surroundings)
    schema = schemas.copy_seen_from(Path(), Path(stack.root)) if stack else ""
    return Context(kinds, kind, tuple(_setting(each) for each in given), stack, Validator(kinds), schema)


def _setting(text: str) -> tuple[str, Any]:
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise click.UsageError(f"--set {text!r} is not PATH=VALUE")
    try:
        return path, documents.read_value(value)
    except ValueError as cause:
        raise click.UsageError(f"--set {path}: {cause}") from cause


def _stack(surroundings: Surroundings) -> Stack | None:
    try:
        stack_files.find_root(Path())
    except errors.InputError:
        return None
    return wiring.open_workspace(".", surroundings).stack


def _items(file: str, context: Context, problems: list[Problem]) -> Iterator[Item]:
    """Yield the jobs of a file; what cannot be read goes to `problems`."""
    stem = Path(file).stem
    if Path(file).suffix in STACKQL:
        yield from _inserts(file, stem, context, problems)
        return
    reading = documents.read(Path(file), file)
    problems.extend(reading.problems)
    many = len(reading.documents) > 1
    for document in reading.documents:
        name = f"{stem}-{document.index + 1}" if many else stem
        yield Item(document.value, document.index, name, context.kind)


def _inserts(file: str, stem: str, context: Context, problems: list[Problem]) -> Iterator[Item]:
    text, unreadable = documents.read_text(Path(file), file)
    problems.extend(unreadable)
    found = convert.read_inserts(text, context.kinds)
    problems.extend(replace(problem, file=file) for problem in found.problems)
    for note in found.notes:
        outputs.say(f"{file}: {note}")
    for number, row in enumerate(found.rows, start=1):
        name = f"{stem}-{number}" if len(found.rows) > 1 else stem
        yield Item(row.resource, 0, name, row.kind, row.project, row.location)
