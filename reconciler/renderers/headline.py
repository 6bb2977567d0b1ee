"""The first sentence of a plan, decided here for every form: what it does, or how far the live jobs are as they should be.

"Live jobs match the manifests" is said where every address was looked at, live, and is as its manifest says. Nowhere else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from reconciler.renderers import words
from reconciler.vocabulary.plans import Action, Change, Plan

NO_CHANGES = "No changes. Live jobs match the manifests."

MATCHING = frozenset({"up_to_date", "already_ran", "not_active", "absent"})
"""Reasons of a noop that leave an address as its manifest says."""

_OF_ANOTHER_RUN = ("change_kept", "stopping")
"""Reasons that notes tell of another run of an address whose head is as it should be."""

_MOVED = "moved"
_NAMED = 3
"""Addresses that a sentence names before it counts the rest."""

UNMATCHED: Mapping[str, tuple[str, str]] = {
    "ended_kept": ("1 run that ended is kept as it is", "{} runs that ended are kept as they are"),
    "vanished": ("1 run is gone and nobody saw how it ended", "{} runs are gone and nobody saw how they ended"),
    "outcome_unknown": ("1 run ended and nobody saw how", "{} runs ended and nobody saw how"),
    "change_kept": ("1 active run keeps its old spec", "{} active runs keep their old spec"),
    "stopping": ("1 run is still being cancelled", "{} runs are still being cancelled"),
    _MOVED: (
        "1 run is not in the project or location that its manifest names",
        "{} runs are not in the project or location that their manifests name",
    ),
    "kept": (
        "the runs of 1 address that no manifest names are kept",
        "the runs of {} addresses that no manifest names are kept",
    ),
    "cannot_delete": (
        "the record of 1 address stays, because its API has no delete",
        "the records of {} addresses stay, because their API has no delete",
    ),
}
"""What a noop leaves undone, by its reason, for one address and for several. Other reasons speak through words.REASONS."""


def of(plan: Plan, quote: Callable[[str], str] = str) -> str:
    """Return what a reader has to know first. `quote` makes an address harmless in the form that is written."""
    if plan.has_changes or plan.blocked:
        return words.summary(plan)
    where = f"{' in this part' if plan.part else ''}{' against the snapshot' if plan.against else ''}"
    left = _left(plan)
    if left:
        return f"No changes{where}. {' '.join(_sentence(reason, named, quote) for reason, named in left.items())}"
    if not plan.changes:
        return f"No changes{where}: {'nothing is in it' if plan.part else 'there is no run and nothing is wanted'}."
    if where:
        return f"No changes{where}: {words.count(len(plan.changes), 'address', 'addresses')} as the manifests say."
    return NO_CHANGES


def is_match(plan: Plan) -> bool:
    """Say whether everything was looked at, live, and is as the manifests say."""
    return of(plan) == NO_CHANGES


def _left(plan: Plan) -> dict[str, list[str]]:
    """Return the addresses that are not as the manifests say, by why, in the order of the plan."""
    left: dict[str, list[str]] = defaultdict(list)
    for change in plan.changes:
        for reason in _unmatched(change):
            left[reason].append(change.address)
    return left


def _unmatched(change: Change) -> tuple[str, ...]:
    """Return why an address is not as its manifest says; nothing where it is, or where the plan sees to it."""
    if change.action is not Action.NOOP:
        return ()
    if change.reason not in MATCHING:
        return (change.reason,)
    moved = (_MOVED,) if any(field.cls == "scope" for field in change.fields) else ()
    told = {
        note.partition(": ")[0] for note in change.notes
    }  # a note that opens with a row's name tells of another run
    return (*moved, *(reason for reason in _OF_ANOTHER_RUN if reason in told))


def _sentence(reason: str, addresses: list[str], quote: Callable[[str], str]) -> str:
    more = f" and {len(addresses) - _NAMED} more" if len(addresses) > _NAMED else ""
    named = ", ".join(map(quote, addresses[:_NAMED])) + more
    one, several = UNMATCHED.get(reason, (_other(reason, "1 address is"), _other(reason, "{} addresses are")))
    sentence = one if len(addresses) == 1 else several.format(len(addresses))
    return f"{sentence[0].upper()}{sentence[1:]}: {named}."


def _other(reason: str, subject: str) -> str:
    """Word a reason that has no sentence of its own, such as one that another version wrote."""
    meaning = words.REASONS.get(reason)
    return f"{subject} left alone{f' ({meaning})' if meaning else ''}"
