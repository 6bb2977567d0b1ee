"""The version of this tool, for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from reconciler.renderers.style import Style


def text(version: str, style: Style) -> str:  # noqa: ARG001 - the shape every form has
    """Return the name and the version."""
    return f"reconciler {version}"


def as_json(version: str, style: Style) -> str:  # noqa: ARG001 - the shape every form has
    """Return `{"name", "version"}`."""
    return json.dumps({"name": "reconciler", "version": version}, sort_keys=True, indent=2)


FORMATS: Mapping[str, Callable[[str, Style], str]] = {"text": text, "json": as_json}
"""Kept apart from the table of forms: whoever asks for the version waits for nothing else to be loaded."""
