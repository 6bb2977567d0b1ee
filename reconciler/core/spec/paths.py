"""Field paths as people write them: parse `spec.a[0].b`, match patterns, cut them out of a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.vocabulary.model import FieldPath

ANY = "[]"
_STEP = re.compile(r"(?P<key>[^.\[\]]+)|\[(?P<index>[0-9]{0,9}|\*)\]")


def parse(text: str) -> FieldPath:
    """Split `spec.jobSpec.workerPoolSpecs[0].env[]` into its steps; `[]` and `[*]` mean any index.

    Raises ValueError where the text is no path.
    """
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None or (found["key"] and text[position - 1 : position] == "]"):
            raise ValueError(f"{text!r} is not a field path")
        if found["key"] is not None:
            steps.append(found["key"])
        else:
            steps.append(int(found["index"]) if found["index"] not in ("", "*") else ANY)
        position = found.end()
        if text[position : position + 1] == ".":
            position += 1
            if position == len(text):
                raise ValueError(f"{text!r} ends in a dot")
    if not steps:
        raise ValueError("a field path is not empty")
    return tuple(steps)


def without(value: Any, path: FieldPath) -> Any:
    """Return a copy of `value` with whatever stands at `path` taken out.

    A mapping loses the key; a list keeps its length, since positions mean something, and holds null there.
    """
    if not path:
        return None
    step, rest = path[0], path[1:]
    if isinstance(value, Mapping):
        if step not in value:
            return value
        copy = dict(value)
        if rest:
            copy[step] = without(copy[step], rest)
        else:
            del copy[step]
        return copy
    if isinstance(value, list) and (step == ANY or isinstance(step, int)):
        return [without(item, rest) if step in (ANY, index) else item for index, item in enumerate(value)]
    return value
