"""Explain why a value does not fit a schema: one clear problem for each fault, in words for people who write YAML.

The facts come from JSON Schema's own errors; the words from the schema's `x-` keys. Knows no kind by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from reconciler.core.spec import normalize, shape
from reconciler.core.validate import elsewhere, placeholders, suggestions, wording
from reconciler.vocabulary.model import FieldPath, Problem, show_path

Schema = Mapping[str, Any]
MOST = 200
"""Faults of one document that are told; whoever mends these sees the rest, and no input makes the list endless."""
_STEPS = frozenset({"properties", "items", "additionalProperties"})


@dataclass(frozen=True, slots=True)
class Input:
    """A value to explain: as it was written, and with its fields renamed as the schema spells them."""

    written: Any
    value: Any
    schema: Schema


def explain(given: Input, validator: Draft7Validator) -> tuple[Problem, ...]:
    """Return every fault of a value, ordered by path."""
    found: dict[tuple[str, FieldPath], Problem] = {}
    for error in islice(validator.iter_errors(given.value), MOST):
        for problem in _explain(error, given):
            found.setdefault((problem.rule, problem.path), problem)
    return _without_echoes(list(found.values()))


def _without_echoes(problems: list[Problem]) -> tuple[Problem, ...]:
    """Drop what only follows from another fault: a field missed because it is misspelt, a second fault of one value."""
    strangers = [problem for problem in problems if problem.rule in ("unknown-field", "output-only")]
    meant = {(*problem.path[:-1], _first_word(problem.hint)) for problem in strangers}
    objects = {problem.path[:-1] for problem in strangers}
    kept: dict[FieldPath, Problem] = {}
    for problem in sorted(problems, key=lambda problem: (wording.path_order(problem.path), _rank(problem))):
        echo = problem.rule == "missing-field" and problem.path in meant
        echo = echo or (problem.rule == "field-combination" and problem.path in objects)
        if not echo:
            kept.setdefault(problem.path, problem)
    return tuple(kept.values())


def _first_word(hint: str) -> str:
    return hint.removeprefix("Did you mean ").split("?")[0]


def _rank(problem: Problem) -> int:
    order = ("placeholder", "wrong-type", "bad-enum", "bad-format", "missing-field")
    return order.index(problem.rule) if problem.rule in order else len(order)


@dataclass(frozen=True, slots=True)
class _Fault:
    """One error of JSON Schema, in plain types: `keyword: expected` of `schema` does not hold for `value` at `path`."""

    keyword: str
    expected: Any
    schema: Schema
    value: Any
    path: FieldPath
    given: Input

    @property
    def name(self) -> str:
        return show_path(self.path)

    @property
    def written(self) -> Any:
        return wording.written_at(self.given.written, self.path)


def _explain(error: ValidationError, given: Input) -> Iterator[Problem]:
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    path: FieldPath = tuple(error.absolute_path)
    fault = _Fault(str(error.validator), error.validator_value, schema, error.instance, path, given)
    combination = _combination(tuple(error.absolute_schema_path), path, given.schema)
    if combination is not None:
        yield combination
    elif "propertyNames" in error.absolute_schema_path:
        yield _bad_key(fault)
    else:
        yield from _HANDLERS.get(fault.keyword, _other)(fault)


def _combination(schema_path: FieldPath, path: FieldPath, root: Schema) -> Problem | None:
    """Say the schema's own sentence where a rule over several fields is broken, at the object that has the rule."""
    node: Any = root
    message, below = "", 0
    for step in schema_path:
        below += step in _STEPS and message != ""
        if isinstance(node, Mapping) and "$ref" in node:  # jsonschema leaves references out of its paths
            node = shape.resolve(node, root)
        node = node[step]
        if isinstance(node, Mapping) and "x-message" in node:
            message, below = node["x-message"], 0
    if not message:
        return None
    where = path[: len(path) - below]
    return Problem("field-combination", f"{wording.subject(where)}: {message[:1].lower()}{message[1:]}", path=where)


def _unknown(fault: _Fault) -> Iterator[Problem]:
    node = fault.schema
    known = node.get("properties", {})
    for name in islice(sorted(set(fault.value) - set(known)), MOST):
        here = (*fault.path, name)
        if name in node.get("x-output-only", ()):
            message = f"{show_path(here)} is set by the service."
            yield Problem("output-only", message, "Remove it.", path=here)
        elif normalize.camel(name) in known:
            message = f"{show_path(here)} is given a second time, as {normalize.camel(name)}."
            yield Problem("duplicate-key", message, "Keep one of the two spellings.", path=here)
        else:
            message = f"{wording.subject(fault.path)} has no field {name}."
            yield Problem(
                "unknown-field", message, _unknown_hint(name, fault.path, known, fault.given.schema), path=here
            )


def _unknown_hint(name: str, path: FieldPath, known: Mapping[str, Any], root: Schema) -> str:
    for candidate in known:
        if suggestions.plain(candidate) == suggestions.plain(name):
            return f"Did you mean {candidate}?"
    other = elsewhere.find(normalize.camel(name), path, root)
    if other:
        return f"{normalize.camel(name)} belongs at {other}."
    if name == "jobId":
        return "Remove it: the id is made from metadata.name."
    otherwise = f"Known fields: {suggestions.listing(sorted(known))}." if known else "Remove it."
    return suggestions.did_you_mean(name, known, otherwise)


def _required(fault: _Fault) -> Iterator[Problem]:
    for name in fault.expected:
        if name in fault.value:
            continue
        here = (*fault.path, name)
        written = fault.written
        empty = isinstance(written, Mapping) and any(normalize.camel(str(key)) == name for key in written)
        message = f"{show_path(here)} is required" + (" but has no value." if empty else ".")
        description = shape.resolve(shape.child(fault.schema, name, fault.given.schema), fault.given.schema)
        yield Problem("missing-field", message, wording.first_sentence(description), path=here)


def _type(fault: _Fault) -> Iterator[Problem]:
    written = fault.written
    braces = placeholders.braces(written)
    found = braces or placeholders.in_text(fault.value)
    if found:
        message = f"{fault.name} is the placeholder {found}."
        if braces:
            message = f"{fault.name}: YAML reads the unquoted {found} as a map, not as text."
        yield Problem("placeholder", message, placeholders.HINT, path=fault.path)
        return
    wanted = wording.wanted(fault.schema)
    message = f"{wording.subject(fault.path)} is {wording.found(written)} where {wanted} is wanted."
    yield Problem(
        "wrong-type", message, wording.type_hint(fault.schema, fault.value, fault.given.schema), path=fault.path
    )


def _enum(fault: _Fault) -> Iterator[Problem]:
    found = placeholders.in_text(fault.value)
    if found:
        yield Problem("placeholder", f"{fault.name} is the placeholder {found}.", placeholders.HINT, path=fault.path)
        return
    if not isinstance(fault.value, str):
        return  # the type is wrong too, and that is told
    members = [member for member in fault.expected if isinstance(member, str)]
    message = f"{fault.name} is {wording.shown(fault.value)}, which is none of its values."
    hint = suggestions.did_you_mean(fault.value, members, f"Known values: {suggestions.listing(members)}.")
    yield Problem("bad-enum", message, hint, path=fault.path)


def _pattern(fault: _Fault) -> Iterator[Problem]:
    found = placeholders.in_text(fault.value)
    if found:
        message = f"{fault.name} holds the placeholder {found}."
        yield Problem("placeholder", message, placeholders.HINT, path=fault.path)
        return
    shown = "given" if fault.schema.get("x-secret") else wording.shown(fault.value)
    message = f"{fault.name} cannot be {shown}."
    yield Problem("bad-format", message, wording.pattern_hint(fault.schema, fault.value, fault.path), path=fault.path)


def _const(fault: _Fault) -> Iterator[Problem]:
    message = f"{fault.name} is {wording.shown(fault.value)} where {wording.shown(fault.expected)} is wanted."
    yield Problem("bad-value", message, f"Write {wording.shown(fault.expected)}.", path=fault.path)


def _bound(fault: _Fault) -> Iterator[Problem]:
    sentence = wording.BOUNDS[fault.keyword].format(fault.expected)
    yield Problem(
        "out-of-bounds",
        f"{wording.subject(fault.path)} {sentence}.",
        wording.first_sentence(fault.schema),
        path=fault.path,
    )


def _alternatives(fault: _Fault) -> Iterator[Problem]:
    wanted = " or ".join(wording.wanted(option) for option in fault.expected)
    written = fault.written
    message = f"{fault.name} is {wording.shown(written)} where {wanted} is wanted."
    yield Problem("bad-value", message, wording.first_sentence(fault.schema), path=fault.path)


def _other(fault: _Fault) -> Iterator[Problem]:
    hint = wording.first_sentence(fault.schema)
    yield Problem(
        "bad-value", f"{wording.subject(fault.path)} does not fit the schema ({fault.keyword}).", hint, path=fault.path
    )


def _bad_key(fault: _Fault) -> Problem:
    key = str(fault.value)
    here = (*fault.path, key)
    if fault.keyword == "not" or key.startswith("reconciler_"):
        message = f"The label {wording.shown(key)} is one of our own."
        return Problem("bad-label", message, "Choose a key that does not start with reconciler_.", path=here)
    message = f"{wording.shown(key)} cannot be the key of a label."
    return Problem("bad-label", message, wording.LABEL_RULE, path=here)


_Handler = Callable[[_Fault], Iterator[Problem]]
_HANDLERS: Mapping[str, _Handler] = {
    "additionalProperties": _unknown,
    "required": _required,
    "type": _type,
    "enum": _enum,
    "pattern": _pattern,
    "const": _const,
    "anyOf": _alternatives,
    "oneOf": _alternatives,
    **dict.fromkeys(wording.BOUNDS, _bound),
}
