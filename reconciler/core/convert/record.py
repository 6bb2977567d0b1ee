"""What a conversion has to tell: each change as a sentence behind its path, and what it cannot do. Decides nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from reconciler.vocabulary.model import FieldPath, Problem, show_path

_LONGEST = 60


@dataclass(slots=True)
class Record:
    """Notes and problems in the order they came up. Lives as long as one conversion."""

    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def note(self, path: FieldPath, what: str) -> None:
        """Write down one change."""
        self.notes.append(f"{show_path(path)}: {what}")

    def refuse(self, rule: str, message: str, hint: str = "", path: FieldPath = ()) -> None:
        """Write down what stands in the way of a manifest."""
        self.problems.append(Problem(rule, message, hint, path=path))


def shown(value: Any) -> str:
    """Write a value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
