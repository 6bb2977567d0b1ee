"""What the supervisor asks of the stored jobs, and what passes between the two. It holds no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from reconciler.emulator.state.rows import Key


class Move(StrEnum):
    """Where a run takes its job; the states of every kind end so."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Standing:
    """What others did to a job: it has an end already, or was asked to be cancelled."""

    over: bool
    cancelled: bool


class Jobs(Protocol):
    """The jobs as the emulator has them."""

    def now(self) -> float:
        """Return the time the jobs live by, in seconds since the epoch."""

    def standing(self, key: Key) -> Standing | None:
        """Say how a job stands, None for one that is gone."""

    def move(self, key: Key, to: Move, code: int = 0, message: str = "") -> bool:
        """Take a job to a state. False where it is gone or over, or is to be cancelled and would go on."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ends; `to` is None where the job has an end already. `code` is a gRPC number."""

    to: Move | None
    code: int = 0
    message: str = ""
    note: str = ""
