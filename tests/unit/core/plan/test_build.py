"""A whole plan: which addresses, what they cost together, and the same bytes for the same input."""

from __future__ import annotations

import json
import multiprocessing
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.documents import plan_json
from reconciler.core.plan import build, by_address
from reconciler.core.plan.address import Destroy, gather
from reconciler.core.plan.build import Options, Revision
from reconciler.core.plan.guards import Allowed
from reconciler.core.plan.observed import Observed, sort_by_address
from reconciler.core.plan.selection import Selection
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import Desired, DesiredState, Lifecycle, Limits, OnChange, Removal, Run, Stack
from reconciler.vocabulary.plans import ABSENT, OnRemoval, Plan, ScopeCount
from tests.support.jobs import (
    HERE,
    KINDS,
    OTHER_CUSTOM_SPEC,
    STACK,
    THERE,
    live,
    manifest,
    remembered,
    spec_of,
)

PLAIN = Options()
RUNNING, DONE, FAILED = Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED


def plan(
    desired: Sequence[Desired],
    runs: Sequence[Run] = (),
    options: Options = PLAIN,
    stack: Stack = STACK,
    **seen: Any,
) -> Plan:
    addresses = sort_by_address(stack, desired, runs, seen.get("ledger", ()))
    full = {run.resource: run.row for run in runs}
    observed = Observed(tuple(runs), (), **{"full": full, "addresses": addresses, **seen})
    return build.build(stack, KINDS, desired, observed, options, Revision(), "embedded")


def said(made: Plan) -> dict[str, str]:
    return {change.address: f"{change.action} {change.reason}" for change in made.changes}


def blocked(made: Plan) -> list[tuple[str, dict[str, int]]]:
    return [(each.rule, dict(each.needs)) for each in made.blocked]


def many(
    count: int, phase: Phase = RUNNING, life: Lifecycle | None = None, start: int = 0
) -> tuple[list[Desired], list[Run]]:
    wants = [manifest(name=f"job-{number}", life=life) for number in range(start, start + count)]
    return wants, [live(want, 1, phase, resource=f"r/{want.name}") for want in wants]


# ---------------------------------------------------------------- which addresses


def test_every_address_of_a_manifest_or_a_live_run_gets_one_change_in_order() -> None:
    wants = [manifest(name="b"), manifest("Job", name="a"), manifest(name="a")]
    runs = [live(manifest(name="gone"), 1, RUNNING), live(manifest(name="b"), 1, DONE, resource="b1")]
    made = plan(wants, runs)
    assert [change.address for change in made.changes] == ["CustomJob/a", "CustomJob/b", "CustomJob/gone", "Job/a"]
    assert made.summary() == {"create": 2, "update": 0, "replace": 0, "cancel": 1, "delete": 0, "noop": 1}


def test_an_address_that_only_the_ledger_remembers_gets_no_change() -> None:
    old = remembered(live(manifest(name="gone"), 1, RUNNING), DONE)
    assert said(plan([manifest()], ledger=(old,))) == {"CustomJob/train": "create missing"}


@pytest.mark.parametrize(
    ("select", "exclude", "left"),
    [
        ((), (), ["CustomJob/a", "CustomJob/ab", "Job/a"]),
        (("CustomJob/*",), (), ["CustomJob/a", "CustomJob/ab"]),
        (("*/a",), (), ["CustomJob/a", "Job/a"]),
        (("CustomJob/a", "Job/*"), (), ["CustomJob/a", "Job/a"]),
        ((), ("CustomJob/*",), ["Job/a"]),
        (("*/a*",), ("Job/a",), ["CustomJob/a", "CustomJob/ab"]),
        (("customjob/a",), (), []),
        (("CustomJob/a?",), (), ["CustomJob/ab"]),
    ],
)
def test_select_and_exclude_choose_addresses(select: Any, exclude: Any, left: list[str]) -> None:
    wants = [manifest(name="a"), manifest(name="ab"), manifest("Job", name="a")]
    assert list(said(plan(wants, options=Options(Selection(select, exclude))))) == left


def test_runs_that_are_not_selected_cost_nothing_and_are_left() -> None:
    wants, runs = many(3)
    made = plan([manifest(name="new")], runs, Options(Selection(("*/new",))))
    assert (said(made), blocked(made)) == ({"CustomJob/new": "create missing"}, [])
    assert wants


# ---------------------------------------------------------------- --rerun


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (None, "create missing"),
        (DONE, "create rerun_asked"),
        (FAILED, "create rerun_asked"),
        (RUNNING, "replace rerun_asked"),
    ],
)
def test_rerun_starts_one_more_run_once(phase: Phase | None, expected: str) -> None:
    runs = [live(manifest(), 1, phase)] if phase else []
    assert said(plan([manifest()], runs, Options(rerun=("CustomJob/train",)))) == {"CustomJob/train": expected}


def test_rerun_of_what_only_the_ledger_remembers_starts_it() -> None:
    for phase in (DONE, FAILED, None):
        old = remembered(live(manifest(), 1, RUNNING), phase)
        made = plan([manifest()], options=Options(rerun=("CustomJob/train",)), ledger=(old,))
        assert said(made) == {"CustomJob/train": "create rerun_asked"}
        assert made.changes[0].operations[0].body["labels"]["reconciler_run"].startswith("2-")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (Options(rerun=("CustomJob/none",)), "no manifest has this address"),
        (Options(rerun=("CustomJob/*",)), "no manifest has this address"),
        (Options(rerun=("CustomJob/train",), selection=Selection(exclude=("*",))), "leaves this address out"),
        (Options(rerun=("CustomJob/train",), selection=Selection(("Job/*",))), "leaves this address out"),
        (Options(rerun=("CustomJob/off",)), "lifecycle.desired Cancelled"),
    ],
)
def test_a_rerun_that_cannot_be_honoured_is_refused(options: Options, text: str) -> None:
    off = manifest(name="off", life=Lifecycle(desired=DesiredState.CANCELLED))
    with pytest.raises(errors.InputError, match=text.replace(".", r"\.")):
        plan([manifest(), off], options=options)


# ---------------------------------------------------------------- renamed, moved, foreign


def test_a_renamed_manifest_takes_over_the_runs_and_the_ledger_of_its_old_name() -> None:
    old = live(manifest(name="old"), 1, RUNNING)
    made = plan([manifest(name="new", formerly="old")], [old])
    assert said(made) == {"CustomJob/new": "noop up_to_date"}
    ended = remembered(old, DONE)
    assert said(plan([manifest(name="new", formerly="old")], ledger=(ended,))) == {"CustomJob/new": "noop already_ran"}


def test_without_formerly_a_new_name_is_a_new_run() -> None:
    made = plan([manifest(name="new")], [live(manifest(name="old"), 1, RUNNING)])
    assert said(made) == {"CustomJob/new": "create missing", "CustomJob/old": "cancel removed"}
    assert blocked(made) == [("unwritten_cancel", {"cancel": 1})]


def test_the_next_run_of_a_renamed_job_carries_the_new_name_and_the_next_number() -> None:
    made = plan([manifest(name="new", formerly="old")], [live(manifest(name="old", spec=OTHER_CUSTOM_SPEC), 3, DONE)])
    labels = made.changes[0].operations[0].body["labels"]
    assert labels["reconciler_name"] == "new"
    assert labels["reconciler_run"].startswith("4-")


def test_a_foreign_owner_blocks_and_its_runs_are_left_alone() -> None:
    theirs = replace(live(manifest(name="gone"), 1, RUNNING), owner="ffffffff")
    made = plan([manifest()], [theirs])
    assert said(made) == {"CustomJob/train": "create missing"}
    assert blocked(made) == [("foreign_owner", {})]


def test_a_moved_job_says_which_part_of_its_scope_changed() -> None:
    made = plan([manifest(scope=THERE, life=Lifecycle(on_change=OnChange.REPLACE))], [live(manifest(), 1, RUNNING)])
    (change,) = made.changes
    assert (change.action, change.reason, change.scope) == ("replace", "moved", THERE)
    assert [(field.path, field.before, field.after, field.cls) for field in change.fields] == [
        ("metadata.location", "us-central1", "europe-west4", "scope")
    ]
    assert change.operations[1].resource == "projects/demo/locations/europe-west4/customJobs"


# ---------------------------------------------------------------- the whole stack


@pytest.mark.parametrize(("cancelled", "is_blocked"), [(2, False), (3, False), (4, True)])
def test_thirty_percent_of_ten_runs_are_three(cancelled: int, is_blocked: bool) -> None:
    wants, runs = many(10, life=Lifecycle(on_removal=Removal.CANCEL))
    assert blocked(plan(wants[cancelled:], runs)) == ([("limits", {"cancel": cancelled})] if is_blocked else [])


def test_a_limit_names_the_records_it_is_about() -> None:
    wants, runs = many(10, DONE, Lifecycle(on_removal=Removal.DELETE))
    assert "CustomJob/job-0 (job-0), CustomJob/job-1 (job-1)" in plan(wants[4:], runs).blocked[0].message


@pytest.mark.parametrize(("deleted", "is_blocked"), [(3, False), (4, True)])
def test_records_to_delete_have_their_own_limit(deleted: int, is_blocked: bool) -> None:
    wants, runs = many(10, DONE, Lifecycle(on_removal=Removal.DELETE))
    assert blocked(plan(wants[deleted:], runs)) == ([("limits", {"delete": deleted})] if is_blocked else [])


def test_nine_runs_are_not_limited() -> None:
    wants, runs = many(9, life=Lifecycle(on_removal=Removal.CANCEL))
    assert blocked(plan(wants[8:], runs)) == []


def test_limits_are_the_stacks() -> None:
    wants, runs = many(4, life=Lifecycle(on_removal=Removal.CANCEL))
    strict = replace(STACK, limits=Limits(cancel=0.25, delete=0.0, start=4))
    assert blocked(plan(wants[1:], runs, stack=strict)) == []
    assert blocked(plan(wants[2:], runs, stack=strict)) == [("limits", {"cancel": 2})]


def test_healing_duplicates_is_exempt_from_the_limits_and_needs_no_number() -> None:
    wants, runs = many(10)
    duplicates = [
        replace(run, resource=f"{run.resource}-duplicate", create_time="2026-06-01T00:00:00Z") for run in runs
    ]
    made = plan(wants, [*runs, *duplicates])
    assert set(said(made).values()) == {"cancel duplicate"}
    assert blocked(made) == []


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        (Options(), ["unwritten_cancel", "empty"]),
        (Options(allowed=Allowed(empty=True)), ["unwritten_cancel"]),
        (Options(allowed=Allowed(cancel=2)), ["empty"]),
        (Options(allowed=Allowed(cancel=1, empty=True)), ["unwritten_cancel"]),
        (Options(allowed=Allowed(cancel=2, empty=True)), []),
    ],
)
def test_an_empty_desired_set_is_blocked(options: Options, rules: list[str]) -> None:
    _, runs = many(2)
    assert [rule for rule, _ in blocked(plan([], runs, options))] == rules


def test_a_create_in_its_place_counts_as_left() -> None:
    want = manifest(life=Lifecycle(on_change=OnChange.REPLACE))
    made = plan([want], [live(manifest(spec=OTHER_CUSTOM_SPEC), 1, RUNNING)])
    assert (said(made), blocked(made)) == ({"CustomJob/train": "replace spec_changed"}, [])


def test_cancelling_the_last_run_is_blocked_as_empty() -> None:
    made = plan([manifest(life=Lifecycle(desired=DesiredState.CANCELLED))], [live(manifest(), 1, RUNNING)])
    assert blocked(made) == [("empty", {})]


def test_protection_blocks_every_cancel_delete_and_replace() -> None:
    for desired in DesiredState:
        life = Lifecycle(desired=desired, protect=True, on_change=OnChange.REPLACE)
        want = manifest(life=life)
        run = live(manifest(spec=OTHER_CUSTOM_SPEC), 1, RUNNING)
        made = plan([want, manifest(name="calm")], [run, live(manifest(name="calm"), 1, DONE, resource="calm")])
        assert ("protected", {}) in blocked(made), desired


# ---------------------------------------------------------------- removal policies and destroy


@pytest.mark.parametrize(
    ("label", "ledger", "default", "expected"),
    [
        ("delete", None, "ask", "delete removed"),
        ("delete", "cancel", "ask", "cancel removed"),
        ("cancel", "delete", "ask", "cancel removed"),
        ("delete", "keep", "ask", "noop kept"),
        ("keep", "delete", "ask", "noop kept"),
        (None, "cancel", "keep", "cancel removed"),
        (None, None, "delete", "delete removed"),
        (None, None, "keep", "noop kept"),
        (None, None, None, "cancel removed"),
        ("cancel", None, "keep", "cancel removed"),
    ],
)
def test_removal_is_the_safest_of_label_and_ledger(
    label: str | None, ledger: str | None, default: str | None, expected: str
) -> None:
    run = replace(live(manifest(name="gone"), 1, RUNNING), removal=Removal(label) if label else None)
    past = (replace(remembered(run, None), removal=Removal(ledger)),) if ledger else ()
    stack = replace(STACK, default_lifecycle={"onRemoval": default} if default else {})
    made = plan([manifest()], [run], stack=stack, ledger=past)
    assert said(made)["CustomJob/gone"] == expected
    asks = label is None and ledger is None and default is None
    assert [rule for rule, _ in blocked(made)] == (["unwritten_cancel"] if asks else [])


@pytest.mark.parametrize(
    ("label", "ledger", "now", "records"),
    [
        ("ask", None, "ask", False),
        ("ask", "ask", "ask", False),
        ("ask", None, "keep", True),
        ("ask", "ask", "keep", True),
        ("ask", "keep", "keep", True),  # the label still says otherwise: an older plan may have been applied meanwhile
        ("keep", "ask", "keep", True),
        ("keep", "keep", "delete", True),
        (None, None, "ask", True),
    ],
)
def test_a_plan_records_what_the_manifest_says_where_label_or_ledger_say_otherwise(
    label: str | None, ledger: str | None, now: str, records: bool
) -> None:
    run = replace(live(manifest(), 1, RUNNING), removal=Removal(label) if label else None)
    past = (replace(remembered(run, None), removal=Removal(ledger)),) if ledger else ()
    for wanted in DesiredState:
        life = Lifecycle(desired=wanted, on_removal=Removal(now))
        [change] = plan([manifest(life=life)], [run], ledger=past).changes
        assert change.on_removal == (OnRemoval(Removal(now), (run.run_key,)) if records else None)


def test_protection_is_recorded_as_keep_and_runs_without_a_key_or_a_manifest_are_left_out() -> None:
    want = manifest(life=Lifecycle(on_removal=Removal.DELETE, protect=True))
    marked, bare = live(manifest(), 2, RUNNING), live(manifest(), 1, DONE, run_key="")
    made = plan([want], [marked, bare, live(manifest(name="gone"), 1, RUNNING, resource="gone")])
    assert {change.address: change.on_removal for change in made.changes} == {
        "CustomJob/train": OnRemoval(Removal.KEEP, (marked.run_key,)),
        "CustomJob/gone": None,
    }


@pytest.mark.parametrize(
    ("label", "ledger", "manifest_says", "told"),
    [
        (
            "delete",
            "delete",
            "keep",
            "says onRemoval delete and the manifest says keep: … the safer one counts, keep",
        ),
        (
            "keep",
            "cancel",
            "cancel",
            "says onRemoval keep and the manifest says cancel: … the safer one counts, keep",
        ),
        ("ask", "keep", "ask", ""),
        ("delete", "ask", None, "says onRemoval delete and its manifest last said ask: the safer one counts, ask"),
        ("ask", "delete", None, "says onRemoval ask and its manifest last said delete: the safer one counts, ask"),
        ("ask", "ask", None, ""),
        ("ask", None, None, ""),
        (None, "ask", "keep", ""),
    ],
)
@pytest.mark.parametrize("phase", [RUNNING, Phase.FAILED])
def test_the_plan_says_where_manifest_and_label_differ(
    label: str | None, ledger: str | None, manifest_says: str | None, told: str, phase: Phase
) -> None:
    run = replace(live(manifest(), 1, phase), removal=Removal(label) if label else None)
    past = (replace(remembered(run, None), removal=Removal(ledger)),) if ledger else ()
    wanted = [manifest(life=Lifecycle(on_removal=Removal(manifest_says)))] if manifest_says else []
    [change] = plan(wanted, [run], ledger=past).changes
    notes = [note for note in change.notes if "onRemoval" in note]
    assert notes == (
        [f"the label of a live job {told}".replace("…", "once no manifest names the job,")] if told else []
    )


@pytest.mark.parametrize(
    ("removal", "records", "phase", "expected", "needs"),
    [
        (Removal.ASK, False, RUNNING, "cancel removed", {"cancel": 1}),
        (Removal.CANCEL, False, RUNNING, "cancel removed", None),
        (Removal.DELETE, False, RUNNING, "cancel removed", None),
        (Removal.KEEP, False, RUNNING, "noop kept", None),
        (Removal.ASK, False, DONE, "noop kept", None),
        (Removal.DELETE, False, DONE, "noop kept", None),
        (Removal.ASK, True, RUNNING, "delete removed", {"cancel": 1, "delete": 1}),
        (Removal.CANCEL, True, DONE, "delete removed", {"delete": 1}),
        (Removal.DELETE, True, DONE, "delete removed", None),
        (Removal.KEEP, True, DONE, "noop kept", None),
    ],
)
def test_destroy_cancels_and_deletes_only_what_is_written_or_numbered(
    removal: Removal, records: bool, phase: Phase, expected: str, needs: dict[str, int] | None
) -> None:
    run = live(manifest(life=Lifecycle(on_removal=removal)), 1, phase)
    made = plan([], [run], Options(destroy=Destroy(records), allowed=Allowed(empty=True)))
    assert said(made) == {"CustomJob/train": expected}
    assert blocked(made) == ([("unwritten_cancel", needs)] if needs else [])


# ---------------------------------------------------------------- the same bytes


def big() -> tuple[list[Desired], list[Run], list[Any], dict[str, Any]]:
    wants: list[Desired] = []
    runs: list[Run] = []
    past: list[Any] = []
    for number in range(30):
        for kind in ("CustomJob", "Job"):
            want = manifest(kind, name=f"j{number}", labels={"b": "1", "a": "2"})
            runs.extend(
                live(
                    want if (number + index) % 3 else replace(want, spec=spec_of(KINDS[kind], other=True)),
                    index,
                    list(Phase)[(number + index) % 8],
                    resource=f"{kind}/{number}/{index}",
                    created="2026-01-01T00:00:00Z",
                )
                for index in (1, 2, 3)
            )
            past.extend(remembered(run, None if run.active else run.phase) for run in runs[-3:-1])
            for digit, phase in (("0", FAILED), ("1", DONE)):  # two runs of one number, newer than every live one
                past.append(remembered(replace(runs[-1], number=4, run_key="4-" + digit * 32), phase))
            if number % 4:
                wants.append(want)
    return wants, runs, past, {run.resource: run.row for run in runs}


def test_shuffled_input_gives_the_same_bytes() -> None:
    wants, runs, past, full = big()
    counts = [ScopeCount(kind, scope, 3) for kind in ("Job", "CustomJob") for scope in (THERE, HERE)]
    chance = random.Random(7)
    texts = set()
    for _ in range(8):
        for items in (wants, runs, past, counts):
            chance.shuffle(items)
        rows = dict(chance.sample(sorted(full.items(), key=lambda item: item[0]), len(full)))
        addresses = sort_by_address(STACK, wants, runs, past)
        observed = Observed(tuple(runs), tuple(counts), tuple(past), rows, addresses=addresses)
        made = build.build(STACK, KINDS, wants, observed, Options(), Revision("abc"), "embedded")
        texts.add(json.dumps(plan_json.to_json(made, "t", "v"), sort_keys=True))
    assert len(texts) == 1


def test_slices_decided_in_other_processes_are_the_decisions_taken_here() -> None:
    wants, runs, past, full = big()
    wants = [replace(want, labels={**want.labels, "new": "1"}) for want in wants]  # a field that is absent on one side
    seen = Observed(tuple(runs), (), tuple(past), full, addresses=sort_by_address(STACK, wants, runs, past))
    addresses = gather(STACK, KINDS, wants, seen)
    slices = [addresses[start : start + 7] for start in range(0, len(addresses), 7)]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as elsewhere:
        decided = [each for found in elsewhere.map(by_address.decide, slices) for each in found]
    assert decided == by_address.decide(addresses)
    assert any(field.before is ABSENT or field.after is ABSENT for change, _ in decided for field in change.fields)


def test_an_address_holds_its_own_share_of_what_was_read() -> None:
    wants, runs, past, full = big()
    seen = Observed(tuple(runs), (), tuple(past), full, addresses=sort_by_address(STACK, wants, runs, past))
    for address in gather(STACK, KINDS, wants, seen):
        assert set(address.full) == set(full) & {run.resource for run in address.runs}


def test_a_plan_holds_nothing_that_changes_with_every_read() -> None:
    run = live(manifest("Job"), 1, FAILED, row={"etag": "one"})
    again = live(manifest("Job"), 1, FAILED, row={"etag": "two", "trainingOutput": {"consumedMLUnits": 1.5}})
    want = manifest("Job", labels={"team": "a"})
    assert plan_json.digest(plan([want], [run])) == plan_json.digest(plan([want], [again]))


def test_the_revision_and_the_counts_stand_in_the_plan() -> None:
    counts = (ScopeCount("Job", HERE, 1), ScopeCount("CustomJob", THERE, 2), ScopeCount("CustomJob", HERE, 3))
    made = build.build(
        STACK, KINDS, [manifest()], Observed((), counts), Options(), Revision("abc", dirty=True), "http://127.0.0.1:1"
    )
    assert (made.revision, made.dirty, made.backend) == ("abc", True, "http://127.0.0.1:1")
    assert [(count.kind, count.scope.location) for count in made.scopes] == [
        ("CustomJob", "europe-west4"),
        ("CustomJob", "us-central1"),
        ("Job", "us-central1"),
    ]
