"""Planted bugs: parts of a process that are wrong in one way each. Product code knows nothing of them.

Each is what a plausible implementation would do, and each breaks a law within a few hundred seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from reconciler.core.runs import labels
from reconciler.engine.writing.apply import Applier, Settings
from reconciler.vocabulary import errors, ports
from reconciler.vocabulary.kinds import Kind, Phase
from reconciler.vocabulary.model import LedgerRun, Removal, Scope
from reconciler.vocabulary.plans import Applied, Plan, Status
from reconciler.vocabulary.ports import Intent, Journal, Row
from tests.simulation.site import Parts
from tests.support.store import Front


class Jobs:
    """vocabulary.ports.JobsApi that passes everything on; a bug changes one method."""

    def __init__(self, api: ports.JobsApi) -> None:
        self._api = api

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def list(self, kind: Kind, scope: Scope, label_filter: str, mask: Sequence[str] = ()) -> Iterator[tuple[Row, ...]]:
        return self._api.list(kind, scope, label_filter, mask)

    def get(self, kind: Kind, resource: str) -> Row:
        return self._api.get(kind, resource)

    def create(self, kind: Kind, scope: Scope, body: Mapping[str, Any]) -> Row:
        return self._api.create(kind, scope, body)


class Resending(Jobs):
    """A create whose reply was lost is sent again at once."""

    def create(self, kind: Kind, scope: Scope, body: Mapping[str, Any]) -> Row:
        try:
            return self._api.create(kind, scope, body)
        except (errors.TransportFailed, errors.ServerFailed):
            return self._api.create(kind, scope, body)


class Blind(Jobs):
    """A list that fails shows nothing."""

    def list(self, kind: Kind, scope: Scope, label_filter: str, mask: Sequence[str] = ()) -> Iterator[tuple[Row, ...]]:
        try:
            yield from self._api.list(kind, scope, label_filter, mask)
        except (errors.ApiError, errors.TransportFailed):
            yield ()


class Hasty(Jobs):
    """Only the first page of a list is read."""

    def list(self, kind: Kind, scope: Scope, label_filter: str, mask: Sequence[str] = ()) -> Iterator[tuple[Row, ...]]:
        yield next(iter(self._api.list(kind, scope, label_filter, mask)))


class ByName(Jobs):
    """Runs are looked for by the stack's name alone."""

    def list(self, kind: Kind, scope: Scope, label_filter: str, mask: Sequence[str] = ()) -> Iterator[tuple[Row, ...]]:
        if labels.OWNER in label_filter:
            yield ()
        else:
            yield from self._api.list(kind, scope, label_filter, mask)


class Faithless(Jobs):
    """A job that lost our labels is taken as gone."""

    def get(self, kind: Kind, resource: str) -> Row:
        row = self._api.get(kind, resource)
        if labels.OWNER not in (row.get("labels") or {}):
            raise errors.NotFound(f"{resource} is not ours", status=404, code="NOT_FOUND")
        return row


class Backwards(Jobs):
    """Of two runs the newest counts as the oldest: times run backwards."""

    def list(self, kind: Kind, scope: Scope, label_filter: str, mask: Sequence[str] = ()) -> Iterator[tuple[Row, ...]]:
        for page in self._api.list(kind, scope, label_filter, mask):
            yield tuple(map(_mirrored, page))

    def get(self, kind: Kind, resource: str) -> Row:
        return _mirrored(self._api.get(kind, resource))


def _mirrored(row: Row) -> Row:
    start = datetime.fromisoformat("2025-01-01T00:00:00+00:00")
    at = start + timedelta(days=3650) - (datetime.fromisoformat(row["createTime"]) - start)
    return {**row, "createTime": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}


@dataclass(frozen=True)
class Books:
    """vocabulary.ports.Ledger whose reading is bent."""

    ledger: ports.Ledger
    bend: Callable[[LedgerRun], LedgerRun | None]

    def runs(self) -> tuple[LedgerRun, ...]:
        return tuple(bent for run in self.ledger.runs() if (bent := self.bend(run)) is not None)

    def started(self, run: LedgerRun) -> None:
        self.ledger.started(run)

    def ended(self, run: LedgerRun, phase: Phase) -> None:
        self.ledger.ended(run, phase)

    def removal_changed(self, run: LedgerRun, removal: Removal) -> None:
        self.ledger.removal_changed(run, removal)


@dataclass(frozen=True)
class Forgetful(Books):
    """What a manifest says after the start is not recorded."""

    def removal_changed(self, run: LedgerRun, removal: Removal) -> None:
        del run, removal


def _forgetful(store: ports.Store) -> ports.Store:
    front = Front(store)
    front.ledger = Forgetful(store.ledger, lambda run: run)
    return front


def _bent(bend: Callable[[LedgerRun], LedgerRun | None]) -> Callable[[ports.Store], ports.Store]:
    def wrap(store: ports.Store) -> ports.Store:
        front = Front(store)
        front.ledger = Books(store.ledger, bend)
        return front

    return wrap


class LateJournals:
    """vocabulary.ports.Journals whose intents are written once their outcome is known."""

    def __init__(self, journals: ports.Journals) -> None:
        self._journals = journals

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journals, name)

    def open(self, digest: str) -> Journal:
        return LateJournal(self._journals.open(digest))


class LateJournal:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def intent(self, address: str, verb: str, resource: str, run_key: str = "") -> Intent:
        return Intent("", address, verb, resource, run_key, 0.0)

    def outcome(self, intent: Intent, status: str, resource: str = "", error: str = "") -> None:
        written = self._journal.intent(intent.address, intent.verb, intent.resource, intent.run_key)
        self._journal.outcome(written, status, resource, error)

    def close(self) -> None:
        self._journal.close()


def _late(store: ports.Store) -> ports.Store:
    front = Front(store)
    front.journals = LateJournals(store.journals)  # what it does not have is passed on
    return front


@dataclass(frozen=True)
class Credulous:
    """vocabulary.ports.Journals that judge the age of an intent by what the runner's clock says."""

    journals: ports.Journals
    clock: ports.Clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journals, name)

    def open(self, digest: str) -> Journal:
        return self.journals.open(digest)

    def open_intents(self) -> tuple[Intent, ...]:
        return tuple(replace(each, age=self.clock.now() - each.at) for each in self.journals.open_intents())


def _credulous(store: ports.Store, clock: ports.Clock) -> ports.Store:
    front = Front(store)
    front.journals = Credulous(store.journals, clock)  # what it does not have is passed on
    return front


def _trusting(plan: Plan) -> Plan:
    """Assert nothing of what must not be there."""
    return replace(
        plan,
        changes=tuple(
            replace(change, assertions=tuple(each for each in change.assertions if each.exists))
            for change in plan.changes
        ),
    )


class Counting(Applier):
    """The cancel of a duplicate is written down as the outcome of its run."""

    def apply(self, plan: Plan, digest: str, settings: Settings) -> Applied:
        applied = super().apply(plan, digest, settings)
        done = {each.resource for each in applied.outcomes if each.status is Status.CANCELLED}
        healed = {each.resource for change in plan.changes for each in change.operations if each.reason == "duplicate"}
        runs = {each.resource: each.run for change in plan.changes for each in change.assertions}
        keys = {runs.get(resource) for resource in done & healed}
        for old in self.world.store.ledger.runs():
            if old.run_key in keys:
                self.world.store.ledger.ended(old, Phase.CANCELLED)
        return applied


class Rewinding(Front):
    """Which commit was applied last is never asked for: an old one is as good as any."""

    def applied_commit(self) -> str:
        return ""


BUGS: Mapping[str, Parts] = {
    "blind resend after a timeout": Parts(api=Resending),
    "a failed list taken as empty": Parts(api=Blind),
    "only the first page read": Parts(api=Hasty),
    "runs looked for by stack name only": Parts(api=ByName),
    "lost labels taken as gone": Parts(api=Faithless),
    "absence not asserted": Parts(plan=_trusting),
    "newest kept instead of oldest": Parts(api=Backwards),
    "journal written after the call": Parts(store=_late),
    "a failed run that vanished is run again": Parts(
        store=_bent(lambda run: None if run.phase is Phase.FAILED else run)
    ),
    "the removal label trusted over a safer policy": Parts(
        store=_bent(lambda run: replace(run, removal=Removal.DELETE))
    ),
    "a removal policy edited after the start forgotten": Parts(store=_forgetful),
    "a removal to be asked for taken as written": Parts(
        store=_bent(lambda run: replace(run, removal=Removal.CANCEL) if run.removal is Removal.ASK else run)
    ),
    "a duplicate's cancel counted as an outcome": Parts(applier=Counting),
    "the runner's clock believed": Parts(clocked=_credulous),
    "the commit last applied forgotten": Parts(store=Rewinding),
}
"""Every planted bug by its name."""
