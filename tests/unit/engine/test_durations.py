"""What a process measures itself is measured by a clock that nobody sets: a machine whose time jumps waits as long as any."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from reconciler.api import operations
from reconciler.engine.events import Control
from reconciler.engine.reading import wait
from reconciler.engine.writing import create, stop
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import Scope
from tests.support.jumpy import HOURS, JumpyClock
from tests.support.loopback import FakeClock
from tests.support.samples import CUSTOM
from tests.support.site import KINDS, Site, desired
from tests.support.stack import STACK

CUSTOM_JOB = KINDS["CustomJob"]


@pytest.mark.parametrize("first", [0.0, HOURS, -HOURS])
def test_a_limit_of_seconds_is_that_many_seconds(site: Site, first: float) -> None:
    site.converge(desired(CUSTOM))
    [row] = site.rows()
    world, began = replace(site.world(), clock=JumpyClock(site.clock, first)), site.clock.now()
    control = Control(lambda event: None, threading.Event())
    phases, late = wait.wait(world, {"CustomJob/train": row["resource"]}, finished=True, limit=60.0, control=control)
    assert late
    assert all(phase.active for phase in phases.values())
    assert site.clock.now() - began == pytest.approx(60.0)


@pytest.mark.parametrize("first", [0.0, HOURS, -HOURS])
def test_a_job_gets_its_whole_time_to_stop(site: Site, first: float) -> None:
    site.converge(desired(CUSTOM))
    [row] = site.rows()
    world, began = replace(site.world(), clock=JumpyClock(site.clock, first)), site.clock.now()
    assert stop.stopped(world, CUSTOM_JOB, row["resource"], row) is Phase.SUCCEEDED
    assert 500 < site.clock.now() - began < stop.STOP_WITHIN


@pytest.mark.parametrize("first", [0.0, HOURS, -HOURS])
def test_absence_is_proven_after_settle_and_no_sooner(site: Site, first: float) -> None:
    world, began = replace(site.world(), clock=JumpyClock(site.clock, first)), site.clock.now()
    body = {"labels": {"reconciler_run": "1-" + "0" * 32}}
    assert create.look_up(world, STACK, CUSTOM_JOB, Scope("demo-project", "us-central1"), body) is None
    assert site.clock.now() - began == pytest.approx(STACK.settle)


@pytest.mark.parametrize("first", [0.0, HOURS, -HOURS])
def test_an_operation_is_followed_for_fifteen_minutes(first: float) -> None:
    clock = FakeClock()
    with pytest.raises(errors.TransportFailed, match="15 minutes"):
        operations.finish({"name": "o"}, lambda name: {"name": name}, JumpyClock(clock, first), "delete x")
    assert operations.PATIENCE <= sum(clock.sleeps) < operations.PATIENCE + operations.LONGEST_WAIT
