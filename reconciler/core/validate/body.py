"""Check the body of a create once more, just before it is sent: a plan file may be older than today's schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.validate.schema import Checker
from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.model import show_path

_OUTSIDE_SPEC = ("labels", "name")


class BodyCheck:
    """Checks bodies; compiles the schema of a kind when it first meets one."""

    def __init__(self) -> None:
        self._checkers: dict[str, Checker] = {}

    def __call__(self, kind: Kind, body: Mapping[str, Any]) -> str:
        """Return what is wrong with a body, empty for nothing. Labels and ids are the plan's own work."""
        if kind.name not in self._checkers:
            self._checkers[kind.name] = Checker(kind.schema)
        checker = self._checkers[kind.name]
        outside = {*_OUTSIDE_SPEC, kind.id_field} - {*kind.spec_schema.get("properties", ())}
        manifest = {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "metadata": {"name": "body"},
            "spec": {key: value for key, value in body.items() if key not in outside},
        }
        problems = checker.problems(manifest, manifest)
        return "; ".join(f"{show_path(problem.path)}: {problem.message}" for problem in problems[:5])
