"""A readable selection of situations and the change each gets, as a page that was read against the contract.

`python -m tests.unit.core.plan.test_by_address_golden` writes the page anew.
"""

from __future__ import annotations

import itertools
import pathlib
from typing import Any

from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import DesiredState, OnChange, Removal
from tests.support.jobs import KINDS
from tests.unit.core.plan.addresses import DIMENSIONS, Case, desired_of, world_of

GOLDEN = pathlib.Path(__file__).parent / "golden" / "by_address.txt"
ACTIVE, ENDED, FAILED = Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED


def cases(**varied: Any) -> tuple[Case, ...]:
    """Return the product of the fields given; a field that is no list is the same for all."""
    values = [value if isinstance(value, list) else [value] for value in varied.values()]
    return tuple(Case(**dict(zip(varied, chosen, strict=True))) for chosen in itertools.product(*values))


SELECTED: dict[str, tuple[Case, ...]] = {
    "Present, nothing live": cases(ledger=list(DIMENSIONS["ledger"]), token=["none", "new"], rerun=[False, True]),
    "Present, by the phase of the newest run": cases(phase=list(Phase), spec=list(DIMENSIONS["spec"])),
    "Present, a new token": cases(phase=[ACTIVE, Phase.STOPPING, ENDED, Phase.ENDED_UNKNOWN], token=["same", "new"]),
    "Present, rerun on what did not succeed": cases(phase=list(Phase), rerun=True),
    "Present, an active run that changed": cases(
        phase=[ACTIVE, Phase.STOPPING], spec=["differs", "moved"], on_change=list(OnChange), protect=[False, True]
    ),
    "Present, older runs beside the newest": cases(
        phase=[ACTIVE, ENDED, FAILED], spec=["equal", "differs"], older=list(DIMENSIONS["older"][1:])
    ),
    "Present, an older run of another spec": cases(
        phase=[ACTIVE, FAILED], older="active other", rerun=[False, True], on_change=list(OnChange)
    ),
    "Present, an older record is live and a newer run only remembered": cases(
        phase=[ACTIVE, ENDED, FAILED], ledger=list(DIMENSIONS["ledger"][1:])
    ),
    "Cancelled": cases(wanted=DesiredState.CANCELLED, phase=list(DIMENSIONS["phase"]), protect=[False, True]),
    "Absent": cases(wanted=DesiredState.ABSENT, phase=[None, ACTIVE, Phase.STOPPING, ENDED], kind=["CustomJob", "Job"]),
    "In no manifest": cases(
        wanted=None,
        phase=[ACTIVE, Phase.STOPPING, ENDED],
        on_removal=list(Removal),
        kind=["CustomJob", "Job"],
    ),
    "In no manifest, stamped while protected": cases(wanted=None, phase=[ACTIVE], on_removal="delete", protect=True),
}


def line(case: Case) -> str:
    """Write a case, its action and reason, the calls with theirs, and what it costs."""
    desired = desired_of(case) if case.wanted else None
    change, losses = world_of(case).plan(desired, KINDS[case.kind])
    calls = ", ".join(f"{each.verb} {each.resource.split('/')[-1]} ({each.reason})" for each in change.operations)
    costs = [
        f"{name} {len(said)}"
        for name, said in (
            ("cancels", losses.cancels),
            ("deletes", losses.deletes),
            ("unwritten", (*losses.unwritten, *losses.unwritten_deletes)),
        )
        if said
    ]
    costs += [word for word, said in (("PROTECTED", losses.protected), ("REFUSED", losses.refused)) if said]
    told = f"{case!s:62} → {change.action} {change.reason}"
    return f"{told:98} | {calls or '-'}{' | ' if costs else ''}{', '.join(costs)}".rstrip()


def page() -> str:
    lines = ["Situations of one address and the change each gets. Read against the contract's chapter 4."]
    for title, selected in SELECTED.items():
        lines += ["", title, *(line(case) for case in selected)]
    return "\n".join(lines) + "\n"


def test_the_selected_situations_get_the_changes_of_the_golden_page() -> None:
    assert page() == GOLDEN.read_text(encoding="utf-8")


if __name__ == "__main__":
    GOLDEN.write_text(page(), encoding="utf-8")
