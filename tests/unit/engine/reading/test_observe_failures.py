"""Lists that cannot be read are errors: nothing is written, and nothing is taken for absent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.core.plan.address import Destroy
from reconciler.core.plan.build import Options
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request, Response
from tests.support import faults, samples
from tests.support.faults import Fault, Faulty, before, is_list, refusal
from tests.support.site import ANYTHING, Site, desired

ANSWERS = {
    "403": (before(lambda request: refusal(403, "PERMISSION_DENIED")), errors.PermissionDenied),
    "401": (before(lambda request: refusal(401, "UNAUTHENTICATED")), errors.Unauthenticated),
    "404 in HTML": (before(lambda request: faults.HTML), errors.ApiError),
    "404": (before(lambda request: refusal(404, "NOT_FOUND")), errors.NotFound),
    "500": (before(lambda request: refusal(500, "INTERNAL")), errors.ServerFailed),
    "unreachable": (before(lambda request: faults.lost(request, sent=False)), errors.TransportFailed),
    "cut off": (before(faults.lost), errors.TransportFailed),
    "no JSON": (before(lambda request: Response(200, {}, b"<html>")), errors.TransportFailed),
}
each_answer = pytest.mark.parametrize(("fault", "error"), ANSWERS.values(), ids=ANSWERS)
every_kind = pytest.mark.parametrize("kind", samples.KIND_TEXTS)


def of_kind(kind: str) -> Callable[[Request], bool]:
    return lambda request: is_list(request) and f"/{samples.PATHS[kind].rpartition('/')[2]}?" in request.url


@each_answer
@every_kind
def test_a_plan_that_cannot_list_one_kind_fails(site: Site, kind: str, fault: Fault, error: type[Exception]) -> None:
    site.converge(desired(samples.THREE))
    files, sent = site.files(), len(site.audit.writes)
    for wanted, options in ((samples.THREE, None), ("", Options(allowed=ANYTHING, destroy=Destroy()))):
        with pytest.raises(error):
            site.plan(desired(wanted), site.world(Faulty(of_kind(kind), fault, None)), options)
    assert (site.files(), len(site.audit.writes)) == (files, sent)


@each_answer
def test_an_apply_that_cannot_list_calls_nothing_and_remembers_nothing(
    site: Site, fault: Fault, error: type[Exception]
) -> None:
    site.converge(desired(samples.THREE))
    site.clock.advance(700)
    plan = site.plan(desired(samples.edited(samples.THREE)))
    ledger, sent = site.world().store.ledger.runs(), len(site.audit.writes)
    with pytest.raises(error):
        site.apply(plan, site.world(Faulty(is_list, fault, None)))
    assert (site.world().store.ledger.runs(), len(site.audit.writes)) == (ledger, sent)
    assert sorted(each.status.value for each in site.apply(plan, saved=True).outcomes) == ["created"] * 3 + ["updated"]


@every_kind
def test_a_list_that_fails_on_its_second_page_is_no_shorter_list(site: Site, kind: str) -> None:
    text = samples.KIND_TEXTS[kind]
    name = desired(text)[0].name
    many = "---\n".join(samples.swap(text, (f"name: {name}", f"name: {name}-{number}")) for number in range(3))
    site.converge(desired(many))
    second = Faulty(lambda request: is_list(request) and "pageToken" in request.url, ANSWERS["403"][0], None)
    with pytest.raises(errors.PermissionDenied):
        site.plan(desired(many), site.world(second, page_size=1))
    assert second.met == 1


@pytest.mark.parametrize("answer", [faults.HTML, refusal(403, "PERMISSION_DENIED")], ids=["404 in HTML", "403"])
def test_a_run_that_may_not_be_read_is_not_taken_for_gone(site: Site, answer: Response) -> None:
    site.converge(desired(samples.CUSTOM))
    gets = Faulty(lambda request: request.method == "GET", before(lambda request: answer), None)
    hidden = Faulty(is_list, lambda transport, request: Response(200, {}, b"{}"), None)
    with pytest.raises(errors.ApiError):
        site.plan(desired(samples.CUSTOM), site.world(lambda transport: hidden(gets(transport))))
    assert hidden.met and gets.met
