"""What a shell may offer for an argument: addresses, files, formats, kinds. Reads the stack here and calls nobody.

A shell asks at every press of a key: nothing here imports what only other commands need, and no error shows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from reconciler.vocabulary import errors


def folders(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell offer folders."""
    return [CompletionItem(incomplete, type="dir")]


def files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell offer files and folders."""
    return [CompletionItem(incomplete, type="file")]


def words(choices: Collection[str]) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Make what offers these words, such as the formats of one command's outputs."""
    return lambda _context, _parameter, incomplete: _starting(choices, incomplete)


def addresses(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the addresses that the manifests of the stack declare, less those on the line already."""
    given = context.params.get("addresses") or ()
    root = context.params.get("path") or context.params.get("target") or "."
    with contextlib.suppress(errors.ReconcilerError, OSError):
        return [each for each in _starting(_addresses(Path(root)), incomplete) if each not in given]
    return []


def _addresses(start: Path) -> Iterator[str]:
    from reconciler.files import addresses, manifests, stack

    root = stack.find_root(start if start.is_dir() else Path())
    spec = stack.read(root).value.get("spec")
    said = spec if isinstance(spec, dict) else {}
    patterns = _texts(said.get("manifests")) or ("**/*.yaml", "**/*.yml", "**/*.json")
    yield from addresses.plain(manifests.read(root, patterns, _texts(said.get("ignore"))).documents)


def _texts(value: object) -> Sequence[str]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def fields(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer kinds, and the fields below the path written so far."""
    from reconciler.core.spec import shape
    from reconciler.files import schemas

    kinds = schemas.load_kinds()
    name, *steps = incomplete.split(".")
    if not steps or name not in kinds:
        return _starting(kinds, incomplete)
    node = root = kinds[name].schema
    for step in steps[:-1]:
        node = shape.resolve(shape.child(node, step, root), root)
        node = shape.child(node, 0, root) if "items" in node else node
    before = ".".join((name, *steps[:-1]))
    return _starting((f"{before}.{field}" for field in shape.resolve(node, root).get("properties", ())), incomplete)


def _starting(words: Iterable[str], incomplete: str) -> list[str]:
    return sorted({word for word in words if word.startswith(incomplete)})
