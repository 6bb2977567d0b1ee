"""Error replies that other people met, and how the emulator brings each forth: a table that somebody has reviewed."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from tools.pages.markdown_tables import cell, code, table

TABLE = Path(__file__).with_name("recorded_errors.csv")

ANY = "…"
"""Stands for any text in the form of a message."""

_BY = {
    "cause": "a real cause: {by}",
    "fault": "a fault: `status` with `body: {by}`",
    "control": "the control path: {by}",
    "none": "not: {note}",
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One error. `details` are the types of its details, `lacks` those that the emulator leaves out.

    `how` is cause, fault, control or none; `by` says which; an error inside a job has no `status`.
    """

    file: str
    seen: str
    status: str
    code: str
    form: str
    details: str
    lacks: str
    grade: str
    how: str
    by: str
    note: str

    def fits(self, message: str) -> bool:
        """Say whether a message has this form."""
        text = self.form.replace("\\t", "\t")
        return re.fullmatch(".*".join(map(re.escape, text.split(ANY))), message, re.DOTALL) is not None


def load() -> tuple[Recorded, ...]:
    """Read the reviewed table."""
    with TABLE.open(newline="", encoding="utf-8") as handle:
        return tuple(Recorded(**row) for row in csv.DictReader(handle))


def parts() -> dict[str, str]:
    """Return the generated part of docs/fidelity.md about errors."""
    ordered = sorted(load(), key=lambda each: (each.how == "none", each.status, each.code, each.file))
    rows = (
        (each.status, code(each.code), _quoted(each.form), cell(each.seen), each.grade, _way(each)) for each in ordered
    )
    return {"errors": table(("HTTP", "code", "form of the message", "seen in", "grade", "emulated by"), rows)}


def _quoted(form: str) -> str:
    """Set a form as code; one with backticks needs two around it (CommonMark)."""
    return f"`` {cell(form)} ``" if "`" in form else code(cell(form))


def _way(each: Recorded) -> str:
    told = _BY[each.how].format(by=each.by, note=each.note)
    if each.lacks:
        told += f"; without its details ({', '.join(each.lacks.split('+'))})"
    return cell(f"{told}; {each.note}" if each.note and each.how != "none" else told)
