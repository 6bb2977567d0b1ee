"""Check a stack file and fill its defaults in. Does not look at disk: whether folders exist is asked elsewhere."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.core.spec import normalize
from reconciler.core.validate import placeholders, store_url, suggestions
from reconciler.core.validate.schema import Checker
from reconciler.core.validate.wording import path_order, shown
from reconciler.vocabulary.model import Document, Json, Limits, Problem, Scope, Stack

MANIFESTS = ("**/*.yaml", "**/*.yml", "**/*.json")
STORE = ".reconciler"
SETTLE = 30.0
"""Seconds that lists may lag behind writes, unless the file says otherwise."""

_STORE_HINT = "Write a folder below the stack such as .reconciler, gs://BUCKET/PREFIX, or none."

_SETTLE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)\Z")
_SECONDS: Mapping[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def stack(
    document: Document,
    *,
    root: str,
    schema: Mapping[str, Any],
    kinds: Collection[str],
    suggested_uid: str,
) -> tuple[Stack | None, tuple[Problem, ...]]:
    """Return the stack, or None and every problem. `suggested_uid` is eight fresh hexadecimal digits to offer."""
    value = normalize.rename(document.value, schema, schema)
    problems = [_worded(problem, suggested_uid) for problem in Checker(schema).problems(document.value, value)]
    if isinstance(value, Mapping):
        problems.extend(_later(value))
    if not problems:
        problems.extend(_beyond_schema(value, kinds))
    placed = [replace(problem, file=document.file, document=document.index) for problem in problems]
    placed.sort(key=lambda problem: (path_order(problem.path), problem.rule))
    return (None if placed else _build(value, root)), tuple(placed)


def _worded(problem: Problem, suggested_uid: str) -> Problem:
    """Put better advice where the general words of a schema fall short."""
    path = problem.path
    if not path:
        return replace(problem, message=problem.message.replace("The manifest", "The stack file"))
    if path == ("metadata", "uid"):
        return replace(problem, hint=f'Write uid: "{suggested_uid}" (drawn for you just now), and never change it.')
    if path == ("spec", "backend") and problem.rule != "missing-field":
        hint = (
            "Write embedded, google, or http:// with 127.0.0.1, localhost or [::1] and a port; no other host is called."
        )
        return replace(problem, hint=hint)
    if path == ("spec", "store"):
        return replace(problem, hint=_STORE_HINT)
    return problem


def _later(value: Mapping[str, Any]) -> Iterator[Problem]:
    """Refuse by name what the published schema shows and this release does not do."""
    spec = value.get("spec")
    if not isinstance(spec, Mapping) or not isinstance(spec.get("defaults"), Mapping):
        return
    lifecycle = spec["defaults"].get("lifecycle")
    if isinstance(lifecycle, Mapping) and "dependsOn" in lifecycle:
        message = "Ordering by lifecycle.dependsOn is not built yet: remove it."
        yield Problem("not-built-yet", message, path=("spec", "defaults", "lifecycle", "dependsOn"))


def _beyond_schema(value: Mapping[str, Any], kinds: Collection[str]) -> Iterator[Problem]:
    spec = value["spec"]
    for index, name in enumerate(spec.get("kinds", ())):
        if name not in kinds:
            hint = suggestions.did_you_mean(name, kinds, f"Known kinds: {', '.join(sorted(kinds))}.")
            yield Problem("unknown-kind", f"There is no kind {shown(name)}.", hint, path=("spec", "kinds", index))
    for key in ("manifests", "ignore"):
        for index, pattern in enumerate(spec.get(key, ())):
            if pattern.startswith(("/", "~")) or ".." in pattern.split("/"):
                message = f"The glob {shown(pattern)} leads outside the stack."
                yield Problem("outside-stack", message, "Globs start below the stack.", path=("spec", key, index))
    yield from _check_store(spec.get("store", STORE))
    yield from _check_backend(spec["backend"])
    yield from _check_defaults(spec)


def _check_store(store: str) -> Iterator[Problem]:
    message = ""
    if found := placeholders.in_text(store):
        message = f"spec.store holds the placeholder {found}."
    elif store.startswith(store_url.SCHEME) and not store_url.parse(store):
        message = f"spec.store {shown(store)} names no bucket with a plain prefix."
    elif "://" in store and not store_url.parse(store):
        message = f"spec.store {shown(store)} is no folder."
    elif store.startswith(("/", "~")) or ".." in store.split("/"):
        message = f"The store {shown(store)} leads outside the stack."
    if message:
        yield Problem("outside-stack", message, _STORE_HINT, path=("spec", "store"))


def _check_backend(backend: str) -> Iterator[Problem]:
    port = re.search(r":([0-9]+)/?\Z", backend)
    if port and not 0 < int(port[1]) <= 65535:
        yield Problem("bad-format", f"{port[1]} is no port.", "Ports are 1 to 65535.", path=("spec", "backend"))


def _check_defaults(spec: Mapping[str, Any]) -> Iterator[Problem]:
    scopes = _scopes(spec)
    defaults = spec.get("defaults", {})
    for index, entry in enumerate(spec["scopes"]):
        if any(earlier["project"] == entry["project"] for earlier in spec["scopes"][:index]):
            message = f"The project {entry['project']} has two entries in spec.scopes."
            yield Problem("duplicate-scope", message, "Merge their locations.", path=("spec", "scopes", index))
    wanted = {"project": {scope.project for scope in scopes}, "location": {scope.location for scope in scopes} - {""}}
    for name, allowed in wanted.items():
        if name in defaults and defaults[name] not in allowed:
            message = f"The default {name} {defaults[name]} is outside the stack's scopes."
            hint = suggestions.did_you_mean(defaults[name], allowed, "Add it to spec.scopes.")
            yield Problem("scope-outside", message, hint, path=("spec", "defaults", name))


def _scopes(spec: Mapping[str, Any]) -> tuple[Scope, ...]:
    return tuple(
        sorted(
            Scope(entry["project"], location) for entry in spec["scopes"] for location in entry.get("locations", ("",))
        )
    )


def _build(value: Mapping[str, Any], root: str) -> Stack:
    spec = value["spec"]
    defaults = spec.get("defaults", {})
    scopes = _scopes(spec)
    lone = scopes[0] if len(scopes) == 1 else Scope("")
    projects = {scope.project for scope in scopes}
    return Stack(
        name=value["metadata"]["name"],
        uid=value["metadata"]["uid"],
        root=root,
        backend=spec["backend"].rstrip("/"),
        scopes=scopes,
        kinds=tuple(sorted(set(spec.get("kinds", ())))),
        default_project=defaults.get("project", scopes[0].project if len(projects) == 1 else ""),
        default_location=defaults.get("location", lone.location),
        default_labels=dict(sorted(defaults.get("labels", {}).items())),
        default_lifecycle=dict(defaults.get("lifecycle", {})),
        manifests=tuple(spec.get("manifests", MANIFESTS)),
        ignore=tuple(spec.get("ignore", ())),
        limits=_limits(spec.get("limits", {})),
        store=spec.get("store", STORE),
        settle=_settle(spec["settle"]) if "settle" in spec else SETTLE,
        former_uids=tuple(sorted(set(value["metadata"].get("formerUids", ())))),
    )


def globs(value: Json) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the globs of manifests and of what is ignored that a stack file says, whatever else is wrong with it."""
    spec = value.get("spec") if isinstance(value, Mapping) else None
    said = spec if isinstance(spec, Mapping) else {}

    def texts(key: str, usual: tuple[str, ...]) -> tuple[str, ...]:
        given = said.get(key, usual)
        return tuple(str(each) for each in given) if isinstance(given, list | tuple) else usual

    return texts("manifests", MANIFESTS), texts("ignore", ())


def _limits(limits: Mapping[str, Any]) -> Limits:
    usual = Limits()
    return Limits(
        cancel=_share(limits["cancel"]) if "cancel" in limits else usual.cancel,
        delete=_share(limits["delete"]) if "delete" in limits else usual.delete,
        start=int(limits.get("from", usual.start)),
    )


def _share(percent: str) -> float:
    return float(percent.removesuffix("%")) / 100


def _settle(text: str) -> float:
    found = _SETTLE.match(text)
    return float(found[1]) * _SECONDS[found[2]] if found else SETTLE
