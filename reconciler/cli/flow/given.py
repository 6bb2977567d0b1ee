"""What the command line asks of plan, apply and destroy: one frozen value each, its fields named as click names the flags."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal.outputs import Target
from reconciler.core.plan import address, guards
from reconciler.core.plan.build import Options
from reconciler.core.plan.selection import Selection
from reconciler.transport.rate import Budget

Flags = TypeVar("Flags")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning(ABC):
    """What every command that makes a plan takes. `rate` is None where no budget was asked for."""

    select: tuple[str, ...]
    exclude: tuple[str, ...]
    allow_cancel: int
    allow_delete: int
    allow_empty: bool
    allow_older: bool
    impersonate: str
    rate: Budget | None
    targets: tuple[Target, ...]
    color: str

    @property
    @abstractmethod
    def options(self) -> Options:
        """What is asked of the planner."""

    @property
    def selection(self) -> Selection:
        """Which addresses are looked at."""
        return Selection(self.select, self.exclude)

    @property
    def allowed(self) -> guards.Allowed:
        """Which guards are lifted."""
        return guards.Allowed(self.allow_cancel, self.allow_delete, self.allow_empty, self.allow_older)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applying(Planning):
    """What every command that writes takes besides. `wait` is empty where nothing is waited for."""

    yes: bool
    wait: str
    timeout: float | None
    parallelism: int
    on_error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Planning):
    """The flags of `plan`. What was not given is None."""

    path: str
    out: str | None
    detailed_exitcode: bool
    against: str | None
    max_age: float | None
    changed_since: str | None
    rerun: tuple[str, ...]
    verbose: bool

    @property
    def options(self) -> Options:
        """What is asked of the planner."""
        return Options(self.selection, self.rerun, self.allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply(Applying):
    """The flags of `apply`. What was not given is None."""

    target: str
    expected: str | None
    revision: str | None
    max_age: float | None
    secret_env: tuple[str, ...]
    rerun: tuple[str, ...]

    @property
    def options(self) -> Options:
        """What is asked of the planner."""
        return Options(self.selection, self.rerun, self.allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destroy(Applying):
    """The flags of `destroy`."""

    path: str
    records: bool

    @property
    def allowed(self) -> guards.Allowed:
        """Which guards are lifted; that nothing is left is the very wish."""
        return guards.Allowed(self.allow_cancel, self.allow_delete, empty=True, older=self.allow_older)

    @property
    def options(self) -> Options:
        """What is asked of the planner."""
        return Options(self.selection, allowed=self.allowed, destroy=address.Destroy(self.records))


def as_one(flags: Callable[..., Flags]) -> Callable[[Callable[[Surroundings, Flags], int]], Callable[..., int]]:
    """Hand a command its flags as one value, built from click's parameters."""

    def decorate(command: Callable[[Surroundings, Flags], int]) -> Callable[..., int]:
        @wraps(command)
        def called(surroundings: Surroundings, /, **given: Any) -> int:
            return command(surroundings, flags(**given))

        return called

    return decorate
