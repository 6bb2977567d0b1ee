"""The embedded emulator's jobs live as RECONCILER_LIFE has it."""

from __future__ import annotations

import pytest

from tests.support.stage import Stage


@pytest.mark.parametrize(
    ("life", "phase"), [("", "PENDING"), ("recorded", "PENDING"), ("instant", "SUCCEEDED"), ("manual", "PENDING")]
)
def test_the_variable_says_how_jobs_of_an_embedded_stack_live(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, life: str, phase: str
) -> None:
    stage.stack()
    stage.job()
    monkeypatch.setenv("RECONCILER_LIFE", life)
    stage.ok("apply", "--yes")
    assert phase in stage.ok("status").out


def test_a_job_by_hand_is_still_pending_when_the_recorded_one_runs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.stack()
    stage.job()
    monkeypatch.setenv("RECONCILER_LIFE", "manual")
    stage.ok("apply", "--yes")
    stage.clock.advance(3600)
    assert "PENDING" in stage.ok("status").out


def test_a_drawn_failure_is_told_with_its_error(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.stack()
    for number in range(20):
        stage.job(f"train-{number}")
    monkeypatch.setenv("RECONCILER_LIFE", "random:7")
    stage.ok("apply", "--yes")
    stage.clock.advance(100_000)
    told = stage.ok("status").out
    assert "SUCCEEDED" in told
    assert "FAILED" in told
    assert "exited with a non-zero status of 1" in told


def test_a_life_that_is_none_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.stack()
    stage.job()
    monkeypatch.setenv("RECONCILER_LIFE", "slow")
    done = stage.run("plan")
    assert done.code == 1
    assert "RECONCILER_LIFE in the environment: `slow` is no life" in done.err
