"""What an apply leaves behind when something fails half way, when it is asked to stop, and when secrets are refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.engine.events import Control, Event
from reconciler.engine.world import World
from reconciler.vocabulary import errors
from reconciler.vocabulary.ports import Intent, Journal, Journals
from reconciler.vocabulary.wire import Request
from tests.support import faults, samples
from tests.support.faults import Fault, Faulty, before, is_create, refusal
from tests.support.site import Site, desired, is_active, is_empty, statuses
from tests.support.store import Front

REFUSED = before(lambda request: refusal(400, "INVALID_ARGUMENT"))


def verb(name: str) -> Callable[[Request], bool]:
    return lambda request: request.method != "GET" and f":{name}" in request.url


def test_a_failure_starts_nothing_new_and_the_same_plan_goes_on(site: Site) -> None:
    plan = site.plan(desired(samples.THREE))
    applied = site.apply(plan, site.world(Faulty(is_create, REFUSED)), saved=True)
    assert (statuses(applied), applied.unstarted) == (
        ["CustomJob/train create failed"],
        ("Job/legacy", "NasJob/search"),
    )
    assert site.rows() == []
    assert site.apply(plan, saved=True).unstarted == ()
    assert is_empty(site.plan(desired(samples.THREE)))


def test_a_failure_is_worked_around_where_asked(site: Site) -> None:
    plan = site.plan(desired(samples.THREE))
    applied = site.apply(plan, site.world(Faulty(is_create, REFUSED)), keep_going=True)
    assert applied.unstarted == ()
    assert [each.rpartition(" ")[2] for each in statuses(applied)] == ["failed", "created", "updated", "created"]
    assert statuses(site.converge(desired(samples.THREE))) == ["CustomJob/train create created"]


def test_a_request_to_stop_finishes_what_is_under_way_and_starts_nothing_new(site: Site) -> None:
    stop = threading.Event()

    def tell(event: Event) -> None:
        if event.address == "Job/legacy" and event.done:
            stop.set()

    plan = site.plan(desired(samples.THREE))
    applied = site.apply(plan, control=Control(tell, stop), saved=True)
    assert applied.unstarted == ("NasJob/search",)
    assert statuses(applied)[1:] == ["Job/legacy create created", "Job/legacy setIamPolicy updated"]
    assert site.world().store.journals.open_intents() == ()
    assert statuses(site.apply(plan, saved=True))[-1] == "NasJob/search create created"
    assert site.audit.repeated_keys() == {}


def test_a_stop_that_comes_while_a_create_waits_for_its_turn_starts_nothing(site: Site) -> None:
    stop = threading.Event()
    site.converge(desired(samples.CUSTOM))
    wanted = desired(samples.edited(samples.CUSTOM) + "---\n" + samples.ML)
    plan = site.plan(wanted)
    asked: list[str] = []

    def turn(project: str) -> None:
        asked.append(project)
        stop.set()

    world = replace(site.world(), turn=turn)
    applied = site.apply(plan, world, saved=True, control=Control(lambda event: None, stop))
    # A replace that began goes on to its end; what had not begun is left alone.
    assert statuses(applied) == ["CustomJob/train replace replaced"]
    assert applied.unstarted == ("Job/legacy",)
    assert asked == ["demo-project"]
    stop.clear()
    only = site.plan(wanted)
    again = site.apply(only, replace(site.world(), turn=turn), control=Control(lambda event: None, stop))
    assert (again.outcomes, again.unstarted) == ((), ("Job/legacy",))
    assert site.world().store.journals.open_intents() == ()
    assert site.audit.repeated_keys() == {}
    assert statuses(site.converge(wanted)) == ["Job/legacy create created", "Job/legacy setIamPolicy updated"]


class LosingJournal:
    """vocabulary.ports.Journal whose `at`-th intent raises a problem, and whose close may fail."""

    def __init__(self, journal: Journal, at: int, problem: errors.ReconcilerError, *, closes: bool) -> None:
        self._journal, self._left, self._problem, self._closes = journal, at, problem, closes

    def intent(self, address: str, verb: str, resource: str, run_key: str = "") -> Intent:
        self._left -= 1
        if self._left == 0:
            raise self._problem
        return self._journal.intent(address, verb, resource, run_key)

    def outcome(self, intent: Intent, status: str, resource: str = "", error: str = "") -> None:
        self._journal.outcome(intent, status, resource, error)

    def close(self) -> None:
        if not self._closes:
            raise FULL
        self._journal.close()


class LosingJournals:
    """vocabulary.ports.Journals that opens such journals; what it does not have is passed on."""

    def __init__(self, journals: Journals, at: int, problem: errors.ReconcilerError, closes: bool) -> None:
        self._journals, self._at, self._problem, self._closes = journals, at, problem, closes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journals, name)

    def open(self, digest: str) -> LosingJournal:
        return LosingJournal(self._journals.open(digest), self._at, self._problem, closes=self._closes)


LOST = errors.LockHeld("somebody took the lock over", "wait")
FULL = errors.StoreFailed("the disk is full", "make room")


def losing(world: World, at: int, problem: errors.ReconcilerError = LOST, *, closes: bool = True) -> World:
    front = Front(world.store)
    front.journals = LosingJournals(world.store.journals, at, problem, closes)
    return replace(world, store=front)


def test_what_was_done_before_the_lock_was_lost_is_told(site: Site) -> None:
    plan = site.plan(desired(samples.THREE))
    applied = site.apply(plan, losing(site.world(), at=3))
    assert statuses(applied) == ["CustomJob/train create created", "Job/legacy create created"]
    assert applied.unstarted == ("NasJob/search",)
    assert isinstance(applied.broken, errors.LockHeld)
    assert site.converge(desired(samples.THREE)).broken is None
    assert is_empty(site.plan(desired(samples.THREE)))


def test_an_ambiguous_create_that_cannot_be_written_down_again_stays_uncertain(site: Site) -> None:
    lost = Faulty(is_create, before(faults.lost))
    applied = site.apply(site.plan(desired(samples.CUSTOM)), losing(site.world(lost), 2, FULL))
    assert statuses(applied) == ["CustomJob/train create uncertain"]
    assert "not sent again: the disk is full" in applied.outcomes[0].error
    assert statuses(site.converge(desired(samples.CUSTOM))) == ["CustomJob/train create created"]
    assert site.audit.repeated_keys() == {}


def test_what_was_done_is_told_where_the_journal_cannot_be_closed(site: Site) -> None:
    applied = site.apply(site.plan(desired(samples.CUSTOM)), losing(site.world(), at=0, closes=False))
    assert statuses(applied) == ["CustomJob/train create created"]
    assert isinstance(applied.broken, errors.StoreFailed)
    assert is_empty(site.plan(desired(samples.CUSTOM)))


@pytest.mark.parametrize("kind", samples.KIND_TEXTS)
def test_a_replace_whose_create_fails_is_half_done_and_is_created_next_time(site: Site, kind: str) -> None:
    site.converge(desired(samples.KIND_TEXTS[kind]))
    site.clock.advance(10)
    wanted = desired(samples.edited(samples.KIND_TEXTS[kind]))
    applied = site.apply(site.plan(wanted), site.world(Faulty(is_create, REFUSED)))
    assert [each.rpartition(" ")[2] for each in statuses(applied)] == ["cancelled", "replaced_half"]
    assert [row for row in site.rows() if is_active(row)] == []
    assert site.converge(wanted).outcomes[0].status.value == "created"
    assert is_empty(site.plan(wanted))


@pytest.mark.parametrize(
    "fault", [before(faults.lost), before(lambda request: refusal(503, "UNAVAILABLE"))], ids=["lost", "503"]
)
@pytest.mark.parametrize("kind", samples.KIND_TEXTS)
def test_a_cancel_whose_reply_was_lost_is_asked_again(site: Site, kind: str, fault: Fault) -> None:
    keep = samples.swap(samples.CUSTOM, ("name: train,", "name: other,"))
    site.converge(desired(f"{keep}---\n{samples.KIND_TEXTS[kind]}"))
    site.clock.advance(10)
    applied = site.apply(site.plan(desired(keep)), site.world(Faulty(verb("cancel"), fault)))
    assert statuses(applied)[0].endswith("cancel cancelled")
    assert is_empty(site.plan(desired(keep)))


def test_a_policy_that_could_not_be_written_is_written_next_time(site: Site) -> None:
    wanted = desired(samples.ML)
    applied = site.apply(site.plan(wanted), site.world(Faulty(verb("setIamPolicy"), before(faults.lost))))
    assert statuses(applied) == ["Job/legacy create created", "Job/legacy setIamPolicy failed"]
    assert statuses(site.converge(wanted)) == ["Job/legacy setIamPolicy updated"]
    assert is_empty(site.plan(wanted))


def test_a_plan_for_nothing_can_be_applied_as_often_as_one_likes(site: Site) -> None:
    site.converge(desired(samples.THREE))
    plan = site.plan(desired(samples.THREE))
    for _ in range(2):
        assert site.apply(plan, saved=True).outcomes == ()


def test_a_blocked_plan_calls_nothing(site: Site) -> None:
    site.converge(desired(samples.CUSTOM))
    refuse = samples.swap(samples.edited(samples.CUSTOM), ("onChange: replace", "onChange: refuse"))
    sent = len(site.audit.writes)
    with pytest.raises(errors.PlanBlocked, match="refuse") as blocked:
        site.apply(site.plan(desired(refuse)))
    assert blocked.value.exit_code == 4
    assert len(site.audit.writes) == sent


def test_an_old_record_that_may_not_be_deleted_keeps_no_new_run_from_starting(site: Site) -> None:
    for number in (1, 2, 3):
        site.converge(desired(samples.swap(samples.CUSTOM, ("--epochs=1", f"--epochs={number}"))))
    tidy = ("onRemoval: cancel", "onRemoval: cancel, history: 1")
    wanted = desired(samples.swap(samples.CUSTOM, tidy, ("--epochs=1", "--epochs=4")))
    forbidden = before(lambda request: refusal(403, "PERMISSION_DENIED"))
    refusing = site.world(Faulty(lambda request: request.method == "DELETE", forbidden, None))
    applied = site.apply(site.plan(wanted), refusing)
    assert statuses(applied) == ["CustomJob/train replace replaced", "CustomJob/train delete failed"]
    assert [is_active(row) for row in site.rows()] == [False] * 3 + [True]
    site.converge(wanted)
    assert is_empty(site.plan(wanted))
    assert len(site.rows()) == 2
