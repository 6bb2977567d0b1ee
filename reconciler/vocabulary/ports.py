"""The protocols that edges implement and the engine uses. Nothing here knows how any of them works."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from reconciler.vocabulary.kinds import Kind, Phase
from reconciler.vocabulary.model import LedgerRun, Removal, Scope

Item = TypeVar("Item")
Result = TypeVar("Result")

Row = Mapping[str, Any]
"""One resource exactly as the API returned it."""


class Clock(Protocol):
    """Time as a port, so that a test can own it."""

    def now(self) -> float:
        """Seconds since the epoch, UTC, as this machine believes: for people to read, never for how long ago."""

    def monotonic(self) -> float:
        """Seconds from no moment in particular, which no setting of the machine's time moves: for durations."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


@dataclass(frozen=True, slots=True)
class Graph(Generic[Item]):
    """Items of work. `after` names by position the items that have to be done before one; without it this is a list."""

    items: tuple[Item, ...]
    after: Mapping[int, Collection[int]] = field(default_factory=dict)


class Executor(Protocol):
    """What does work side by side: threads here, processes or a cluster elsewhere, turns in a simulation."""

    def each(self, work: Callable[[Item], Result], graph: Graph[Item], width: int) -> list[Result]:
        """Do the same for every item, at most `width` at once and each after those that it waits for.

        Results keep the items' order, the first error is raised.
        """


class JobsApi(Protocol):
    """The job methods of any kind. Every method raises errors.ApiError or errors.TransportFailed."""

    def list(self, kind: Kind, scope: Scope, label_filter: str, mask: Sequence[str] = ()) -> Iterator[tuple[Row, ...]]:
        """Yield every page to the end. A refused mask is dropped and the list read in full."""

    def get(self, kind: Kind, resource: str) -> Row:
        """Read one job in full."""

    def create(self, kind: Kind, scope: Scope, body: Mapping[str, Any]) -> Row:
        """Start a job. Never repeated here: after a ServerFailed or TransportFailed it may exist."""

    def cancel(self, kind: Kind, resource: str) -> None:
        """Ask a job to stop. Returns once the API took the request, not once the job stopped."""

    def delete(self, kind: Kind, resource: str) -> None:
        """Delete a job's record and wait for the operation."""

    def patch_labels(self, kind: Kind, resource: str, labels: Mapping[str, str], etag: str) -> Row:
        """Replace the labels of a job whose etag is still `etag`."""

    def get_iam_policy(self, kind: Kind, resource: str) -> Row:
        """Read the job's policy with its etag."""

    def set_iam_policy(self, kind: Kind, resource: str, policy: Row) -> Row:
        """Write the whole policy; its etag guards against a lost update."""

    def test_iam_permissions(self, kind: Kind, resource: str, permissions: Sequence[str]) -> tuple[str, ...]:
        """Return the permissions of those asked that the caller has."""


class Ledger(Protocol):
    """Every run this stack ever started and how it ended. Records are immutable; writing one twice is harmless."""

    def runs(self) -> tuple[LedgerRun, ...]:
        """Every run, ordered by kind, name, number. `resource` is filled only where `phase` is None."""

    def started(self, run: LedgerRun) -> None:
        """Remember that a run exists."""

    def ended(self, run: LedgerRun, phase: Phase) -> None:
        """Remember how a run ended; the first outcome written stays."""

    def removal_changed(self, run: LedgerRun, removal: Removal) -> None:
        """Remember what the manifest of a run says now; `run` is as `runs` gave it. The last record counts.

        Of two records written at once the safest counts.
        """


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that was about to be sent. `run_key` is empty but for a create.

    `at` is in seconds since the epoch as its writer's machine believed: for people. `age` is the seconds since it was
    written, by the store's own clock, at the moment it was read; None where nobody can tell.
    """

    id: str
    address: str
    verb: str
    resource: str
    run_key: str
    at: float
    age: float | None = field(default=None, compare=False)


class Journal(Protocol):
    """The record of one apply: an intent before each write, an outcome after it, a closing line at the end."""

    def intent(self, address: str, verb: str, resource: str, run_key: str = "") -> Intent:
        """Write down, durably, what is about to be sent."""

    def outcome(self, intent: Intent, status: str, resource: str = "", error: str = "") -> None:
        """Write down what came of it."""

    def close(self) -> None:
        """Record that the plan was applied to its end."""


class Journals(Protocol):
    """All journals of a stack."""

    def open(self, digest: str) -> Journal:
        """Start the journal of a plan, or go on with the one a stopped apply left."""

    def open_intents(self) -> tuple[Intent, ...]:
        """Intents of any journal that have no outcome yet, each with its age."""

    def state(self, digest: str) -> str:
        """`none`, `open` or `closed`."""

    def intents(self, digest: str) -> tuple[Intent, ...]:
        """Every intent of one plan's open journal, whether or not it has an outcome; empty where there is none."""

    def settle(self, intent: Intent, status: str, resource: str = "") -> None:
        """Record what a later look-up found out about an open intent."""


class Secrets(Protocol):
    """Values that manifests name and nobody writes down."""

    def fill(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put values in place of references, just before sending. Raises errors.InputError for one not allowed."""

    def hide(self, text: str) -> str:
        """Take every value handed out so far back out of a text that will be shown or kept."""


KindScope = tuple[str, Scope]
"""The name of a kind, and a scope it was applied in."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a stack's lock, in words. `live` is False once a lease ran out by the store's own clock."""

    description: str
    live: bool


class Store(Protocol):
    """Where lock, ledger and journals live."""

    ledger: Ledger
    journals: Journals

    def require_format(self) -> None:
        """Refuse a store that a newer version wrote, before anything of it is read. Raises errors.StoreFailed.

        A store that says no format yet is fine: `lock` writes it.
        """

    def lock(self, purpose: str) -> AbstractContextManager[None]:
        """Hold the stack's lock; raises errors.LockHeld naming the holder, and what `require_format` raises."""

    def assert_held(self) -> None:
        """Make sure that the lock taken here is still ours, before a write. Raises errors.LockHeld.

        A journal's `intent` asks by itself. Without a lock taken here there is nothing to lose.
        """

    def holder(self) -> Holder | None:
        """Say who holds the lock, None where nobody does."""

    def break_lock(self) -> None:
        """Remove the lock of a holder that is gone. Raises errors.LockHeld where it is live."""

    def kind_scopes(self) -> tuple[KindScope, ...]:
        """Return every kind and scope this stack was ever applied to, ordered."""

    def remember_kind_scopes(self, kind_scopes: Iterable[KindScope]) -> None:
        """Remember kinds and scopes for good; those already known cost nothing."""

    def forget_kind_scopes(self, kind_scopes: Iterable[KindScope]) -> None:
        """Forget kinds and scopes that a person gave up; those not known cost nothing."""

    def applied_commit(self) -> str:
        """Return the commit that was applied last from a clean tree, empty where none is known."""

    def remember_commit(self, commit: str) -> None:
        """Remember which commit is being applied. Raises errors.StoreFailed."""
