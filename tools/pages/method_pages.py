"""Which methods of Google's job APIs the emulator serves: every described method is sent to it, and the answer looked at."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from reconciler.emulator import app
from reconciler.emulator.state.clocks import ManualClock
from reconciler.files import schemas
from reconciler.vocabulary.wire import Request, Transport
from tools.pages.client_matrix import COLLECTIONS
from tools.pages.markdown_tables import code, table
from tools.schemas.discovery import read_api

_VALUES = {"pageSize": "1", "options.requestedPolicyVersion": "3", "returnPartialSuccess": "true", "timeout": "1s"}
"""Values of query parameters that are no text of any form."""


def parts() -> dict[str, str]:
    """Return the generated part of docs/fidelity.md about methods."""
    emulator = app.Emulator(schemas.load_kinds(), ":memory:", ManualClock(), app.random_ids(random.Random(1)))
    try:
        return {"methods": "\n\n".join(_api(name, emulator) for name in COLLECTIONS)}
    finally:
        emulator.close()


def _api(name: str, emulator: Transport) -> str:
    rows = []
    for collection in COLLECTIONS[name]:
        for method, described in sorted(read_api(name).methods(collection).items()):
            taken, refused = _parameters(described, emulator)
            title = f"{collection.removeprefix('projects.')}.{method}"
            way = f"{described['httpMethod']} {_path(described)}"
            served = "yes" if _is_served(described, emulator) else "no"
            rows.append((code(title), code(way), ", ".join(map(code, taken)), ", ".join(map(code, refused)), served))
    return f"### {name.replace('.', ' ')}\n\n{table(('method', 'HTTP', 'parameters', 'not taken', 'served'), rows)}"


def _path(described: Mapping[str, Any]) -> str:
    return re.sub(r"\{(\w+?)sId\}", lambda found: "{" + found[1] + "}", described["flatPath"])


def _parameters(described: Mapping[str, Any], emulator: Transport) -> tuple[list[str], list[str]]:
    """Sort a method's own query parameters into those that are taken and those that are unknown to the emulator."""
    names = [name for name, one in sorted(described.get("parameters", {}).items()) if one["location"] == "query"]
    if not _is_served(described, emulator):
        return [], names
    unknown = [name for name in names if b"Cannot bind query parameter" in _ask(described, emulator, name)]
    return [name for name in names if name not in unknown], unknown


def _is_served(described: Mapping[str, Any], emulator: Transport) -> bool:
    return not _ask(described, emulator).startswith(b"<")


def _ask(described: Mapping[str, Any], emulator: Transport, parameter: str = "") -> bytes:
    path = "/" + re.sub(r"\{\w+\}", "1", described["flatPath"])
    query = f"?{urlencode({parameter: _VALUES.get(parameter, 'name')})}" if parameter else ""
    return emulator(Request(described["httpMethod"], f"http://emulator{path}{query}")).body
