"""A compiled schema: a fast yes or no, and the slow full answer only where it is no."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import jsonschema_rs

from reconciler.core.validate import wording
from reconciler.vocabulary.model import Problem


class Checker:
    """Checks values against one draft-07 schema that speaks only of itself."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = open_up(schema)
        self._fast = jsonschema_rs.Draft7Validator(self._schema, validate_formats=False)

    @cached_property
    def _full(self) -> Any:
        from jsonschema import Draft7Validator  # 130 ms to import: only where something is wrong

        return Draft7Validator(self._schema)

    def problems(self, written: Any, value: Any) -> tuple[Problem, ...]:
        """Return everything wrong with `value`; `written` is the same before its fields were renamed."""
        if self._fits(value):
            return ()
        from reconciler.core.validate import schema_errors

        return schema_errors.explain(schema_errors.Input(written, value, self._schema), self._full) or tuple(
            self._left_over(value)
        )

    def _fits(self, value: Any) -> bool:
        try:
            return bool(self._fast.is_valid(value))
        except ValueError:  # a value the fast validator cannot hold
            return False

    def _left_over(self, value: Any) -> Iterator[Problem]:
        """Tell what only the fast validator refuses, so that nothing it refuses passes unseen."""
        try:
            errors = [(tuple(error.instance_path), list(error.schema_path)) for error in self._fast.iter_errors(value)]
        except ValueError as refused:  # raised where the value cannot be held at all
            errors = [((), [str(refused)])]
        for path, keywords in errors:
            keyword = str(keywords[-1]) if keywords else "schema"
            if keyword == "pattern":  # Python's `$` also fits before a line break at the end, the fast one's does not
                message = f"{wording.subject(path)} does not have the form of its field."
                yield Problem("bad-format", message, "Look for a line break at its end.", path=path)
            else:
                message = f"{wording.subject(path)} does not fit the schema ({keyword})."
                yield Problem("bad-value", message, "Compare it with `reconciler explain`.", path=path)


def open_up(schema: Any) -> Any:
    """Return a copy in which open enums take any text: `facts` tells new members from misspelt ones."""
    if isinstance(schema, Mapping):
        is_open = isinstance(schema.get("x-enum"), Mapping) and schema["x-enum"].get("open")
        return {key: open_up(below) for key, below in schema.items() if not (is_open and key == "enum")}
    return [open_up(item) for item in schema] if isinstance(schema, list) else schema
