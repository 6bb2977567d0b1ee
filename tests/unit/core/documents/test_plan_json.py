"""A plan as JSON and back: nothing is lost, and nothing that was altered is taken."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.documents import plan_json
from reconciler.core.plan.build import Options, Revision, build
from reconciler.core.plan.guards import Allowed
from reconciler.core.plan.observed import Observed, sort_by_address
from reconciler.core.plan.selection import Selection
from reconciler.core.spec import fingerprint
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import Lifecycle, OnChange, Removal
from reconciler.vocabulary.plans import (
    ABSENT,
    Action,
    Against,
    Assertion,
    Blocker,
    Change,
    FieldChange,
    Part,
    Plan,
    ScopeCount,
)
from tests.support.jobs import HERE, KINDS, OTHER_CUSTOM_SPEC, STACK, live, manifest


def sample() -> Plan:
    """Return a plan with every verb but patch, unicode, a hidden field, and blockers."""
    old = manifest(name="b", spec=OTHER_CUSTOM_SPEC)
    binding = {"role": "roles/viewer", "members": ["user:größe@x.org"]}
    desired = [
        manifest(name="a", labels={"team": "vision"}),
        manifest(name="b", life=Lifecycle(on_change=OnChange.REPLACE)),
        manifest("Job", name="c", iam=(binding,)),
        manifest(name="d", life=Lifecycle(on_removal=Removal.KEEP)),
    ]
    runs = (
        live(old, 1, Phase.RUNNING, resource="b1"),
        live(manifest(name="d"), 1, Phase.FAILED, resource="d1"),
        live(manifest(name="gone", life=Lifecycle(on_removal=Removal.DELETE)), 1, Phase.RUNNING, resource="g1"),
        live(manifest(name="asked"), 1, Phase.RUNNING, resource="h1"),
    )
    observed = Observed(
        runs,
        (ScopeCount("CustomJob", HERE, 4),),
        full={"b1": runs[0].row},
        addresses=sort_by_address(STACK, desired, runs),
    )
    options = Options(Selection(exclude=("NasJob/*",)), allowed=Allowed())
    plan = build(STACK, KINDS, desired, observed, options, Revision("abc", dirty=True), "embedded")
    plan = replace(plan, differs=("a.yaml", "größe.yaml"), unknown="fatal: detected dubious ownership")
    assert {operation.verb for change in plan.changes for operation in change.operations} == {
        "create",
        "cancel",
        "delete",
        "setIamPolicy",
    }
    assert plan.blocked
    return plan


PLAN = sample()
DOCUMENT = plan_json.to_json(PLAN, "2026-01-01T00:00:00Z", "0.1.0")


def sealed(document: dict[str, Any]) -> dict[str, Any]:
    """Forge: write digest and seal anew over an altered document, as a third party could without our code."""

    def digest(value: Any) -> str:
        told = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        return "sha256:" + hashlib.sha256(told).hexdigest()

    def less(items: Any, *keys: str) -> Any:
        if not isinstance(items, list):
            return items
        return [
            {key: item[key] for key in item if key not in keys} if isinstance(item, dict) else item for item in items
        ]

    document["digest"] = digest(
        {
            "stack": document["stack"],
            "selection": document["selection"],
            "scopes": less(document["scopes"], "runs"),
            "blocked": less(document["blocked"], "message"),
            "changes": less(document["changes"], "notes", "startTime"),
        }
    )
    document["seal"] = digest({key: value for key, value in document.items() if key != "seal"})
    return document


def test_a_plan_comes_back_as_it_went() -> None:
    through_text = json.loads(json.dumps(DOCUMENT))
    saved = plan_json.from_json(through_text)
    assert saved.plan == PLAN
    assert saved.digest == DOCUMENT["digest"] == plan_json.digest(PLAN)
    assert saved.created_at == "2026-01-01T00:00:00Z"
    assert plan_json.to_json(saved.plan, saved.created_at, "0.1.0") == DOCUMENT


def test_a_policy_to_record_is_covered_by_the_digest_and_may_be_null() -> None:
    [told] = [change for change in DOCUMENT["changes"] if change["onRemoval"]]
    assert told["address"] == "CustomJob/d"
    held = live(manifest(name="d"), 1, Phase.FAILED).run_key
    assert told["onRemoval"] == {"policy": "keep", "runs": [held]}
    without = copy.deepcopy(DOCUMENT)
    without["changes"][3]["onRemoval"] = None
    assert refused(without) is errors.PlanEdited
    assert plan_json.from_json(sealed(without)).plan.changes[3].on_removal is None


@pytest.mark.parametrize(
    "changed",
    [
        {"dirty": None, "unknown": "Git's own sentence"},
        {"dirty": None, "revision": ""},
        {"dirty": False, "differs": (), "unknown": ""},
        {"part": None},
        {"part": Part(("a", "b"), ("c",), "origin/main")},
        {"against": Against("sha256:ab", "2026-01-01T00:00:00Z")},
    ],
)
def test_where_a_plan_comes_from_and_how_far_it_looks_come_back(changed: dict[str, Any]) -> None:
    plan = replace(PLAN, **changed)
    assert plan_json.from_json(json.loads(json.dumps(plan_json.to_json(plan, "t", "v")))).plan == plan


def test_every_word_of_the_format_is_there_in_a_plan_of_nothing() -> None:
    plan = Plan("s", "3fa94c1b", "embedded", "", None, (), (), (Change("A/b", HERE, Action.NOOP, "kept", None),))
    document = plan_json.to_json(plan, "t", "v")
    assert document["source"] == {"revision": None, "dirty": None, "differs": [], "unknown": None}
    assert (document["selection"], document["against"]) == (None, None)
    words = ("source", "starts", "bound", "onRemoval", "dependsOn")
    assert [document["changes"][0][word] for word in words] == [None, None, None, None, []]
    first = DOCUMENT["changes"][0]
    assert (first["source"]["base"], first["source"]["patches"], first["starts"], first["bound"]) == (None,) * 4


def test_digest_and_seal_are_hashes_that_anyone_can_recompute() -> None:
    assert sealed(copy.deepcopy(DOCUMENT)) == DOCUMENT


def test_a_missing_side_of_a_field_comes_back_as_absent_and_null_as_null() -> None:
    fields = (
        FieldChange("spec.a", ABSENT, None, "spec"),
        FieldChange("spec.b", None, ABSENT, "spec"),
        FieldChange("spec.c", 1.5, [{"x": False}], "spec", sensitive=True),
    )
    change = Change("CustomJob/a", HERE, Action.NOOP, "up_to_date", None, fields=fields)
    plan = Plan("vision", "3fa94c1b", "embedded", "", False, (), (), (change,))
    back = plan_json.from_json(json.loads(json.dumps(plan_json.to_json(plan, "t", "v")))).plan
    assert back == plan
    assert back.changes[0].fields[0].before is ABSENT
    assert back.changes[0].fields[0].after is None


MOVES: dict[str, tuple[Any, ...]] = {
    "a count of rows": ("scopes", 0, "runs"),
    "a guard's message": ("blocked", 0, "message"),
    "a start time": ("changes", 0, "startTime"),
    "notes": ("changes", 0, "notes"),
    "the backend": ("backend",),
    "the time": ("createdAt",),
    "a snapshot": ("against",),
    "the commit": ("source", "revision"),
}
"""What moves by itself, or is no part of what a plan does."""
STAYS: dict[str, tuple[Any, ...]] = {
    "the stack": ("stack", "name"),
    "the selection": ("selection",),
    "a scope": ("scopes", 0, "location"),
    "a guard's rule": ("blocked", 0, "rule"),
    "a guard's needs": ("blocked", 0, "needs"),
    "an address": ("changes", 0, "address"),
    "a body": ("changes", 0, "operations", 0, "body", "displayName"),
    "a reason": ("changes", 0, "reason"),
    "a place": ("changes", 0, "source", "line"),
    "an assertion": ("changes", 0, "assertions", 0, "run"),
    "a field": ("changes", 2, "fields", 0, "after"),
    "a policy to record": ("changes", 3, "onRemoval", "policy"),
}


@pytest.mark.parametrize("what", [*MOVES, *STAYS])
def test_the_digest_is_over_what_a_plan_does_and_the_seal_over_all_of_it(what: str) -> None:
    path = MOVES.get(what) or STAYS[what]
    document = copy.deepcopy(DOCUMENT)
    at(document, path[:-1])[path[-1]] = "edited"
    assert (plan_json.approved(document) != plan_json.approved(DOCUMENT)) is (what in STAYS)
    assert refused(document) is errors.PlanEdited


def test_what_stands_outside_the_digest_is_under_the_seal() -> None:
    one, two = plan_json.to_json(PLAN, "t1", "v1"), plan_json.to_json(PLAN, "t2", "v2")
    assert one["digest"] == two["digest"]
    assert one["seal"] != two["seal"]


# ---------------------------------------------------------------- edits


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a document, the root left out."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


PLACES = tuple(places(DOCUMENT))
EDITS: dict[str, Callable[[Any], Any]] = {
    "to null": lambda _: None,
    "to text": lambda _: "edited",
    "to a number": lambda _: 7,
    "to true": lambda _: True,
    "to an empty map": lambda _: {},
    "to an empty list": lambda _: [],
    "one more character": lambda value: f"{value}x" if isinstance(value, str) else [value],
    "one character less": lambda value: value[:-1] if isinstance(value, str) else (value, 0)[1] if value else 1,
}


def refused(document: Any) -> type[errors.PlanRefused]:
    with pytest.raises(errors.PlanRefused) as caught:
        plan_json.from_json(document)
    assert caught.value.exit_code == 3
    assert caught.value.message
    return caught.type


@pytest.mark.parametrize("edit", EDITS)
def test_no_value_anywhere_can_be_edited(edit: str) -> None:
    tried = 0
    for path in PLACES:
        document = copy.deepcopy(DOCUMENT)
        parent, before = at(document, path[:-1]), at(document, path)
        after = EDITS[edit](before)
        if after == before and type(after) is type(before):
            continue
        parent[path[-1]] = after
        tried += 1
        expected = errors.WrongVersion if path == ("formatVersion",) else errors.PlanEdited
        assert refused(document) is expected, (path, before, after)
    assert tried > 200


def test_no_key_or_item_anywhere_can_be_taken_out() -> None:
    for path in PLACES:
        document = copy.deepcopy(DOCUMENT)
        del at(document, path[:-1])[path[-1]]
        expected = errors.PlanUnreadable if len(path) == 1 else errors.PlanEdited
        assert refused(document) is expected, path


def test_no_key_or_item_anywhere_can_be_added() -> None:
    for path in ((), *PLACES):
        document = copy.deepcopy(DOCUMENT)
        value = at(document, path)
        if isinstance(value, dict):
            value["extra"] = 1
        elif isinstance(value, list):
            value.append(copy.deepcopy(value[0]) if value else 1)
        else:
            continue
        assert refused(document) is (errors.PlanUnreadable if not path else errors.PlanEdited), path


def test_no_list_anywhere_can_be_put_in_another_order() -> None:
    tried = 0
    for path in PLACES:
        document = copy.deepcopy(DOCUMENT)
        value = at(document, path)
        if isinstance(value, list) and value[::-1] != value:
            value.reverse()
            tried += 1
            assert refused(document) is errors.PlanEdited, path
    assert tried >= 3


def test_no_single_byte_of_the_file_can_be_changed_unnoticed() -> None:
    text = json.dumps(DOCUMENT, sort_keys=True, indent=2).encode()
    for position in range(0, len(text), 7):
        for byte in (text[position] ^ 1, 0x30):
            changed = bytearray(text)
            changed[position] = byte
            try:
                document = json.loads(changed)
            except ValueError:
                continue
            if document != DOCUMENT:
                refused(document)


@pytest.mark.parametrize("version", ["1.0", "1.2", "2.0", "0.9", "1", 1, 1.0, None, [], {}, ""])
def test_another_format_version_is_refused_naming_both_sides(version: Any) -> None:
    with pytest.raises(errors.WrongVersion) as caught:
        plan_json.from_json({**DOCUMENT, "formatVersion": version, "newField": 1})
    assert repr(version) in caught.value.message
    assert "'1.1'" in caught.value.message
    assert "reconciler" in caught.value.message


# ---------------------------------------------------------------- forged and hostile documents

FORGERIES: dict[str, tuple[tuple[Any, ...], Any]] = {
    "an unknown field of a change": (("changes", 0, "shell"), "rm"),
    "an unknown field of an operation": (("changes", 0, "operations", 0, "shell"), "rm"),
    "an unknown verb": (("changes", 0, "operations", 0, "verb"), "patchAll"),
    "an unknown action": (("changes", 0, "action"), "explode"),
    "an address that is a number": (("changes", 0, "address"), 5),
    "an address without a name": (("changes", 0, "address"), "CustomJob"),
    "a resource that is null": (("changes", 0, "operations", 0, "resource"), None),
    "a body that is text": (("changes", 0, "operations", 0, "body"), "x"),
    "a create without labels": (("changes", 0, "operations", 0, "body"), {}),
    "a create whose labels are no text": (("changes", 0, "operations", 0, "body", "labels", "team"), 5),
    "a body on a cancel": (("changes", 2, "operations", 0, "body"), {}),
    "an assertion without its create": (("changes", 0, "operations"), []),
    "a create that asserts nothing": (("changes", 0, "assertions"), []),
    "a create that asserts another run": (("changes", 0, "assertions", 0, "run"), "7-" + "0" * 32),
    "an assertion of one": (("changes", 0, "assertions", 0, "exists"), 1),
    "runs as a double": (("scopes", 0, "runs"), 4.0),
    "runs as a flag": (("scopes", 0, "runs"), True),
    "needs as a list": (("blocked", 0, "needs"), [["cancel", 1]]),
    "needs as text": (("blocked", 0, "needs"), {"cancel": "1"}),
    "dirty as a number": (("source", "dirty"), 1),
    "a revision of nothing": (("source", "revision"), ""),
    "changes that are a map": (("changes",), {}),
    "changes that are null": (("changes",), None),
    "a change that is text": (("changes", 0), "x"),
    "a stack that is a list": (("stack",), []),
    "a stack name that is a list": (("stack", "name"), []),
    "another tool": (("tool", "name"), "other"),
    "a tool that is null": (("tool",), None),
    "a wrong summary": (("summary", "create"), 99),
    "dependencies": (("changes", 0, "dependsOn"), ["CustomJob/b"]),
    "notes that are text": (("changes", 0, "notes"), "abc"),
    "a source that is a list": (("changes", 0, "source"), []),
    "a source that is false": (("changes", 0, "source"), False),
    "a policy nobody has": (("changes", 3, "onRemoval", "policy"), "perhaps"),
    "a policy for no list": (("changes", 3, "onRemoval", "runs"), "1-x"),
    "a policy for numbers": (("changes", 3, "onRemoval", "runs"), [1]),
    "a policy with more": (("changes", 3, "onRemoval"), {"policy": "keep", "runs": ["1-x"], "more": 1}),
    "a policy without runs": (("changes", 3, "onRemoval"), {"policy": "keep"}),
    "a policy of no run": (("changes", 3, "onRemoval", "runs"), []),
    "a policy that is false": (("changes", 3, "onRemoval"), False),
    "what a create starts": (("changes", 0, "starts"), {"hours": 4}),
    "a start that is false": (("changes", 0, "starts"), False),
    "a binding of a job": (("changes", 0, "bound"), "projects/p/locations/l/customJobs/1"),
    "a base": (("changes", 0, "source"), {"file": "a.yaml", "line": 1, "base": "b.yaml", "patches": None}),
    "patches": (("changes", 0, "source"), {"file": "a.yaml", "line": 1, "base": None, "patches": []}),
    "a selection of everything": (("selection",), {"select": [], "exclude": [], "changedSince": None}),
    "a selection that is empty": (("selection",), {}),
    "a selection that is false": (("selection",), False),
    "a selection of text": (("selection",), {"select": "*", "exclude": [], "changedSince": None}),
    "a selection of numbers": (("selection",), {"select": [1], "exclude": [], "changedSince": None}),
    "a selection since nothing": (("selection",), {"select": ["*"], "exclude": [], "changedSince": ""}),
    "a selection with more": (("selection",), {"select": ["*"], "exclude": [], "changedSince": None, "more": 1}),
    "a snapshot that is false": (("against",), False),
    "a snapshot without a time": (("against",), {"digest": "sha256:ab"}),
    "differing files as text": (("source", "differs"), "a.yaml"),
    "differing files that are null": (("source", "differs"), None),
    "a doubt of nothing": (("source", "unknown"), ""),
    "a create of another name": (("changes", 0, "operations", 0, "body", "labels", "reconciler_name"), "z"),
    "a create of another kind": (("changes", 0, "operations", 0, "body", "labels", "reconciler_kind"), "nasjob"),
    "a removal nobody has": (("changes", 0, "operations", 0, "body", "labels", "reconciler_removal"), "bogus"),
    "a binding that is a number": (("changes", 5, "operations", 1, "body", "bindings", 0), 1),
    "a binding without a role": (("changes", 5, "operations", 1, "body", "bindings", 0), {"members": []}),
    "a lone surrogate": (("changes", 0, "reason"), "\ud800"),
}


@pytest.mark.parametrize("label", ["owner", "kind", "name", "fingerprint", "run", "removal"])
def test_a_forged_create_without_one_of_our_labels_is_unreadable(label: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    del document["changes"][0]["operations"][0]["body"]["labels"][f"reconciler_{label}"]
    assert refused(sealed(document)) is errors.PlanUnreadable


@pytest.mark.parametrize("title", FORGERIES)
def test_a_forged_plan_that_apply_could_not_follow_is_unreadable(title: str) -> None:
    path, value = FORGERIES[title]
    document = copy.deepcopy(DOCUMENT)
    at(document, path[:-1])[path[-1]] = value
    try:
        sealed(document)
    except UnicodeEncodeError:
        assert title == "a lone surrogate"
    assert refused(document) is errors.PlanUnreadable


@pytest.mark.parametrize("said", ["noop", "update", "replace", "delete"])
def test_a_forged_action_that_its_calls_do_not_come_to_is_unreadable(said: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    change = document["changes"][0]
    document["summary"][change["action"]] -= 1
    document["summary"][said] += 1
    change["action"] = said
    assert refused(sealed(document)) is errors.PlanUnreadable


VALUES: tuple[Any, ...] = (None, 7, 1.5, True, "x", [], {}, [[]], {"a": None})


def test_every_forged_type_anywhere_is_unreadable_or_harmless() -> None:
    for path in PLACES:
        for value in VALUES:
            document = copy.deepcopy(DOCUMENT)
            at(document, path[:-1])[path[-1]] = value
            try:
                saved = plan_json.from_json(sealed(document))
            except errors.PlanRefused:
                continue
            assert plan_json.to_json(saved.plan, saved.created_at, document["tool"]["version"]) == saved.document


def test_a_document_nested_without_end_is_unreadable() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert refused({**DOCUMENT, "changes": deep}) is errors.PlanUnreadable


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_is_unreadable(number: float) -> None:
    assert refused({**DOCUMENT, "changes": [number]}) is errors.PlanUnreadable


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
shallow = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(max_size=5), scalars, max_size=3)
json_values = shallow | st.lists(shallow, max_size=3) | st.dictionaries(st.text(max_size=5), shallow, max_size=3)


@given(json_values)
@settings(max_examples=200, deadline=None)
def test_any_json_at_all_is_refused_and_never_a_crash(document: Any) -> None:
    refused(document)


@given(st.sampled_from(PLACES), json_values)
@settings(max_examples=300, deadline=None)
def test_any_json_at_any_place_is_refused_or_means_the_same(path: tuple[Any, ...], value: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    at(document, path[:-1])[path[-1]] = value
    try:
        written = fingerprint.canonical_json(document)
    except ValueError:
        written = b""
    if written == fingerprint.canonical_json(DOCUMENT):
        plan_json.from_json(document)
    else:
        refused(document)


def test_blockers_and_assertions_come_back_whole() -> None:
    plan = Plan(
        "vision",
        "3fa94c1b",
        "embedded",
        "",
        False,
        (),
        (Blocker("limits", "m", {"cancel": 3}),),
        (Change("CustomJob/a", HERE, Action.NOOP, "kept", None, assertions=(Assertion("r", True, True, "k"),)),),
    )
    assert plan_json.from_json(plan_json.to_json(plan, "t", "v")).plan == plan
