"""Serve a Transport over HTTP within bounds: listen, run, and end without losing what was taken.

It passes requests through and knows none of them."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from reconciler.emulator.serving import timeouts, wsgi
from reconciler.emulator.serving.allowed_hosts import AllowedHosts
from reconciler.emulator.serving.timeouts import ConnectionTimeouts, Limits
from reconciler.emulator.serving.wsgi import LARGEST_BODY
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Transport

LARGEST_HEADER = 64 * 1024
"""Bytes of all headers of a request; more is answered with 431."""

_POLL_SECONDS = 1.0
_DRAIN_POLL_SECONDS = 0.1
_LEAVE_SECONDS = 1.0
_HELD_IN_MEMORY = 32 * 1024 * 1024
"""Bytes of a reply that wait in memory: pages are a few, and waitress writes more than 1 MB into files."""
_OWN_SOCKETS = 2
"""waitress counts the listening socket and its wake-up pipe as connections."""


class Handle:
    """A bound server: `run` serves until `close`, which may come from any thread or from a signal handler."""

    def __init__(
        self, server: Any, sockets: dict[int, Any], host: str, port: int, limits: Limits, now: Callable[[], float]
    ) -> None:
        self._server = server
        self._sockets = sockets
        self._limits = limits
        self._now = now
        self._stopping = threading.Event()
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
        """Serve until closed; whole requests that were read by then are answered first, for `Limits.drain` seconds."""
        self._running = True
        waiting = ConnectionTimeouts(self._server, self._limits, self._now)
        try:
            while not self._stopping.is_set():
                self._turn(_POLL_SECONDS)
                waiting.look()
            self._drain()
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

    def _turn(self, seconds: float) -> None:
        from waitress import wasyncore

        # poll, not select: a process that has many files open gives its sockets numbers above select's 1,024
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._sockets, count=1)

    def _drain(self) -> None:
        """Take no one in any more, and let everyone go who is owed nothing, until nobody is left."""
        self._server.accepting = False
        end = self._now() + self._limits.drain
        while not timeouts.drained(self._server) and self._now() < end:
            self._turn(_DRAIN_POLL_SECONDS)

    def _release(self) -> None:
        from waitress import wasyncore

        self._server.task_dispatcher.shutdown(timeout=_LEAVE_SECONDS)  # idle threads go at once
        with self._lock:
            self._released = True  # from here on nobody writes to what may be another file's descriptor by now
        wasyncore.close_all(self._sockets)


def serve(
    app: Transport,
    host: str = "127.0.0.1",
    port: int = 0,
    names: Iterable[str] = (),
    limits: Limits | None = None,
    now: Callable[[], float] = time.monotonic,
) -> Handle:
    """Bind a server for a Transport; port 0 takes a free one. Raises ReconcilerError where the port cannot be had.

    `names` are hosts it answers for besides loopback's and its own. `now`, in seconds, is the clock of connections.
    """
    from waitress.server import create_server

    limits = limits or Limits()
    bound = _bind(host, port)
    sockets: dict[int, Any] = {}
    server = create_server(
        wsgi.application(app, AllowedHosts(host, names)),
        map=sockets,
        sockets=[bound],
        threads=limits.threads,
        connection_limit=limits.connections + _OWN_SOCKETS,
        channel_timeout=round(limits.idle),
        max_request_header_size=LARGEST_HEADER,
        max_request_body_size=LARGEST_BODY + 1,  # waitress refuses the limit itself too
        recv_bytes=64 * 1024,
        inbuf_overflow=LARGEST_BODY + 1,
        outbuf_overflow=_HELD_IN_MEMORY,
        clear_untrusted_proxy_headers=False,  # nothing reads them
        log_socket_errors=False,  # a client that leaves is no error
        ident=None,
    )
    dispatcher = server.task_dispatcher
    dispatcher.queue_logger = dispatcher.logger = _errors_only()
    found, taken = bound.getsockname()[:2]
    return Handle(server, sockets, found, taken, limits, now)


def _errors_only() -> logging.Logger:
    """Return a logger for waitress's threads: more clients than threads, or a delay at the end, need no warning."""
    logger = logging.Logger("reconciler.emulator.serving.server", logging.ERROR)
    logger.parent = logging.getLogger()
    return logger


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
