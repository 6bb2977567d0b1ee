"""A scripted HTTP server on this machine, and a clock that a test owns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from reconciler.vocabulary.wire import Request


class FakeClock:
    """Time moves only when somebody sleeps; every sleep is kept. `ahead` is how wrong the machine's time is set."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.time = now
        self.ahead = 0.0
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self.time + self.ahead

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds


@dataclass(frozen=True)
class Reply:
    """What the server says next. `raw` is written as it stands, then the connection is cut."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None


class Script:
    """The replies to give, in order (the last one again and again), and the requests that came."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []
        self.connections: set[tuple[str, int]] = set()
        self.url = ""


@contextmanager
def serving(*replies: Reply) -> Iterator[Script]:
    """Serve the replies on a free port of this machine."""
    script = Script(*replies)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.requests.append(Request(self.command, self.path, headers, self.rfile.read(length)))
            script.connections.add(self.client_address)
            reply = script.replies.pop(0) if len(script.replies) > 1 else script.replies[0]
            if reply.raw is not None:
                self.wfile.write(reply.raw)
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *arguments: object) -> None:
            """Keep the tests' output clean."""

    for method in ("GET", "POST", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
