"""Real processes, killed at random moments or three at a time: the short form of what `make simulate` runs at length."""

from __future__ import annotations

from tests.simulation import kill


def test_apply_killed_at_random_moments_ends_with_one_run_of_each() -> None:
    assert kill.kill_at_random(5, seed=1) == []


def test_three_applies_at_once_without_a_shared_lock_leave_one_run_of_each() -> None:
    assert kill.three_at_once() == []
