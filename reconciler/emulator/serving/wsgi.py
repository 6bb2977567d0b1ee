"""A Transport as a WSGI application: requests put together again, hosts checked, bodies unpacked, connections cut.

It passes requests through and knows none of them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from reconciler.emulator.faults.broken_replies import Cut
from reconciler.emulator.serving.allowed_hosts import AllowedHosts
from reconciler.emulator.wire import replies
from reconciler.emulator.wire.replies import Refusal
from reconciler.emulator.wire.requests import Received
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Response, Transport

LARGEST_BODY = 8 * 1024 * 1024
"""Bytes of a request body, packed or not; more is answered with 413."""

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[Mapping[str, Any], StartResponse], Iterable[bytes]]

_GZIP = 16 + zlib.MAX_WBITS


def application(app: Transport, allowed: AllowedHosts) -> Application:
    """Make the WSGI application."""

    def answer(environ: Mapping[str, Any], start: StartResponse) -> Iterable[bytes]:
        headers = _headers(environ)
        response = allowed.refuses(headers, environ["SERVER_PROTOCOL"].removeprefix("HTTP/"))
        try:
            response = response or app(_request(environ, headers))
        except Refusal as refusal:
            response = replies.refused(refusal)
        except errors.TransportFailed as failure:
            return _cut(failure, start)
        _start(start, response, len(response.body))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]

    return answer


def _start(start: StartResponse, response: Response, length: int) -> None:
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Unknown"
    start(f"{response.status} {phrase}", [*response.headers.items(), ("content-length", str(length))])


def _cut(failure: errors.TransportFailed, start: StartResponse) -> Iterator[bytes]:
    """Send what is left of a reply and close the connection: waitress does so where the client seems gone."""
    from waitress.channel import ClientDisconnected

    if isinstance(failure, Cut) and failure.partial is not None:
        _start(start, failure.partial, failure.length)
        yield failure.partial.body
    raise ClientDisconnected from failure


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    given = ("CONTENT_TYPE", "CONTENT_LENGTH")
    return headers | {name.replace("_", "-").lower(): environ[name] for name in given if name in environ}


def _request(environ: Mapping[str, Any], headers: Mapping[str, str]) -> Received:
    """Rebuild the request; a HEAD is answered as a GET without its body. Raises Refusal for a body that is none."""
    url = f"{environ['wsgi.url_scheme']}://{headers.get('host', 'localhost')}{_target(environ)}"
    method = environ["REQUEST_METHOD"]
    body = _body(environ["wsgi.input"].read(), headers.get("content-encoding", ""))
    client = f"{environ['REMOTE_ADDR']}:{environ['REMOTE_PORT']}"
    return Received("GET" if method == "HEAD" else method, url, headers, body, client=client)


def _target(environ: Mapping[str, Any]) -> str:
    """Return path and query as they were sent: an encoded slash is no slash."""
    raw: str = environ["REQUEST_URI"]
    if raw.startswith("/"):
        return quote(raw.encode("latin-1"), safe="%/:$@!*'(),;=~?&+[]")
    query = environ["QUERY_STRING"]
    path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/:$@!*'(),;=~")
    return f"{path}{'?' + query if query else ''}"


def _body(data: bytes, encoding: str) -> bytes:
    """Unpack a body: Google's Java client packs with gzip (google-api-java-client, AbstractGoogleClientRequest)."""
    if encoding.lower() in ("", "identity"):
        return data
    if encoding.lower() not in ("gzip", "x-gzip"):
        raise Refusal("INVALID_ARGUMENT", f"The content encoding `{encoding}` is not supported; gzip is.")
    reader = zlib.decompressobj(_GZIP)
    try:
        found = reader.decompress(data, LARGEST_BODY + 1)
    except zlib.error as error:
        raise Refusal("INVALID_ARGUMENT", f"The body is no gzip: {error}.") from error
    if len(found) > LARGEST_BODY:
        raise Refusal("PAYLOAD_TOO_LARGE", f"Request payload size exceeds the limit: {LARGEST_BODY} bytes.")
    if not reader.eof or reader.unused_data:
        raise Refusal("INVALID_ARGUMENT", "The body is no gzip: it is cut off, or something follows it.")
    return found
