"""The decision table: one row decides what happens to one run of one address, and every row has a name.

The table is data, total and ordered; the first row that matches wins. Who stands at the head of an address and what the
others are is settled in core.runs.heads before anybody asks here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.runs.heads import Spec
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import OnChange, Removal


class Wanted(StrEnum):
    """What the manifests want of an address; NOTHING where no manifest names it."""

    PRESENT = "present"
    CANCELLED = "cancelled"
    ABSENT = "absent"
    NOTHING = "nothing"


class Role(StrEnum):
    """The head decides the address under Present; the other runs only tidy up. Elsewhere every run is a HEAD."""

    HEAD = "head"
    OTHER = "other"


class Verdict(StrEnum):
    """What to do. ON_CHANGE in a row is replaced by what the manifest's onChange says."""

    NOOP = "noop"
    CREATE = "create"
    REPLACE = "replace"
    CANCEL = "cancel"
    DELETE = "delete"
    REFUSE = "refuse"
    ON_CHANGE = "onChange"


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a decision may depend on. `phase` is None where there is neither a live run nor a remembered one.

    `live` is False for a run that only the ledger remembers; an outcome nobody saw is ENDED_UNKNOWN. `marked` is False
    for a live run that lost our labels.
    """

    wanted: Wanted
    role: Role = Role.HEAD
    live: bool = True
    phase: Phase | None = None
    spec: Spec = Spec.EQUAL
    token_new: bool = False
    may_rerun: bool = False
    beyond_history: bool = False
    on_change: OnChange = OnChange.ASK
    removal: Removal = Removal.ASK
    can_delete: bool = True
    marked: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and its reason. `unwritten` marks a cancel that no policy wrote down and a number must allow."""

    verdict: Verdict
    reason: str
    unwritten: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. A condition that is None matches everything."""

    reason: str
    verdict: Verdict
    wanted: Wanted
    role: Role = Role.HEAD
    phases: Collection[Phase | None] | None = None
    live: bool | None = None
    spec: Collection[Spec] | None = None
    token_new: bool | None = None
    may_rerun: bool | None = None
    beyond_history: bool | None = None
    removal: Collection[Removal] | None = None
    can_delete: bool | None = None
    marked: bool | None = None
    unwritten: bool = False

    def matches(self, case: Situation) -> bool:
        """Say whether every condition of this row holds."""
        return (
            self.wanted is case.wanted
            and self.role is case.role
            and (self.phases is None or case.phase in self.phases)
            and (self.spec is None or case.spec in self.spec)
            and (self.removal is None or case.removal in self.removal)
            and self.live in (None, case.live)
            and self.token_new in (None, case.token_new)
            and self.may_rerun in (None, case.may_rerun)
            and self.beyond_history in (None, case.beyond_history)
            and self.can_delete in (None, case.can_delete)
            and self.marked in (None, case.marked)
        )


P, R, S = Phase.PENDING, Phase.RUNNING, Phase.STOPPING
WORKING = (P, R)
ACTIVE = (P, R, S)
UNSUCCESSFUL = (Phase.FAILED, Phase.CANCELLED, Phase.EXPIRED)
ENDED = (Phase.SUCCEEDED, *UNSUCCESSFUL, Phase.ENDED_UNKNOWN)
SAME = (Spec.EQUAL, Spec.MOVED)

_PRESENT, _CANCELLED, _ABSENT, _NOTHING = Wanted.PRESENT, Wanted.CANCELLED, Wanted.ABSENT, Wanted.NOTHING
_OTHER = Role.OTHER

TABLE: tuple[Row, ...] = (
    # The head of an address that a manifest wants present.
    Row("missing", Verdict.CREATE, _PRESENT, phases=(None,)),
    Row("unmarked", Verdict.NOOP, _PRESENT, live=True, phases=ACTIVE, marked=False),
    Row("rerun_asked", Verdict.CREATE, _PRESENT, phases=ENDED, spec=SAME, token_new=True),
    Row("rerun_asked", Verdict.ON_CHANGE, _PRESENT, phases=ACTIVE, spec=SAME, token_new=True),
    Row("unmarked", Verdict.NOOP, _PRESENT, live=True, phases=ENDED, spec=SAME, marked=False),
    Row("already_ran", Verdict.NOOP, _PRESENT, live=False, phases=(Phase.SUCCEEDED,), spec=SAME),
    Row("vanished", Verdict.NOOP, _PRESENT, live=False, phases=(Phase.ENDED_UNKNOWN,), spec=SAME),
    Row("moved", Verdict.ON_CHANGE, _PRESENT, phases=ACTIVE, spec=(Spec.MOVED,)),
    Row("up_to_date", Verdict.NOOP, _PRESENT, phases=(*WORKING, Phase.SUCCEEDED), spec=SAME),
    Row("stopping", Verdict.NOOP, _PRESENT, phases=(S,), spec=(Spec.EQUAL,)),
    Row("outcome_unknown", Verdict.NOOP, _PRESENT, phases=(Phase.ENDED_UNKNOWN,), spec=SAME),
    Row("rerun", Verdict.CREATE, _PRESENT, phases=UNSUCCESSFUL, spec=SAME, may_rerun=True),
    Row("ended_kept", Verdict.NOOP, _PRESENT, phases=UNSUCCESSFUL, spec=SAME),
    Row("spec_changed", Verdict.ON_CHANGE, _PRESENT, phases=ACTIVE, spec=(Spec.DIFFERS,)),
    Row("spec_changed", Verdict.CREATE, _PRESENT, phases=ENDED, spec=(Spec.DIFFERS,)),
    # The other live runs of the address.
    Row("unmarked", Verdict.NOOP, _PRESENT, _OTHER, live=True, phases=(*ACTIVE, *ENDED), marked=False),
    Row("duplicate", Verdict.CANCEL, _PRESENT, _OTHER, phases=WORKING, spec=SAME),
    Row("superseded", Verdict.ON_CHANGE, _PRESENT, _OTHER, phases=WORKING, spec=(Spec.DIFFERS,)),
    Row("stopping", Verdict.NOOP, _PRESENT, _OTHER, phases=(S,)),
    Row("history", Verdict.DELETE, _PRESENT, _OTHER, phases=ENDED, beyond_history=True, can_delete=True),
    Row("cannot_delete", Verdict.NOOP, _PRESENT, _OTHER, phases=ENDED, beyond_history=True),
    Row("kept", Verdict.NOOP, _PRESENT, _OTHER, phases=ENDED),
    # Every run of an address that a manifest wants cancelled.
    Row("unmarked", Verdict.NOOP, _CANCELLED, live=True, phases=(*ACTIVE, *ENDED), marked=False),
    Row("cancel_wanted", Verdict.CANCEL, _CANCELLED, phases=WORKING),
    Row("stopping", Verdict.NOOP, _CANCELLED, phases=(S,)),
    Row("not_active", Verdict.NOOP, _CANCELLED),
    # Every run of an address that a manifest wants absent.
    Row("unmarked", Verdict.NOOP, _ABSENT, live=True, phases=(*ACTIVE, *ENDED), marked=False),
    Row("delete_wanted", Verdict.DELETE, _ABSENT, live=True, phases=(*ACTIVE, *ENDED), can_delete=True),
    Row("cancel_wanted", Verdict.CANCEL, _ABSENT, live=True, phases=WORKING),
    Row("stopping", Verdict.NOOP, _ABSENT, live=True, phases=(S,)),
    Row("cannot_delete", Verdict.NOOP, _ABSENT, live=True, phases=ENDED),
    Row("absent", Verdict.NOOP, _ABSENT),
    # Every run that no manifest names any more.
    Row("unmarked", Verdict.NOOP, _NOTHING, live=True, phases=(*ACTIVE, *ENDED), marked=False),
    Row("removed", Verdict.DELETE, _NOTHING, phases=(*ACTIVE, *ENDED), removal=(Removal.DELETE,), can_delete=True),
    Row("removed", Verdict.CANCEL, _NOTHING, phases=WORKING, removal=(Removal.CANCEL, Removal.DELETE)),
    Row("removed", Verdict.CANCEL, _NOTHING, phases=WORKING, removal=(Removal.ASK,), unwritten=True),
    Row("cannot_delete", Verdict.NOOP, _NOTHING, phases=ENDED, removal=(Removal.DELETE,)),
    Row("kept", Verdict.NOOP, _NOTHING),
)

ON_CHANGE: dict[tuple[Role, OnChange], tuple[Verdict, str, bool]] = {
    (Role.HEAD, OnChange.REPLACE): (Verdict.REPLACE, "", False),
    (Role.HEAD, OnChange.ASK): (Verdict.REPLACE, "", True),
    (Role.HEAD, OnChange.KEEP): (Verdict.NOOP, "change_kept", False),
    (Role.HEAD, OnChange.REFUSE): (Verdict.REFUSE, "change_refused", False),
    (Role.OTHER, OnChange.REPLACE): (Verdict.CANCEL, "", False),
    (Role.OTHER, OnChange.ASK): (Verdict.CANCEL, "", True),
    (Role.OTHER, OnChange.KEEP): (Verdict.NOOP, "change_kept", False),
    (Role.OTHER, OnChange.REFUSE): (Verdict.REFUSE, "change_refused", False),
}
"""What a row's ON_CHANGE becomes: verdict, reason (empty keeps the row's), and whether a number must allow it."""


def decide(case: Situation, table: tuple[Row, ...] = TABLE) -> Decision:
    """Return what the first matching row says."""
    row = next(row for row in table if row.matches(case))
    if row.verdict is not Verdict.ON_CHANGE:
        return Decision(row.verdict, row.reason, row.unwritten)
    verdict, reason, asks = ON_CHANGE[case.role, case.on_change]
    working = case.phase in WORKING  # a run that is stopping anyway costs nothing more
    return Decision(verdict, reason or row.reason, asks and working)
