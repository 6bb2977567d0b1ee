"""Load the compiled kinds and the published schemas. Refuses to know how they were made: no YAML is read here."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from reconciler.vocabulary import errors, kinds

COMPILED = "compiled/kinds.json"

EVERYTHING = "reconciler/v1/Manifest.json"
"""The schema of any document of a stack, whatever its kind."""

COPY = ".reconciler-schema.json"
"""The stack's own copy of it: committed, so that editors find it in every clone; hidden, so that no glob takes it in."""


def schema_root() -> pathlib.Path:
    """Find the schemas: inside the package where installed, next to it in a checkout. Raises ReconcilerError."""
    package = pathlib.Path(__file__).resolve().parent.parent
    for root in (package / "schemas", package.parent / "schemas"):
        if (root / COMPILED).is_file():
            return root
    raise _broken(package / "schemas" / COMPILED, "is not there")


def text_of(relative: str) -> str:
    """Return the text of a published schema. Raises ReconcilerError where this installation is damaged."""
    path = schema_root() / relative
    try:
        return path.read_text(encoding="utf-8")
    except OSError as cause:
        raise _broken(path, f"cannot be read ({cause.strerror})") from cause


def copy_seen_from(folder: pathlib.Path, root: pathlib.Path) -> str:
    """Return the way from a folder to the copy of the stack at `root`, `""` where that has none."""
    copy = root.resolve() / COPY
    return pathlib.Path(os.path.relpath(copy, folder.resolve())).as_posix() if copy.is_file() else ""


def load_schema(relative: str) -> dict[str, Any]:
    """Load one published schema, such as reconciler/v1/Plan.json. Raises ReconcilerError naming the path."""
    root = schema_root()
    path = (root / relative).resolve()
    if not path.is_relative_to(root.resolve()):
        raise errors.ReconcilerError(f"{relative} is not a published schema", "`reconciler explain` lists the kinds")
    return _read(path)


def load_kinds(root: pathlib.Path | None = None) -> kinds.Kinds:
    """Load every kind with its schema, ordered by name. Raises ReconcilerError where a file is missing or damaged."""
    folder = root or schema_root()
    compiled = _read(folder / COMPILED)
    rows = compiled.get("kinds")
    if not rows or not isinstance(rows, dict):
        raise _broken(folder / COMPILED, "holds no kind")
    return {name: _kind(folder, name, rows[name], compiled) for name in sorted(rows)}


def _kind(folder: pathlib.Path, name: str, row: Mapping[str, Any], compiled: Mapping[str, Any]) -> kinds.Kind:
    try:
        api = compiled["apis"][row["api"]]
        return kinds.Kind(
            name=row["name"],
            api=kinds.Api(**{**api, "multi_regions": tuple(api["multi_regions"])}),
            collection=row["collection"],
            id_form=kinds.IdForm(row["id_form"]),
            id_field=row["id_field"],
            list_field=row["list_field"],
            list_mask=tuple(row["list_mask"]),
            verbs=frozenset(kinds.Verb(verb) for verb in row["verbs"]),
            state_field=row["state_field"],
            states={state: kinds.Phase(phase) for state, phase in row["states"].items()},
            error_field=row["error_field"],
            output_only=tuple(row["output_only"]),
            cosmetic=tuple(row["cosmetic"]),
            etag=row["etag"],
            console_url=row["console_url"],
            schema=_read(folder / row["schema"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise _broken(folder / COMPILED, f"does not describe {name} as this version expects ({cause!r})") from cause


def _read(path: pathlib.Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except OSError as cause:
        raise _broken(path, f"cannot be read ({cause.strerror})") from cause
    except ValueError as cause:
        raise _broken(path, f"is not JSON ({cause})") from cause
    if not isinstance(value, dict):
        raise _broken(path, "does not hold a JSON object")
    return value


def _broken(path: pathlib.Path, what: str) -> errors.ReconcilerError:
    return errors.ReconcilerError(
        f"{path} {what}: this installation of reconciler is damaged",
        "install it again; in a checkout, run `make generate`",
    )
