"""Repeats reads that failed for a passing reason, and writes that were surely turned away.

Who repeats which other call, and why: docs/adr/0013-who-repeats-a-call.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from email.utils import parsedate_to_datetime

from reconciler.transport import quota
from reconciler.vocabulary import errors
from reconciler.vocabulary.ports import Clock
from reconciler.vocabulary.wire import LONGEST_RETRY_AFTER, Request, Response, Transport

FIRST_WAIT = 1.0
"""Seconds; doubled each time, as in google-api-core 2.44 `retry` (AIP-194 asks for a jittered back-off)."""

LONGEST_WAIT = 20.0
"""Seconds between two tries, as google-api-core polls; its own 60 s would leave too few tries in the budget."""

_READS = frozenset({"GET", "HEAD"})


def retrying(
    transport: Transport, clock: Clock, random: Callable[[], float], attempts: int = 8, budget: float = 60.0
) -> Transport:
    """Wrap a transport so that passing failures of reads are tried again.

    Reads are repeated on 408, rate 429, 5xx and errors.TransportFailed until at least `attempts` tries were made and
    `budget` seconds have gone by; then the last reply is returned, or the last failure raised. A reply tells what it asks
    for: `retry_after` is in seconds, whether it came as a number or as a date. A write is repeated
    only on a rate 429, which says that it was not carried out, and one marked `once` never. `random` yields numbers in
    [0, 1).
    """

    def send(request: Request) -> Response:
        started = clock.monotonic()
        tries = 0
        while True:
            reply, failure = _attempt(transport, request)
            tries += 1
            asked = _asked_for(reply, clock.now())
            left = started + budget - clock.monotonic()
            last = tries >= attempts and (left <= 0 or asked > left)
            if last or asked > LONGEST_RETRY_AFTER or not _worth_repeating(request, reply):
                if failure is not None:
                    raise failure
                assert reply is not None
                return replace(reply, retry_after=asked) if asked else reply
            wait = max(asked, _back_off(tries, random))
            clock.sleep(wait if tries < attempts else min(wait, left))

    return send


def _attempt(transport: Transport, request: Request) -> tuple[Response | None, errors.TransportFailed | None]:
    try:
        return transport(request), None
    except errors.TransportFailed as failure:
        return None, failure


def _worth_repeating(request: Request, reply: Response | None) -> bool:
    """Say whether another try is both allowed and of use; no reply may mean that a write was carried out."""
    read = request.method in _READS
    if reply is None or request.once:
        return read
    return _turned_away(reply) or (read and _passing(reply))


def _turned_away(reply: Response) -> bool:
    return reply.status == 429 and not quota.is_hardware_quota(reply)


def _passing(reply: Response) -> bool:
    """408 and 5xx may be gone in a moment; 501 says that the method does not exist."""
    return reply.status == 408 or (500 <= reply.status <= 599 and reply.status != 501)


def _back_off(tries: int, random: Callable[[], float]) -> float:
    """Double the wait each time and take between half and all of it, so that shards do not return in step."""
    full = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (tries - 1))
    return full * (0.5 + random() / 2)


def _asked_for(reply: Response | None, now: float) -> float:
    """Read Retry-After, in seconds or as a date (RFC 9110, 10.2.3); 0 where it is absent or unreadable.

    A date is of the service's clock, so it is taken from the reply's own date; `now` is for a reply without one.
    """
    if reply is None:
        return 0.0
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until, said = _moment(text), _moment(reply.headers.get("date", ""))
    return 0.0 if until is None else max(0.0, until - (now if said is None else said))


def _moment(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
