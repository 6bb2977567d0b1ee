"""What the ledger remembers of runs whose record is gone, and what a plan makes of it."""

from __future__ import annotations

import pytest

from reconciler.core.plan.build import Options
from reconciler.vocabulary.kinds import Phase
from tests.support import samples
from tests.support.site import Site, desired, reasons

DELETABLE = {kind: text for kind, text in samples.KIND_TEXTS.items() if kind != "Job"}
each_text = pytest.mark.parametrize("text", DELETABLE.values(), ids=DELETABLE)


def end(site: Site, state: str) -> str:
    """Put the newest run into a state."""
    name = str(site.rows()[-1]["resource"])
    site.emulator.set_state(name, f"JOB_STATE_{state}")
    return name


def phases(site: Site) -> list[Phase | None]:
    return [run.phase for run in site.world().store.ledger.runs()]


@each_text
@pytest.mark.parametrize(
    ("state", "reason"),
    [("SUCCEEDED", "already_ran"), ("FAILED", "ended_kept"), ("CANCELLED", "ended_kept"), ("EXPIRED", "ended_kept")],
)
def test_an_outcome_seen_by_an_empty_apply_survives_the_record(site: Site, text: str, state: str, reason: str) -> None:
    site.converge(desired(text))
    name = end(site, state)
    assert phases(site) == [None]
    assert site.converge(desired(text)).outcomes == ()
    assert phases(site) == [Phase[state]]
    site.send("DELETE", name)
    [told] = reasons(site.plan(desired(text))).values()
    assert told == f"noop {reason}"
    site.converge(desired(text))
    assert (site.rows(), phases(site)) == ([], [Phase[state]])


@each_text
def test_a_run_that_nobody_saw_end_has_vanished_and_starts_only_when_asked(site: Site, text: str) -> None:
    site.converge(desired(text))
    site.send("DELETE", end(site, "FAILED"))
    address = desired(text)[0].address
    for _ in range(2):
        assert reasons(site.plan(desired(text))) == {address: "noop vanished"}
        site.converge(desired(text))
    assert phases(site) == [Phase.ENDED_UNKNOWN]
    site.converge(desired(text), Options(rerun=(address,)))
    assert [row["labels"]["reconciler_run"][:2] for row in site.rows()] == ["2-"]
    assert reasons(site.plan(desired(text))) == {address: "noop up_to_date"}


@each_text
def test_deleting_records_does_not_give_back_reruns(site: Site, text: str) -> None:
    again = samples.swap(text, ("onChange: replace", "onChange: replace, rerun: {on: [failed], max: 3}"))
    address = desired(text)[0].address
    for number in (1, 2, 3):
        site.converge(desired(again))
        assert site.rows()[-1]["labels"]["reconciler_run"].startswith(f"{number}-")
        name = end(site, "FAILED")
        planned = reasons(site.plan(desired(again)))
        assert planned == {address: "create rerun" if number < 3 else "noop ended_kept"}
        site.apply(site.plan(desired(text)))
        site.send("DELETE", name)
    assert reasons(site.plan(desired(again))) == {address: "noop ended_kept"}
    site.converge(desired(again))
    assert site.rows() == []


@each_text
def test_the_outcome_of_a_run_is_remembered_when_its_record_is_deleted_in_the_same_apply(site: Site, text: str) -> None:
    site.converge(desired(text))
    site.clock.advance(10)
    absent = samples.swap(text, ("{onChange: replace, onRemoval: cancel}", "{desired: Absent}"))
    site.converge(desired(absent))
    assert (site.rows(), phases(site)) == ([], [Phase.CANCELLED])
    address = desired(text)[0].address
    assert reasons(site.plan(desired(text))) == {address: "noop ended_kept"}


def test_the_ledger_finds_a_job_that_ml_no_longer_lists(site: Site) -> None:
    site.converge(desired(samples.ML))
    site.emulator.set_state(str(site.rows()[0]["resource"]), "RUNNING")
    site.clock.advance(100 * 86400)
    assert site.rows() == []
    assert reasons(site.plan(desired(samples.ML))) == {"Job/legacy": "noop up_to_date"}
    assert reasons(site.plan(())) == {"Job/legacy": "cancel removed"}
