"""One HTTP exchange as values. A Transport is anything that turns a Request into a Response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """`url` is absolute and already encoded; `headers` have lower-case names.

    `once` marks a request whose moment of sending counts: whoever sends it waits before, and nobody holds it up or
    repeats it on the way.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    once: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """`headers` have lower-case names; `body` is whole.

    `retry_after` are the seconds that the service asked to wait for, 0 where it did not; transport.retry reads them.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    retry_after: float = 0.0


LONGEST_RETRY_AFTER = 120.0
"""Seconds of Retry-After that anybody waits for: two windows of a per-minute quota. Whoever is asked for more gives up."""


Transport = Callable[[Request], Response]
"""Raises errors.TransportFailed where no reply came, errors.BackendRefused where nothing may be sent."""
