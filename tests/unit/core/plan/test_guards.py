"""The rules that block a plan, their boundaries, and what allows them."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.plan import guards
from reconciler.core.plan.guards import Allowed, Totals
from reconciler.core.plan.losses import Losses
from reconciler.vocabulary.model import Limits, Scope
from reconciler.vocabulary.plans import Blocker, ScopeCount

CALM = Totals(runs=100, active=100, left=100, manifests=5)


def names(count: int) -> tuple[str, ...]:
    return tuple(f"CustomJob/a{number} (running since t)" for number in range(count))


def rules(
    *losses: Losses,
    totals: Totals = CALM,
    limits: Limits = Limits(),  # noqa: B008
    allowed: Allowed = Allowed(),  # noqa: B008
) -> list[Any]:
    return [(each.rule, dict(each.needs)) for each in guards.check(losses, totals, limits, allowed, "vision")]


def test_a_plan_that_costs_nothing_is_not_blocked() -> None:
    assert rules(Losses(), Losses()) == []


@pytest.mark.parametrize(
    ("losses", "rule", "needs"),
    [
        (Losses(cancels=names(2), unwritten=names(2)), "unwritten_cancel", {"cancel": 2}),
        (Losses(deletes=names(3), unwritten_deletes=names(3)), "unwritten_cancel", {"delete": 3}),
        (
            Losses(unwritten=names(1), unwritten_deletes=names(2)),
            "unwritten_cancel",
            {"cancel": 1, "delete": 2},
        ),
        (Losses(protected="a is protected"), "protected", {}),
        (Losses(refused="a refuses"), "refused", {}),
    ],
)
def test_losses_block(losses: Losses, rule: str, needs: dict[str, int]) -> None:
    assert rules(losses) == [(rule, needs)]


def test_unwritten_cancels_of_all_addresses_are_one_block() -> None:
    assert rules(*[Losses(unwritten=names(1))] * 7) == [("unwritten_cancel", {"cancel": 7})]


@pytest.mark.parametrize("verb", ["cancel", "delete"])
@pytest.mark.parametrize(
    ("count", "of", "share", "blocked"),
    [
        (3, 10, 0.3, False),  # exactly at the limit is allowed
        (4, 10, 0.3, True),
        (9, 9, 0.3, False),  # below `from` nothing is limited
        (10, 10, 1.0, False),
        (1, 10, 0.0, True),
        (0, 10, 0.0, False),
        (29, 100, 0.29, False),  # 0.29 * 100 is a little less than 29 in floating point
        (57, 100, 0.57, False),
        (58, 100, 0.58, False),
        (30, 100, 0.29, True),
        (4, 11, 0.3, True),
        (3, 11, 0.3, False),
    ],
)
def test_a_limit_is_a_share_of_the_runs_once_there_are_enough(
    verb: str, count: int, of: int, share: float, blocked: bool
) -> None:
    losses = Losses(cancels=names(count)) if verb == "cancel" else Losses(deletes=names(count))
    totals = Totals(runs=of, active=of, left=1, manifests=1)
    limits = Limits(cancel=share, delete=share, start=10)
    assert rules(losses, totals=totals, limits=limits) == ([("limits", {verb: count})] if blocked else [])


def test_every_percentage_of_a_hundred_allows_exactly_itself() -> None:
    for percent in range(101):
        limits = Limits(cancel=percent / 100, delete=percent / 100)
        assert rules(Losses(cancels=names(percent)), limits=limits) == []
        assert rules(Losses(cancels=names(percent + 1)), limits=limits) == [("limits", {"cancel": percent + 1})]


@pytest.mark.parametrize(
    ("totals", "blocked"),
    [
        (Totals(runs=0, active=0, left=0, manifests=0), True),
        (Totals(runs=3, active=0, left=3, manifests=0), True),
        (Totals(runs=0, active=0, left=0, manifests=1), False),
        (Totals(runs=3, active=3, left=0, manifests=1), True),
        (Totals(runs=3, active=3, left=1, manifests=1), False),
    ],
)
def test_a_plan_that_wants_or_leaves_nothing_is_empty(totals: Totals, blocked: bool) -> None:
    assert rules(totals=totals) == ([("empty", {})] if blocked else [])
    assert rules(totals=totals, allowed=Allowed(empty=True)) == []
    assert rules(totals=totals, allowed=Allowed(cancel=99, delete=99)) == ([("empty", {})] if blocked else [])


def test_foreign_owners_are_named_one_by_one() -> None:
    totals = Totals(runs=1, active=1, left=1, manifests=1, foreign={"ffffffff": 2, "": 1})
    found = guards.check([], totals, Limits(), Allowed(cancel=99, delete=99, empty=True), "vision")
    assert [each.rule for each in found] == ["foreign_owner", "foreign_owner"]
    assert "uid (none)" in found[0].message
    assert "ffffffff" in found[1].message
    assert "vision" in found[1].message


@pytest.mark.parametrize(
    ("needs", "allowed", "permitted"),
    [
        ({"cancel": 2}, Allowed(cancel=1), False),
        ({"cancel": 2}, Allowed(cancel=2), True),
        ({"cancel": 2}, Allowed(cancel=3), True),
        ({"cancel": 2}, Allowed(delete=2, empty=True), False),
        ({"cancel": 1, "delete": 2}, Allowed(cancel=1, delete=1), False),
        ({"cancel": 1, "delete": 2}, Allowed(cancel=1, delete=2), True),
        ({"launch": 0}, Allowed(cancel=9, delete=9, empty=True), False),
    ],
)
def test_numbers_allow_what_needs_no_more_than_them(needs: dict[str, int], allowed: Allowed, permitted: bool) -> None:
    assert guards.permitted(Blocker("limits", "", needs), allowed) is permitted


@pytest.mark.parametrize("rule", ["protected", "refused", "scope_left", "foreign_owner", "incomplete"])
def test_nothing_lifts_what_only_a_changed_manifest_mends(rule: str) -> None:
    assert not guards.permitted(Blocker(rule, ""), Allowed(cancel=999, delete=999, empty=True))


def test_one_number_lifts_the_unwritten_cancels_and_the_limit_together() -> None:
    losses = Losses(cancels=names(5), unwritten=names(2))
    totals = Totals(runs=10, active=10, left=5, manifests=1)
    assert rules(losses, totals=totals) == [("unwritten_cancel", {"cancel": 2}), ("limits", {"cancel": 5})]
    assert rules(losses, totals=totals, allowed=Allowed(cancel=4)) == [("limits", {"cancel": 5})]
    assert rules(losses, totals=totals, allowed=Allowed(cancel=5)) == []


def test_guards_come_in_the_order_of_the_contract() -> None:
    losses = Losses(cancels=names(50), deletes=names(50), unwritten=names(1), protected="p", refused="r")
    gaps = guards.incomplete([ScopeCount("Job", Scope("p"), 0, "x")], [])
    totals = Totals(runs=50, active=50, left=0, manifests=0, foreign={"f": 1}, incomplete=gaps)
    told = [rule for rule, _ in rules(losses, totals=totals)]
    assert told == [
        "unwritten_cancel",
        "limits",
        "limits",
        "empty",
        "protected",
        "refused",
        "foreign_owner",
        "incomplete",
    ]


def test_a_gap_is_told_with_its_place_and_only_a_place_that_was_left_can_be_forgotten() -> None:
    here = [ScopeCount("Job", Scope("p"), 3, "no answer"), ScopeCount("CustomJob", Scope("p", "l"), 3)]
    there = [ScopeCount("CustomJob", Scope("q", "l"), 0, "403"), ScopeCount("NasJob", Scope("q", "l"), 0)]
    covered, left = guards.incomplete(here, there)
    assert "the list of Job in p is not complete: no answer" in covered.message
    assert "forget" not in covered.message
    assert "CustomJob in q/l" in left.message
    assert "`reconciler forget --scope q/l --kind CustomJob`" in left.message


def test_a_message_says_how_many_which_and_the_way_out() -> None:
    (one,) = guards.check([Losses(unwritten=names(7))], CALM, Limits(), Allowed(), "vision")
    assert "7 active runs would be cancelled: CustomJob/a0 (running since t), " in one.message
    assert "and 2 more" in one.message
    assert "--allow-cancel 7" in one.message
    (two,) = guards.check([Losses(unwritten=names(1))], CALM, Limits(), Allowed(), "vision")
    assert "1 active run would be cancelled" in two.message


def test_finished_records_do_not_make_a_stop_of_most_active_work_look_small() -> None:
    many_records = Totals(runs=100, active=10, left=96, manifests=1)
    assert rules(Losses(cancels=names(4)), totals=many_records) == [("limits", {"cancel": 4})]


def test_the_limit_holds_for_the_stack_as_a_whole_where_few_runs_are_active() -> None:
    few_active = Totals(runs=12, active=8, left=8, manifests=1)
    assert rules(Losses(cancels=names(4)), totals=few_active) == [("limits", {"cancel": 4})]
