"""Nobody keeps the server from others: slow, silent and greedy clients, full houses, and the end of the process."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import pytest

from reconciler.emulator.serving import server
from reconciler.emulator.serving.timeouts import Limits
from reconciler.vocabulary.wire import Request, Response
from tests.support import service
from tests.support.service import CUSTOM

WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
PATIENCE = 20.0


class Stage:
    """A server whose clock can be put forward."""

    def __init__(self, app: Callable[[Request], Response], limits: Limits) -> None:
        self.ahead = 0.0
        self.handle = server.serve(app, limits=limits, now=lambda: time.monotonic() + self.ahead)

    def connect(self, data: bytes = b"", buffer: int = 0) -> socket.socket:
        client = socket.socket()
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(PATIENCE)
        try:
            client.connect(("127.0.0.1", self.handle.port))
            client.sendall(data)
        except OSError:
            client.close()
            raise
        return client

    def get(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.handle.port, timeout=PATIENCE)
        try:
            connection.request("GET", "/")
            reply = connection.getresponse()
            reply.read()
            return reply.status
        finally:
            connection.close()

    def let_pass(self, seconds: float) -> None:
        """Let the server look at its connections before and after a time has passed."""
        for step in (0.0, 1.1, seconds, 1.1):
            self.ahead += step
            assert self.get() == 200
            assert self.get() == 200


@contextmanager
def staged(app: Callable[[Request], Response] | None = None, **limits: Any) -> Iterator[Stage]:
    stage = Stage(app or (lambda _request: Response(200, {}, b"{}")), Limits(**limits))
    with service.running(stage.handle):
        yield stage


def is_closed(client: socket.socket) -> bool:
    """Say whether the server let go of a client, without waiting for what may never come."""
    client.settimeout(0.05)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    ("sent", "limit"),
    [
        (b"", Limits().idle),
        (b"GET / HT", Limits().request),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf", Limits().request),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", Limits().request),
    ],
    ids=["silent", "half a head", "half a body", "half a chunk"],
)
def test_a_client_that_does_not_finish_its_request_is_let_go(sent: bytes, limit: float) -> None:
    with staged() as stage, stage.connect(sent) as slow:
        stage.let_pass(limit / 2)
        assert not is_closed(slow)
        stage.let_pass(limit / 2)
        assert is_closed(slow)


def test_a_byte_now_and_then_does_not_buy_time() -> None:
    with staged() as stage, stage.connect(b"GET / HTTP/1.1\r\n") as slow:
        for letter in b"X-Slow: loris":
            stage.let_pass(3)
            if is_closed(slow):
                break
            slow.sendall(bytes([letter]))
        assert is_closed(slow)
        assert stage.ahead < 2 * Limits().request


def test_clients_that_ask_and_never_read_do_not_hold_the_threads() -> None:
    page = b"x" * 4 * 1024 * 1024
    with staged(lambda _request: Response(200, {}, page), threads=2) as stage, ExitStack() as greedy:
        for _ in range(2):
            greedy.enter_context(stage.connect(WHOLE * 20, buffer=4096))
        asked = greedy.enter_context(stage.connect(WHOLE))
        _read_by(stage, asked)
        end = time.monotonic() + PATIENCE
        while len(stage.handle._server.active_channels) > 1 and time.monotonic() < end:
            stage.ahead += Limits().reply + 1
            stage.connect().close()  # wakes the server up
        assert asked.recv(12) == b"HTTP/1.1 200"


def test_a_client_that_reads_slowly_but_reads_gets_all_of_its_reply() -> None:
    page = b"x" * 2 * 1024 * 1024
    with staged(lambda _request: Response(200, {}, page)) as stage, stage.connect(WHOLE, buffer=4096) as slow:
        taken = 0
        while taken < len(page):
            got = slow.recv(256 * 1024)
            assert got
            taken += len(got)
            stage.ahead += 2
        assert stage.ahead > Limits().reply


def test_a_full_house_lets_the_longest_waiting_go_for_a_new_client() -> None:
    with staged(connections=8) as stage, ExitStack() as held:
        slow = [held.enter_context(stage.connect(b"GET / HT")) for _ in range(12)]
        for _ in range(20):
            assert stage.get() == 200
        closed = [is_closed(client) for client in slow]
        assert closed[0]
        assert closed == sorted(closed, reverse=True), "the first to come goes first"


def test_half_open_clients_do_not_stop_parallel_work() -> None:
    with service.opened("http") as jobs, ExitStack() as held:
        for _ in range(2 * Limits().connections):
            client = held.enter_context(socket.create_connection(("127.0.0.1", jobs.port), timeout=PATIENCE))
            client.sendall(b"POST ")
        with ThreadPoolExecutor(16) as pool:
            made = list(pool.map(lambda _: jobs.create(CUSTOM, service.custom_job())["name"], range(48)))
        assert len(set(made)) == 48


def test_what_was_taken_before_the_end_is_answered_and_nothing_after() -> None:
    going, hold = threading.Semaphore(0), threading.Event()

    def slowly(_request: Request) -> Response:
        going.release()
        assert hold.wait(PATIENCE)
        return Response(200, {}, b"done")

    stage = Stage(slowly, Limits(threads=1))
    with service.running(stage.handle), ExitStack() as held:
        first = held.enter_context(stage.connect(WHOLE))
        assert going.acquire(timeout=PATIENCE)
        second = held.enter_context(stage.connect(WHOLE))  # waits for the one thread
        idle = held.enter_context(stage.connect())
        half = held.enter_context(stage.connect(b"GET / HT"))
        third = held.enter_context(stage.connect(WHOLE))
        _read_by(stage, third)
        stage.handle.close()
        for other in (idle, half):
            assert other.recv(1) == b""
        hold.set()
        for client in (first, second, third):
            assert b"".join(iter(partial(client.recv, 4096), b"")).endswith(b"done")
    with pytest.raises(ConnectionError):
        stage.connect()


def _read_by(stage: Stage, client: socket.socket) -> None:
    """Wait until the server has read a client's whole request."""
    name = client.getsockname()
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        channels = tuple(stage.handle._server.active_channels.values())
        if any(channel.addr == name and channel.requests for channel in channels):
            return
    raise AssertionError("the server did not read the request")


def test_a_request_without_end_holds_the_end_up_no_longer_than_told() -> None:
    going, hold = threading.Event(), threading.Event()

    def never(_request: Request) -> Response:
        going.set()
        hold.wait(PATIENCE)
        return Response(200)

    with staged(never, drain=0.2) as stage, stage.connect(WHOLE) as client:
        assert going.wait(PATIENCE)
        stage.handle.close()
        assert client.recv(1) == b""
        hold.set()


@pytest.mark.parametrize("clients", [16, 64])
def test_many_clients_work_side_by_side_on_connections_they_keep(clients: int) -> None:
    with service.opened("http") as jobs:

        def work(number: int) -> list[str]:
            connection = http.client.HTTPConnection("127.0.0.1", jobs.port, timeout=PATIENCE)
            names: list[str] = []
            for _ in range(4):
                made = _call(connection, "POST", CUSTOM, service.custom_job(labels={"client": f"c{number}"}))
                assert _call(connection, "GET", f"/v1/{made['name']}")["labels"] == {"client": f"c{number}"}
                names.append(made["name"])
            rows = _call(connection, "GET", f"{CUSTOM}?filter=labels.client%3Dc{number}")["customJobs"]
            assert {row["name"] for row in rows} == set(names)
            connection.close()
            return names

        with ThreadPoolExecutor(clients) as pool:
            names = [name for found in pool.map(work, range(clients)) for name in found]
        assert len(set(names)) == 4 * clients
        assert {row["name"] for row in jobs.rows(CUSTOM, "customJobs")} == set(names)


def _call(connection: http.client.HTTPConnection, method: str, path: str, body: object = None) -> dict[str, Any]:
    connection.request(method, path, body=None if body is None else json.dumps(body))
    reply = connection.getresponse()
    text = reply.read()
    assert reply.status == 200, text
    found: dict[str, Any] = json.loads(text)
    return found
