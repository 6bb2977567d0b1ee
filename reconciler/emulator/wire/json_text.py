"""JSON two spaces deep, written quickly: the standard library writes indented JSON in pure Python, piece by piece.

It knows nothing of replies."""

from __future__ import annotations

import json
from json.encoder import encode_basestring  # in C where the interpreter has it
from typing import Any


def write(value: Any, line: str = "\n") -> str:
    """Write what json.dumps(value, indent=2, ensure_ascii=False) writes; `line` is a line end and its indent.

    Keys are text, as in every message.
    """
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, dict) and value:
        inner = f"{line}  "
        parts = [
            f"{encode_basestring(name)}: {encode_basestring(each) if type(each) is str else write(each, inner)}"
            for name, each in value.items()
        ]
        return f"{{{inner}{f',{inner}'.join(parts)}{line}}}"
    if isinstance(value, list | tuple) and value:
        inner = f"{line}  "
        return f"[{inner}{f',{inner}'.join([write(each, inner) for each in value])}{line}]"
    return json.dumps(value)
