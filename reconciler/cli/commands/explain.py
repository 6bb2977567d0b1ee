"""`reconciler explain`: which kinds and fields can be declared, in the API's own words."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import click

from reconciler.cli.terminal import completions
from reconciler.core.spec import normalize
from reconciler.core.validate import suggestions
from reconciler.files import schemas
from reconciler.renderers import escape
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
            click.echo(f"{name:12} {kinds[name].api_version:30} {', '.join(sorted(_fields(kinds[name].spec_schema)))}")
        return 0
    name, *path = what.split(".")
    kind = _kind(name, kinds)
    node = _walk(kind, path)
    if as_schema:
        click.echo(
            json.dumps(kind.schema if not path else normalize.resolve(node, kind.schema), indent=2, ensure_ascii=True)
        )
        return 0
    click.echo("\n".join(_describe(what, node, kind.schema)))
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
        below = normalize.child(_item(node, kind.schema), name, kind.schema)
        if not below:
            fields = sorted(_fields(_item(node, kind.schema)))
            close = suggestions.closest(name, fields)
            hint = f"did you mean {close}?" if close else f"there are: {', '.join(fields) or 'no fields'}"
            raise errors.InputError(f"{kind.name} has no field {'.'.join(path)}", hint)
        node = below
    return node


def _item(node: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Step from a list into its items."""
    node = normalize.resolve(node, root)
    return normalize.resolve(node["items"], root) if "items" in node else node


def _fields(node: Mapping[str, Any]) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = node.get("properties", {})
    return fields


def _describe(what: str, node: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[str]:
    yield f"{what}: {_type(node, root)}"
    text = node.get("description") or normalize.resolve(node, root).get("description", "")
    yield from textwrap.wrap(escape.visible(text), 100, initial_indent="  ", subsequent_indent="  ")
    resolved = normalize.resolve(node, root)
    for value in resolved.get("enum", ()):
        yield f"    {value}"
    item = _item(node, root)
    fields, required = _fields(item), set(item.get("required", ()))
    if fields:
        yield "\nFields:"
    for name, field in sorted(fields.items()):
        mark = " (required)" if name in required else ""
        yield f"  {name}: {_type(field, root)}{mark}"
        yield from textwrap.wrap(_first_sentence(field), 100, initial_indent="      ", subsequent_indent="      ")


def _type(node: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    resolved = normalize.resolve(node, root)
    if "items" in resolved:
        return f"list of {_type(resolved['items'], root)}"
    if "x-enum" in resolved:
        return "enum"
    form = resolved.get("format")
    kind = resolved.get("type", "value")
    return str(form or (kind if isinstance(kind, str) else " or ".join(kind)))


def _first_sentence(node: Mapping[str, Any]) -> str:
    sentences = str(node.get("description", "")).split(". ")
    told = [sentence for sentence in sentences if sentence not in ("Required", "Optional", "Immutable", "Output only")]
    return escape.visible(told[0].rstrip(".")) if told else ""
