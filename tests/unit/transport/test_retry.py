"""What is sent again, when, and what never is."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from reconciler.transport import quota
from reconciler.transport.retry import retrying
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request, Response
from tests.support.loopback import FakeClock

GET = Request("GET", "http://embedded/v1/x")
POST = Request("POST", "http://embedded/v1/x", {}, b"{}")
OK = Response(200, {}, b"{}")
HARDWARE = (
    b'{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "The following quota metrics exceed quota '
    b'limits: aiplatform.googleapis.com/custom_model_training_nvidia_l4_gpus"}}'
)


class Scripted:
    """A transport that answers from a list, the last entry for ever."""

    def __init__(self, *answers: Response | errors.ReconcilerError) -> None:
        self.answers = list(answers)
        self.calls = 0

    def __call__(self, request: Request) -> Response:
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Response):
            return answer
        raise answer


def run(transport: Scripted, request: Request, random: float = 0.0) -> tuple[Response, FakeClock]:
    clock = FakeClock()
    return retrying(transport, clock, lambda: random)(request), clock


@pytest.mark.parametrize(
    "passing",
    [Response(408), Response(429), Response(500), Response(502), Response(503), Response(504)],
    ids=lambda reply: str(reply.status),
)
def test_a_read_is_repeated_until_it_succeeds(passing: Response) -> None:
    transport = Scripted(passing, passing, OK)
    reply, clock = run(transport, GET)
    assert reply is OK
    assert clock.sleeps == [0.5, 1.0]


@pytest.mark.parametrize("sent", [True, False])
def test_a_read_without_a_reply_is_repeated(sent: bool) -> None:
    transport = Scripted(errors.TransportFailed("cut", sent=sent), OK)
    assert run(transport, GET)[0] is OK


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 409, 412, 501])
def test_a_lasting_answer_is_returned_at_once(status: int) -> None:
    transport = Scripted(Response(status))
    reply, clock = run(transport, GET)
    assert (reply.status, transport.calls, clock.sleeps) == (status, 1, [])


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
@pytest.mark.parametrize("status", [408, 500, 503])
def test_a_write_that_may_have_happened_is_never_repeated(method: str, status: int) -> None:
    transport = Scripted(Response(status), OK)
    assert run(transport, Request(method, POST.url))[0].status == status
    assert transport.calls == 1


def test_a_write_without_a_reply_is_never_repeated() -> None:
    transport = Scripted(errors.TransportFailed("cut"), OK)
    with pytest.raises(errors.TransportFailed, match="cut"):
        run(transport, POST)
    assert transport.calls == 1


def test_a_write_that_was_turned_away_is_sent_again() -> None:
    transport = Scripted(Response(429), OK)
    reply, clock = run(transport, POST)
    assert reply is OK
    assert clock.sleeps == [0.5]


@pytest.mark.parametrize("request_", [GET, POST], ids=["read", "write"])
def test_hardware_quota_is_not_hammered(request_: Request) -> None:
    transport = Scripted(Response(429, {}, HARDWARE))
    assert run(transport, request_)[0].status == 429
    assert transport.calls == 1


def test_an_outage_is_sat_out_for_eight_tries_and_sixty_seconds() -> None:
    for random in (0.0, 0.999):
        transport = Scripted(Response(503))
        reply, clock = run(transport, GET, random)
        assert reply.status == 503
        assert transport.calls >= 8
        assert sum(clock.sleeps) >= 60
        assert max(clock.sleeps) <= 20


def test_slow_failures_get_their_eight_tries_too() -> None:
    clock = FakeClock()
    transport = Scripted(errors.TransportFailed("timed out"))

    def slow(request: Request) -> Response:
        clock.time += 70
        return transport(request)

    with pytest.raises(errors.TransportFailed, match="timed out"):
        retrying(slow, clock, lambda: 0.0)(GET)
    assert transport.calls == 8


def test_waits_double_up_to_a_cap_and_are_spread_by_half() -> None:
    low = run(Scripted(*[Response(503)] * 7, OK), GET, 0.0)[1].sleeps
    high = run(Scripted(*[Response(503)] * 7, OK), GET, 1.0)[1].sleeps
    assert low == [0.5, 1, 2, 4, 8, 10, 10]
    assert high == [1, 2, 4, 8, 16, 20, 20]


DATE = format_datetime(datetime.fromtimestamp(1_800_000_030, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("7", 7.0),
        ("0", 0.5),
        ("", 0.5),
        (DATE, 30.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.5),
        ("soon", 0.5),
        ("-5", 0.5),
        ("²", 0.5),
        ("Sun, 06 Nov 99999999 08:49:37 GMT", 0.5),
    ],
)
def test_retry_after_is_honoured(asked: str, waited: float) -> None:
    reply, clock = run(Scripted(Response(503, {"retry-after": asked}), OK), GET)
    assert reply is OK
    assert clock.sleeps == [waited]


@pytest.mark.parametrize("ahead", [0.0, 7 * 3600.0, -7 * 3600.0])
def test_a_date_to_wait_for_is_taken_from_the_date_of_the_reply(ahead: float) -> None:
    """Both are of the service's clock; what this machine believes may be hours away from it."""
    clock = FakeClock()
    clock.ahead = ahead
    said = format_datetime(datetime.fromtimestamp(1_800_000_000, UTC), usegmt=True)
    busy = Response(503, {"retry-after": DATE, "date": said})
    assert retrying(Scripted(busy, OK), clock, lambda: 0.0)(GET) is OK
    assert clock.sleeps == [30.0]


@pytest.mark.parametrize("ahead", [7 * 3600.0, -7 * 3600.0])
def test_a_machine_whose_time_is_set_tries_as_often_and_as_long(ahead: float) -> None:
    clock = FakeClock()

    def set_again(request: Request) -> Response:
        clock.ahead += ahead
        return Response(503)

    assert retrying(set_again, clock, lambda: 0.0)(GET).status == 503
    assert 60 <= sum(clock.sleeps) < 80


def test_a_server_that_asks_for_an_hour_gets_no_second_try() -> None:
    transport = Scripted(Response(429, {"retry-after": "3600"}))
    assert run(transport, GET)[1].sleeps == []


def test_the_last_try_does_not_come_sooner_than_asked() -> None:
    transport = Scripted(*[Response(503, {"retry-after": "8"})] * 20)
    _, clock = run(transport, GET)
    assert all(wait >= 8 for wait in clock.sleeps)
    assert transport.calls == 8


def test_a_refusal_before_sending_passes_through() -> None:
    transport = Scripted(errors.BackendRefused("no"))
    with pytest.raises(errors.BackendRefused):
        run(transport, GET)
    assert transport.calls == 1


@pytest.mark.parametrize(
    ("message", "hardware"),
    [
        ("The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_training_cpus", True),
        ("Quota failure for project p. The request for 2 K80 accelerators exceeds the allowed maximum of 0 A100", True),
        ("Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service 'x'", False),
        ("Unable to submit request because the service is temporarily out of capacity. Try again later.", False),
        ("", False),
    ],
)
def test_hardware_quota_is_told_from_rate(message: str, hardware: bool) -> None:
    assert quota.is_hardware_quota(Response(429, {}, message.encode())) is hardware
    assert quota.is_hardware_quota(Response(400, {}, message.encode())) is False
