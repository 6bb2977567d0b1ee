"""The head of an address, and the runs around it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from reconciler.core.runs import heads
from reconciler.core.runs.heads import Spec
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import Lifecycle, Rerun
from tests.support.jobs import KINDS, OTHER_CUSTOM_SPEC, World, live, manifest, remembered, verbs

WANT = manifest()
DIGEST = live(WANT, 1, Phase.RUNNING).fingerprint
OTHER = manifest(spec=OTHER_CUSTOM_SPEC)
E, M, D = Spec.EQUAL, Spec.MOVED, Spec.DIFFERS
RUN, STOP, PEND = Phase.RUNNING, Phase.STOPPING, Phase.PENDING
GOOD, BAD, CUT, UNKNOWN = Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.ENDED_UNKNOWN

LIVE_HEADS: dict[str, tuple[list[tuple[Phase, Spec]], int | None]] = {
    # title: runs from oldest to newest, number of the head
    "nothing": ([], None),
    "one": ([(GOOD, E)], 1),
    "the newest of the finished": ([(GOOD, E), (BAD, E)], 2),
    "the newest, though of another spec": ([(GOOD, E), (BAD, D)], 2),
    "an active one before a newer finished one": ([(RUN, E), (BAD, E)], 1),
    "the oldest active of the desired spec": ([(BAD, E), (RUN, E), (PEND, E)], 2),
    "one that is stopping counts as active": ([(STOP, E), (RUN, E)], 1),
    "an active one of the desired spec before a newer of another": ([(RUN, E), (RUN, D)], 1),
    "one in the wanted scope before an older elsewhere": ([(RUN, M), (RUN, E)], 2),
    "one elsewhere before one of another spec": ([(RUN, M), (RUN, D)], 1),
    "the newest, where none active has the desired spec": ([(RUN, D), (RUN, D), (BAD, E)], 3),
}


@pytest.mark.parametrize("title", LIVE_HEADS)
def test_the_head_among_live_runs_is(title: str) -> None:
    told, expected = LIVE_HEADS[title]
    runs = [live(WANT, number, phase, fingerprint=f"f{number}") for number, (phase, _) in enumerate(told, start=1)]
    specs = {run.resource: spec for run, (_, spec) in zip(runs, told, strict=True)}
    for shuffled in itertools.permutations(runs):
        head = heads.arrange(shuffled, (), DIGEST, specs)
        assert (head.run.number if head.run else None) == expected
        assert [run.number for run in head.others] == [run.number for run in runs if run.number != expected]
        assert head.phase is (told[expected - 1][0] if expected else None)


LOST: dict[str, tuple[list[tuple[Phase, Spec, bool]], int]] = {
    # title: runs from oldest to newest and whether each carries our labels, number of the head
    "an active one that lost them, where it is alone": ([(RUN, E, False)], 1),
    "a marked active one before it": ([(RUN, E, False), (RUN, E, True)], 2),
    "a marked active one of another spec before it": ([(RUN, E, False), (RUN, D, True)], 2),
    "an active one that lost them before a finished one": ([(RUN, E, False), (BAD, E, True)], 1),
    "the newest, though it lost them": ([(BAD, E, True), (GOOD, E, False)], 2),
    "a marked newest before an active one of another spec that lost them": ([(RUN, D, False), (BAD, E, True)], 2),
}


@pytest.mark.parametrize("title", LOST)
def test_the_head_where_runs_lost_our_labels_is(title: str) -> None:
    told, expected = LOST[title]
    runs = [
        replace(live(WANT, number, phase, fingerprint=f"f{number}"), marked=marked)
        for number, (phase, _, marked) in enumerate(told, start=1)
    ]
    specs = {run.resource: spec for run, (_, spec, _) in zip(runs, told, strict=True)}
    for shuffled in itertools.permutations(runs):
        head = heads.arrange(shuffled, (), DIGEST, specs)
        assert head.run is not None
        assert head.run.number == expected


def test_runs_that_lost_our_labels_are_no_history() -> None:
    runs = [replace(live(WANT, number, GOOD), marked=number % 2 == 1) for number in range(1, 7)]
    assert heads.beyond_history(runs[-1], runs[:-1], 1, ()) == {runs[0].resource, runs[2].resource}


PAST: dict[str, tuple[list[tuple[int, Phase]], list[tuple[int, bool, Phase | None]], Phase | None, Spec]] = {
    # title: live (number, phase) of the desired spec; remembered (number, desired spec?, phase); head's phase and spec
    "nothing": ([], [], None, E),
    "succeeded": ([], [(1, True, GOOD)], GOOD, E),
    "nobody saw how it ended": ([], [(1, True, None)], UNKNOWN, E),
    "another spec": ([], [(1, False, GOOD)], None, D),
    "another spec after the desired one": ([], [(1, True, GOOD), (2, False, BAD)], None, D),
    "the desired spec after another": ([], [(1, False, GOOD), (2, True, BAD)], BAD, E),
    "the same run live and remembered": ([(1, GOOD)], [(1, True, None)], GOOD, E),
    "a newer one than the finished live": ([(1, BAD)], [(2, True, GOOD)], GOOD, E),
    "a newer one than the active live": ([(1, RUN)], [(2, True, GOOD)], RUN, E),
    "a newer one of another spec": ([(1, BAD)], [(2, False, GOOD)], BAD, E),
    "an older one": ([(2, BAD)], [(1, True, GOOD)], BAD, E),
}


@pytest.mark.parametrize("title", PAST)
def test_a_remembered_run_stands_only_where_it_is_newer(title: str) -> None:
    told, old, phase, spec = PAST[title]
    runs = [live(WANT, number, state) for number, state in told]
    past = [
        replace(
            remembered(live(WANT if same else OTHER, number, RUN), state),
            run_key=next((run.run_key for run in runs if run.number == number), f"{number}-{'0' * 32}"),
        )
        for number, same, state in old
    ]
    specs = {run.resource: E for run in runs}
    for shuffled in itertools.permutations(past):
        head = heads.arrange(runs, shuffled, DIGEST, specs)
        assert (head.phase, head.spec) == (phase, spec)


def test_a_cancelled_duplicate_is_no_outcome_of_its_run() -> None:
    first = live(WANT, 1, GOOD)
    duplicate = replace(first, resource="duplicate", phase=CUT, create_time="2026-01-01T01:00:00Z")
    head = heads.arrange([first, duplicate], (), DIGEST, {first.resource: E, "duplicate": E})
    assert head.run is first
    assert head.others == (duplicate,)
    assert head.count == 1


@pytest.mark.parametrize(
    ("phase", "ledger", "same_job", "counts"),
    [
        (CUT, None, True, CUT),
        (CUT, None, False, UNKNOWN),
        (CUT, BAD, False, BAD),
        (CUT, BAD, True, BAD),
        (CUT, CUT, True, CUT),
        (BAD, None, False, BAD),
        (GOOD, BAD, False, GOOD),
        (RUN, None, False, RUN),
    ],
)
def test_a_cancelled_job_is_the_run_only_where_the_ledger_knows_it(
    phase: Phase, ledger: Phase | None, same_job: bool, counts: Phase
) -> None:
    run = live(WANT, 1, phase)
    old = replace(remembered(run, ledger), resource=run.resource if same_job else "the duplicate that somebody deleted")
    assert heads.outcome(run, (old,)) is counts
    assert heads.outcome(run, ()) is phase
    assert heads.arrange([run], (old,), DIGEST, {run.resource: E}).phase is counts


def test_a_cancelled_run_without_a_duplicate_stands() -> None:
    first, second = live(WANT, 1, GOOD), live(WANT, 2, CUT)
    unmarked = [replace(run, run_key="") for run in (first, second)]
    for runs in ([first, second], unmarked):
        head = heads.arrange(runs, (), DIGEST, {run.resource: E for run in runs})
        assert head.run is runs[1]


def test_healing_a_duplicate_starts_no_rerun_once_the_run_has_succeeded() -> None:
    kind = KINDS["CustomJob"]
    want = manifest(life=Lifecycle(rerun=Rerun(on=(CUT,), maximum=5)))
    first = live(want, 1, RUN)
    world = World([first, replace(first, resource=f"{first.resource}0", create_time="2026-01-01T01:00:00Z")])
    healing, losses = world.plan(want, kind)
    assert (healing.reason, verbs(healing), losses.cancels) == ("duplicate", ["cancel"], ())
    world.carry_out(healing, kind)
    world.runs[0] = replace(world.runs[0], phase=GOOD)
    after, _ = world.plan(want, kind)
    assert (after.reason, after.operations) == ("up_to_date", ())


def test_a_duplicate_is_fetched_no_more_than_its_run_where_the_label_cannot_settle_the_spec() -> None:
    kind = KINDS["CustomJob"]
    want = manifest()
    first = live(want, 1, GOOD, fingerprint="v1-" + "0" * 40)
    duplicate = replace(first, resource="duplicate", phase=CUT, create_time="2026-01-01T01:00:00Z")
    change, _ = World([first, duplicate]).plan(want, kind)
    assert (change.reason, change.operations) == ("up_to_date", ())


def test_runs_of_one_spec_are_counted_by_run_key_over_live_and_remembered() -> None:
    runs = [live(WANT, 1, BAD), live(WANT, 2, BAD), live(OTHER, 3, BAD)]
    past = [remembered(runs[0], BAD), remembered(live(WANT, 4, RUN), BAD), remembered(live(OTHER, 5, RUN), BAD)]
    specs = {runs[0].resource: E, runs[1].resource: E, runs[2].resource: D}
    assert heads.arrange(runs, past, DIGEST, specs).count == 3


@pytest.mark.parametrize(("maximum", "started"), [(1, False), (2, False), (3, True), (4, True)])
def test_rerun_max_counts_all_runs_of_one_spec(maximum: int, started: bool) -> None:
    want = manifest(life=Lifecycle(rerun=Rerun(on=(BAD,), maximum=maximum)))
    change, _ = World([live(want, 1, BAD), live(want, 2, BAD)]).plan(want, KINDS["CustomJob"])
    assert bool(change.operations) is started


def test_the_next_number_is_one_more_than_any_run_ever_had() -> None:
    runs = [live(WANT, 2, GOOD), live(WANT, 1, GOOD)]
    assert heads.next_number((), ()) == 1
    assert heads.next_number(runs, ()) == 3
    assert heads.next_number(runs, [remembered(live(WANT, 7, RUN), None)]) == 8


@pytest.mark.parametrize(
    ("keep", "ends", "deleted"),
    [
        (None, (), []),
        (0, (), [1, 2]),
        (1, (), [1, 2]),
        (2, (), [1]),
        (3, (), []),
        (9, (), []),
        (2, (3,), [1, 2]),
        (3, (3,), [1]),
    ],
)
def test_history_keeps_the_newest_finished_runs_and_the_head(
    keep: int | None, ends: tuple[int, ...], deleted: list[int]
) -> None:
    runs = [live(WANT, 1, GOOD), live(WANT, 2, BAD), live(OTHER, 3, RUN), live(WANT, 4, GOOD)]
    names = {run.number: run.resource for run in runs}
    found = heads.beyond_history(runs[3], runs[:3], keep, {names[number] for number in ends})
    assert found == {names[number] for number in deleted}


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_history_leaves_no_duplicate_that_would_stand_for_the_address(keep: int) -> None:
    """The record of an old run is deleted before the copy of it that a person made later and that was cancelled."""
    kind = KINDS["CustomJob"]
    want = manifest(life=Lifecycle(history=keep))
    old = live(OTHER, 1, BAD)
    copies = [
        replace(old, resource=f"{old.resource}{n}", phase=CUT, create_time=f"2026-01-01T02:00:0{n}Z") for n in "12"
    ]
    world = World([old, live(want, 2, GOOD), *copies])
    change, _ = world.plan(want, kind)
    assert set(verbs(change)) == {"delete"}
    world.carry_out(change, kind)
    again, _ = world.plan(want, kind)
    assert (again.reason, verbs(again)) == ("up_to_date", [])


@pytest.mark.parametrize("keep", [1, 2, 3])
@pytest.mark.parametrize("phase", [RUN, GOOD, BAD])
def test_history_is_settled_by_one_apply_that_replaces_too(keep: int, phase: Phase) -> None:
    kind = KINDS["CustomJob"]
    want = manifest(life=Lifecycle(history=keep))
    world = World([live(want, 1, GOOD), live(want, 2, BAD), live(want, 3, GOOD), live(OTHER, 4, phase)])
    change, _ = world.plan(want, kind)
    assert "create" in verbs(change)
    world.carry_out(change, kind)
    assert sum(not run.active for run in world.runs) == min(keep, 4)
    again, _ = world.plan(want, kind)
    assert not again.operations


def test_history_says_plainly_where_a_kind_has_no_delete() -> None:
    kind = KINDS["Job"]
    want = manifest("Job", life=Lifecycle(history=1))
    runs = [live(want, number, GOOD, resource=f"projects/demo/jobs/{number}") for number in (1, 2, 3)]
    change, _ = World(runs).plan(want, kind)
    assert not change.operations
    assert [note for note in change.notes if "cannot_delete" in note] == [
        "cannot_delete: this API has no delete, the record stays"
    ]
