"""Turn a manifest that fits its schema into what is wanted, the stack's defaults filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.spec import fingerprint, normalize, paths, shape
from reconciler.core.validate import suggestions, wording
from reconciler.vocabulary.kinds import Kind, Phase
from reconciler.vocabulary.model import (
    Desired,
    DesiredState,
    Document,
    FieldPath,
    Lifecycle,
    OnChange,
    Problem,
    Removal,
    Rerun,
    Scope,
    Source,
    Stack,
    show_path,
)

MOST_LABELS = 55
"""64 labels a job (recorded message of the service, statmike/vertex-ai-mlops#6), nine of them ours."""


def build(manifest: Mapping[str, Any], document: Document, kind: Kind, stack: Stack) -> Desired:
    """Build the value of a manifest that has no problems."""
    metadata = manifest["metadata"]
    policy = manifest.get("iamPolicy")
    lifecycle = lifecycle_of(manifest, kind, stack)
    spec = normalize.canonical(manifest.get("spec", {}), kind.spec_schema, kind.schema)
    return Desired(
        kind=kind.name,
        name=metadata["name"],
        scope=scope_of(metadata, kind, stack),
        spec=spec,
        fingerprint=fingerprint.of(spec, kind, lifecycle.ignore_changes),
        labels=labels_of(metadata, stack),
        lifecycle=lifecycle,
        source=Source(document.file, document.line),
        formerly=metadata.get("formerly", ""),
        iam=None if policy is None else tuple(policy["bindings"]),
    )


def check(manifest: Mapping[str, Any], kind: Kind, stack: Stack) -> Iterator[Problem]:
    """Yield what is wrong with a manifest inside this stack. The manifest fits its schema."""
    metadata = manifest["metadata"]
    yield from _check_scope(metadata, kind, stack)
    if stack.kinds and kind.name not in stack.kinds:
        message = f"{kind.name} is not among the kinds of this stack: {', '.join(stack.kinds)}."
        yield Problem("kind-outside", message, "Add it to spec.kinds of the stack file.", path=("kind",))
    if len(labels_of(metadata, stack)) > MOST_LABELS:
        message = f"With the stack's defaults the job has more than {MOST_LABELS} labels."
        yield Problem("too-many-labels", message, "Nine of the API's 64 are ours.", path=("metadata", "labels"))
    if metadata.get("formerly") == metadata["name"]:
        message = "metadata.formerly is the manifest's own name."
        yield Problem("bad-formerly", message, "Write the old name, or remove it.", path=("metadata", "formerly"))
    for index, text in enumerate(manifest.get("lifecycle", {}).get("ignoreChanges", ())):
        yield from _check_ignored(text, ("lifecycle", "ignoreChanges", index), kind)


def scope_of(metadata: Mapping[str, Any], kind: Kind, stack: Stack) -> Scope:
    """Return the scope of a manifest; parts that nobody names are empty."""
    location = metadata.get("location", stack.default_location) if kind.located else ""
    return Scope(metadata.get("project", stack.default_project), location)


def labels_of(metadata: Mapping[str, Any], stack: Stack) -> dict[str, str]:
    """Merge the stack's labels with the manifest's, which win."""
    return dict(sorted({**stack.default_labels, **metadata.get("labels", {})}.items()))


def _check_scope(metadata: Mapping[str, Any], kind: Kind, stack: Stack) -> Iterator[Problem]:
    scope = scope_of(metadata, kind, stack)
    missing = [] if scope.project else ["project"]
    missing += ["location"] if kind.located and not scope.location else []
    for name in missing:
        message = f"The manifest names no {name}, and the stack has no default."
        hint = f"Set metadata.{name}, or spec.defaults.{name} in the stack file."
        yield Problem("missing-field", message, hint, path=("metadata", name))
    inside = any(
        scope.project == allowed.project and (not kind.located or scope.location == allowed.location)
        for allowed in stack.scopes
    )
    if not missing and not inside:
        names = ("location", "project") if kind.located else ("project",)
        written = next((name for name in names if name in metadata), "")
        message = f"{scope} is outside the stack's scopes: {suggestions.listing(map(str, stack.scopes))}."
        hint = "Add it to spec.scopes of the stack file, or move the manifest."
        yield Problem("scope-outside", message, hint, path=("metadata", written) if written else ("metadata",))


# ---------------------------------------------------------------- life cycle


def lifecycle_of(manifest: Mapping[str, Any], kind: Kind, stack: Stack) -> Lifecycle:
    """Merge the stack's life cycle with the manifest's, key by key; the manifest wins and `rerun` is one key."""
    own = manifest.get("lifecycle", {})
    merged = {**stack.default_lifecycle, **own}
    ignored = [canonical_path(text, kind) for text in merged.get("ignoreChanges", ())]
    history = merged.get("history", "all")
    return Lifecycle(
        desired=DesiredState(merged.get("desired", DesiredState.PRESENT)),
        on_change=OnChange(merged.get("onChange", OnChange.ASK)),
        on_removal=Removal(merged.get("onRemoval", Removal.ASK)),
        rerun=_rerun(merged.get("rerun", {})),
        history=None if history == "all" else int(history),
        protect=merged.get("protect", False),
        ignore_changes=tuple(sorted({text for text in ignored if text})),
    )


def _rerun(rerun: Mapping[str, Any]) -> Rerun:
    phases = {Phase(word.upper()) for word in rerun.get("on", ())}
    maximum = int(rerun.get("max", Rerun().maximum))
    return Rerun(on=tuple(sorted(phases)), maximum=maximum, token=rerun.get("token", ""))


def canonical_path(text: str, kind: Kind) -> str:
    """Spell an ignored path as the kind's schema does; `""` where the kind has no such field."""
    found, wrong = _follow(text, kind)
    return "" if wrong is not None else show_path(found).replace(".[]", "[]")


def _check_ignored(text: str, path: FieldPath, kind: Kind) -> Iterator[Problem]:
    found, wrong = _follow(text, kind)
    if wrong is None:
        return
    known = _fields_below(found, kind)
    message = f"{kind.name} has no field {text}: {wrong}."
    hint = suggestions.did_you_mean(
        wrong.split(" ", 1)[0], known, f"Known there: {suggestions.listing(sorted(known))}."
    )
    yield Problem(
        "unknown-path", message, hint if known else "Write a path such as spec.jobSpec.scheduling.", path=path
    )


def _follow(text: str, kind: Kind) -> tuple[FieldPath, str | None]:
    """Return the steps of a path that the schema knows, and what is wrong with the rest (None where nothing is)."""
    try:
        steps = paths.parse(text)
    except ValueError as error:
        return (), str(error)
    if steps[0] != "spec":
        return (), f"{wording.shown(text)} does not start with spec"
    node, found = kind.spec_schema, ("spec",)
    return _walk(node, found, steps[1:], kind)


def _walk(node: Mapping[str, Any], found: FieldPath, rest: FieldPath, kind: Kind) -> tuple[FieldPath, str | None]:
    for step in rest:
        node = shape.resolve(node, kind.schema)
        is_index = isinstance(step, int) or step == paths.ANY
        if is_index and "items" not in node:
            return found, f"{show_path(found)} is no list"
        name = step if is_index or shape.is_map(node) else normalize.camel(str(step))
        if not is_index and not shape.is_map(node) and name not in node.get("properties", {}):
            return found, f"{step} is not below {show_path(found)}"
        node = shape.child(node, 0 if is_index else name, kind.schema)
        found = (*found, name)
    return found, None


def _fields_below(path: FieldPath, kind: Kind) -> list[str]:
    node: Mapping[str, Any] = kind.spec_schema
    for step in path[1:]:
        node = shape.child(node, 0 if step == paths.ANY else step, kind.schema)
    return list(shape.resolve(node, kind.schema).get("properties", {}))
