"""What is live, as `status` shows it: a table with the reasons of a lone address, and JSON for machines. Looks at nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reconciler.renderers import escape, json_output, results, words
from reconciler.renderers.style import Style
from reconciler.vocabulary.kinds import Kinds
from reconciler.vocabulary.model import LedgerRun, Run, Stack
from reconciler.vocabulary.plans import Change

HEADER = ("ADDRESS", "PHASE", "RUN", "SINCE", "AGE", "DECISION", "ERROR")


@dataclass(frozen=True, slots=True)
class AddressStatus:
    """One address: the decision, its live runs from oldest to newest, and what the ledger remembers."""

    change: Change
    runs: tuple[Run, ...]
    past: tuple[LedgerRun, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """What one look saw. `now` is the time of the look, in seconds since the epoch."""

    stack: Stack
    kinds: Kinds
    addresses: tuple[AddressStatus, ...]
    now: float

    @property
    def active(self) -> bool:
        """True while a run of an address that is shown is active."""
        return any(run.active for address in self.addresses for run in address.runs)


def text(status: Status, style: Style) -> str:
    """Return one line a run; where one address is shown, also why it is as it is."""
    rows = [row for address in status.addresses for row in _rows(address, status.now)]
    stack = status.stack
    head = escape.visible(f"Stack {stack.name} ({stack.uid}), backend {stack.backend}") + "\n\n"
    table = results.table(HEADER, rows, style) if rows else "No runs and no manifests.\n"
    return head + table + (_why(status, status.addresses[0]) if len(status.addresses) == 1 else "")


def _rows(address: AddressStatus, now: float) -> Iterator[tuple[str, ...]]:
    change = address.change
    for run in address.runs:
        age = _age(run.since, now)
        number = f"{run.number}{'' if run.marked else ' (unmarked)'}"
        yield (change.address, run.phase.value, number, run.since, age, change.reason, run.error[:80])
    if not address.runs:
        yield (change.address, "-", "-", "-", "-", change.reason, "")


def _age(since: str, now: float) -> str:
    try:
        seconds = int(now - datetime.fromisoformat(since).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"


def _why(status: Status, address: AddressStatus) -> str:
    """Explain one address: manifest, decision row, fingerprint, console and the runs the ledger holds."""
    change = address.change
    facts = [("Decision", words.reason(change.reason))]
    if change.source:
        facts.append(("Manifest", words.source(change)))
    for run in address.runs:
        facts.append((f"Run {run.number}", f"{run.resource}  {run.fingerprint}"))
        facts.append(("Console", _console(status.kinds, run)))
    facts.extend(("Note", note) for note in change.notes)
    for old in address.past:
        facts.append((f"Ledger {old.number}", f"{old.phase.value if old.phase else 'not ended'}  {old.fingerprint}"))
    lines = [f"{name + ':':12} {escape.visible(text)}" for name, text in facts]
    return "\n" + "\n".join(lines) + "\n"


def _console(kinds: Kinds, run: Run) -> str:
    parts = run.resource.split("/")
    return kinds[run.kind].console_url.format(project=run.scope.project, location=run.scope.location, id=parts[-1])


def as_json(status: Status, style: Style) -> str:  # noqa: ARG001 - the shape every form has
    """Return `{"backend", "addresses"}`, each address with its live runs."""
    rows = [_address(address) for address in status.addresses]
    document = {"backend": status.stack.backend, "addresses": rows}
    return json_output.resource(document)


def _address(address: AddressStatus) -> dict[str, Any]:
    change = address.change
    return {
        "address": change.address,
        "decision": change.reason,
        "action": change.action.value,
        "notes": list(change.notes),
        "runs": [_run(run) for run in address.runs],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "resource": run.resource,
        "phase": run.phase.value,
        "state": run.state,
        "number": run.number,
        "createTime": run.create_time,
        "endTime": run.end_time,
        "error": run.error,
        "fingerprint": run.fingerprint,
        "marked": run.marked,
    }
