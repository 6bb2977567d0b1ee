"""Faults as data: which calls they match, when they strike, how they are read and written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.emulator.control.audit import Audit
from reconciler.emulator.faults import model, parse
from reconciler.emulator.faults.in_force import FaultsInForce
from reconciler.emulator.faults.model import (
    Action,
    Asked,
    CancelLoses,
    Delay,
    DropAfter,
    DropBefore,
    EmptyPage,
    Fault,
    Garbage,
    ListLag,
    MaskIgnored,
    MaskRefused,
    RowShift,
    ShortPages,
    Status,
    Truncate,
    Unreachable,
)

KINDS = ("CustomJob", "Job", "NasJob")
PATH = "/v1/projects/demo/locations/us-central1/customJobs"
CREATE = Asked("POST", "create", PATH, "CustomJob")
LIST = Asked("GET", "list", PATH, "CustomJob")
CANCEL = Asked("POST", "cancel", f"{PATH}/1:cancel", "CustomJob")

EVERY_ACTION: dict[str, tuple[dict[str, Any], Action]] = {
    "status": ({"code": 503}, Status(503)),
    "drop_before": ({"sent": False}, DropBefore(sent=False)),
    "drop_after": ({}, DropAfter()),
    "delay": ({"seconds": 1.5}, Delay(1.5)),
    "truncate": ({}, Truncate()),
    "garbage": ({}, Garbage()),
    "row_shift": ({"how": "twice", "rows": 2}, RowShift("twice", 2)),
    "list_lag": ({"seconds": 30}, ListLag(30)),
    "cancel_loses": ({"state": "FAILED"}, CancelLoses("FAILED")),
    "mask_refused": ({}, MaskRefused()),
    "mask_ignored": ({}, MaskIgnored()),
    "short_pages": ({"rows": 3}, ShortPages(3)),
    "empty_page": ({}, EmptyPage()),
    "unreachable": ({}, Unreachable()),
}


def read(*items: Any) -> tuple[Fault, ...]:
    found, problems = parse.read({"faults": list(items)}, KINDS)
    assert problems == ()
    return found


def test_the_table_of_this_test_names_every_action() -> None:
    assert set(EVERY_ACTION) == set(model.NAMES)


@pytest.mark.parametrize("name", EVERY_ACTION)
def test_every_action_is_read_and_written_the_same(name: str) -> None:
    given, action = EVERY_ACTION[name]
    document = {"action": name, **given}
    assert read(document) == (Fault(action),)
    assert model.show(Fault(action)) == document


@pytest.mark.parametrize(
    ("which", "first", "last"), [(3, 3, 3), ([2, 4], 2, 4), ([5, None], 5, None), (1, 1, 1), ([1, 1], 1, 1)]
)
def test_which_calls_are_struck_is_read_and_written_the_same(which: Any, first: int, last: int | None) -> None:
    document = {"action": "garbage", "method": "create", "path": "*/nasJobs", "kind": "NasJob", "nth": which}
    document |= {"every": 2, "probability": 0.5, "seed": 7}
    [fault] = read(document)
    assert (fault.first, fault.last) == (first, last)
    assert read(model.show(fault)) == (fault,)


@pytest.mark.parametrize(
    ("fault", "asked", "matches"),
    [
        (Fault(Garbage()), CREATE, True),
        (Fault(Garbage(), method="create"), CREATE, True),
        (Fault(Garbage(), method="create"), LIST, False),
        (Fault(Garbage(), method="POST"), CANCEL, True),
        (Fault(Garbage(), method="POST"), LIST, False),
        (Fault(Garbage(), kind="CustomJob"), CREATE, True),
        (Fault(Garbage(), kind="NasJob"), CREATE, False),
        (Fault(Garbage(), path="*/customJobs"), CREATE, True),
        (Fault(Garbage(), path="*/customJobs"), CANCEL, False),
        (Fault(Garbage(), path="/v1/projects/demo/*"), CANCEL, True),
        (Fault(ListLag(1)), LIST, True),
        (Fault(ListLag(1)), CREATE, False),
        (Fault(CancelLoses()), CANCEL, True),
        (Fault(CancelLoses()), CREATE, False),
        (Fault(MaskRefused()), LIST, False),
        (Fault(MaskRefused()), Asked("GET", "list", PATH, "CustomJob", masked=True), True),
        (Fault(RowShift("missed")), LIST, False),
        (Fault(RowShift("missed")), Asked("GET", "list", PATH, "CustomJob", continued=True), True),
    ],
)
def test_a_fault_matches_by_method_path_and_kind_and_where_it_can_work(
    fault: Fault, asked: Asked, matches: bool
) -> None:
    assert fault.matches(asked) is matches


@pytest.mark.parametrize(
    ("document", "struck"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 3}, [3]),
        ({"nth": [2, 4]}, [2, 3, 4]),
        ({"nth": [5, None]}, [5, 6]),
        ({"every": 2}, [2, 4, 6]),
        ({"nth": [3, None], "every": 2}, [4, 6]),
        ({"probability": 0}, []),
        ({"probability": 1}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_fault_strikes_the_calls_it_names(document: dict[str, Any], struck: list[int]) -> None:
    [fault] = read({"action": "garbage", **document})
    assert [number for number in range(1, 7) if fault.hits(number)] == struck


def test_chance_follows_the_seed_and_keeps_near_its_share() -> None:
    def struck(seed: int) -> list[int]:
        fault = Fault(Garbage(), probability=0.3, seed=seed)
        return [number for number in range(1, 1001) if fault.hits(number)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 250 < len(struck(1)) < 350


def in_force(*faults: Fault) -> FaultsInForce:
    found = FaultsInForce()
    found.inject(*faults)
    return found


def test_calls_are_counted_for_each_fault_by_itself() -> None:
    faults = in_force(Fault(Garbage(), method="list", first=2, last=2), Fault(Status(500), method="create"))
    found = [faults.effects_on(asked).reply_fault for asked in (CREATE, LIST, LIST, LIST)]
    assert found == [Status(500), None, Garbage(), None]
    assert [(one["seen"], one["hits"]) for one in faults.show()] == [(3, 1), (1, 1)]


def test_of_two_faults_that_take_a_replys_place_the_first_one_does() -> None:
    faults = in_force(Fault(DropAfter(), first=2, last=2), Fault(Status(500)))
    assert [faults.effects_on(CREATE).reply_fault for _ in range(3)] == [Status(500), DropAfter(), Status(500)]
    assert [one["hits"] for one in faults.show()] == [1, 2]


def test_delays_add_up_beside_whatever_else_strikes() -> None:
    faults = in_force(Fault(Delay(1)), Fault(Delay(2.5)), Fault(ListLag(9)), Fault(ShortPages(2)), Fault(Garbage()))
    found = faults.effects_on(LIST)
    assert (found.delay, found.reply_fault) == (3.5, Garbage())
    assert (found.deviations.lag, found.deviations.most_rows) == (9, 2)


@pytest.mark.parametrize(
    ("item", "where", "told"),
    [
        ({"action": "explode"}, "action", "One of status"),
        ({}, "action", "One of status"),
        ({"action": ["status"]}, "action", "One of status"),
        ({"action": "status"}, "", "`code` is missing"),
        ({"action": "status", "code": 200}, "code", "from 300 to 599"),
        ({"action": "status", "code": 503, "cod": 1}, "cod", "Unknown key `cod`"),
        ({"action": "status", "code": 503, "body": "xml"}, "body", "envelope"),
        ({"action": "status", "code": 503, "body": "rate"}, "code", "429"),
        ({"action": "status", "code": 503, "body": "html", "message": "x"}, "message", "does not fit"),
        ({"action": "status", "code": 503, "carried_out": "yes"}, "carried_out", "True or false"),
        ({"action": "status", "code": 503, "message": "a\nb"}, "message", "one line"),
        ({"action": "status", "code": 503, "seconds": 1}, "seconds", "Unknown key `seconds`"),
        ({"action": "delay"}, "", "`seconds` is missing"),
        ({"action": "delay", "seconds": 601}, "seconds", "from 0 to 600"),
        ({"action": "delay", "seconds": True}, "seconds", "A number"),
        ({"action": "garbage", "method": "creat"}, "method", "create"),
        ({"action": "garbage", "kind": "customjob"}, "kind", "CustomJob"),
        ({"action": "garbage", "path": ""}, "path", "Text"),
        ({"action": "garbage", "nth": 0}, "nth", "from 1"),
        ({"action": "garbage", "nth": [3, 2]}, "nth", "before first"),
        ({"action": "garbage", "nth": [1]}, "nth", "[first, last]"),
        ({"action": "garbage", "every": 0}, "every", "from 1"),
        ({"action": "garbage", "probability": 1.1}, "probability", "from 0 to 1"),
        ({"action": "garbage", "seed": 1}, "seed", "probability"),
        ({"action": "list_lag", "seconds": 1, "method": "create"}, "method", "is for list alone"),
        ({"action": "cancel_loses", "method": "DELETE"}, "method", "is for cancel alone"),
        ({"action": "cancel_loses", "state": "CANCELLED"}, "state", "SUCCEEDED"),
        ({"action": "row_shift"}, "", "`how` is missing"),
        ({"action": "row_shift", "how": "thrice"}, "how", "missed"),
        ("drop_after", "", "A fault is a map"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_its_key(item: Any, where: str, told: str) -> None:
    found, [problem] = parse.read({"faults": [item]}, KINDS)
    assert found == ()
    assert problem.path == (("faults", 0, where) if where else ("faults", 0))
    assert told in problem.message


@pytest.mark.parametrize("value", [None, [], {}, {"faults": None}, {"faults": {}}, "faults"])
def test_a_document_without_a_list_of_faults_is_refused(value: Any) -> None:
    _, [problem] = parse.read(value, KINDS)
    assert "a list `faults`" in problem.message


def test_all_problems_are_told_and_one_spoils_the_document() -> None:
    items = [{"action": "garbage"}, {"action": "status", "x": 1, "body": 2}, {"action": "no"}]
    found, problems = parse.read({"faults": items, "y": 1}, KINDS)
    assert found == ()
    assert [problem.path for problem in problems] == [
        ("y",), ("faults", 1, "x"), ("faults", 1, "body"), ("faults", 1), ("faults", 2, "action"),
    ]  # fmt: skip


def test_too_many_faults_are_refused() -> None:
    _, [problem] = parse.read({"faults": [{"action": "garbage"}] * (parse.MOST + 1)}, KINDS)
    assert str(parse.MOST) in problem.message


NAMES = st.sampled_from(("faults", "action", "method", "nth", "code", "body", "seconds", "kind", "seed", "x"))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(("status", "list", "rate", ""))
JSON = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(NAMES, below, max_size=4), max_leaves=10
)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(items=st.lists(JSON, max_size=3))
def test_whatever_is_read_is_faults_or_problems(items: list[Any]) -> None:
    found, problems = parse.read({"faults": items}, KINDS)
    assert len(found) == (0 if problems else len(items))
    assert read(*map(model.show, found)) == found


def test_the_audit_keeps_the_newest_calls_and_their_numbers() -> None:
    audit = Audit(most=3)
    for _ in range(5):
        audit.record("GET", PATH, 200, False)
    assert [entry.n for entry in audit.entries()] == [3, 4, 5]
