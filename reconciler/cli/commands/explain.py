"""`reconciler explain`: which kinds and fields can be declared, in the API's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from reconciler.cli.terminal import completions
from reconciler.core.spec import normalize, shape
from reconciler.core.validate import suggestions
from reconciler.files import schemas
from reconciler.renderers import explain, json_output
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind, Kinds


@click.command()
@click.argument("what", default="", metavar="[KIND[.FIELD.PATH]]", shell_complete=completions.fields)
@click.option(
    "--schema",
    "as_schema",
    is_flag=True,
    help="Print the JSON Schema (draft-07) instead; without KIND, of all documents.",
)
def command(what: str, *, as_schema: bool) -> int:
    """Describe a kind or one of its fields, such as CustomJob.spec.jobSpec.scheduling."""
    kinds = schemas.load_kinds()
    if not what and as_schema:
        click.echo(schemas.text_of(schemas.EVERYTHING), nl=False)
        return 0
    if not what:
        for name in sorted(kinds):
            click.echo(explain.line(kinds[name]))
        return 0
    name, *path = what.split(".")
    kind = _kind(name, kinds)
    node = _walk(kind, path)
    if as_schema:
        click.echo(json_output.schema(kind.schema if not path else shape.resolve(node, kind.schema)))
        return 0
    click.echo("\n".join(explain.describe(what, node, kind.schema)))
    return 0


def _kind(name: str, kinds: Kinds) -> Kind:
    if name not in kinds:
        listed = f"there are: {', '.join(sorted(kinds))}"
        raise errors.InputError(f"{name} is no kind", suggestions.did_you_mean(name, kinds, listed))
    return kinds[name]


def _walk(kind: Kind, path: list[str]) -> Mapping[str, Any]:
    node: Mapping[str, Any] = kind.schema
    for step in path:
        name = normalize.camel(step.split("[")[0])
        below = shape.child(explain.item(node, kind.schema), name, kind.schema)
        if not below:
            fields = sorted(explain.fields(explain.item(node, kind.schema)))
            close = suggestions.closest(name, fields)
            hint = f"did you mean {close}?" if close else f"there are: {', '.join(fields) or 'no fields'}"
            raise errors.InputError(f"{kind.name} has no field {'.'.join(path)}", hint)
        node = below
    return node
