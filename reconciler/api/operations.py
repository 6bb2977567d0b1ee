"""Follows a long-running operation to its end. Knows nothing of what the operation does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.api import envelopes
from reconciler.vocabulary import errors
from reconciler.vocabulary.ports import Clock

FIRST_WAIT = 1.0
GROWTH = 1.5
LONGEST_WAIT = 20.0
PATIENCE = 900.0
"""Seconds: google-api-core 2.44 polls operations after 1 s, 1.5 times longer each time up to 20 s, 15 min in all."""


def finish(operation: Mapping[str, Any], poll: Callable[[str], Mapping[str, Any]], clock: Clock, what: str) -> None:
    """Wait until an operation is done; `poll` reads it by its name as the API gave it.

    Deletes of jobs answer with an operation that is done already (recorded: Cloud Custodian, 2026); `done: false` is
    a missing key. Raises errors.ApiError with the operation's error, errors.TransportFailed where its end is not
    known after 15 minutes or it vanished.
    """
    started = clock.monotonic()
    wait = FIRST_WAIT
    name = operation.get("name")
    while not operation.get("done"):
        if not isinstance(name, str) or not name:
            raise errors.TransportFailed(
                f"{what}: the reply is no operation", "it may have been carried out all the same"
            )
        if clock.monotonic() - started >= PATIENCE:
            raise errors.TransportFailed(f"{what}: {name} is not done after 15 minutes", "look again later")
        clock.sleep(wait)
        wait = min(wait * GROWTH, LONGEST_WAIT)
        try:
            operation = poll(name)
        except errors.NotFound as gone:
            raise errors.TransportFailed(f"{what}: {name} vanished before its end was seen", "plan again") from gone
    error = operation.get("error")
    if isinstance(error, dict):
        raise envelopes.operation_failure(error, what)
