"""Clients that cost as little as they can: prepared bytes over kept connections, and a count of whole replies."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Client:
    """One kept connection to a server on loopback."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> bytes:
        """Send a request and return the body of its reply. Raises RuntimeError for a status other than 200."""
        self._socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 200") or found is None:
            raise RuntimeError(f"unexpected reply: {data[:300]!r}")
        parts, missing = [body], int(found[1]) - len(body)
        while missing > 0:
            parts.append(self._more())
            missing -= len(parts[-1])
        return b"".join(parts)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _more(self) -> bytes:
        data = self._socket.recv(1024 * 1024)
        if not data:
            raise RuntimeError("the server closed the connection")
        return data


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """Write a request."""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def rate(port: int, make: Callable[[int], bytes], clients: int, duration: float) -> float:
    """Return the requests a second that so many clients get answered, each sending the next after a reply."""
    done = [0] * clients
    failed: list[Exception] = []
    gate = threading.Barrier(clients + 1)

    def work(number: int) -> None:
        client = Client(port)
        try:
            client.send(make(0))
            gate.wait()
            end = time.perf_counter() + duration
            while time.perf_counter() < end:
                client.send(make(done[number]))
                done[number] += 1
        except Exception as error:  # noqa: BLE001 - told by the thread that waits
            failed.append(error)
            gate.abort()
        finally:
            client.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    gate.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(f"a client failed: {failed[0]}") from failed[0]
    return sum(done) / (time.perf_counter() - start)
