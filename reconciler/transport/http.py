"""Sends a Request over HTTP and reads the whole answer. Knows no credentials, no retries and no API."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import reconciler
from reconciler.transport import hosts
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request, Response

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
REPLY_SECONDS = 300.0
"""How long one reply may take to arrive in full, however often a byte of it drips in."""

LARGEST_BODY = 64 * 1024 * 1024
"""Bytes after decoding. A page of 100 jobs is about 180 KB."""

_CHUNK = 256 * 1024
_LENGTHS = frozenset({"content-length", "transfer-encoding"})


class HttpTransport:
    """A Transport over keep-alive connections, shared by any number of threads. Close it after use.

    `timeout` is (connect, read) in seconds; `pool` is how many connections to a host are kept; `proxies` maps a URL
    scheme to a proxy URL and is never used for loopback; `ca_bundle` is a file of certificates in place of the
    built-in ones. Nothing is taken from the environment and no redirect is followed.
    """

    def __init__(
        self,
        timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
        pool: int = 32,
        *,
        proxies: Mapping[str, str] | None = None,
        ca_bundle: str = "",
        largest_body: int = LARGEST_BODY,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout = timeout
        self._pool = pool
        self._proxies = dict(proxies or {})
        self._ca_bundle = ca_bundle
        self._largest_body = largest_body
        self._monotonic = monotonic
        self._guard = threading.Lock()
        self._opened: requests.Session | None = None

    def __call__(self, request: Request) -> Response:
        """Send once. Raises errors.TransportFailed; its `sent` is False only where no byte of the request left."""
        parts = hosts.split(request.url)
        where = f"{request.method} {parts.scheme}://{parts.netloc}{parts.path}"
        proxies = {} if hosts.is_loopback(parts.hostname or "") else self._proxies
        session = self._session()
        with _explained(where):
            reply = session.request(
                request.method,
                request.url,
                data=request.body,
                headers=dict(request.headers),
                timeout=self._timeout,
                allow_redirects=False,
                proxies=proxies,
                stream=True,
            )
            with reply:
                whole = self._whole(reply, where)
        if request.method == "GET" and not whole.body and not _LENGTHS & whole.headers.keys():
            # http.client takes headers that break off for whole ones; another try can tell
            raise errors.TransportFailed(f"{where}: the connection was cut inside the headers of the reply")
        return whole

    def close(self) -> None:
        """Close every kept connection; a later call opens new ones."""
        with self._guard:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def __enter__(self) -> HttpTransport:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _session(self) -> requests.Session:
        with self._guard:
            if self._opened is None:
                self._opened = open_session(self._pool, self._ca_bundle)
            return self._opened

    def _whole(self, reply: requests.Response, where: str) -> Response:
        deadline = self._monotonic() + REPLY_SECONDS
        chunks: list[bytes] = []
        size = 0
        while chunk := reply.raw.read1(_CHUNK, decode_content=True):
            size += len(chunk)
            if size > self._largest_body:
                raise errors.TransportFailed(f"{where}: the reply is larger than {self._largest_body} bytes")
            if self._monotonic() > deadline:
                raise errors.TransportFailed(f"{where}: the reply did not end within {REPLY_SECONDS:.0f} s")
            chunks.append(chunk)
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Response(reply.status_code, headers, b"".join(chunks))


def open_session(pool: int, ca_bundle: str = "") -> requests.Session:
    """Open a session that reads nothing from the environment, keeps no cookies, follows and repeats nothing."""
    import requests
    from requests.adapters import HTTPAdapter

    class Plain(requests.Session):
        # Even where redirects are not followed, requests reads a redirect's whole body to prepare the next request.
        def get_redirect_target(self, resp: requests.Response) -> None:
            del resp

    session = Plain()
    session.trust_env = False
    session.verify = ca_bundle or True
    session.cookies.set_policy(_no_cookies())
    session.headers.clear()
    # Google compresses only for clients whose user agent says gzip too (API client docs, "Performance tips").
    session.headers.update({"user-agent": f"reconciler/{reconciler.__version__} (gzip)", "accept-encoding": "gzip"})
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_connections=pool, pool_maxsize=pool, max_retries=0))
    return session


def _no_cookies() -> Any:
    from http.cookiejar import DefaultCookiePolicy

    return DefaultCookiePolicy(allowed_domains=())


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turn any failure of the libraries below into errors.TransportFailed."""
    import requests
    import urllib3

    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as failure:
        sent = not _never_left(failure)
        hint = "check the network, and that the host is up" if not sent else "the request may have been carried out"
        raise errors.TransportFailed(f"{where}: {_reason(failure)}", hint, sent=sent) from failure


def _never_left(failure: BaseException) -> bool:
    """Say whether the connection itself failed: refused, unknown host, no route, wrong certificate."""
    import urllib3.exceptions as below

    before = (
        below.NewConnectionError,
        below.ConnectTimeoutError,
        ConnectionRefusedError,
        socket.gaierror,
        ssl.SSLCertVerificationError,
    )
    return any(isinstance(link, before) for link in _chain(failure))


def _reason(failure: BaseException) -> str:
    """Say it in the words of the innermost cause; libraries wrap it in their own object's repr."""
    innermost = list(_chain(failure))[-1]
    return f"{type(innermost).__name__}: {innermost}"[:500]


def _chain(failure: BaseException) -> Iterator[BaseException]:
    """Walk from a failure to what it wraps, by cause, `reason` or first argument."""
    seen: set[int] = set()
    link: BaseException | None = failure
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        wrapped = [getattr(link, "reason", None), *link.args, link.__cause__, link.__context__]
        link = next((inner for inner in wrapped if isinstance(inner, BaseException)), None)
