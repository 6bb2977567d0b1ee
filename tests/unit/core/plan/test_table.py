"""The decision table: total, without a dead row, and what it says of every situation as a page that people read.

`python -m tests.unit.core.plan.test_table` writes the golden page anew.
"""

from __future__ import annotations

import itertools
import pathlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from reconciler.core.plan.table import ACTIVE, ENDED, TABLE, Decision, Role, Row, Situation, Verdict, Wanted, decide
from reconciler.core.runs.heads import Spec
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import OnChange, Removal

GOLDEN = pathlib.Path(__file__).parent / "golden" / "table.txt"
PHASES: tuple[Phase | None, ...] = (None, *Phase)
FLAGS = (False, True)


@cache
def situations() -> tuple[Situation, ...]:
    """Every combination of every field: 221,184."""
    return tuple(
        itertools.starmap(
            Situation,
            itertools.product(Wanted, Role, FLAGS, PHASES, Spec, FLAGS, FLAGS, FLAGS, OnChange, Removal, FLAGS, FLAGS),
        )
    )


def can_occur(case: Situation) -> bool:
    """Say whether core.runs.heads and core.plan.by_address can ask this.

    A live run has a phase, and only a live run can have lost its labels. What only the ledger remembers has ended, has
    the desired spec, is asked about under Present alone, and is never one of the other runs, which are live, stand
    under Present, and are MOVED or DIFFERS only while active.
    """
    if not case.marked and not case.live:
        return False
    if case.role is Role.OTHER:
        compared = case.spec is Spec.EQUAL or case.phase in ACTIVE
        return case.wanted is Wanted.PRESENT and case.live and case.phase is not None and compared
    if case.live:
        return case.phase is not None
    if case.phase is None:
        return case.spec is Spec.EQUAL
    return case.wanted is Wanted.PRESENT and case.phase in ENDED and case.spec is Spec.EQUAL


def first_row(case: Situation) -> Row | None:
    return next((row for row in TABLE if row.matches(case)), None)


@cache
def deciding() -> dict[int, tuple[Situation, ...]]:
    """Sort the situations that can occur by the index of the row that decides them."""
    sorted_out = defaultdict(list)
    index = {id(row): number for number, row in enumerate(TABLE)}
    for case in situations():
        if can_occur(case):
            row = first_row(case)
            assert row is not None, case
            sorted_out[index[id(row)]].append(case)
    return {number: tuple(cases) for number, cases in sorted_out.items()}


def test_one_row_decides_every_situation_that_can_occur() -> None:
    decided = deciding()
    assert sum(len(cases) for cases in decided.values()) == sum(can_occur(case) for case in situations())
    assert len(situations()) == len(set(situations())) == 221_184


@pytest.mark.parametrize("number", range(len(TABLE)), ids=lambda number: f"{number}-{TABLE[number].reason}")
def test_every_row_decides_something_that_can_occur(number: int) -> None:
    assert deciding().get(number)


def test_only_other_runs_outside_present_or_without_a_phase_have_no_row() -> None:
    left = [case for case in situations() if first_row(case) is None]
    assert left
    for case in left:
        assert not can_occur(case)
        assert case.role is Role.OTHER
        assert case.wanted is not Wanted.PRESENT or case.phase is None


def test_no_decision_leaves_on_change_open() -> None:
    for cases in deciding().values():
        for case in cases:
            assert decide(case).verdict is not Verdict.ON_CHANGE


def test_nothing_that_costs_work_is_destroyed_unless_somebody_wrote_it_down() -> None:
    for case in itertools.chain.from_iterable(deciding().values()):
        decision = decide(case)
        if case.phase not in (Phase.PENDING, Phase.RUNNING) or decision.verdict in (Verdict.NOOP, Verdict.REFUSE):
            continue
        written = (
            case.wanted in (Wanted.CANCELLED, Wanted.ABSENT)
            or (case.wanted is Wanted.NOTHING and case.removal in (Removal.CANCEL, Removal.DELETE))
            or (case.wanted is Wanted.PRESENT and case.on_change is OnChange.REPLACE)
            or decision.reason == "duplicate"
        )
        assert written or decision.unwritten, case


def test_a_run_that_lost_our_labels_is_neither_changed_nor_ended_and_nothing_starts_beside_it_while_active() -> None:
    for case in itertools.chain.from_iterable(deciding().values()):
        if not case.marked:
            decision = decide(case)
            assert decision.verdict in (Verdict.NOOP, Verdict.CREATE), case
            assert decision.verdict is Verdict.NOOP or (case.phase in ENDED and case.wanted is Wanted.PRESENT), case


def test_a_run_that_is_active_is_never_deleted_where_the_policy_only_says_cancel() -> None:
    for case in itertools.chain.from_iterable(deciding().values()):
        if decide(case).verdict is Verdict.DELETE:
            assert case.can_delete
            assert case.wanted is Wanted.ABSENT or case.removal is Removal.DELETE or case.beyond_history


# ---------------------------------------------------------------- the page


def counted() -> Iterator[str]:
    """Write one line for each row and what onChange makes of it."""
    yield f"{'row':>3}  {'wanted':9} {'run':5} {'row':15} {'onChange':8}  {'decision':32} {'combinations':>12}"
    for number in range(len(TABLE)):
        row = TABLE[number]
        outcomes: Counter[tuple[str, Decision]] = Counter()
        for case in deciding()[number]:
            asked = case.on_change.value if row.verdict is Verdict.ON_CHANGE else "-"
            outcomes[asked, decide(case)] += 1
        for (asked, decision), count in sorted(outcomes.items(), key=lambda item: (item[0][0], str(item[0][1]))):
            yield f"{number:3}  {row.wanted:9} {row.role:5} {row.reason:15} {asked:8}  {said(decision):32} {count:12}"


def said(decision: Decision) -> str:
    return f"{decision.verdict} {decision.reason}{' (unwritten)' if decision.unwritten else ''}"


def table(title: str, columns: dict[str, dict[str, Any]], lines: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Write a table of decisions: each line and each column adds its fields to the situation."""
    yield ""
    yield title
    yield "  ".join(f"{cell:32}" for cell in ("", *columns)).rstrip()
    for name, line in lines.items():
        cells = [said(decide(Situation(**{**line, **column}))) for column in columns.values()]
        yield "  ".join(f"{cell:32}" for cell in (name, *cells)).rstrip()


def phases(*of: Phase, **more: Any) -> dict[str, dict[str, Any]]:
    return {phase.value: {"phase": phase, **more} for phase in of}


def page() -> str:
    present: dict[str, Any] = {"wanted": Wanted.PRESENT}
    lines = [
        "What the decision table says. Written by test_table.py, read by people.",
        "",
        f"Situations: {len(situations())}, of which {sum(map(len, deciding().values()))} can occur.",
        "",
        *counted(),
        *table(
            "Present, the head is live, onChange ask",
            {
                "spec equal": {},
                "equal, token new": {"token_new": True},
                "equal, may rerun": {"may_rerun": True},
                "moved": {"spec": Spec.MOVED},
                "moved, token new": {"spec": Spec.MOVED, "token_new": True},
                "differs": {"spec": Spec.DIFFERS},
                "differs, token new": {"spec": Spec.DIFFERS, "token_new": True},
            },
            phases(*Phase, **present),
        ),
        *table(
            "Present, no live run; what the ledger says of this spec",
            {
                "no token": {"live": False},
                "token new": {"live": False, "token_new": True},
                "may rerun": {"live": False, "may_rerun": True},
            },
            {"nothing, or another spec": {"phase": None, **present}, **phases(*ENDED, **present)},
        ),
        *table(
            "Present, a live head that is active and changed, by onChange",
            {policy.value: {"on_change": policy} for policy in OnChange},
            {
                f"{phase} {spec}{' token new' if token else ''}": {
                    "phase": phase,
                    "spec": spec,
                    "token_new": token,
                    **present,
                }
                for phase in (Phase.RUNNING, Phase.STOPPING)
                for spec, token in ((Spec.DIFFERS, False), (Spec.MOVED, False), (Spec.EQUAL, True))
            },
        ),
        *table(
            "Present, one of the other runs, onChange ask",
            {
                "desired spec": {"role": Role.OTHER},
                "moved": {"role": Role.OTHER, "spec": Spec.MOVED},
                "another spec": {"role": Role.OTHER, "spec": Spec.DIFFERS},
            },
            phases(*ACTIVE, **present),
        ),
        *table(
            "Present, one of the other runs, finished",
            {
                "within history": {"role": Role.OTHER},
                "beyond history": {"role": Role.OTHER, "beyond_history": True},
                "beyond, kind cannot delete": {"role": Role.OTHER, "beyond_history": True, "can_delete": False},
            },
            phases(*ENDED, **present),
        ),
        *table(
            "Cancelled and Absent",
            {
                "Cancelled": {"wanted": Wanted.CANCELLED},
                "Absent": {"wanted": Wanted.ABSENT},
                "Absent, kind cannot delete": {"wanted": Wanted.ABSENT, "can_delete": False},
            },
            {"no run": {"phase": None, "live": False}, **phases(*Phase)},
        ),
        *table(
            "No manifest, by removal",
            {
                **{policy.value: {"wanted": Wanted.NOTHING, "removal": policy} for policy in Removal},
                "delete, kind cannot": {"wanted": Wanted.NOTHING, "removal": Removal.DELETE, "can_delete": False},
            },
            phases(*Phase),
        ),
        *table(
            "A run that lost our labels",
            {
                "Present, equal": present,
                "equal, token new": {"token_new": True, **present},
                "equal, may rerun": {"may_rerun": True, **present},
                "differs": {"spec": Spec.DIFFERS, **present},
                "other, beyond history": {"role": Role.OTHER, "beyond_history": True, **present},
                "Cancelled": {"wanted": Wanted.CANCELLED},
                "Absent": {"wanted": Wanted.ABSENT},
                "no manifest, delete": {"wanted": Wanted.NOTHING, "removal": Removal.DELETE},
            },
            phases(*Phase, marked=False),
        ),
    ]
    return "\n".join(lines) + "\n"


def test_the_table_says_what_the_golden_page_says() -> None:
    assert page() == GOLDEN.read_text(encoding="utf-8")


if __name__ == "__main__":
    GOLDEN.write_text(page(), encoding="utf-8")
