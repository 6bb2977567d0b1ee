"""The values that flow from manifest to decision: what is written, wanted and there. Frozen, ordered, no behaviour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reconciler.vocabulary.kinds import Phase

Json = Any
"""A JSON value: dict, list, str, int, float, bool or None."""

FieldPath = tuple[str | int, ...]
"""Keys and indexes from a document's root, such as ("spec", "jobSpec", "workerPoolSpecs", 0)."""


def address_of(kind: str, name: str) -> str:
    """Name a job inside a stack: `Kind/name`."""
    return f"{kind}/{name}"


def parts_of(address: str) -> tuple[str, str]:
    """Split an address into kind and name; what is missing is empty."""
    kind, _, name = address.partition("/")
    return kind, name


def show_path(path: FieldPath) -> str:
    """Write a path as people do: `spec.jobSpec.workerPoolSpecs[0].replicaCount`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


# ---------------------------------------------------------------- places and problems


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column count from 1; 0 means that no place inside the file is known."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return self.file if not self.line else f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    """An error stops the command; a warning is told."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input: what, where, and what to do about it.

    `rule` is a stable id such as `unknown-field`. `document` is the index of the document in its file and `path` the
    field inside it; `place` is filled in by files.positions once somebody wants to read the problem.
    """

    rule: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    file: str = ""
    document: int = 0
    path: FieldPath = ()
    address: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of one stack found.

    `documents` are the places where its documents start, by file and index, each with its address where it has one.
    `prefix` leads from the root of the repository to the stack: empty, or ending with a slash.
    """

    problems: tuple[Problem, ...]
    documents: tuple[tuple[Place, int, str], ...] = ()
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML or JSON document as read. `file` is relative to the stack; `line` is where the document starts."""

    file: str
    index: int
    line: int
    value: Json
    prefix: FieldPath = ()
    """Where `value` stands inside the file's document: ("items", 3) for the items of a `kind: List`."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """A file that a commit has and only the folder lacks; `file` is empty where that may be any.

    `addresses` are those that it declares, None where nobody can tell.
    """

    file: str
    addresses: frozenset[str] | None


# ---------------------------------------------------------------- what is wanted


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Where jobs live. `location` is empty for APIs without locations."""

    project: str
    location: str = ""

    def __str__(self) -> str:
        return f"{self.project}/{self.location}" if self.location else self.project


class DesiredState(StrEnum):
    """What a manifest wants of its job."""

    PRESENT = "Present"
    CANCELLED = "Cancelled"
    ABSENT = "Absent"


class OnChange(StrEnum):
    """What to do with an active run whose spec changed."""

    ASK = "ask"
    REPLACE = "replace"
    KEEP = "keep"
    REFUSE = "refuse"


class Removal(StrEnum):
    """What to do with a run that no manifest names any more. From safest to least safe: keep, ask, cancel, delete."""

    KEEP = "keep"
    ASK = "ask"
    CANCEL = "cancel"
    DELETE = "delete"


def safest(policies: Iterable[Removal]) -> Removal:
    """Return the policy that does least to a run. Raises ValueError where there is none to choose from."""
    return min(policies, key=tuple(Removal).index)


@dataclass(frozen=True, slots=True)
class Rerun:
    """When a spec may run again. `on` holds phases; `maximum` counts all runs of one spec."""

    on: tuple[Phase, ...] = ()
    maximum: int = 3
    token: str = ""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A manifest's `lifecycle`, defaults filled in. `history` None keeps every finished run."""

    desired: DesiredState = DesiredState.PRESENT
    on_change: OnChange = OnChange.ASK
    on_removal: Removal = Removal.ASK
    rerun: Rerun = field(default_factory=Rerun)
    history: int | None = None
    protect: bool = False
    ignore_changes: tuple[str, ...] = ()

    @property
    def removal(self) -> Removal:
        """What to do with the run once no manifest names it: a protected one is kept."""
        return Removal.KEEP if self.protect else self.on_removal


@dataclass(frozen=True, slots=True)
class Source:
    """Where a manifest was written."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Desired:
    """One manifest after validation.

    `spec` is in the API's camelCase spelling with nulls dropped and scalars in canonical form; it says only what the
    user wrote (no defaults), and `fingerprint` is its hash. `iam` is the policy's bindings, or None where the manifest
    is silent.
    """

    kind: str
    name: str
    scope: Scope
    spec: Mapping[str, Json]
    fingerprint: str
    labels: Mapping[str, str]
    lifecycle: Lifecycle
    source: Source
    formerly: str = ""
    iam: tuple[Mapping[str, Json], ...] | None = None

    @property
    def address(self) -> str:
        """`Kind/name`."""
        return address_of(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares of the stack's runs that one plan may cancel or delete, in force once there are `start` runs."""

    cancel: float = 0.3
    delete: float = 0.3
    start: int = 10


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack file, defaults filled in. `root` is the directory it stands in; `settle` is in seconds.

    `former_uids` are uids whose runs this stack takes over.

    `kinds` is empty where the file does not narrow them. `store` is a folder relative to root, or `none`.
    """

    name: str
    uid: str
    root: str
    backend: str
    scopes: tuple[Scope, ...]
    kinds: tuple[str, ...]
    default_project: str
    default_location: str
    default_labels: Mapping[str, str]
    default_lifecycle: Mapping[str, Json]
    manifests: tuple[str, ...]
    ignore: tuple[str, ...]
    limits: Limits
    store: str
    settle: float
    former_uids: tuple[str, ...] = ()

    def owns(self, uid: str) -> bool:
        """Say whether runs marked with this uid are ours to change."""
        return uid == self.uid or uid in self.former_uids


# ---------------------------------------------------------------- what is there


@dataclass(frozen=True, slots=True)
class Run:
    """One live job that carries our mark, or that we know to be ours although it lost it (`marked` False).

    `name` is the manifest name from its labels, `number` the n of its run key (0 where the label is unreadable).
    `row` is the resource as the list returned it and may be trimmed; nothing may diff it. Of an unmarked job name,
    number and all that its labels said come from whoever knows it: the ledger, or its id.
    """

    kind: str
    name: str
    scope: Scope
    resource: str
    phase: Phase
    state: str
    create_time: str
    end_time: str
    error: str
    owner: str
    fingerprint: str
    run_key: str
    number: int
    token: str
    removal: Removal | None
    row: Mapping[str, Json] = field(repr=False)
    marked: bool = True

    @property
    def address(self) -> str:
        """`Kind/name`."""
        return address_of(self.kind, self.name)

    @property
    def active(self) -> bool:
        """True while the run may cost money."""
        return self.phase.active

    @property
    def since(self) -> str:
        """The time it started at, of its create where it did not start yet."""
        return str(self.row.get("startTime") or self.create_time)


@dataclass(frozen=True, slots=True)
class LedgerRun:
    """One run as the ledger remembers it. `phase` is None until an outcome was recorded; `resource` may be empty.

    `removal` is the policy last recorded, and `removals` how often it was recorded anew since the run started.
    """

    kind: str
    name: str
    number: int
    run_key: str
    fingerprint: str
    token: str
    removal: Removal
    phase: Phase | None
    resource: str = ""
    removals: int = 0

    @property
    def address(self) -> str:
        """`Kind/name`."""
        return address_of(self.kind, self.name)
