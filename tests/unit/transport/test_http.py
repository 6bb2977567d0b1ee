"""HttpTransport against a real server on this machine."""

from __future__ import annotations

import gzip
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.transport.http import HttpTransport
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request
from tests.support.loopback import Reply, serving


def test_a_reply_arrives_whole_with_lower_case_header_names() -> None:
    with serving(Reply(201, b'{"a": 1}', {"X-Extra": "Yes"})) as server, HttpTransport() as transport:
        reply = transport(Request("POST", f"{server.url}/v1/jobs?filter=a%3D%22b%22", {"accept": "x/y"}, b"body"))
    assert (reply.status, reply.body, reply.headers["x-extra"]) == (201, b'{"a": 1}', "Yes")
    [seen] = server.requests
    assert (seen.method, seen.url, seen.body) == ("POST", "/v1/jobs?filter=a%3D%22b%22", b"body")
    assert seen.headers["accept"] == "x/y"
    assert seen.headers["user-agent"].startswith("reconciler/")


def test_a_post_without_a_body_says_so() -> None:
    with serving(Reply()) as server, HttpTransport() as transport:
        transport(Request("POST", f"{server.url}/v1/job:cancel"))
    assert server.requests[0].headers["content-length"] == "0"
    assert "content-type" not in server.requests[0].headers


def test_a_compressed_reply_is_decoded() -> None:
    body = b'{"text": "' + b"x" * 100_000 + b'"}'
    with serving(Reply(200, gzip.compress(body), {"content-encoding": "gzip"})) as server, HttpTransport() as transport:
        assert transport(Request("GET", server.url)).body == body


def test_connections_are_kept_and_shared_by_threads() -> None:
    with serving(Reply()) as server, HttpTransport(pool=4) as transport, ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(lambda _: transport(Request("GET", server.url)), range(40)))
    assert [reply.status for reply in replies] == [200] * 40
    assert len(server.connections) <= 4


def test_a_closed_transport_opens_again() -> None:
    with serving(Reply()) as server, HttpTransport() as transport:
        transport.close()
        assert transport(Request("GET", server.url)).status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with serving(Reply(status, b"", {"location": "/elsewhere"})) as server, HttpTransport() as transport:
        assert transport(Request("GET", server.url)).status == status
    assert len(server.requests) == 1


def test_no_cookie_is_kept() -> None:
    with serving(Reply(200, b"{}", {"set-cookie": "a=b"})) as server, HttpTransport() as transport:
        transport(Request("GET", server.url))
        transport(Request("GET", server.url))
    assert "cookie" not in server.requests[1].headers


def test_the_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(Reply()) as server, HttpTransport() as transport:
        assert transport(Request("GET", server.url)).status == 200


def test_a_proxy_handed_in_is_used_but_not_for_this_machine() -> None:
    with (
        serving(Reply(200, b'"by proxy"')) as proxy,
        serving(Reply(200, b'"direct"')) as server,
        HttpTransport(proxies={"http": proxy.url}) as transport,
    ):
        assert transport(Request("GET", "http://jobs.invalid/v1")).body == b'"by proxy"'
        assert transport(Request("GET", server.url)).body == b'"direct"'


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


@pytest.mark.parametrize("host", ["http://127.0.0.1:{port}", "http://no-such-host.invalid"])
def test_a_request_that_never_left_is_known_as_such(host: str) -> None:
    with HttpTransport() as transport, pytest.raises(errors.TransportFailed) as caught:
        transport(Request("POST", host.format(port=free_port()), {}, b"{}"))
    assert caught.value.sent is False
    assert caught.value.message.startswith("POST http://")
    assert caught.value.hint


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "the connection is cut before a reply"),
        (b"HTTP/1.1 2", "cut in the status line"),
        (HEAD + b'content-length: 100\r\n\r\n{"name"', "cut in a body of known length"),
        (HEAD + b'transfer-encoding: chunked\r\n\r\n5\r\n{"nam', "cut in a chunk"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", "a chunk of no size"),
        (HEAD + b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope", "not gzip"),
        (b"SMTP ready\r\n\r\n", "not HTTP"),
    ],
)
def test_an_unreadable_reply_may_stand_for_work_done(raw: bytes, why: str) -> None:
    with (
        serving(Reply(raw=raw)) as server,
        HttpTransport() as transport,
        pytest.raises(errors.TransportFailed) as caught,
    ):
        transport(Request("POST", server.url, {}, b"{}"))
    assert caught.value.sent is True, why
    assert len(server.requests) == 1, "nothing is sent twice"


@pytest.mark.parametrize("raw", [HEAD, HEAD + b"content-type: application/json\r\ncontent-le"])
def test_a_read_whose_reply_ends_in_its_headers_failed(raw: bytes) -> None:
    with (
        serving(Reply(raw=raw)) as server,
        HttpTransport() as transport,
        pytest.raises(errors.TransportFailed, match="inside the headers"),
    ):
        transport(Request("GET", server.url))


def test_silence_ends_at_the_read_timeout() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        HttpTransport(timeout=(1.0, 0.05)) as transport,
        pytest.raises(errors.TransportFailed) as caught,
    ):
        transport(Request("GET", f"http://127.0.0.1:{deaf.getsockname()[1]}"))
    assert caught.value.sent is True


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_body_without_bounds_is_cut_off(encoding: str) -> None:
    body = b" " * 300_000
    reply = Reply(200, gzip.compress(body) if encoding else body, {"content-encoding": encoding} if encoding else {})
    with (
        serving(reply) as server,
        HttpTransport(largest_body=100_000) as transport,
        pytest.raises(errors.TransportFailed, match="larger than 100000 bytes"),
    ):
        transport(Request("GET", server.url))


def test_a_reply_that_drips_for_ever_is_given_up() -> None:
    ticks = iter(range(0, 100_000, 200))
    reply = Reply(200, b" " * 1_000_000)
    with (
        serving(reply) as server,
        HttpTransport(monotonic=lambda: float(next(ticks))) as transport,
        pytest.raises(errors.TransportFailed, match="did not end within 300 s"),
    ):
        transport(Request("GET", server.url))


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://user@127.0.0.1/", "http://127.0.0.1:99999/"])
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with HttpTransport() as transport, pytest.raises(errors.BackendRefused):
        transport(Request("GET", url))
