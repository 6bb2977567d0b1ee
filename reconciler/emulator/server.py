"""Serve a Transport over HTTP on the loopback interface; where it fails, the connection is cut.

It passes requests through and knows none of them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from reconciler.emulator.broken import Cut
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request, Response, Transport

LARGEST_BODY = 8 * 1024 * 1024
"""Bytes of a request body; more is answered with 413."""

_THREADS = 8
_POLL_SECONDS = 1.0

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Handle:
    """A bound server: `run` serves until `close`, which may come from any thread or from a signal handler."""

    def __init__(self, server: Any, sockets: dict[int, Any], host: str, port: int) -> None:
        self._server = server
        self._sockets = sockets
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._running = False
        self._released = False
        self._lock = threading.RLock()
        self.host = host
        self.port = port

    @property
    def url(self) -> str:
        """The address of the server, such as http://127.0.0.1:8080."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def run(self) -> None:
        """Serve until closed; requests already read are answered first, for up to five seconds (waitress)."""
        from waitress import wasyncore

        self._running = True
        try:
            while not self._stopping.is_set():
                wasyncore.loop(timeout=_POLL_SECONDS, map=self._sockets, count=1)
        finally:
            self._release()

    def close(self) -> None:
        """Stop serving and free the port; a second close does nothing."""
        self._stopping.set()
        with self._lock:
            if self._released:
                return
            if self._running:
                self._server.pull_trigger()
                return
        self._release()

    def wait_closed(self, timeout: float) -> bool:
        """Wait until the port is free; False where `timeout` seconds were not enough."""
        return self._ended.wait(timeout)

    def _release(self) -> None:
        from waitress import wasyncore

        self._server.task_dispatcher.shutdown()
        if self._running:
            wasyncore.loop(timeout=0, map=self._sockets, count=1)  # what was answered meanwhile goes out
        with self._lock:
            self._released = True  # from here on nobody writes to what may be another file's descriptor by now
        wasyncore.close_all(self._sockets)
        self._ended.set()


def serve(app: Transport, host: str = "127.0.0.1", port: int = 0) -> Handle:
    """Bind a server for a Transport; port 0 takes a free one. Raises ReconcilerError where the port cannot be had."""
    from waitress.server import create_server

    bound = _bind(host, port)
    sockets: dict[int, Any] = {}
    server = create_server(
        _wsgi(app),
        map=sockets,
        sockets=[bound],
        threads=_THREADS,
        ident=None,
        max_request_body_size=LARGEST_BODY,
    )
    return Handle(server, sockets, *bound.getsockname()[:2])


def _bind(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise errors.ReconcilerError(
            f"the emulator cannot listen on {host}:{port}: {error}", "choose another port with --port"
        ) from error
    return bound


def _wsgi(app: Transport) -> Callable[[Mapping[str, Any], StartResponse], Iterable[bytes]]:
    def answer(environ: Mapping[str, Any], start: StartResponse) -> Iterable[bytes]:
        try:
            response = app(_request(environ))
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


def _request(environ: Mapping[str, Any]) -> Request:
    """Rebuild the request; a HEAD is answered as a GET without its body."""
    path = quote(environ.get("PATH_INFO", "").encode("latin-1"), safe="/:$@!*'(),;=~")
    query = environ.get("QUERY_STRING", "")
    url = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', 'localhost')}{path}{'?' + query if query else ''}"
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers |= {
        name.replace("_", "-").lower(): environ[name] for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if name in environ
    }
    method = environ["REQUEST_METHOD"]
    return Request("GET" if method == "HEAD" else method, url, headers, environ["wsgi.input"].read())
