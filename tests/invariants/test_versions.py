"""A run that another release stamped is judged by its fields, not by its hash."""

from __future__ import annotations

import copy

import pytest

from tests.support import samples
from tests.support.site import Site, calls, desired, is_active, is_empty, reasons

every_kind = pytest.mark.parametrize("kind", samples.KIND_TEXTS)
OTHER_STAMPS = {
    "older": "v0-" + "1" * 40,
    "newer": "v2-" + "2" * 40,
    "another hash": "v1-" + "3" * 40,
    "unreadable": "x",
    "none": "",
}
each_stamp = pytest.mark.parametrize("stamp", OTHER_STAMPS.values(), ids=OTHER_STAMPS)


def run_with(site: Site, kind: str, stamp: str) -> None:
    """Start the sample as another release would have, with its own fingerprint."""
    change = site.plan(desired(samples.KIND_TEXTS[kind])).changes[0]
    body = copy.deepcopy(change.operations[0].body)
    body["labels"] |= {"reconciler_fingerprint": stamp} if stamp else {}
    if not stamp:
        del body["labels"]["reconciler_fingerprint"]
    row = site.send("POST", samples.PATHS[kind], body)
    if kind == "Job":
        policy = {"policy": change.operations[1].body}
        site.send("POST", f"{samples.PATHS[kind]}/{row['jobId']}:setIamPolicy", policy)


@every_kind
@each_stamp
@pytest.mark.parametrize("seconds", [0, 10, 700])
def test_an_equal_spec_under_another_stamp_plans_nothing(site: Site, kind: str, stamp: str, seconds: float) -> None:
    run_with(site, kind, stamp)
    site.clock.advance(seconds)
    wanted = desired(samples.KIND_TEXTS[kind])
    assert calls(site.plan(wanted)) == []
    assert is_empty(site.plan(wanted))
    assert list(reasons(site.plan(wanted)).values()) == ["noop up_to_date"]
    site.converge(wanted)
    assert site.audit.writes == []
    assert is_empty(site.plan(wanted))


@every_kind
@each_stamp
def test_a_changed_spec_under_another_stamp_is_replaced(site: Site, kind: str, stamp: str) -> None:
    run_with(site, kind, stamp)
    site.clock.advance(10)
    wanted = desired(samples.edited(samples.KIND_TEXTS[kind]))
    plan = site.plan(wanted)
    assert list(reasons(plan).values()) == ["replace spec_changed"]
    assert [field.path.rpartition(".")[2] for field in plan.changes[0].fields] == ["imageUri"]
    site.apply(plan)
    assert is_empty(site.plan(wanted))
    assert [is_active(row) for row in site.rows()] == [False, True]
