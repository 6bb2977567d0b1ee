"""The runs of one address, live and remembered: their order, the head, the outcome that counts, the next number.

Which action follows is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.runs import labels
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import LedgerRun, Run


class Spec(StrEnum):
    """A run's spec compared with the manifest's. MOVED is an equal spec in another scope."""

    EQUAL = "equal"
    MOVED = "moved"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Head:
    """The run that decides an address under Present. `run` is None where only the ledger remembers it, or nothing does.

    `count` is how many runs of the desired spec there ever were; `tokens` are the rerun tokens they carry.
    """

    run: Run | None
    phase: Phase | None
    spec: Spec
    others: tuple[Run, ...]
    count: int
    tokens: frozenset[str]


def order(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Order runs from oldest to newest."""
    return tuple(sorted(runs, key=labels.time_order))


def standing(ordered: Sequence[Run]) -> tuple[Run, ...]:
    """Leave out the cancelled duplicates of a run: undoing a create that was sent twice is no outcome of it."""
    kept = {run.run_key for run in ordered if run.phase is not Phase.CANCELLED}
    return tuple(
        run for run in ordered if run.phase is not Phase.CANCELLED or not run.run_key or run.run_key not in kept
    )


def outcome(run: Run, past: Sequence[LedgerRun]) -> Phase:
    """Return the phase that counts as a run's.

    A cancelled job is the run only where it is the job the ledger knows: it may be a duplicate that was cancelled, and
    the run itself, whose record somebody deleted, ended as the ledger says or as nobody knows.
    """
    old = next((old for old in past if old.run_key == run.run_key), None)
    if old is None or run.phase is not Phase.CANCELLED:
        return run.phase
    if old.phase is not None:
        return old.phase
    return Phase.ENDED_UNKNOWN if old.resource not in ("", run.resource) else run.phase


def next_number(runs: Sequence[Run], past: Sequence[LedgerRun]) -> int:
    """Return the n of the next run: one more than any this address ever had."""
    return 1 + max([*(run.number for run in runs), *(old.number for old in past)], default=0)


def arrange(runs: Sequence[Run], past: Sequence[LedgerRun], fingerprint: str, specs: Mapping[str, Spec]) -> Head:
    """Find the head: the oldest active run of the desired spec if there is one, else the newest, live or remembered.

    A cancelled duplicate is never the head; a remembered run is only where it is newer than every live one, an unmarked
    one only where no marked one is active. `specs` says of every live run's resource how its spec stands to the
    manifest's.
    """
    ordered = order(runs)
    same = [run for run in ordered if specs[run.resource] is not Spec.DIFFERS]
    remembered = {old.run_key: old for old in past if old.fingerprint == fingerprint}
    count = len({run.run_key for run in same} | set(remembered))
    tokens = frozenset(run.token for run in same) | frozenset(old.token for old in remembered.values())
    head = _live_head(ordered, specs)
    newest = max(past, key=lambda old: (old.number, old.run_key), default=None)
    if newest and not (head and head.active) and newest.number > max((run.number for run in ordered), default=0):
        spec = Spec.EQUAL if newest.fingerprint == fingerprint else Spec.DIFFERS
        phase = (newest.phase or Phase.ENDED_UNKNOWN) if spec is Spec.EQUAL else None
        if phase is not None or head is None:
            return Head(None, phase, spec, ordered, count, tokens)
    if head is None:
        return Head(None, None, Spec.EQUAL, (), count, tokens)
    others = tuple(run for run in ordered if run is not head)
    return Head(head, outcome(head, past), specs[head.resource], others, count, tokens)


def candidates(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return the runs that may stand for an address whatever its manifest says: the active ones and the newest."""
    ordered = order(runs)
    newest = standing(ordered)[-1:]
    return tuple(run for run in ordered if run.active or run in newest)


def _live_head(ordered: Sequence[Run], specs: Mapping[str, Spec]) -> Run | None:
    marked = [run for run in ordered if run.marked]
    chosen = marked if any(run.active for run in marked) else ordered
    for wanted in (Spec.EQUAL, Spec.MOVED):
        for run in chosen:
            if run.active and specs[run.resource] is wanted:
                return run
    return standing(chosen)[-1] if chosen else None


def beyond_history(head: Run | None, others: Sequence[Run], keep: int | None, ends: Collection[str]) -> frozenset[str]:
    """Return the resources of finished runs older than the newest `keep`, the head counted among the finished.

    Unmarked runs are neither counted nor returned. `ends` are the resources of active runs that this very plan ends:
    they count, or the next plan would delete again. A duplicate that was cancelled goes before all others: left alone,
    without the run that it doubled, it would stand for the address.
    """
    if keep is None:
        return frozenset()
    everyone = order([run for run in (*others, *([head] if head else [])) if run.marked])
    stand = {run.resource for run in standing(everyone)}
    finished = [run for run in everyone if not run.active or run.resource in ends]
    finished.sort(key=lambda run: run.resource in stand)
    old = finished[: max(0, len(finished) - keep)]
    return frozenset(run.resource for run in old if run is not head and not run.active)
