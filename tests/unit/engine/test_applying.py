"""What an apply leaves behind when something fails half way, when it is asked to stop, and when secrets are refused."""

from __future__ import annotations

import threading

import pytest

from reconciler.engine.telling import Control, Event
from reconciler.vocabulary import errors
from tests.invariants import samples
from tests.invariants.site import Site, desired, is_active, is_empty, statuses
from tests.unit.engine import faults
from tests.unit.engine.faults import Faulty, before, envelope, is_create

REFUSED = before(lambda request: envelope(400, "INVALID_ARGUMENT"))


def verb(name: str):
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
        if event.address == "Job/legacy":
            stop.set()

    plan = site.plan(desired(samples.THREE))
    applied = site.apply(plan, control=Control(tell, stop), saved=True)
    assert applied.unstarted == ("NasJob/search",)
    assert statuses(applied)[1:] == ["Job/legacy create created", "Job/legacy setIamPolicy updated"]
    assert site.world().store.journals.open_intents() == ()
    assert statuses(site.apply(plan, saved=True))[-1] == "NasJob/search create created"
    assert site.audit.repeated_keys() == {}


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
    "fault", [before(faults.lost), before(lambda request: envelope(503, "UNAVAILABLE"))], ids=["lost", "503"]
)
@pytest.mark.parametrize("kind", samples.KIND_TEXTS)
def test_a_cancel_whose_reply_was_lost_is_asked_again(site: Site, kind: str, fault) -> None:
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
    forbidden = before(lambda request: envelope(403, "PERMISSION_DENIED"))
    refusing = site.world(Faulty(lambda request: request.method == "DELETE", forbidden, None))
    applied = site.apply(site.plan(wanted), refusing)
    assert statuses(applied) == ["CustomJob/train replace replaced", "CustomJob/train delete failed"]
    assert [is_active(row) for row in site.rows()] == [False] * 3 + [True]
    site.converge(wanted)
    assert is_empty(site.plan(wanted))
    assert len(site.rows()) == 2
