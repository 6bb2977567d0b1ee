"""How long a connection may keep a server waiting, and which goes when there are too many. It reads no request.

waitress closes idle connections only: one that sends a byte now and then, or asks and never reads, would stay for good.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_LOOK_SECONDS = 1.0
_PROGRESS = 64 * 1024
"""Bytes that a client must take within `reply` seconds, so that one byte now and then is no progress."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a server. Times are in seconds.

    `connections` at once (a process may often have no more than 256 files open); `request` from the first to the last
    byte of a request; `reply` without progress while a reply is sent; `idle` between requests; `drain` at the end.
    `threads` answer at once: a delay that was asked for holds one.
    """

    connections: int = 200
    request: float = 30.0
    reply: float = 30.0
    idle: float = 120.0
    drain: float = 5.0
    threads: int = 32


class ConnectionTimeouts:
    """Watches the connections of a waitress server; `look` belongs into the thread that runs its loop."""

    def __init__(self, server: Any, limits: Limits, now: Callable[[], float]) -> None:
        self._server = server
        self._limits = limits
        self._now = now
        self._next = 0.0
        self._since: dict[Any, tuple[object, float]] = {}

    def look(self) -> None:
        """Close what has kept the server waiting too long, and what must go so that one more client can come in."""
        now = self._now()
        full = len(self._server.active_channels) >= self._limits.connections
        if now < self._next and not full:
            return
        self._next = now + _LOOK_SECONDS
        channels = tuple(self._server.active_channels.values())
        self._since = {channel: self._stood(channel, now) for channel in channels}
        late = [channel for channel in channels if now - self._since[channel][1] > self._limit(channel)]
        waiting = [channel for channel in channels if _waits_for_request(channel)]
        if full and not late and waiting:
            late = [min(waiting, key=lambda channel: (self._since[channel][1], channel.creation_time))]
        for channel in late:
            channel.handle_close()  # not will_close: that waits for a socket that may never take another byte

    def _stood(self, channel: Any, now: float) -> tuple[object, float]:
        """Return what a connection is doing and since when, as far as was seen."""
        before = self._since.get(channel)
        doing = _doing(channel)
        return before if before is not None and before[0] == doing else (doing, now)

    def _limit(self, channel: Any) -> float:
        if channel.total_outbufs_len:
            return self._limits.reply
        if channel.requests:
            return float("inf")  # it is the server's turn
        return self._limits.idle if channel.request is None else self._limits.request


def _doing(channel: Any) -> object:
    """Return a value that changes when a connection gets on: a reply is taken, a request ended, another begun."""
    if channel.total_outbufs_len:
        return channel.total_outbufs_len // _PROGRESS
    if channel.requests:
        return channel.requests[0]
    return channel.last_activity if channel.request is None else channel.request


def _waits_for_request(channel: Any) -> bool:
    return not channel.requests and not channel.total_outbufs_len


def drained(server: Any) -> bool:
    """Close every connection that is owed nothing; True once none is left."""
    for channel in tuple(server.active_channels.values()):
        if _waits_for_request(channel):
            channel.handle_close()
    return not server.active_channels
