"""Create a job once. The API knows no request id: a create whose reply was lost is looked up by its run key first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.runs import heads, labels, names
from reconciler.engine.reading import rows, settle
from reconciler.engine.world import World
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import IdForm, Kind
from reconciler.vocabulary.model import Run, Scope, Stack
from reconciler.vocabulary.plans import Status
from reconciler.vocabulary.wire import LONGEST_RETRY_AFTER

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0)
"""Seconds between two sendings that were turned away for their rate, unless the service asks for more."""

LISTS = 3
"""A quiet look-up takes at least this many complete lists before a create is sent again."""


@dataclass(frozen=True, slots=True)
class Created:
    """What came of a create; `run` is there where the job is known to exist."""

    status: Status
    run: Run | None = None
    error: str = ""


def create(
    world: World, stack: Stack, kind: Kind, scope: Scope, body: Mapping[str, Any], intend: Callable[[], None]
) -> Created:
    """Send a create, at most twice, and never again before its absence was proven.

    `intend` is called right before each sending: waiting for a turn, or after being turned away, comes before it, so
    that the time of an intent is the time from which lists may lag.
    """
    reason = ""
    for _ in range(2):
        try:
            row = _send(world, kind, scope, body, intend)
        except errors.StoreFailed as unwritten:
            if not reason:
                raise
            return Created(Status.UNCERTAIN, error=f"{reason}; not sent again: {unwritten.message}")
        except errors.Conflict as taken:
            return _taken(world, kind, scope, body, taken)
        except errors.TransportFailed as lost:
            if not lost.sent:
                return Created(Status.FAILED, error=lost.message)
            reason = lost.message
        except errors.ServerFailed as failed:
            reason = failed.message
        except errors.ApiError as refused:
            return Created(Status.FAILED, error=refused.message)
        else:
            made = rows.read_run(row, kind, scope)
            if made is not None and made.resource and made.run_key == body["labels"][labels.RUN]:
                return Created(Status.CREATED, made)
            reason = f"the reply to the create in {names.collection(kind, scope)} is not the job that was sent"
        try:
            found = look_up(world, stack, kind, scope, body)
        except errors.ReconcilerError as blind:
            return Created(Status.UNCERTAIN, error=f"{reason}; looking for the job failed too: {blind.message}")
        if found is not None:
            return Created(Status.CREATED, found)
    return Created(Status.UNCERTAIN, error=f"{reason}; sent twice, and no such job was seen")


def _send(
    world: World, kind: Kind, scope: Scope, body: Mapping[str, Any], intend: Callable[[], None]
) -> Mapping[str, Any]:
    """Send once it is our turn; a 429 for the rate says that nothing was carried out, so it is sent again."""
    for pause in PAUSES:
        world.turn(scope.project)
        intend()
        try:
            return world.api.create(kind, scope, body)
        except errors.RateLimited as busy:
            if busy.retry_after > LONGEST_RETRY_AFTER:
                raise
            world.clock.sleep(max(pause, busy.retry_after))
    world.turn(scope.project)
    intend()
    return world.api.create(kind, scope, body)


def look_up(world: World, stack: Stack, kind: Kind, scope: Scope, body: Mapping[str, Any]) -> Run | None:
    """Look for a run by its key until `settle` has passed quietly; None proves its absence as far as lists can."""
    until = world.clock.monotonic() + stack.settle
    lists = 0
    while True:
        asked = world.clock.monotonic()
        found = find(world, kind, scope, body)
        lists += 1
        if found is not None:
            return found
        if asked >= until and lists >= LISTS:
            return None
        left = until - world.clock.monotonic()
        world.clock.sleep(min(settle.POLL, left) if left > 0 else settle.POLL / 5)


def find(world: World, kind: Kind, scope: Scope, body: Mapping[str, Any]) -> Run | None:
    """Return the oldest live run with the body's run key, by its id where we chose it, else from a complete list."""
    key = body["labels"][labels.RUN]
    if kind.id_form is IdForm.CLIENT:
        try:
            row = world.api.get(kind, f"{names.collection(kind, scope)}/{body[kind.id_field]}")
        except errors.NotFound:
            return None
        run = rows.read_run(row, kind, scope)
        return run if run and run.run_key == key else None
    listed = [row for page in world.api.list(kind, scope, labels.run_filter(key), kind.list_mask) for row in page]
    runs = [run for run in (rows.read_run(row, kind, scope) for row in listed) if run and run.run_key == key]
    return heads.order(runs)[0] if runs else None


def _taken(world: World, kind: Kind, scope: Scope, body: Mapping[str, Any], taken: errors.Conflict) -> Created:
    """An id that is taken is ours where the run key is: an earlier reply was lost."""
    try:
        found = find(world, kind, scope, body)
    except errors.ReconcilerError as blind:
        return Created(Status.UNCERTAIN, error=f"{taken.message}; looking at the job failed: {blind.message}")
    if found is not None:
        return Created(Status.CREATED, found)
    return Created(Status.FAILED, error=f"{taken.message}; the id belongs to a job that is not this run")
