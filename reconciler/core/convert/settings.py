"""Apply `--set PATH=VALUE` to a manifest: what gcloud takes from flags and a manifest has to say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.core.convert import roots
from reconciler.core.convert.record import Record, shown
from reconciler.core.spec import normalize, paths, shape
from reconciler.core.validate import suggestions
from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.model import FieldPath, Json, show_path

Setting = tuple[str, Json]
"""A path as the user wrote it and the value, already read."""

_MISSING = object()


def apply(manifest: dict[str, Any], sets: Sequence[Setting], root: roots.Root, record: Record) -> dict[str, Any]:
    """Return the manifest with every value set. What cannot be set, and settings that clash, are recorded."""
    aimed: dict[FieldPath, Json] = {}
    for text, value in sets:
        path = _aim(text, root, record)
        if path is not None and not _clashes(path, value, aimed, record):
            aimed[path] = value
    for path, value in aimed.items():
        if value is None:
            message = f"--set {show_path(path)} has no value."
            record.refuse("bad-set", message, "Write the value behind the =; for an empty text write ''.", path)
        else:
            manifest = _set(manifest, path, value, root, record)
    return manifest


def _aim(text: str, root: roots.Root, record: Record) -> FieldPath | None:
    """Turn a path in the manifest, in its spec, or in what the file was the root of, into a path in the manifest."""
    try:
        steps = paths.parse(text)
    except ValueError as error:
        record.refuse(
            "bad-set", f"--set: {error}.", "Write it like trainingInput.region or workerPoolSpecs[0].diskSpec."
        )
        return None
    first = normalize.camel(str(steps[0]))
    if first in ("apiVersion", "kind"):
        record.refuse("bad-set", f"--set cannot change {first}.", "Choose the kind with --kind.", (first,))
        return None
    for prefix in _prefixes(root):
        node = _node(root.kind, prefix)
        if first in node.get("properties", {}):
            return _spelt((*prefix, *steps), root.kind)
    known = sorted({name for prefix in _prefixes(root) for name in _node(root.kind, prefix).get("properties", {})})
    hint = suggestions.did_you_mean(str(steps[0]), known, f"Paths begin with one of: {suggestions.listing(known, 20)}.")
    record.refuse("bad-set", f"--set {text}: a {root.kind.name} has no {steps[0]}.", hint)
    return None


def _prefixes(root: roots.Root) -> list[FieldPath]:
    names = sorted(roots.inputs(root.kind), key=lambda name: name != root.wrapper)
    return [(), ("spec",), *(("spec", name) for name in names), ("metadata",)]


def _node(kind: Kind, path: FieldPath) -> Any:
    node: Any = kind.schema
    for step in path:
        node = shape.child(node, 0 if isinstance(step, int) else step, kind.schema)
    return shape.resolve(node, kind.schema)


def _spelt(path: FieldPath, kind: Kind) -> FieldPath:
    """Spell the names of fields as the API does; keys of maps such as labels stay as they are."""
    spelt: FieldPath = ()
    for step in path:
        known = _node(kind, spelt).get("properties", {})
        turned = normalize.camel(step) if isinstance(step, str) else step
        spelt = (*spelt, turned if turned in known else step)
    return spelt


def _clashes(path: FieldPath, value: Json, aimed: dict[FieldPath, Json], record: Record) -> bool:
    for other, before in aimed.items():
        shorter = min(len(path), len(other))
        if path[:shorter] == other[:shorter] and not (path == other and value == before):
            message = f"--set {show_path(path)} and --set {show_path(other)} contradict each other."
            record.refuse("conflicting-set", message, "Keep one of the two.", path)
            return True
    return False


def _set(manifest: dict[str, Any], path: FieldPath, value: Json, root: roots.Root, record: Record) -> dict[str, Any]:
    try:
        before, changed = _placed(manifest, path, value)
    except LookupError as error:
        record.refuse("bad-set", f"--set {show_path(path)}: {error.args[0]}.", "Set the whole value above it.", path)
        return manifest
    if before == value:
        return manifest
    if _is_secret(root.kind, path):
        record.note(path, "was set.")
    else:
        record.note(path, f"set to {shown(value)}" + ("." if before is _MISSING else f"; it was {shown(before)}."))
    copy: dict[str, Any] = changed
    return copy


def _is_secret(kind: Kind, path: FieldPath) -> bool:
    node: Any = kind.schema
    for step in path:
        node = shape.child(node, 0 if isinstance(step, int) else step, kind.schema)
        if node.get("x-secret"):
            return True
    return False


def _placed(container: Any, path: FieldPath, value: Json) -> tuple[Any, Any]:
    """Return what stood at the path, and a copy with the value there. Raises LookupError where there is no place."""
    if not path:
        return container, value
    step, rest = path[0], path[1:]
    if container is _MISSING:
        container = [] if isinstance(step, int) else {}
    if isinstance(container, dict) and isinstance(step, str) and step != paths.ANY:
        before, inner = _placed(container.get(step, _MISSING), rest, value)
        return before, container | {step: inner}
    if isinstance(container, list) and isinstance(step, int):
        if step > len(container):
            raise LookupError(f"there are {len(container)} items, so [{step}] has no place")
        before, inner = _placed(container[step] if step < len(container) else _MISSING, rest, value)
        return before, [*container[:step], inner, *container[step + 1 :]]
    raise LookupError(f"{step} names nothing inside {'a list' if isinstance(container, list) else shown(container)}")
