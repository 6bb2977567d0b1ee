"""What does not carry our mark is never touched, whatever else it carries and whatever is asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.plan.address import Destroy
from reconciler.core.plan.build import Options
from reconciler.core.plan.selection import Selection
from reconciler.vocabulary import errors
from reconciler.vocabulary.plans import Action, Operation, Status
from tests.support import samples
from tests.support.site import ANYTHING, Site, calls, desired, is_active, is_empty

every_kind = pytest.mark.parametrize("kind", samples.KIND_TEXTS)
Labels = dict[str, str]


def other_kind(labels: Labels) -> Labels:
    return {**labels, "reconciler_kind": "trainingpipeline"}


def without_stack(labels: Labels) -> Labels:
    return {key: labels[key] for key in labels if key != "reconciler_stack"}


STRANGERS: dict[str, Callable[[Labels], Labels]] = {
    "no labels": lambda labels: {},
    "labels of its own": lambda labels: {"team": "vision"},
    "another stack": lambda labels: {**labels, "reconciler_stack": "t", "reconciler_owner": "0a0a0a0a"},
    "neither stack nor owner": lambda labels: {
        key: labels[key] for key in labels if key not in ("reconciler_stack", "reconciler_owner")
    },
    "inherited from another kind": other_kind,
    "no kind": lambda labels: {key: labels[key] for key in labels if key != "reconciler_kind"},
    "no name": lambda labels: {key: labels[key] for key in labels if key != "reconciler_name"},
}


def body_of(site: Site, kind: str) -> dict[str, Any]:
    """Return the body that the stack itself would send for a kind."""
    [want] = [each for each in desired(samples.THREE) if each.kind == kind]
    plan = site.plan((want,), options=Options(rerun=(want.address,), selection=Selection((want.address,))))
    [body] = [each.body for change in plan.changes for each in change.operations if each.verb == "create"]
    body = copy.deepcopy(body)
    return dict(body)


def planted(site: Site, kind: str, mark: Callable[[Labels], Labels]) -> list[str]:
    """Start jobs that look like ours but for their labels; one of them has ended."""
    names = []
    for number in range(2):
        body = body_of(site, kind)
        body["labels"] = mark(body["labels"])
        if "jobId" in body:
            body["jobId"] = f"stranger_{number}"
        row = site.send("POST", samples.PATHS[kind], body)
        names.append(row.get("name") or f"{samples.PATHS[kind]}/{row['jobId']}")
    site.emulator.set_state(names[1], "SUCCEEDED" if kind == "Job" else "JOB_STATE_SUCCEEDED")
    return names


def touched(site: Site, name: str) -> list[str]:
    """Every write that named a job, by its number's or its id's last part."""
    return [each.path for each in site.audit.writes if name.rpartition("/")[2] in each.path]


@every_kind
@pytest.mark.parametrize("mark", STRANGERS.values(), ids=STRANGERS)
def test_a_job_without_our_mark_is_never_touched(site: Site, kind: str, mark: Callable[[Labels], Labels]) -> None:
    names = planted(site, kind, mark)
    before = [site.send("GET", name) for name in names]
    site.clock.advance(10)
    for text in (samples.THREE, samples.edited(samples.THREE), samples.KIND_TEXTS["NasJob"], samples.THREE):
        site.converge(desired(text))
        assert is_empty(site.plan(desired(text)))
        site.clock.advance(10)
    site.converge((), Options(allowed=ANYTHING, destroy=Destroy(records=True)))
    assert [row["resource"] for row in site.rows() if is_active(row)] == [
        row["resource"] for row in site.rows() if row["resource"].rpartition("/")[2] == names[0].rpartition("/")[2]
    ]
    assert [touched(site, name) for name in names] == [[], []]
    for name, was in zip(names, before, strict=True):
        now = site.send("GET", name)
        assert {key: now.get(key) for key in ("labels", "endTime", "createTime")} == {
            key: was.get(key) for key in ("labels", "endTime", "createTime")
        }


@every_kind
def test_a_job_of_our_stacks_name_and_another_owner_stops_everything(site: Site, kind: str) -> None:
    site.converge(desired(samples.KIND_TEXTS[kind]))
    names = planted(site, kind, lambda labels: {**labels, "reconciler_owner": "00000000"})
    sent = len(site.audit.writes)
    for wanted, options in (
        (samples.edited(samples.THREE), Options(allowed=ANYTHING)),
        ("", Options(allowed=ANYTHING, destroy=Destroy(records=True))),
    ):
        plan = site.plan(desired(wanted), options=options)
        assert [blocker.rule for blocker in plan.blocked] == ["foreign_owner"]
        with pytest.raises(errors.PlanBlocked, match="00000000"):
            site.apply(plan)
    assert len(site.audit.writes) == sent
    assert [touched(site, name) for name in names] == [[], []]


@every_kind
@pytest.mark.parametrize("stack", ["t", "s2", ""], ids=["another", "a similar", "no"])
def test_a_job_with_our_uid_is_ours_under_any_stacks_name(site: Site, kind: str, stack: str) -> None:
    names = planted(
        site, kind, lambda labels: {**labels, "reconciler_stack": stack} if stack else without_stack(labels)
    )
    assert not any("create" in call for call in calls(site.plan(desired(samples.KIND_TEXTS[kind]))))
    site.converge((), Options(allowed=ANYTHING, destroy=Destroy()))
    assert touched(site, names[0])
    assert [row["resource"] for row in site.rows() if is_active(row)] == []


@every_kind
def test_two_stacks_side_by_side_leave_each_other_alone(new_site: Callable[..., Site], site: Site, kind: str) -> None:
    text = samples.KIND_TEXTS[kind]
    other = new_site(replace(site.stack, name="t", uid="0a0a0a0a"))
    other.close()
    other.emulator, other.audit, other.clock = site.emulator, site.audit, site.clock
    for each in (site, other):
        each.converge(desired(text))
    assert len(site.rows()) == 2
    site.converge((), Options(allowed=ANYTHING, destroy=Destroy(records=True)))
    assert [row["labels"]["reconciler_stack"] for row in site.rows() if is_active(row)] == ["t"]
    assert is_empty(other.plan(desired(text)))


@pytest.mark.parametrize("verb", ["cancel", "delete"])
@pytest.mark.parametrize(
    "mark", [each for title, each in STRANGERS.items() if title in ("no labels", "labels of its own")]
)
def test_a_forged_plan_that_asserts_nothing_ends_no_job_of_others(
    site: Site, verb: str, mark: Callable[[Labels], Labels]
) -> None:
    victims = planted(site, "CustomJob", mark)
    plan = site.plan(desired(samples.CUSTOM))
    forged = tuple(Operation(verb, victim, "removed") for victim in victims[::-1])
    [change] = plan.changes
    change = replace(change, action=Action(verb), operations=forged, assertions=())
    before = site.rows()
    applied = site.apply(replace(plan, changes=(change,)), keep_going=True)
    assert site.rows() == before
    assert not any(outcome.status in (Status.CANCELLED, Status.DELETED) for outcome in applied.outcomes)
