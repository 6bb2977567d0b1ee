"""The budget per project and minute."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.transport.rate import Budget, Pace, paced
from reconciler.vocabulary.wire import Request, Response, Transport
from tests.support.loopback import FakeClock

JOBS = "http://embedded/v1/projects/p/locations/l/customJobs"
LIST, CREATE = Request("GET", JOBS), Request("POST", JOBS)


def timed(budget: Budget) -> tuple[Transport, list[float], FakeClock]:
    clock = FakeClock(0.0)
    times: list[float] = []

    def note(_: Request) -> Response:
        times.append(clock.now())
        return Response(200)

    return paced(note, Pace(clock, budget)), times, clock


def busiest_minute(times: list[float]) -> int:
    return max(sum(start <= time < start + 60 for time in times) for start in times)


def test_requests_within_the_budget_do_not_wait() -> None:
    send, _, clock = timed(Budget(5, 2))
    for request in (LIST, LIST, LIST, CREATE, CREATE):
        send(request)
    assert clock.sleeps == []


def test_no_minute_sees_more_than_the_budget() -> None:
    send, times, clock = timed(Budget(7, 7))
    for number in range(100):
        send(LIST)
        clock.time += number % 5
    assert busiest_minute(times) == 7


@pytest.mark.parametrize("ahead", [7200.0, -7200.0])
def test_a_machine_whose_time_is_set_keeps_the_pace(ahead: float) -> None:
    send, _, clock = timed(Budget(1, 1))
    for _ in range(3):
        send(LIST)
        clock.ahead += ahead
    assert clock.sleeps == [60.0, 60.0]


def test_submissions_have_a_budget_of_their_own() -> None:
    send, times, _ = timed(Budget(100, 3))
    for _ in range(10):
        send(CREATE)
    assert times == [0.0] * 3 + [60.0] * 3 + [120.0] * 3 + [180.0]


class Still(FakeClock):
    """Time that stands still, so that the waits alone place the requests."""

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)


@pytest.mark.parametrize("budget", [Budget(7, 2), Budget(6, 4), Budget(5, 5), Budget(1, 1)])
def test_a_crowd_of_reads_and_creates_keeps_both_numbers_in_every_minute(budget: Budget) -> None:
    clock = Still(0.0)
    pace = Pace(clock, budget)
    given: dict[bool, list[float]] = {True: [], False: []}
    for number in range(60):
        submits = number < 20
        before = len(clock.sleeps)
        pace.wait("p", submits=submits)
        given[submits].append(sum(clock.sleeps[before:]))
    assert busiest_minute(given[True] + given[False]) == budget.requests
    assert busiest_minute(given[True]) <= budget.submissions


def test_a_read_goes_before_creates_that_wait_for_their_turn() -> None:
    clock = Still(0.0)
    pace = Pace(clock, Budget(100, 1))
    for _ in range(3):
        pace.wait("p")
    assert clock.sleeps == [60.0, 120.0]
    pace.wait("p", submits=False)
    assert clock.sleeps == [60.0, 120.0]


@pytest.mark.parametrize(
    ("request_", "submits"),
    [
        (CREATE, True),
        (Request("DELETE", f"{JOBS}/1"), True),
        (LIST, False),
        (Request("POST", f"{JOBS}/1:cancel"), False),
        (Request("PATCH", f"{JOBS}/1?updateMask=labels"), False),
        (Request("POST", "http://127.0.0.1:80/v1/projects/example.com:p/jobs"), True),
    ],
)
def test_only_what_starts_something_counts_as_a_submission(request_: Request, submits: bool) -> None:
    send, _, clock = timed(Budget(100, 1))
    send(request_)
    send(request_)
    assert bool(clock.sleeps) is submits


def test_projects_do_not_share_a_budget() -> None:
    send, _, clock = timed(Budget(1, 1))
    for project in ("a", "b", "c"):
        send(Request("GET", f"http://embedded/v1/projects/{project}/jobs?pageToken=/projects/x"))
    assert clock.sleeps == []


def test_threads_share_one_budget() -> None:
    clock = Still(0.0)
    answer: Callable[[Request], Response] = lambda _: Response(200)  # noqa: E731
    send = paced(answer, Pace(clock, Budget(10, 10)))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(send, [LIST] * 40))
    assert sorted(clock.sleeps) == [60.0] * 10 + [120.0] * 10 + [180.0] * 10


def test_a_request_that_is_sent_once_takes_its_turn_before_it_is_written_down() -> None:
    clock, times = FakeClock(0.0), []
    pace = Pace(clock, Budget(100, 1))

    def note(_: Request) -> Response:
        times.append(clock.now())
        return Response(200)

    send = paced(note, pace)
    pace.wait("p")
    send(Request("POST", JOBS, once=True))
    pace.wait("p")
    send(Request("POST", JOBS, once=True))
    assert times == [0.0, 60.0]


def test_a_project_has_one_budget_by_its_id_and_by_the_number_its_jobs_are_named_with() -> None:
    clock = FakeClock(0.0)
    times: list[float] = []
    named = b'{\n  "customJobs": [{"displayName": "a", "name": "projects/123/locations/l/customJobs/7"}]\n}'

    def note(request: Request) -> Response:
        times.append(clock.now())
        return Response(200, {}, named if request.method == "GET" else b"{}")

    pace = Pace(clock, Budget(100, 2))
    send = paced(note, pace)
    delete = Request("DELETE", "http://embedded/v1/projects/123/locations/l/customJobs/7")
    send(delete)  # before anything told whose number it is
    send(LIST)
    for request in (CREATE, delete, CREATE, delete):
        send(request)
    assert times == [0.0, 0.0, 0.0, 60.0, 60.0, 120.0]
