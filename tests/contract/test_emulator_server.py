"""What the HTTP face promises beyond the Transport: bounded bodies, HEAD, encoding, shared files, a clean end."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.emulator.serving import server, wsgi
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request, Response
from tests.support import service
from tests.support.checkout import ROOT
from tests.support.service import CUSTOM, Service

CREATES_PER_PROCESS = 40


@pytest.fixture
def jobs() -> Iterator[Service]:
    with service.opened("http") as found:
        yield found


@pytest.fixture
def echo() -> Iterator[tuple[server.Handle, list[Request]]]:
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        return Response(429, {"x-one": "1"}, b"slow down")

    handle = server.serve(answer)
    thread = threading.Thread(target=handle.run)
    thread.start()
    yield handle, seen
    handle.close()
    thread.join(10)


def exchange(port: int, raw: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_request_and_its_reply_pass_through_unchanged(echo: tuple[server.Handle, list[Request]]) -> None:
    handle, seen = echo
    connection = http.client.HTTPConnection("127.0.0.1", handle.port, timeout=10)
    connection.request("POST", "/v1/a%20b:cancel?x=%3D%26&y", body=b"\x00\xff", headers={"X-Two": "2"})
    reply = connection.getresponse()
    assert (reply.status, reply.getheader("x-one"), reply.read()) == (429, "1", b"slow down")
    connection.close()
    assert seen[0].url == f"http://127.0.0.1:{handle.port}/v1/a%20b:cancel?x=%3D%26&y"
    assert (seen[0].method, seen[0].body, seen[0].headers["x-two"]) == ("POST", b"\x00\xff", "2")


def test_a_head_request_has_the_headers_of_a_get_and_no_body(jobs: Service) -> None:
    head, get = jobs.send("HEAD", CUSTOM), jobs.send("GET", CUSTOM)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", get.headers["content-length"])


def test_a_body_above_the_limit_is_refused(echo: tuple[server.Handle, list[Request]]) -> None:
    handle, seen = echo
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {wsgi.LARGEST_BODY + 1}\r\n\r\n"
    assert exchange(handle.port, head.encode()).startswith(b"HTTP/1.1 413")
    assert seen == []


@pytest.mark.parametrize("host", ["[", "any:thing:else", "", "[::1", "a b", "a/b", "\xff", "1.2.3", "localhost@evil"])
def test_a_strange_host_header_does_no_harm(jobs: Service, host: str) -> None:
    raw = f"GET {CUSTOM} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    assert exchange(jobs.port, raw.encode("latin-1")).split(b" ", 2)[1] == b"421"


def test_it_listens_on_loopback_alone_unless_told(echo: tuple[server.Handle, list[Request]]) -> None:
    handle, _ = echo
    assert (handle.host, handle.url) == ("127.0.0.1", f"http://127.0.0.1:{handle.port}")


def test_a_port_that_is_taken_is_told_with_the_way_out(echo: tuple[server.Handle, list[Request]]) -> None:
    handle, _ = echo
    with pytest.raises(errors.ReconcilerError, match=f"127.0.0.1:{handle.port}") as caught:
        server.serve(lambda _request: Response(200), port=handle.port)
    assert "--port" in caught.value.hint


def test_closing_frees_the_port_and_may_be_repeated() -> None:
    handle = server.serve(lambda _request: Response(200))
    thread = threading.Thread(target=handle.run)
    thread.start()
    handle.close()
    handle.close()
    thread.join(10)
    again = server.serve(lambda _request: Response(200), port=handle.port)
    again.close()
    assert again.port == handle.port


def test_a_server_may_be_closed_by_many_at_once() -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in range(40):
            handle = server.serve(lambda _request: Response(200))
            with service.running(handle):
                closes = [pool.submit(handle.close) for _ in range(16)]
                assert [close.exception() for close in closes] == [None] * 16


def test_many_threads_create_many_jobs(jobs: Service) -> None:
    def work() -> None:
        for _ in range(5):
            jobs.create(CUSTOM, service.custom_job())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    rows = jobs.rows(CUSTOM, "customJobs", pageSize="7")
    assert len({row["name"] for row in rows}) == len(rows) == 40


def test_two_processes_may_use_one_database_at_a_time(tmp_path: Path) -> None:
    database = str(tmp_path / "emulator.db")
    program = (
        "import sys\n"
        "from tests.support import service\n"
        "with service.opened('in process', sys.argv[1], seed=sys.argv[2]) as jobs:\n"
        f"    for _ in range({CREATES_PER_PROCESS}):\n"
        "        made = jobs.create(service.CUSTOM, service.custom_job())\n"
        "        assert jobs.send('POST', f\"/v1/{made['name']}:cancel\").status == 200\n"
        "        jobs.clock.advance(0.3)\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, database, seed], cwd=ROOT, stderr=subprocess.PIPE)
        for seed in ("one", "two")
    ]
    told = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    with service.opened("in process", database) as jobs:
        jobs.clock.advance(1000)
        rows = jobs.rows(CUSTOM, "customJobs", filter="state=JOB_STATE_CANCELLED", pageSize="9")
        assert len({row["name"] for row in rows}) == len(rows) == 2 * CREATES_PER_PROCESS


@pytest.mark.parametrize("content", [b"this is no database, only text " * 40, None])
def test_a_database_that_cannot_be_used_is_told_with_the_way_out(tmp_path: Path, content: bytes | None) -> None:
    place = tmp_path / "emulator.db"
    if content is None:
        place.mkdir()
    else:
        place.write_bytes(content)
    with pytest.raises(errors.StoreFailed, match=r"emulator\.db") as caught, service.opened("in process", str(place)):
        pass
    assert "delete the file" in caught.value.hint
