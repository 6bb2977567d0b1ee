"""Lives as data: what steps change, what a cancel plans, how times are written."""

from __future__ import annotations

import math

import pytest

from reconciler.emulator import behaviour
from reconciler.emulator.behaviour import Step
from reconciler.emulator.state import lifecycle
from reconciler.emulator.state.lifecycle import INSTANT, MANUAL, RECORDED, Life, Timings

RUN = Step(1.0, "RUNNING", starts=True)
STEPS = (RUN, Step(2.0, "PENDING"), Step(3.0, "RUNNING", starts=True), Step(4.0, "DONE", ends=True))
CANCEL = (Step(0.5, "STOPPED", ends=True, fields={"error": "stopped"}),)
SECOND = 1_000_000
CUSTOM_JOB = behaviour.load()["CustomJob"]


def life(timings: Timings = RECORDED) -> Life:
    return lifecycle.begin("PENDING", {}, STEPS, timings, 0)


@pytest.mark.parametrize(
    ("now", "state", "updated"), [(0, "PENDING", 0), (1, "RUNNING", 1), (2.5, "PENDING", 2), (9, "DONE", 4)]
)
def test_a_life_moves_with_the_clock(now: float, state: str, updated: int) -> None:
    found = lifecycle.advance(life(), round(now * SECOND))
    assert (found.state, found.updated) == (state, updated * SECOND)


def test_advancing_in_many_steps_or_in_one_comes_to_the_same() -> None:
    found = life()
    for now in range(0, 5 * SECOND, SECOND // 4):
        found = lifecycle.advance(found, now)
    assert found == lifecycle.advance(life(), 5 * SECOND)


def test_the_first_start_time_stays() -> None:
    assert lifecycle.advance(life(), 9 * SECOND).started == SECOND


@pytest.mark.parametrize(("at", "state"), [(0.2, "STOPPED"), (3.4, "STOPPED"), (3.6, "DONE")])
def test_a_cancel_ends_a_life_unless_it_ends_before(at: float, state: str) -> None:
    now = round(at * SECOND)
    found = lifecycle.cancel(lifecycle.advance(life(), now), CANCEL, RECORDED, now)
    assert lifecycle.advance(found, 99 * SECOND).state == state


def test_a_cancelled_life_goes_on_until_the_cancel_works() -> None:
    found = lifecycle.cancel(life(), (Step(1.5, "STOPPED", ends=True),), RECORDED, 0)
    assert lifecycle.advance(found, SECOND).state == "RUNNING"
    assert lifecycle.advance(found, 2 * SECOND).state == "STOPPED"


def test_instant_lives_still_take_every_step() -> None:
    found = lifecycle.advance(life(INSTANT), 0)
    assert (found.state, found.started, found.ended) == ("DONE", 0, 0)


def test_lives_without_an_end_run_until_cancelled() -> None:
    forever = Timings(speed=math.inf, ends=False)
    found = lifecycle.advance(life(forever), 10**15)
    assert found.state == "RUNNING"
    assert lifecycle.advance(lifecycle.cancel(found, CANCEL, forever, 10**15), 10**15).state == "STOPPED"


def test_lives_by_hand_have_nothing_ahead_and_a_cancel_plans_nothing() -> None:
    found = lifecycle.cancel(life(MANUAL), CANCEL, MANUAL, 0)
    assert lifecycle.advance(found, 10**15) == found
    assert (found.state, found.cancelled) == ("PENDING", True)


@pytest.mark.parametrize("state", sorted(CUSTOM_JOB.state_numbers))
def test_a_life_can_be_forced_into_any_state_from_any_point(state: str) -> None:
    begun = lifecycle.begin("JOB_STATE_PENDING", {}, CUSTOM_JOB.timeline, RECORDED, 0)
    for moment in (0, 4, 700):
        found = lifecycle.force(lifecycle.advance(begun, moment * SECOND), CUSTOM_JOB, state, 800 * SECOND)
        assert (found.state, found.updated, found.ahead) == (state, 800 * SECOND, ())
        assert (found.ended is not None) == (state in CUSTOM_JOB.terminal)
        assert lifecycle.advance(found, 10**15) == found


def test_a_forced_life_never_goes_back_in_time() -> None:
    ended = lifecycle.advance(lifecycle.begin("JOB_STATE_PENDING", {}, CUSTOM_JOB.timeline, RECORDED, 0), 700 * SECOND)
    assert lifecycle.force(ended, CUSTOM_JOB, "JOB_STATE_RUNNING", 5).updated == ended.updated


def test_a_forced_state_brings_the_fields_given_or_its_own() -> None:
    begun = lifecycle.begin("JOB_STATE_PENDING", {}, CUSTOM_JOB.timeline, RECORDED, 0)
    own = lifecycle.force(begun, CUSTOM_JOB, "JOB_STATE_CANCELLED", 5)
    assert own.fields == {"error": {"code": 1, "message": "CANCELED"}}
    given = lifecycle.force(begun, CUSTOM_JOB, "JOB_STATE_FAILED", 5, {"error": {"code": 8}})
    assert given.fields == {"error": {"code": 8}}


def test_a_state_that_the_kind_does_not_have_cannot_be_forced() -> None:
    begun = lifecycle.begin("JOB_STATE_PENDING", {}, CUSTOM_JOB.timeline, RECORDED, 0)
    with pytest.raises(LookupError, match="`RUNNING` is no state of CustomJob"):
        lifecycle.force(begun, CUSTOM_JOB, "RUNNING", 5)


@pytest.mark.parametrize(
    ("microseconds", "digits", "text"),
    [
        (1_783_536_216_654_698, 6, "2026-07-08T18:43:36.654698Z"),
        (1_783_536_216_654_000, 6, "2026-07-08T18:43:36.654Z"),
        (1_783_536_216_000_000, 6, "2026-07-08T18:43:36Z"),
        (1_783_536_216_000_001, 6, "2026-07-08T18:43:36.000001Z"),
        (1_783_536_216_654_698, 3, "2026-07-08T18:43:36.654Z"),
        (1_783_536_216_654_698, 0, "2026-07-08T18:43:36Z"),
    ],
)
def test_times_have_none_three_or_six_fraction_digits(microseconds: int, digits: int, text: str) -> None:
    assert lifecycle.timestamp(microseconds, digits) == text
