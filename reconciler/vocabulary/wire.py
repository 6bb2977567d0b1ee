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
    """`headers` have lower-case names; `body` is whole."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Transport = Callable[[Request], Response]
"""Raises errors.TransportFailed where no reply came, errors.BackendRefused where nothing may be sent."""
