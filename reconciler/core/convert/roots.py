"""Tell what a document is the root of: a whole resource, the bare message inside one, or a manifest already.

Neither gcloud's files nor API JSON carry a kind, so the top keys have to say it; a kind's schema says which ones do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.convert.record import Record, shown
from reconciler.core.spec import normalize, shape
from reconciler.core.validate import suggestions
from reconciler.vocabulary.kinds import Kind, Kinds

_OTHER_KINDS: tuple[tuple[str, str], ...] = (
    ("studySpec", "HyperparameterTuningJob"),
    ("trialJobSpec", "HyperparameterTuningJob"),
    ("trainingTaskDefinition", "TrainingPipeline"),
    ("trainingTaskInputs", "TrainingPipeline"),
    ("pipelineSpec", "PipelineJob"),
    ("pipelineInfo", "PipelineJob"),
    ("runtimeConfig", "PipelineJob"),
    ("dedicatedResources", "BatchPredictionJob"),
    ("instancesFormat", "BatchPredictionJob"),
    ("inputConfig", "BatchPredictionJob"),
    ("supervisedTuningSpec", "TuningJob"),
    ("modelDeploymentMonitoringObjectiveConfigs", "ModelDeploymentMonitoringJob"),
)
"""Top keys of resources of the same APIs that are no kind here (discovery aiplatform v1)."""

_RESOURCE = frozenset({"name", "labels", "etag"})


@dataclass(frozen=True, slots=True)
class Root:
    """What a document is. `wrapper` names the field its content belongs under, `""` for a whole resource."""

    kind: Kind
    wrapper: str = ""
    manifest: bool = False


def recognise(document: Any, kind: Kind | None, kinds: Kinds, record: Record) -> Root | None:
    """Return what the document is; None, with a problem recorded, where its keys do not say it."""
    if not isinstance(document, Mapping):
        what = "a list" if isinstance(document, list) else "empty" if document is None else "no map"
        record.refuse("not-a-job", f"The document is {what}, not a job.", "A job is a map; give one job a document.")
        return None
    if "apiVersion" in document or ("kind" in document and "spec" in document):
        return _manifest(document, kind, kinds, record)
    keys = {normalize.camel(str(key)) for key in document}
    candidates = [kind] if kind else [kinds[name] for name in sorted(kinds)]
    whole = [each for each in candidates if keys & set(inputs(each))]
    if len(whole) == 1:
        return Root(whole[0])
    found = [] if whole else _bare(keys, candidates)
    other = "" if kind else next((name for key, name in _OTHER_KINDS if key in keys and name not in kinds), "")
    if other:
        message = f"This looks like a {other}, a kind that is not supported yet."
        record.refuse("unsupported-kind", message, f"Known kinds: {', '.join(sorted(kinds))}.")
    elif len(found) == 1:
        return found[0]
    elif kind and not found:
        return Root(kind)
    else:
        _refuse_guess(keys, found or [Root(each) for each in whole], candidates, record)
    return None


def _manifest(document: Mapping[str, Any], kind: Kind | None, kinds: Kinds, record: Record) -> Root | None:
    named = kinds.get(document["kind"]) if isinstance(document.get("kind"), str) else None
    if kind is not None and named is not None and named.name != kind.name:
        message = f"The document is a manifest of kind {named.name}, and --kind says {kind.name}."
        record.refuse("conflicting-kind", message, "Leave --kind out, or correct the document.", ("kind",))
        return None
    if named is None:
        message = (
            f"The document is of kind {shown(document.get('kind'))}, apiVersion {shown(document.get('apiVersion'))}."
        )
        record.refuse("unsupported-kind", message, f"Known kinds: {', '.join(sorted(kinds))}.", ("kind",))
        return None
    return Root(named, manifest=True)


def inputs(kind: Kind) -> tuple[str, ...]:
    """Name the fields that hold a kind's work, such as jobSpec: the required messages of its spec, and its oneofs."""
    spec = shape.resolve(kind.spec_schema, kind.schema)
    choices = [name for choice in spec.get("x-oneof", ()) for name in choice["fields"]]
    return tuple(name for name in (*spec.get("required", ()), *choices) if fields(kind, name))


def fields(kind: Kind, name: str) -> Mapping[str, Any]:
    """Return the fields of a message inside the spec, none where the field is no message."""
    node = shape.resolve(shape.child(kind.spec_schema, name, kind.schema), kind.schema)
    found: Mapping[str, Any] = node.get("properties", {})
    return found


def belongs_to_resource(kind: Kind, key: str) -> bool:
    """Say whether a key is one of the resource's own, which bare messages are sometimes written beside."""
    spec = shape.resolve(kind.spec_schema, kind.schema)
    return key in _RESOURCE or key == kind.id_field or key in kind.output_only or key in spec["properties"]


def _bare(keys: set[str], candidates: Iterable[Kind]) -> list[Root]:
    """Return the messages that know the most of these keys: one where the keys are telling."""
    scored = [(len(keys & set(fields(kind, name))), Root(kind, name)) for kind in candidates for name in inputs(kind)]
    best = max((score for score, _ in scored), default=0)
    return [root for score, root in scored if score == best > 0]


def _refuse_guess(keys: set[str], found: list[Root], candidates: list[Kind], record: Record) -> None:
    listed = suggestions.listing(sorted(keys)) or "none"
    if found:
        fits = " or ".join(f"{root.kind.name} ({root.wrapper})" if root.wrapper else root.kind.name for root in found)
        message = f"The top keys fit more than one kind of job: {listed} may be {fits}."
    else:
        message = f"The top keys do not say what kind of job this is: {listed}."
    wanted = "; ".join(f"{kind.name} ({' or '.join(inputs(kind))})" for kind in candidates)
    hint = f"Name it with --kind, or write the whole resource. Known kinds, and the key that tells them: {wanted}."
    record.refuse("unguessable-kind", message, hint)
