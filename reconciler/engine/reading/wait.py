"""Watch runs until they run or end. Changes nothing; a job that fails is an answer, not an error."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.engine.events import Control, Event
from reconciler.engine.world import World
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import parts_of

EVERY = 5.0
"""Seconds between looks, as Google's Python SDK polls (google-cloud-aiplatform, jobs.py)."""

STEP = 0.25
"""Seconds within which a request to stop is heard."""


def wait(
    world: World, runs: Mapping[str, str], finished: bool, limit: float | None, control: Control
) -> tuple[dict[str, Phase], bool]:
    """Wait for runs (address to resource) to end, or at least to run where `finished` is False.

    Returns the last phase of each and whether `limit` seconds ran out first. Stops early when asked to.
    """
    until = None if limit is None else world.clock.monotonic() + limit
    phases: dict[str, Phase] = {}
    while True:
        open_ones = [address for address in runs if not _done(phases.get(address), finished=finished)]
        seen = world.each(lambda address: _look(world, address, runs[address]), open_ones)
        for address, phase in zip(open_ones, seen, strict=True):
            if phases.get(address) is not phase:
                phases[address] = phase
                done = _done(phase, finished=finished)
                control.tell(Event(address, "wait", phase.value, runs[address], done=done))
        if all(_done(phases.get(address), finished=finished) for address in runs) or control.stop.is_set():
            return phases, False
        left = EVERY if until is None else min(EVERY, until - world.clock.monotonic())
        if left <= 0:
            return phases, True
        _pause(world, left, control)


def _pause(world: World, seconds: float, control: Control) -> None:
    """Let time pass in short steps, so that a request to stop is heard at once."""
    while seconds > 0 and not control.stop.is_set():
        world.clock.sleep(min(STEP, seconds))
        seconds -= STEP


def _look(world: World, address: str, resource: str) -> Phase:
    kind = world.kinds[parts_of(address)[0]]
    try:
        return kind.phase(world.api.get(kind, resource))
    except errors.NotFound:
        return Phase.ENDED_UNKNOWN


def _done(phase: Phase | None, *, finished: bool) -> bool:
    if phase is None:
        return False
    return not phase.active or (not finished and phase is Phase.RUNNING)
