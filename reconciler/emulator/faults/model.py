"""Faults as data: which calls each one hits, and what it does to them. It carries nothing out."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar

LONGEST = 600.0
"""Seconds: the bound of a delay or a lag, ten times what a client waits for a reply."""


@dataclass(frozen=True, slots=True)
class Status:
    """Answer with a status. `body` is a form of broken_replies.BODIES; `carried_out` does first what was asked.

    `reason` is the canonical name, by default the one that goes with the code; `retry_after` seconds become a header.
    """

    code: int
    body: str = "envelope"
    reason: str = ""
    message: str = ""
    retry_after: int | None = None
    carried_out: bool = False


@dataclass(frozen=True, slots=True)
class DropBefore:
    """Cut the connection before anything happened.

    In process `sent` False tells the caller that the request never left, as a refused connection does; over HTTP the
    caller cannot know.
    """

    sent: bool = True
    carried_out: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class DropAfter:
    """Do what was asked and lose the reply."""

    carried_out: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Truncate:
    """Do what was asked and send the whole content-length with half a body."""

    carried_out: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Garbage:
    """Do what was asked and answer 200 with something that is no JSON."""

    carried_out: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Delay:
    """Let `seconds` pass before anything happens."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RowShift:
    """Move `rows` rows between pages while a list is read: `missed` by the later page, or shown `twice`."""

    how: str
    rows: int = 1


@dataclass(frozen=True, slots=True)
class ListLag:
    """Show a list as it was `seconds` ago: what was created, changed or deleted since is not seen."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CancelLoses:
    """Take a cancel and let the job end in another state all the same: SUCCEEDED or FAILED."""

    state: str = "SUCCEEDED"


@dataclass(frozen=True, slots=True)
class MaskRefused:
    """Refuse a list's readMask with 400."""


@dataclass(frozen=True, slots=True)
class MaskIgnored:
    """Answer full rows in spite of a readMask."""


@dataclass(frozen=True, slots=True)
class ShortPages:
    """Put at most `rows` rows on a page, however many were asked for."""

    rows: int = 1


@dataclass(frozen=True, slots=True)
class EmptyPage:
    """Answer a page without rows whose token goes on where it stood."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Answer the last page of a list without rows, naming the location in `unreachable` (AIP-217).

    The lists of these kinds do not declare the field (discovery aiplatform v1 rev 20261106, ml v1 rev 20251213); other
    services' do, and a reader that passes it over takes a part for the whole.
    """


ReplyFault = Status | DropBefore | DropAfter | Truncate | Garbage
"""What a caller gets instead of the reply; of those that hit one call only the first counts."""

MethodFault = RowShift | ListLag | CancelLoses | MaskRefused | MaskIgnored | ShortPages | EmptyPage | Unreachable
"""What a method does otherwise than asked."""

Action = Delay | ReplyFault | MethodFault

NAMES: Mapping[str, type[Action]] = {
    "status": Status,
    "drop_before": DropBefore,
    "drop_after": DropAfter,
    "delay": Delay,
    "truncate": Truncate,
    "garbage": Garbage,
    "row_shift": RowShift,
    "list_lag": ListLag,
    "cancel_loses": CancelLoses,
    "mask_refused": MaskRefused,
    "mask_ignored": MaskIgnored,
    "short_pages": ShortPages,
    "empty_page": EmptyPage,
    "unreachable": Unreachable,
}
"""Actions by the name they have in files."""

ONLY: Mapping[type[Action], str] = {CancelLoses: "cancel"} | dict.fromkeys(
    (RowShift, ListLag, MaskRefused, MaskIgnored, ShortPages, EmptyPage, Unreachable), "list"
)
"""The one method that an action can hit; any where it is not named."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a fault may look at in a call: the HTTP method, what it means, where, and for lists how it pages.

    `service` and `title` name the API in error texts.
    """

    http: str
    method: str
    path: str
    kind: str
    masked: bool = False
    continued: bool = False
    service: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Empty text matches anything.

    `method` is the API's (create, list …), `operation`, or an HTTP method; `path` a glob whose `*` crosses slashes.
    Of the calls that match, counted from 1, it hits those from `first` to `last` whose number `every` divides, with
    a `probability` that `seed` and number decide.
    """

    action: Action
    method: str = ""
    path: str = ""
    kind: str = ""
    first: int = 1
    last: int | None = None
    every: int = 1
    probability: float = 1.0
    seed: int = 0

    def matches(self, asked: Asked) -> bool:
        """Say whether a call is one to be counted."""
        if self.method not in ("", asked.method, asked.http) or self.kind not in ("", asked.kind):
            return False
        if self.path and not fnmatchcase(asked.path, self.path):
            return False
        if isinstance(self.action, MaskRefused | MaskIgnored) and not asked.masked:
            return False
        if isinstance(self.action, RowShift) and not asked.continued:
            return False
        return ONLY.get(type(self.action), asked.method) == asked.method

    def hits(self, number: int) -> bool:
        """Say whether the matching call of a number, from 1, is hit. The same number gets the same answer always."""
        if number < self.first or (self.last is not None and number > self.last) or number % self.every:
            return False
        return self.probability >= 1 or random.Random(f"{self.seed}:{number}").random() < self.probability


def show(fault: Fault) -> dict[str, Any]:
    """Write a fault as files have it, without what is as by default."""
    shown: dict[str, Any] = {"action": next(name for name, kind in NAMES.items() if kind is type(fault.action))}
    shown |= _said(fault.action)
    shown |= {name: value for name, value in _said(fault).items() if name not in ("action", "first", "last")}
    if fault.first == fault.last:
        shown["nth"] = fault.first
    elif fault.first != 1 or fault.last is not None:
        shown["nth"] = [fault.first, fault.last]
    return shown


def _said(value: Any) -> dict[str, Any]:
    fields = dataclasses.fields(value)
    return {each.name: getattr(value, each.name) for each in fields if getattr(value, each.name) != each.default}
