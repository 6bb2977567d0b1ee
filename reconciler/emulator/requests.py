"""One HTTP request taken apart: path, system and method parameters, JSON body. It knows no job."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from reconciler.emulator import masks
from reconciler.emulator.replies import Refusal
from reconciler.vocabulary.wire import Request

# discovery aiplatform v1 rev 20261106: parameters that every method takes
_SYSTEM = frozenset(
    (
        "$.xgafv",
        "$alt",
        "access_token",
        "alt",
        "callback",
        "fields",
        "key",
        "oauth_token",
        "prettyPrint",
        "quotaUser",
        "uploadType",
        "upload_protocol",
    )
)


@dataclass(frozen=True, slots=True)
class Received(Request):
    """A request as a server took it in; `client` is the address and port it came from."""

    client: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A request after parsing. `path` is still encoded; `query` holds the last value of each parameter.

    `host` is the name the request was sent to, without a port.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    host: str = ""

    @property
    def pretty(self) -> bool:
        """True unless the caller asked for compact JSON."""
        return self.query.get("prettyPrint", "true").lower() not in ("false", "0")

    @property
    def numbers(self) -> bool:
        """True where enums are wanted as numbers (what Google's generated clients ask for)."""
        return "enum-encoding=int" in self.query.get("$alt", self.query.get("alt", ""))

    @property
    def selection(self) -> masks.Mask | None:
        """The `fields` parameter as a mask."""
        return masks.field_selection(self.query["fields"]) if self.query.get("fields") else None

    def allow(self, names: Collection[str]) -> None:
        """Refuse parameters that neither the system nor the method knows."""
        unknown = [name for name in self.query if name not in _SYSTEM and name not in names]
        if unknown:
            texts = [
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
                f"Field '{name}' could not be found in request message."
                for name in unknown
            ]
            violations = [("", text) for text in texts]
            raise Refusal("INVALID_ARGUMENT", "\n".join(texts), violations)

    def json(self) -> Any:
        """Parse the body; an empty one is an empty message."""
        try:
            value = json.loads(self.body.decode() or "{}", parse_constant=_refuse_constant)
            if re.search(rb"\\ud", self.body, re.IGNORECASE):
                json.dumps(value, ensure_ascii=False).encode()
        except RecursionError as error:
            raise Refusal("INVALID_ARGUMENT", "Message too deep. Max recursion depth reached.") from error
        except ValueError as error:
            raise Refusal("INVALID_ARGUMENT", f"Invalid JSON payload received. {error}") from error
        return value


def read(request: Request) -> Call:
    """Take a request apart. Raises Refusal (400) for an address that is none."""
    try:
        parts = urlsplit(request.url)
    except ValueError as error:
        raise Refusal("INVALID_ARGUMENT", f"The address is malformed: {error}.") from error
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Call(request.method.upper(), parts.path, query, request.body, parts.hostname or "")


def segment(text: str) -> str:
    """Decode one path segment."""
    return unquote(text)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON value")
