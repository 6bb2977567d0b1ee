"""Write a manifest as YAML that YAML 1.1 and 1.2 readers understand alike. Decides nothing about its content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from reconciler.files import dialect

_ORDER = ("apiVersion", "kind", "metadata", "lifecycle", "iamPolicy", "spec")
_TEXT = "tag:yaml.org,2002:str"
_PLAIN_WORD = re.compile(r"[A-Za-z][A-Za-z_]*(?:[/-][A-Za-z_]+)*\Z")
_NUMBERLIKE = re.compile(r"[-+.0-9][-+.:_,0-9eExXoO]*\Z")
"""Dates, versions and the like: text to every reader of YAML, but not to every reader of the file."""
_BOOLEANS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that YAML 1.1 reads as something else than text, in any case: https://yaml.org/type/bool.html"""

_SAFE_BLOCK = re.compile(r"[\n -~\u00a0-\u2027\u2030-\ud7ff\ue000-\ufefe]*\Z")
"""Characters that every YAML reader leaves alone in a block: no tabs, no line ends but \\n, nothing unprintable."""


def dump(manifest: Mapping[str, Any], schema_ref: str) -> str:
    """Return the YAML of a manifest, behind a first line that tells editors its schema.

    `schema_ref` is a path or URL of a schema; where it is empty there is no such line. `yaml_reader.read` returns the
    same value.
    """
    ordered = {key: manifest[key] for key in (*_ORDER, *manifest) if key in manifest}
    modeline = f"# yaml-language-server: $schema={schema_ref}\n" if schema_ref else ""
    return modeline + to_yaml(ordered)


def to_yaml(value: Any) -> str:
    """Return the YAML of a JSON value, keys in their own order, long text on one line or as a block."""
    return str(
        yaml.dump(value, Dumper=_Writer, sort_keys=False, allow_unicode=True, default_flow_style=False, width=10**9)
    )


def reads_unquoted(text: str, *, flow: bool) -> bool:
    """Say whether every YAML reader takes a text without quotes as the same text; `flow` is inside [] or {}."""
    if _PLAIN_WORD.match(text) and text.lower() not in _BOOLEANS:
        return True
    if _style(text) is not None or text.lower() in _BOOLEANS or _NUMBERLIKE.match(text):
        return False
    written = yaml.dump([text], Dumper=_Writer, allow_unicode=True, default_flow_style=flow, width=10**9)
    return str(written) == (f"[{text}]\n" if flow else f"- {text}\n")


def quoted(text: str) -> str:
    """Return a text in double quotes, on one line."""
    written = yaml.dump(text, Dumper=yaml.SafeDumper, default_style='"', allow_unicode=True, width=10**9)
    return str(written).rstrip("\n")


class _Writer(yaml.SafeDumper):
    """PyYAML's emitter, with every word quoted that either version of YAML would not read as text."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Write a value out each time it occurs."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's
        """Indent lists below their key."""
        super().increase_indent(flow=flow, indentless=False)


def _text(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return writer.represent_scalar(_TEXT, text, style=_style(text))


def _style(text: str) -> str | None:
    """Choose the style of a text: None leaves it to PyYAML, which quotes what YAML 1.1 would misread."""
    if not _SAFE_BLOCK.match(text):
        return '"'
    if "\n" in text:
        return "|"
    try:
        return None if isinstance(dialect.plain(text), str) else "'"
    except dialect.ScalarError:
        return "'"


_Writer.add_representer(str, _text)
