"""Odd requests get one plain answer each: methods, paths, headers and bodies that clients and attackers send."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import socket
from collections.abc import Iterator

import pytest

from reconciler.emulator.serving import wsgi
from reconciler.emulator.serving.allowed_hosts import AllowedHosts
from tests.support import service
from tests.support.service import CUSTOM, Service

JOB = json.dumps(service.custom_job()).encode()


@pytest.fixture(scope="module")
def jobs() -> Iterator[Service]:
    with service.opened("http") as found:
        yield found


def exchange(port: int, raw: bytes) -> list[tuple[int, bytes]]:
    """Send bytes and read every reply until the server or we are done."""
    found: list[tuple[int, bytes]] = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(raw)
        with contextlib.suppress(OSError):  # the server may have closed it by now
            connection.shutdown(socket.SHUT_WR)
        data = b"".join(iter(lambda: connection.recv(65536), b""))
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        status = int(head.split(b" ", 2)[1])
        length = int(lengths[0].split(b":")[1]) if lengths else 0 if status == 100 else len(rest)
        found.append((status, rest[:length]))
        data = rest[length:]
    return found


def post(body: bytes, *headers: str, path: str = CUSTOM) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "TRACE", "PATCH", "DELETE", "PROPFIND", "FOO"])
def test_a_method_that_is_not_served_is_not_found(jobs: Service, method: str) -> None:
    raw = f"{method} {CUSTOM} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    [(status, body)] = exchange(jobs.port, raw.encode())
    assert (status, b"<title>Error 404" in body) == (404, True)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (CUSTOM.replace("customJobs", "custom%4Aobs"), 404),  # a letter of a fixed part is not encoded
        (CUSTOM.replace("demo", "d%65mo"), 200),
        (CUSTOM.replace("/locations", "%2Flocations"), 404),
        (CUSTOM + "%2F123", 404),
        (CUSTOM + "/", 404),
        (CUSTOM + "//", 404),
        ("/" + CUSTOM, 404),
        (CUSTOM + "/%00", 404),
        (CUSTOM + "/%FF%FE", 404),
        (CUSTOM + "/%zz", 404),
        (CUSTOM + "/..%2f..", 404),
        ("/../../etc/passwd", 404),
        (CUSTOM + "/\xe4", 400),
        (CUSTOM + "?pageSize=%ff", 400),
        (CUSTOM + "?filter=%00", 400),
        (CUSTOM + "?" + "&".join(f"x{n}=1" for n in range(2000)), 400),
        (CUSTOM + "/" + "9" * 30000, 404),
        ("http://localhost" + CUSTOM, 200),
        ("*", 404),
    ],
)
def test_an_odd_path_gets_one_plain_answer(jobs: Service, target: str, status: int) -> None:
    raw = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert [found for found, _ in exchange(jobs.port, raw.encode("latin-1"))] == [status]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET " + CUSTOM.encode() + b" HTTP/1.0\r\n\r\n", 200),
        (b"GET " + CUSTOM.encode() + b" HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ".ljust(64 * 1024, b"y"), 431),
        (b"GET " + CUSTOM.encode() + b" HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (post(JOB, "Content-Length: -1"), 400),
        (post(JOB, "Content-Length: nine"), 400),
        (post(b"", "Transfer-Encoding: chunked") + b"zz\r\n", 400),
        (post(b"", "Transfer-Encoding: brotli"), 501),
        (post(b"", "Transfer-Encoding: chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(JOB), JOB), 200),
        (post(JOB, "Expect: 100-continue"), 200),
        (post(b"{"), 400),
        (post(b"\xff\xfe{}"), 400),
        (post(b'{"displayName": "\xed\xa0\x80"}'), 400),
        (post(b"[]"), 400),
        (post(b""), 400),
        (post(gzip.compress(JOB), "Content-Encoding: gzip"), 200),
        (post(gzip.compress(JOB), "Content-Encoding: GZIP"), 200),
        (post(JOB, "Content-Encoding: identity"), 200),
        (post(JOB, "Content-Encoding: gzip"), 400),
        (post(gzip.compress(JOB)[:-3], "Content-Encoding: gzip"), 400),
        (post(gzip.compress(JOB) + b"more", "Content-Encoding: gzip"), 400),
        (post(gzip.compress(b" " * (wsgi.LARGEST_BODY + 1)), "Content-Encoding: gzip"), 413),
        (post(JOB, "Content-Encoding: br"), 400),
        (post(JOB, f"Content-Length: {wsgi.LARGEST_BODY + 1}"), 413),
        (post(JOB + b" " * (wsgi.LARGEST_BODY - len(JOB))), 200),
    ],
)
def test_an_odd_request_gets_one_plain_answer(jobs: Service, raw: bytes, status: int) -> None:
    assert [found for found, _ in exchange(jobs.port, raw) if found != 100] == [status]


def test_a_body_above_the_limit_in_chunks_is_refused(jobs: Service) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", jobs.port, timeout=10)
    try:
        chunk = b" " * (1024 * 1024)
        connection.request(
            "POST", CUSTOM, body=iter([chunk] * 9), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
        )
        assert connection.getresponse().status == 413
    except ConnectionError:
        pass  # the server need not read to the end before it says no
    finally:
        connection.close()
    assert jobs.send("GET", CUSTOM).status == 200


def test_requests_in_one_packet_are_answered_in_their_order(jobs: Service) -> None:
    wanted = [jobs.create(CUSTOM, service.custom_job())["name"] for _ in range(5)]
    raws = [f"GET /v1/{name} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for name in wanted]
    replies = exchange(jobs.port, b"".join(raws))
    assert [(status, json.loads(body)["name"]) for status, body in replies] == [(200, name) for name in wanted]


def test_a_connection_is_kept_for_many_requests(jobs: Service) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", jobs.port, timeout=10)
    ports = set()
    for _ in range(50):
        connection.request("GET", CUSTOM)
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 200
        ports.add(connection.sock.getsockname())
    connection.close()
    assert len(ports) == 1


@pytest.mark.parametrize(
    ("address", "names", "host", "status"),
    [
        ("127.0.0.1", (), "localhost", 200),
        ("127.0.0.1", (), "LOCALHOST:8085", 200),
        ("127.0.0.1", (), "localhost.", 200),
        ("127.0.0.1", (), "app.localhost:1", 200),
        ("127.0.0.1", (), "127.0.0.1:8085", 200),
        ("127.0.0.1", (), "127.8.8.8", 200),
        ("127.0.0.1", (), "[::1]:8085", 200),
        ("127.0.0.1", (), "us-central1-aiplatform.googleapis.com", 200),
        ("127.0.0.1", (), "evil.example", 421),
        ("127.0.0.1", (), "localhost.evil.example", 421),
        ("127.0.0.1", (), "127.0.0.1.evil.example", 421),
        ("127.0.0.1", (), "googleapis.com.evil.example", 421),
        ("127.0.0.1", (), "notlocalhost", 421),
        ("127.0.0.1", (), "0.0.0.0:8085", 421),
        ("127.0.0.1", (), "192.168.1.2", 421),
        ("127.0.0.1", (), "emulator:8085", 421),
        ("127.0.0.1", ("emulator",), "Emulator:8085", 200),
        ("0.0.0.0", (), "192.168.1.2:8085", 200),
        ("0.0.0.0", (), "evil.example", 421),
        ("::", (), "[fe80::1]", 200),
        ("192.168.1.2", (), "192.168.1.2", 200),
        ("192.168.1.2", (), "192.168.1.3", 421),
    ],
)
def test_a_host_that_is_not_the_servers_own_is_misdirected(
    address: str, names: tuple[str, ...], host: str, status: int
) -> None:
    refused = AllowedHosts(address, names).refuses({"host": host})
    assert (200 if refused is None else refused.status) == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 200),
        ("http://127.0.0.1:8085", 200),
        ("http://[::1]:1", 200),
        ("https://evil.example", 403),
        ("https://storage.googleapis.com", 403),  # anybody's pages
        ("null", 403),
        ("http://[", 403),
        ("", 403),
    ],
)
def test_a_web_page_of_another_site_may_not_create_a_job(jobs: Service, origin: str, status: int) -> None:
    before = len(jobs.rows(CUSTOM, "customJobs"))
    # what a browser sends for a cross-site fetch without a preflight
    [(found, _)] = exchange(jobs.port, post(JOB, f"Origin: {origin}", "Content-Type: text/plain"))
    assert found == status
    assert len(jobs.rows(CUSTOM, "customJobs")) - before == (status == 200)


def test_a_rebound_name_reaches_neither_jobs_nor_the_control_path(jobs: Service) -> None:
    for path in (CUSTOM, "/emulator/v1/clock", "/nowhere"):
        raw = f"GET {path} HTTP/1.1\r\nHost: evil.example:{jobs.port}\r\nConnection: close\r\n\r\n"
        [(status, body)] = exchange(jobs.port, raw.encode())
        assert (status, "--allow-host" in json.loads(body)["error"]["message"]) == (421, True)
