"""The values of a plan and of what came of it: changes, operations, assertions, outcomes. Frozen, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Json, Removal, Scope, Source

# ---------------------------------------------------------------- what is planned


class Action(StrEnum):
    """What a change does to its address."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    CANCEL = "cancel"
    DELETE = "delete"
    NOOP = "noop"

    @property
    def rank(self) -> int:
        """The place in the order of printing; where one change does several things, the first of them names it."""
        return _RANKS[self]

    @property
    def symbol(self) -> str:
        """What stands before it in every form of a plan."""
        return ACTIONS[self].symbol

    @property
    def starts(self) -> bool:
        """True where a run is started."""
        return ACTIONS[self].starts

    @property
    def ends(self) -> bool:
        """True where a run is stopped or its record deleted: what a reviewer must not overlook."""
        return ACTIONS[self].ends


@dataclass(frozen=True, slots=True)
class Effect:
    """What an action does to runs, and its symbol."""

    symbol: str
    starts: bool = False
    ends: bool = False


ACTIONS: Mapping[Action, Effect] = {
    Action.CREATE: Effect("+", starts=True),
    Action.UPDATE: Effect("~"),
    Action.REPLACE: Effect("-/+", starts=True, ends=True),
    Action.CANCEL: Effect("x", ends=True),
    Action.DELETE: Effect("-", ends=True),
    Action.NOOP: Effect("="),
}
"""The one table of actions, in the order of printing."""

_RANKS = {action: rank for rank, action in enumerate(ACTIONS)}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs. `before` or `after` is `ABSENT` where the side does not have it.

    `cls` says what the field is about (image, resources, scheduling …); `sensitive` values are never rendered.
    """

    path: str
    before: Json
    after: Json
    cls: str
    sensitive: bool = False


class _Absent:
    """The value of a field that is not there, told apart from null."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "ABSENT"  # the same value in every process: it is told by identity


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Operation:
    """One API call. `resource` is the job, or the collection for a create; `body` is None where the call has none."""

    verb: str
    resource: str
    reason: str
    body: Json = None


@dataclass(frozen=True, slots=True)
class Assertion:
    """What must still hold before the first write. A collection that must not hold a run carries `exists` False."""

    resource: str
    exists: bool
    active: bool = False
    run: str = ""


@dataclass(frozen=True, slots=True)
class OnRemoval:
    """What a manifest says today of live runs, by run key, that were marked or recorded otherwise. Apply records it."""

    policy: Removal
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Everything a plan does to one address, and why. `notes` tell what no call follows from.

    `on_removal` is None where no live run has to learn of another policy.
    """

    address: str
    scope: Scope
    action: Action
    reason: str
    source: Source | None
    operations: tuple[Operation, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    assertions: tuple[Assertion, ...] = ()
    notes: tuple[str, ...] = ()
    start_time: str = ""
    on_removal: OnRemoval | None = None


@dataclass(frozen=True, slots=True)
class Blocker:
    """What a guard blocks. `needs` holds the numbers that would allow it, empty where nothing does."""

    rule: str
    message: str
    needs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScopeCount:
    """How many runs of the stack one list returned.

    `lacking` says why the list is known not to show everything, empty where it does; a plan never carries it here.
    """

    kind: str
    scope: Scope
    runs: int
    lacking: str = ""


@dataclass(frozen=True, slots=True)
class QuotaTime:
    """The minutes that a budget of requests makes the writes of a plan take. `limit` times `what` go in a minute."""

    project: str
    minutes: int
    limit: int
    what: str


class Lineage(StrEnum):
    """How the commit of a plan stands to the one that was applied last. FIRST where none was."""

    FIRST = "first"
    SAME = "same"
    NEWER = "newer"
    OLDER = "older"
    DIVERGED = "diverged"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Against:
    """The snapshot that a plan was made against in place of the live jobs: its digest, and when it was taken."""

    digest: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Part:
    """What narrowed a plan: globs of addresses, in order, and the Git ref of --changed-since, empty where none was given."""

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    changed_since: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The complete recipe. `revision` is the Git commit the manifests came from, empty outside Git.

    `dirty` says whether manifests differ from that commit, None where nobody could tell; `differs` names the first files
    that do, and `unknown` is Git's own sentence about what it would not tell.

    `against` is None where the live jobs themselves were read, `part` where every address was looked at.

    `quota_time` is for people and no part of what is saved or approved: it hangs on how somebody applies.
    """

    stack: str
    uid: str
    backend: str
    revision: str
    dirty: bool | None
    scopes: tuple[ScopeCount, ...]
    blocked: tuple[Blocker, ...]
    changes: tuple[Change, ...]
    quota_time: QuotaTime | None = None
    against: Against | None = None
    differs: tuple[str, ...] = ()
    unknown: str = ""
    part: Part | None = None

    @property
    def has_changes(self) -> bool:
        """True where apply would call anything."""
        return any(change.action is not Action.NOOP for change in self.changes)

    def summary(self) -> dict[str, int]:
        """Count the changes by action; every action is a key."""
        counts = {action.value: 0 for action in Action}
        for change in self.changes:
            counts[change.action.value] += 1
        return counts


# ---------------------------------------------------------------- what was done


class Status(StrEnum):
    """How one operation of an apply came out."""

    CREATED = "created"
    UPDATED = "updated"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    DELETED = "deleted"
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    UNCERTAIN = "uncertain"
    REPLACED_HALF = "replaced_half"
    FAILED = "failed"

    @property
    def stuck(self) -> bool:
        """True where work is left for the next apply."""
        return self in (Status.FAILED, Status.UNCERTAIN, Status.REPLACED_HALF)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one operation of one change; `resource` is the live job it ended at.

    A run that was started and could not be written down is `created` or `replaced`, with an error.
    """

    address: str
    operation: str
    status: Status
    resource: str = ""
    error: str = ""

    @property
    def stuck(self) -> bool:
        """True where work is left for the next apply, be it only to write down what this one did."""
        return self.status.stuck or (self.status in (Status.CREATED, Status.REPLACED) and bool(self.error))


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of an apply. `unstarted` are addresses that were left alone after a failure or an interrupt.

    `broken` is what ended it all, such as a lost lock: to be raised once it is told what was done.
    """

    outcomes: tuple[Outcome, ...]
    unstarted: tuple[str, ...] = ()
    broken: errors.ReconcilerError | None = None
