"""Make one manifest of one document: recognise it, move what belongs to the metadata, bend the rest to the schema.

Knows neither files nor validation: the caller checks the manifest like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.convert import leniency, names, roots, settings
from reconciler.core.convert.record import Record, shown
from reconciler.core.spec import normalize, shape
from reconciler.vocabulary.kinds import Kind, Kinds
from reconciler.vocabulary.model import Problem

_ORDER = ("apiVersion", "kind", "metadata", "lifecycle", "iamPolicy", "spec")
_METADATA = ("name", "project", "location", "labels", "resource", "formerly")
_OURS = "reconciler_"


@dataclass(frozen=True, slots=True)
class Converted:
    """A manifest, everything that was changed to make it (`path: sentence`), and what stood in the way.

    `manifest` is empty where the document was not recognised.
    """

    manifest: dict[str, Any]
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]


def to_manifest(
    document: Any,
    *,
    name: str,
    kind: Kind | None,
    kinds: Kinds,
    sets: Sequence[settings.Setting] = (),
    project: str = "",
    location: str = "",
) -> Converted:
    """Convert gcloud `--config` content, API JSON or a manifest into a manifest. Never raises for bad input.

    `name` is the file's name without its ending. `sets` are paths with values already read. `project` and `location`
    are the stack's; empty ones fill nothing.
    """
    record = Record()
    root = roots.recognise(document, kind, kinds, record)
    if root is None:
        return Converted({}, (), tuple(record.problems))
    manifest = _already(document, root, record) if root.manifest else _wrapped(document, root, record)
    schema = root.kind.schema
    manifest = leniency.bend(manifest, schema, schema, (), record)
    manifest = settings.apply(manifest, sets, root, record)
    manifest = leniency.bend(manifest, schema, schema, (), record)  # what was set is as lenient as what was read
    _fill_name(manifest, name, record)
    _fill_scope(manifest, root.kind, project, location, record)
    return Converted(_ordered(manifest), tuple(record.notes), tuple(dict.fromkeys(record.problems)))


def _already(document: Mapping[str, Any], root: roots.Root, record: Record) -> dict[str, Any]:
    manifest = dict(document)
    if manifest.get("apiVersion") is None:
        record.note(("apiVersion",), f"set to {root.kind.api_version}.")
        manifest["apiVersion"] = root.kind.api_version
    metadata = manifest.get("metadata")
    if metadata is None:
        manifest["metadata"] = metadata = {}
    if isinstance(manifest.get("spec"), Mapping) and isinstance(metadata, Mapping):
        manifest["metadata"] = moved = dict(metadata)
        manifest["spec"] = _without_resource_fields(manifest["spec"], root.kind, moved, record)
    return manifest


def _wrapped(document: Mapping[str, Any], root: roots.Root, record: Record) -> dict[str, Any]:
    kind, spec = root.kind, dict(document)
    if root.wrapper:
        known = roots.fields(kind, root.wrapper)
        outside = {
            key: value
            for key, value in document.items()
            if normalize.camel(key) not in known and roots.belongs_to_resource(kind, normalize.camel(key))
        }
        inside = {key: value for key, value in document.items() if key not in outside}
        spec = outside | {root.wrapper: inside}
        moved = f" but {', '.join(outside)}" if outside else ""
        record.note(("spec", root.wrapper), f"holds the whole file{moved}, which was the content of this field.")
    metadata: dict[str, Any] = {}
    spec = _without_resource_fields(spec, kind, metadata, record)
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}


def _without_resource_fields(
    spec: Mapping[str, Any], kind: Kind, metadata: dict[str, Any], record: Record
) -> dict[str, Any]:
    """Return the spec without what the API's resource has and a manifest has elsewhere or nowhere."""
    kept: dict[str, Any] = {}
    own = shape.resolve(kind.spec_schema, kind.schema)["properties"]
    for key, value in spec.items():
        field = normalize.camel(key)
        if field in own:
            kept[key] = value
        elif field == "labels":
            _move_labels(value, metadata, record)
        elif kind.id_field and field == kind.id_field:
            _move_id(field, value, metadata, record)
        elif field == "name" or field in kind.output_only:
            record.note(("spec", field), "is set by the service and was dropped.")
        elif field == "etag":
            record.note(("spec", field), "belongs to one reading of the live job and was dropped.")
        else:
            kept[key] = value
    return kept


def _move_labels(value: Any, metadata: dict[str, Any], record: Record) -> None:
    if not value:
        return
    labels = value
    if isinstance(value, Mapping):
        labels = {key: item for key, item in value.items() if not str(key).startswith(_OURS)}
        if len(labels) < len(value):
            record.note(("metadata", "labels"), f"labels starting {_OURS} are our own and were dropped.")
        if not labels:
            return
    if metadata.get("labels"):
        message = "Labels are given both in metadata and in spec."
        record.refuse("conflicting-labels", message, "Keep those in metadata.", ("metadata", "labels"))
        return
    record.note(("metadata", "labels"), "moved here from labels.")
    metadata["labels"] = labels


def _move_id(field: str, value: Any, metadata: dict[str, Any], record: Record) -> None:
    name = names.from_job_id(value) if isinstance(value, str) else ""
    if not name:
        record.note(("spec", field), f"{shown(value)} was dropped: it makes no name, and each run gets its own id.")
    elif metadata.get("name") is None:
        record.note(
            ("metadata", "name"), f"{shown(name)} was taken from {field} {shown(value)}; each run gets its own id."
        )
        metadata["name"] = name
    else:
        record.note(("spec", field), f"{shown(value)} was dropped: each run gets its own id.")


def _fill_name(manifest: dict[str, Any], name: str, record: Record) -> None:
    metadata = manifest.get("metadata")
    made = names.from_file(name)
    if isinstance(metadata, dict) and metadata.get("name") is None and made:
        record.note(("metadata", "name"), f"{shown(made)} was taken from the file's name.")
        metadata["name"] = made


def _fill_scope(manifest: dict[str, Any], kind: Kind, project: str, location: str, record: Record) -> None:
    """Say where the job lives, which gcloud takes from its flags: in the metadata, or in the input's own region."""
    metadata, spec = manifest.get("metadata"), manifest.get("spec")
    if isinstance(metadata, dict):
        for key, value in (("project", project), ("location", location if kind.located else "")):
            if value and metadata.get(key) is None:
                record.note(("metadata", key), f"{shown(value)} was taken from the stack.")
                metadata[key] = value
    if kind.located or not location or not isinstance(spec, dict):
        return
    for field in roots.inputs(kind):
        content = spec.get(field)
        if isinstance(content, dict) and "region" in roots.fields(kind, field) and content.get("region") is None:
            record.note(("spec", field, "region"), f"{shown(location)} was taken from the stack.")
            content["region"] = location


def _ordered(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest with its sections, and the metadata's fields, in the order that every manifest has (docs/editors.md)."""
    ordered = _by(manifest, _ORDER)
    if isinstance(ordered.get("metadata"), dict):
        ordered["metadata"] = _by(ordered["metadata"], _METADATA)
    return ordered


def _by(value: Mapping[str, Any], order: Sequence[str]) -> dict[str, Any]:
    return {key: value[key] for key in (*order, *value) if key in value}
