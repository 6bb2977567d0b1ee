"""Stop and delete runs: both may be asked twice, both count as done where the work already is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.engine.world import World
from reconciler.engine.writing import record
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind, Phase
from reconciler.vocabulary.model import Run
from reconciler.vocabulary.plans import Outcome, Status
from reconciler.vocabulary.ports import Row

TRIES = 3
"""How often an ambiguous cancel or delete is asked for; both are idempotent."""

STOP_WITHIN = 900.0
"""Seconds a job is given to stop after its cancel (recorded: seconds for custom jobs, 31 s for batch prediction)."""

PAUSES = (1.0, 1.5, 2.25, 3.4, 5.0)
"""Seconds between looks at a job that stops; the last one repeats."""


Look = Callable[[Row], None]
"""Asked of the job as it is now, right before a write; raises errors.StalePlan where it is no longer the one meant."""


def cancel(world: World, kind: Kind, address: str, resource: str, look: Look) -> Outcome:
    """Cancel a run and wait until it stopped. A run that ended by itself, or is gone, is `skipped`."""

    def outcome(status: Status, error: str = "") -> Outcome:
        return Outcome(address, "cancel", status, resource, error)

    row = _get(world, kind, resource)
    if row is None or not kind.phase(row).active:
        return outcome(Status.SKIPPED)
    look(row)
    if kind.phase(row) is not Phase.STOPPING:
        error = _ask(world, lambda: world.api.cancel(kind, resource))
        row = _get(world, kind, resource)
        if error and row is not None and kind.phase(row).active and kind.phase(row) is not Phase.STOPPING:
            return outcome(Status.FAILED, error)
    phase = stopped(world, kind, resource, row)
    if phase is None or phase is Phase.CANCELLED:
        return outcome(Status.CANCELLED)
    if phase.active:
        return outcome(Status.FAILED, f"the job is still {phase.value} {STOP_WITHIN:.0f} s after its cancel")
    return outcome(Status.SKIPPED, f"the job ended {phase.value} before the cancel took hold")


def stopped(world: World, kind: Kind, resource: str, row: Mapping[str, Any] | None) -> Phase | None:
    """Watch a job until it is no longer active; None where it is gone, the last phase seen where it would not stop."""
    until = world.clock.monotonic() + STOP_WITHIN
    looks = 0
    while row is not None and kind.phase(row).active:
        if world.clock.monotonic() >= until:
            return kind.phase(row)
        world.clock.sleep(PAUSES[min(looks, len(PAUSES) - 1)])
        looks += 1
        row = _get(world, kind, resource)
    return None if row is None else kind.phase(row)


def delete(world: World, kind: Kind, address: str, resource: str, known: Run | None, look: Look) -> Outcome:
    """Delete a record. One that is gone is `skipped`; of a `known` run the ledger learns the outcome before."""
    row = _get(world, kind, resource)
    if row is None:
        return Outcome(address, "delete", Status.SKIPPED, resource)
    look(row)
    if known is not None and not kind.phase(row).active:
        world.store.ledger.ended(record.ledger_run(known), kind.phase(row))
    error = _ask(world, lambda: world.api.delete(kind, resource))
    if not error or _get(world, kind, resource) is None:
        return Outcome(address, "delete", Status.DELETED, resource)
    return Outcome(address, "delete", Status.FAILED, resource, error)


def _get(world: World, kind: Kind, resource: str) -> Mapping[str, Any] | None:
    try:
        return world.api.get(kind, resource)
    except errors.NotFound:
        return None


def _ask(world: World, call: Any) -> str:
    """Call something that may be repeated; returns the last error's text, empty once it went through."""
    error = ""
    for attempt in range(TRIES):
        if attempt:
            world.clock.sleep(PAUSES[attempt - 1])
            world.store.assert_held()
        try:
            call()
        except (errors.TransportFailed, errors.ServerFailed) as lost:
            error = lost.message
        except errors.NotFound:
            return ""
        except errors.ApiError as refused:
            return refused.message
        else:
            return ""
    return error
