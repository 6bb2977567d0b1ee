"""Check documents against their kinds and their stack, and return what is wanted together with every problem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.spec import normalize
from reconciler.core.validate import desired, facts, schema, suggestions, wording
from reconciler.vocabulary.kinds import Kind, Kinds
from reconciler.vocabulary.model import Desired, Document, Problem, Severity, Stack, address_of

_LATER: tuple[tuple[tuple[str, str], str], ...] = (
    (("metadata", "resource"), "Binding a live job by metadata.resource is not built yet: remove it."),
    (("lifecycle", "dependsOn"), "Ordering by lifecycle.dependsOn is not built yet: remove it."),
)


MOST_DOUBTS = 1000
"""Values of one manifest that are judged one by one; more is an error, so that none goes by unseen."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What is wanted, ordered by kind and name, and everything wrong with it. Use `desired` only where `ok`."""

    desired: tuple[Desired, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """True where nothing is wrong but warnings."""
        return _clean(self.problems)


class Validator:
    """Checks manifests; compiles the schema of a kind when it first meets one."""

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self._checkers: dict[str, _KindChecker] = {}

    def check(self, documents: Iterable[Document], stack: Stack) -> Validation:
        """Check every document by itself and all of them together. Never raises for bad input."""
        wanted: list[Desired] = []
        problems: list[Problem] = []
        named: list[tuple[Document, str, str, str]] = []
        for document in documents:
            found, built = self._check_one(document, stack)
            problems.extend(found)
            if built is not None:
                wanted.append(built)
            named.extend(_names(document, self._kinds))
        problems.extend(_conflicts(named))
        return Validation(
            tuple(sorted(wanted, key=lambda each: (each.kind, each.name))), tuple(sorted(problems, key=_order))
        )

    def _check_one(self, document: Document, stack: Stack) -> tuple[list[Problem], Desired | None]:
        problems = list(check_type(document, self._kinds))
        built = None
        if not problems:
            kind = self._kinds[document.value["kind"]]
            problems, built = self._checker(kind).check(document, stack)
        return [_stamp(problem, document) for problem in problems], built

    def _checker(self, kind: Kind) -> _KindChecker:
        if kind.name not in self._checkers:
            self._checkers[kind.name] = _KindChecker(kind)
        return self._checkers[kind.name]


class _KindChecker:
    """The compiled schema of one kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._schema = schema.Checker(kind.schema)
        self._spots = facts.compile_spots(kind.schema, kind.schema)

    def check(self, document: Document, stack: Stack) -> tuple[list[Problem], Desired | None]:
        """Check one manifest of this kind; the second value is None where it has errors."""
        manifest = normalize.rename(document.value, self._kind.schema, self._kind.schema)
        problems = [*_later(manifest), *self._schema.problems(document.value, manifest)]
        paths = {problem.path for problem in problems}
        problems.extend(problem for problem in self._facts(manifest) if problem.path not in paths)
        if _clean(problem for problem in problems if problem.path[:1] != ("spec",)):
            problems.extend(desired.check(manifest, self._kind, stack))
        return problems, desired.build(manifest, document, self._kind, stack) if _clean(problems) else None

    def _facts(self, manifest: Any) -> Iterator[Problem]:
        for count, problem in enumerate(facts.check(manifest, self._spots)):
            if count >= MOST_DOUBTS:
                message = f"More than {MOST_DOUBTS} values of this manifest are wrong or doubtful."
                yield Problem("too-many-problems", message, "Correct those that are listed first.")
                return
            yield problem


def _clean(problems: Iterable[Problem]) -> bool:
    return all(problem.severity is Severity.WARNING for problem in problems)


def check(documents: Iterable[Document], stack: Stack, kinds: Kinds) -> Validation:
    """Check documents once; a caller that checks often keeps a Validator."""
    return Validator(kinds).check(documents, stack)


def check_type(document: Document, kinds: Kinds) -> Iterator[Problem]:
    """Yield what is wrong with apiVersion and kind."""
    value = document.value
    if not isinstance(value, Mapping):
        message = f"A manifest is a map; this is {wording.found(value)}."
        yield Problem("not-a-manifest", message, "Name the file in spec.ignore if it holds no manifests.")
        return
    for key in ("apiVersion", "kind"):
        if value.get(key) is None:
            yield Problem("missing-field", f"{key} is required.", _type_hint(value, key, kinds), path=(key,))
        elif not isinstance(value[key], str):
            message = f"{key} is {wording.found(value[key])} where text is wanted."
            yield Problem("wrong-type", message, _type_hint(value, key, kinds), path=(key,))
    name: Any = value.get("kind")
    version = value.get("apiVersion")
    if not isinstance(name, str) or not isinstance(version, str):
        return
    if name not in kinds:
        hint = f"Known kinds: {', '.join(sorted(kinds))}. Name the file in spec.ignore if it is another tool's."
        message = f"There is no kind {wording.shown(name)}."
        yield Problem("unknown-kind", message, _kind_hint(name, kinds) or hint, path=("kind",))
    elif version != kinds[name].api_version:
        message = f"{name} is not of apiVersion {wording.shown(version)}."
        yield Problem("unknown-kind", message, f"Write apiVersion: {kinds[name].api_version}.", path=("apiVersion",))


def _kind_hint(name: str, kinds: Kinds) -> str:
    collections = {kind.collection.casefold(): kind.name for kind in kinds.values()}
    found = collections.get(name.casefold()) or suggestions.closest(name, kinds)
    return f"Did you mean {found}?" if found else ""


def _type_hint(value: Mapping[str, Any], missing: str, kinds: Kinds) -> str:
    kind = kinds.get(value["kind"]) if isinstance(value.get("kind"), str) else None
    if missing == "apiVersion":
        versions = sorted({known.api_version for known in kinds.values()})
        return f"Write apiVersion: {kind.api_version if kind else ' or '.join(versions)}."
    return f"Known kinds: {', '.join(sorted(kinds))}."


def _later(manifest: Mapping[str, Any]) -> Iterator[Problem]:
    for path, sentence in _LATER:
        section = manifest.get(path[0])
        if isinstance(section, Mapping) and path[1] in section:
            yield Problem("not-built-yet", sentence, path=path)


# ---------------------------------------------------------------- all manifests together


def _names(document: Document, kinds: Kinds) -> Iterator[tuple[Document, str, str, str]]:
    """Yield kind, name and old name of a document that has them, whatever else is wrong with it."""
    value = document.value
    metadata = value.get("metadata") if isinstance(value, Mapping) else None
    if isinstance(metadata, Mapping) and isinstance(value.get("kind"), str) and isinstance(metadata.get("name"), str):
        former = metadata.get("formerly")
        if value["kind"] in kinds:
            yield document, value["kind"], metadata["name"], former if isinstance(former, str) else ""


def _conflicts(named: Sequence[tuple[Document, str, str, str]]) -> Iterator[Problem]:
    by_address: dict[str, list[Document]] = {}
    by_former: dict[str, list[Document]] = {}
    for document, kind, name, former in named:
        by_address.setdefault(address_of(kind, name), []).append(document)
        if former and former != name:
            by_former.setdefault(address_of(kind, former), []).append(document)
    for address, documents in by_address.items():
        for document in documents if len(documents) > 1 else ():
            others = _places(documents, document)
            message = f"{address} is declared more than once; also at {others}."
            yield _stamp(
                Problem("duplicate-address", message, "Rename or remove one.", path=("metadata", "name")), document
            )
    for address, documents in by_former.items():
        taken = by_address.get(address, [])
        for document in documents:
            others = _places((*taken[:4], *documents[:4]), document)
            if others:
                message = f"metadata.formerly names {address}, which another manifest claims: {others}."
                hint = "A run of the old name can go to one manifest only."
                yield _stamp(Problem("bad-formerly", message, hint, path=("metadata", "formerly")), document)


def _places(documents: Sequence[Document], but: Document) -> str:
    """Name a few of the documents: thousands may carry one name."""
    return ", ".join(f"{other.file}:{other.line}" for other in documents[:4] if other is not but)


def _stamp(problem: Problem, document: Document) -> Problem:
    value = document.value if isinstance(document.value, Mapping) else {}
    metadata = value.get("metadata")
    kind: Any = value.get("kind")
    name: Any = metadata.get("name") if isinstance(metadata, Mapping) else None
    return replace(
        problem,
        file=document.file,
        document=document.index,
        path=(*document.prefix, *problem.path),
        address=address_of(kind, name) if isinstance(kind, str) and isinstance(name, str) else "",
    )


def _order(problem: Problem) -> tuple[Any, ...]:
    return (problem.file, problem.document, wording.path_order(problem.path), problem.rule, problem.message)
