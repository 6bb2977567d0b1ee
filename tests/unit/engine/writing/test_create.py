"""A create whose reply was lost ends with one run: it is looked up until lists are quiet, and only then sent again."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate

import pytest

from reconciler.engine.world import World
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import LONGEST_RETRY_AFTER, Request, Response, Transport
from tests.support import faults, samples
from tests.support.faults import Fault, Faulty, after, before, is_create, is_list, refusal
from tests.support.mortal import Death
from tests.support.site import Site, desired, is_empty, lagging, statuses
from tests.support.stack import STACK

every_kind = pytest.mark.parametrize("kind", samples.KIND_TEXTS)
CARRIED_OUT = {
    "reply lost": after(faults.lost),
    "503": after(lambda request: refusal(503, "UNAVAILABLE")),
    "no JSON": after(lambda request: Response(200, {}, b"<html>")),
    "cut JSON": after(lambda request: Response(200, {}, b'{"name": "projects')),
    "an empty object": after(lambda request: Response(200, {}, b"{}")),
    "another job": after(lambda request: Response(200, {}, b'{"name": "projects/1/locations/l/customJobs/1"}')),
}
NOT_CARRIED_OUT = {
    "reply lost": before(faults.lost),
    "503": before(lambda request: refusal(503, "UNAVAILABLE")),
    "no JSON": before(lambda request: Response(200, {}, b"<html>")),
}


def wrapped(site: Site, fault: Faulty, lag: float = 0) -> World:
    return site.world(lambda transport: fault(lagging(site, lag)(transport)))


def apply_with(site: Site, text: str, fault: Faulty, lag: float = 0) -> list[str]:
    plan = site.plan(desired(text))
    return statuses(site.apply(plan, wrapped(site, fault, lag)))


def assert_one_run(site: Site, text: str) -> None:
    [row] = site.rows()
    assert site.audit.repeated_keys() == {}
    assert is_empty(site.plan(desired(text)))
    store = site.world().store
    assert store.journals.open_intents() == ()
    assert [run.resource for run in store.ledger.runs()] == [row["resource"]]


@every_kind
@pytest.mark.parametrize("lag", [0, 20])
@pytest.mark.parametrize("fault", CARRIED_OUT.values(), ids=CARRIED_OUT)
def test_a_create_that_was_carried_out_is_found(site: Site, kind: str, lag: float, fault: Fault) -> None:
    text = samples.KIND_TEXTS[kind]
    started = site.clock.now()
    assert apply_with(site, text, Faulty(is_create, fault), lag)[0].endswith("create created")
    assert len([each for each in site.audit.writes if each.is_create]) == 1
    assert site.clock.now() - started <= (lag and lag + 5)
    assert_one_run(site, text)


@every_kind
@pytest.mark.parametrize("fault", NOT_CARRIED_OUT.values(), ids=NOT_CARRIED_OUT)
def test_a_create_that_was_not_carried_out_is_sent_again_after_quiet_lists(site: Site, kind: str, fault: Fault) -> None:
    text = samples.KIND_TEXTS[kind]
    plan = site.plan(desired(text))
    started, reads = site.clock.now(), len(site.audit.exchanges)
    faulty = Faulty(is_create, fault)
    assert statuses(site.apply(plan, wrapped(site, faulty)))[0].endswith("create created")
    assert faulty.met == 2
    assert site.clock.now() - started >= STACK.settle
    create = next(number for number, each in enumerate(site.audit.exchanges) if each.is_create)
    assert create - reads > 3
    assert_one_run(site, text)


@every_kind
def test_a_create_that_stays_ambiguous_is_uncertain_and_heals_later(site: Site, kind: str) -> None:
    text = samples.KIND_TEXTS[kind]
    faulty = Faulty(is_create, before(faults.lost), which=None)
    assert apply_with(site, text, faulty)[0].endswith("create uncertain")
    assert faulty.met == 2
    site.converge(desired(text))
    assert_one_run(site, text)


@every_kind
@pytest.mark.parametrize(
    "answer",
    [faults.HTML, refusal(403, "PERMISSION_DENIED"), refusal(401, "UNAUTHENTICATED")],
    ids=lambda r: r.status,
)
def test_a_look_up_that_fails_proves_nothing(site: Site, kind: str, answer: Response) -> None:
    text = samples.KIND_TEXTS[kind]
    plan = site.plan(desired(text))
    creates = Faulty(is_create, before(faults.lost), which=None)
    reads = Faulty(lambda request: request.method == "GET" and creates.met > 0, before(lambda request: answer), None)
    applied = site.apply(plan, site.world(lambda transport: creates(reads(transport))))
    assert statuses(applied)[0].endswith("create uncertain")
    assert (creates.met, site.rows()) == (1, [])
    site.converge(desired(text))
    assert_one_run(site, text)


@every_kind
def test_a_create_that_was_refused_is_not_looked_for(site: Site, kind: str) -> None:
    text = samples.KIND_TEXTS[kind]
    plan = site.plan(desired(text))
    for answer in (
        before(lambda request: refusal(400, "INVALID_ARGUMENT")),
        before(lambda r: faults.lost(r, sent=False)),
    ):
        started = site.clock.now()
        applied = site.apply(plan, wrapped(site, Faulty(is_create, answer)))
        assert statuses(applied)[0].endswith("create failed")
        assert site.clock.now() == started
        assert site.world().store.journals.open_intents() == ()
    site.apply(plan, saved=True)
    assert_one_run(site, text)


@every_kind
def test_a_create_turned_away_for_its_rate_is_sent_again(site: Site, kind: str) -> None:
    text = samples.KIND_TEXTS[kind]
    turned_away = before(lambda request: refusal(429, "RESOURCE_EXHAUSTED"))
    assert apply_with(site, text, Faulty(is_create, turned_away, (0, 1)))[0].endswith("create created")
    assert_one_run(site, text)


def test_an_id_that_somebody_else_took_is_told_and_left_alone(site: Site) -> None:
    plan = site.plan(desired(samples.ML))
    create = plan.changes[0].operations[0]
    taken = {**create.body, "labels": {"team": "other"}}
    site.send("POST", samples.PATHS["Job"], taken)
    applied = site.apply(plan)
    assert "belongs to a job that is not this run" in applied.outcomes[0].error
    assert [row["labels"] for row in site.rows()] == [{"team": "other"}]


@every_kind
def test_a_process_that_dies_at_the_second_sending_leaves_one_run(site: Site, kind: str) -> None:
    text = samples.KIND_TEXTS[kind]
    plan = site.plan(desired(text))

    def die(transport: Transport, request: Request) -> Response:
        transport(request)
        raise Death

    first = Faulty(is_create, before(faults.lost))
    second = Faulty(is_create, die, (1,))
    with pytest.raises(Death):
        site.apply(plan, site.world(lambda transport: second(first(transport))))
    slow = site.world(lagging(site, 20))
    site.apply(site.plan(desired(text), slow), slow)
    assert_one_run(site, text)


def test_a_list_that_fails_while_an_intent_is_open_stops_the_plan(site: Site) -> None:
    apply_with(site, samples.CUSTOM, Faulty(is_create, before(faults.lost), which=None))
    blind = Faulty(is_list, before(lambda request: refusal(403, "PERMISSION_DENIED")), which=None)
    with pytest.raises(errors.PermissionDenied):
        site.plan(desired(samples.CUSTOM), site.world(blind))
    assert len(site.world().store.journals.open_intents()) == 2


def die(request: Request) -> Response:
    raise Death


@pytest.mark.parametrize("asked", ["", "100"])
def test_a_create_that_was_turned_away_is_written_down_anew_when_it_is_sent_again(site: Site, asked: str) -> None:
    """Death right after the second sending, with lists that lag: the wait counts from that sending and not before."""
    text = samples.KIND_TEXTS["CustomJob"]
    plan = site.plan(desired(text))
    headers = {"retry-after": asked} if asked else {}
    busy = Faulty(is_create, before(lambda request: Response(429, headers, refusal(429, "RESOURCE_EXHAUSTED").body)))
    doomed = Faulty(is_create, after(die))
    with pytest.raises(Death):
        site.apply(plan, site.world(lambda transport: busy(doomed(lagging(site, 20)(transport)))))
    world = site.world(lagging(site, 20))
    site.apply(site.plan(desired(text), world), world)
    assert_one_run(site, text)


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize(
    ("asked", "waited"), [(90, 90.0), (LONGEST_RETRY_AFTER, LONGEST_RETRY_AFTER), (LONGEST_RETRY_AFTER + 60, 0.0)]
)
def test_a_create_waits_for_the_seconds_or_the_date_that_a_429_asks_for(
    site: Site, asked: float, waited: float, form: str
) -> None:
    """A service that asks for more than anybody waits is not asked again."""
    began = site.clock.now()
    told = f"{asked:.0f}" if form == "seconds" else formatdate(began + asked, usegmt=True)
    turned_away = Response(429, {"retry-after": told}, refusal(429, "RESOURCE_EXHAUSTED").body)
    busy = Faulty(is_create, before(lambda request: turned_away))
    applied = site.apply(site.plan(desired(samples.KIND_TEXTS["CustomJob"])), site.world(busy))
    assert statuses(applied)[0].endswith("create created" if waited else "create failed")
    assert waited <= site.clock.now() - began + 1
    assert busy.met == (2 if waited else 1)


def slow(site: Site, seconds: float) -> Fault:
    """Let time pass between the service's answer and its arrival."""

    def act(transport: Transport, request: Request) -> Response:
        reply = transport(request)
        site.clock.advance(seconds)
        return reply

    return act


def test_a_list_that_was_answered_before_settle_and_came_after_it_proves_no_absence(site: Site) -> None:
    plan = site.plan(desired(samples.CUSTOM))
    lost = Faulty(is_create, CARRIED_OUT["reply lost"])
    late = Faulty(is_list, slow(site, 40), (3,))  # the third of the look-up, after the one that checks the plan
    world = site.world(lambda transport: late(lost(lagging(site, 20)(transport))))
    assert statuses(site.apply(plan, world))[0].endswith("create created")
    assert late.met > 4
    assert_one_run(site, samples.CUSTOM)


def test_after_a_crash_every_list_is_asked_for_once_settle_has_passed(site: Site) -> None:
    wanted = desired(samples.THREE)
    site.converge(desired(samples.ML))
    dead = Faulty(is_create, after(die))
    with pytest.raises(Death):
        site.apply(site.plan(wanted), site.world(dead))
    slow_jobs = Faulty(
        lambda request: is_list(request) and request.url.partition("?")[0].endswith("/jobs"), slow(site, 40)
    )
    world = site.world(lambda transport: slow_jobs(lagging(site, 20)(transport)))
    one_by_one = replace(world, workers=1)
    site.apply(site.plan(wanted, one_by_one), site.world())
    assert slow_jobs.met > 1
    assert site.audit.repeated_keys() == {}
    assert is_empty(site.plan(wanted))
