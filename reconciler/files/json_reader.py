"""Turn JSON text into one document. Stricter than Python's json: no repeated keys, no NaN, bounded depth."""

from __future__ import annotations

import json
from typing import Any

from reconciler.files import dialect, yaml_reader
from reconciler.files.reading import MAX_DEPTH, Reading, bad_text, bad_text_problem, describe
from reconciler.vocabulary.model import Document, FieldPath, Place, Problem


def read(text: str, file: str) -> Reading:
    """Read a JSON file; an empty one has no document."""
    if not text.strip():
        return Reading()
    repeated: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                repeated.append(key)
            else:
                found[key] = value
        return found

    try:
        value = json.loads(
            text, object_pairs_hook=pairs, parse_constant=_refuse, parse_float=dialect.finite, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        hint = "JSON allows no comments, single quotes or commas before a closing bracket; YAML files do."
        place = Place(file, error.lineno, error.colno)
        return Reading(
            problems=(Problem("json-syntax", f"This is not JSON: {error.msg}.", hint, file=file, place=place),)
        )
    except dialect.ScalarError as error:
        return Reading(problems=(Problem("bad-value", f"{error}.", file=file, place=Place(file)),))
    except RecursionError:
        return Reading(problems=(_too_deep(file),))
    problems = [*_repeated(repeated, text, file), *_unsound(value, file)]
    start = len(text) - len(text.lstrip())
    return Reading((Document(file, 0, text.count("\n", 0, start) + 1, value),), tuple(problems))


def _refuse(word: str) -> Any:
    raise dialect.ScalarError(f"{word} is no JSON value")


def _integer(digits: str) -> Any:
    return dialect.plain(digits)


def _repeated(keys: list[str], text: str, file: str) -> list[Problem]:
    """Place repeated keys by reading the text as the YAML that most JSON is too."""
    if not keys:
        return []
    placed = [problem for problem in yaml_reader.read(text, file).problems if problem.rule == "duplicate-key"]
    if placed:
        return placed
    return [
        Problem("duplicate-key", f"{key} is given twice.", "Keep one of the two.", file=file, place=Place(file))
        for key in keys
    ]


def _unsound(value: Any, file: str) -> list[Problem]:
    """Find what JSON allows and we do not: deep nesting, NUL, lone surrogates."""
    problems: list[Problem] = []
    waiting: list[tuple[Any, FieldPath]] = [(value, ())]
    while waiting:
        item, path = waiting.pop()
        if len(path) > MAX_DEPTH:
            return [_too_deep(file)]
        if isinstance(item, dict):
            for key in item:
                if found := bad_text(key):
                    problems.append(bad_text_problem(found, file, 0, path))
            waiting.extend((below, (*path, key)) for key, below in item.items())
        elif isinstance(item, list):
            waiting.extend((below, (*path, index)) for index, below in enumerate(item))
        elif describe(item) == "text" and (found := bad_text(item)):
            problems.append(bad_text_problem(found, file, 0, path))
    return problems


def _too_deep(file: str) -> Problem:
    message = f"The document nests deeper than {MAX_DEPTH} levels."
    return Problem("nested-too-deep", message, "No manifest needs that: flatten it.", file=file, place=Place(file))
