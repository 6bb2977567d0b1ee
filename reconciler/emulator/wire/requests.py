"""One HTTP request taken apart: path, system and method parameters, JSON body. It knows no job."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from reconciler.emulator.messages import parse
from reconciler.emulator.wire import field_masks, replies
from reconciler.emulator.wire.replies import Refusal
from reconciler.vocabulary.wire import Request

# discovery aiplatform v1 rev 20261106: parameters that every method takes, most of them with a `$` before them too
_SYSTEM = frozenset(
    (
        "$.xgafv",
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
        "apiVersion",
        "outputDefaults",
        "trace",
        "userProject",
    )
)

_FORMATS = frozenset(("", "json", "json;enum-encoding=int", "json;enum-encoding=string"))
_OVERRIDE = "x-http-method-override"
_MASK = "x-goog-fieldmask"

# parameters of methods that go by another name in protos, which the front end takes as well
_SPELT: Mapping[str, str] = {
    "page_size": "pageSize",
    "page_token": "pageToken",
    "read_mask": "readMask",
    "update_mask": "updateMask",
    "return_partial_success": "returnPartialSuccess",
    "options.requested_policy_version": "options.requestedPolicyVersion",
}


@dataclass(frozen=True, slots=True)
class Received(Request):
    """A request as a server took it in; `client` is the address and port it came from."""

    client: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A request after parsing. `path` is still encoded; `query` holds the last value of each parameter.

    `host` is the name the request was sent to, without a port; `client` the address and port it came from, where a
    server knows them; `agent` what it says of itself.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    host: str = ""
    client: str = ""
    agent: str = ""

    @property
    def pretty(self) -> bool:
        """True unless the caller asked for compact JSON."""
        return self.query.get("prettyPrint", "true").lower() not in ("false", "0")

    @property
    def numbers(self) -> bool:
        """True where enums are wanted as numbers (what Google's generated clients ask for)."""
        return "enum-encoding=int" in self.query.get("alt", "")

    @property
    def selection(self) -> field_masks.Mask | None:
        """The `fields` parameter, or the header instead of it, as a mask."""
        return field_masks.field_selection(self.query["fields"]) if self.query.get("fields") else None

    def allow(self, names: Collection[str]) -> None:
        """Refuse parameters that neither the system nor the method knows, and forms of reply that are not JSON."""
        if self.query.get("alt", "") not in _FORMATS:
            # unverified: the service has `proto` and `media` too
            raise Refusal("INVALID_ARGUMENT", f"Replies of the form `{self.query['alt']}` are not supported.")
        unknown = [name for name in self.query if name not in _SYSTEM and name not in names]
        if unknown:
            why = "Cannot bind query parameter. Field '{}' could not be found in request message."
            raise replies.invalid_json([("", parse.unknown_name(name, why=why.format(name))) for name in unknown])

    def after(self, what: str) -> int:
        """Read the parameter `after`, 0 where it is not given; `what` says what number it must be."""
        text = self.query.get("after", "0")
        if not (text.isascii() and text.isdecimal()) or len(text) > 18:
            raise Refusal("INVALID_ARGUMENT", f"`after` must be {what} that was told before.")
        return int(text)

    def json(self) -> Any:
        """Parse the body; an empty one is an empty message."""
        try:
            value = json.loads(self.body.decode() or "{}", parse_constant=_refuse_constant)
            if re.search(rb"\\ud", self.body, re.IGNORECASE):
                json.dumps(value, ensure_ascii=False).encode()
        except RecursionError as error:
            raise replies.too_deep() from error
        except ValueError as error:
            raise Refusal("INVALID_ARGUMENT", f"Invalid JSON payload received. {error}") from error
        return value


def read(request: Request) -> Call:
    """Take a request apart. Raises Refusal (400) for an address that is none."""
    request = _meant(request)
    try:
        request.url.encode()  # half a surrogate, which only a caller in process can send
        parts = urlsplit(request.url)
    except ValueError as error:
        raise Refusal("INVALID_ARGUMENT", f"The address is malformed: {error}.") from error
    written = sorted(parse_qsl(parts.query, keep_blank_values=True), key=lambda each: each[0][:1] == "$")
    query = {_canonical(name): value for name, value in written}  # of `alt` and `$alt` the latter counts
    client = request.client if isinstance(request, Received) else ""
    agent = request.headers.get("user-agent", "")
    return Call(request.method.upper(), parts.path, query, request.body, parts.hostname or "", client, agent)


def _meant(request: Request) -> Request:
    """Put into the address what stands elsewhere: a GET sent as a POST with its query as body, a mask in a header."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    method, more, body = headers.get(_OVERRIDE, request.method).upper(), [], request.body
    if request.method.upper() != "POST" or method == "POST":
        method = request.method
    elif method == "GET":  # google-api-python-client does so for addresses above 2,048 characters
        more, body = [body.decode("ascii", "replace")], b""
    if headers.get(_MASK):
        more.append(urlencode({"fields": headers[_MASK]}))
    if not more and method == request.method:
        return request
    url = request.url + ("&" if "?" in request.url else "?") + "&".join(more)
    return replace(request, method=method, url=url, body=body)


def _canonical(name: str) -> str:
    """Spell a parameter as discovery does: snake_case and, for those of the system, a `$` before it are taken too."""
    if name[:1] == "$" and name[1:] in _SYSTEM:
        return name[1:]
    return _SPELT.get(name, name)


def segment(text: str) -> str:
    """Decode one path segment."""
    return unquote(text)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON value")
