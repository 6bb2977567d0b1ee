"""What every form of a plan shares: what a reason means, the summary, which changes are shown and in what order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from reconciler.renderers import escape
from reconciler.vocabulary.plans import Action, Change, Outcome, Plan, Status

REASONS = {
    "missing": "no run of this spec is live or on record",
    "rerun_asked": "one more run was asked for",
    "rerun": "the run ended badly and lifecycle.rerun starts another",
    "already_ran": "it succeeded before, its record is gone",
    "vanished": "its run is gone and nobody saw how it ended",
    "up_to_date": "the live run has this spec",
    "stopping": "a run is being cancelled already",
    "outcome_unknown": "the run ended and nobody saw how",
    "ended_kept": "the run of this spec did not succeed and stays as it is",
    "unmarked": "a live job of this address lost our labels: it is left alone",
    "moved": "the manifest names another project or location",
    "spec_changed": "the spec changed, which takes a new run",
    "change_kept": "the spec changed and the active run is kept by lifecycle.onChange",
    "change_refused": "the spec of an active run changed, which lifecycle.onChange refuses",
    "duplicate": "a second active run of the same spec",
    "superseded": "a second active run, of another spec",
    "history": "more finished runs than lifecycle.history keeps",
    "kept": "no manifest names it any more and its run stays",
    "removed": "no manifest names it any more",
    "cancel_wanted": "the manifest wants it stopped",
    "delete_wanted": "the manifest wants it absent",
    "not_active": "the manifest wants it stopped, and no run is active",
    "absent": "the manifest wants it absent, and there is no run",
    "cannot_delete": "this API has no delete: the record stays",
    "labels_changed": "labels differ and can be set on the live job",
    "policy_changed": "IAM bindings differ from the manifest",
}
"""What each row of the decision table means to somebody who has not read it."""

_NAMED = 3
"""Files that differ from their commit and are named; a plan file has more."""
_LONGEST_SENTENCE = 300

COUNTED = ("created", "updated", "replaced", "cancelled", "deleted", "skipped", "deferred", "uncertain", "failed")
"""The keys of an apply's summary, in the order of printing."""


def action(action: Action) -> str:
    """Return what an action is called in front of people."""
    return "unchanged" if action is Action.NOOP else action.value


def reason(name: str) -> str:
    """Return a reason's sentence with its name behind it; an unknown name is returned as it is."""
    return f"{REASONS[name]} ({name})" if name in REASONS else name


def summary(plan: Plan) -> str:
    """Return the sentence that counts the changes by action."""
    counts = plan.summary()
    parts = [f"{counts[action.value]} to {action.value}" for action in Action if action is not Action.NOOP]
    part = " Only a part of the stack was looked at." if plan.part else ""
    return f"Plan: {', '.join(parts)}, {counts[Action.NOOP.value]} unchanged.{part}"


def quota_time(plan: Plan) -> str:
    """Return how long the writes take at the budget in force, empty where that is no matter."""
    wait = plan.quota_time
    if wait is None:
        return ""
    return f"Quota: about {wait.minutes} min at {count(wait.limit, wait.what)} a minute for project {wait.project}."


def against(plan: Plan, created_at: str) -> str:
    """Return which snapshot a plan of `created_at` was made against and how old it was, empty where it was made live."""
    seen = plan.against
    if seen is None:
        return ""
    old = age(seen.created_at, created_at)
    return f"Made against a snapshot of {seen.created_at}{f', {old} old' if old else ''} ({seen.digest}), not live."


def age(since: str, until: str) -> str:
    """Return the time between two RFC 3339 times in two units at most; empty where they are none or out of order."""
    try:
        seconds = int((datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return ""
    if seconds < 0:
        return ""
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    first = next((at for at, (number, _) in enumerate(parts) if number), None)
    if first is None:
        return "under 1 min"
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)


def shown(plan: Plan) -> tuple[Change, ...]:
    """Return the changes worth a line (those that call something or carry a note) by action, then by address."""
    changes = [change for change in plan.changes if change.action is not Action.NOOP or change.notes]
    return tuple(sorted(changes, key=lambda change: (change.action.rank, change.address)))


def revision(plan: Plan, quote: Callable[[str], str] = str) -> str:
    """Return which commit the manifests come from and how far that is true, on one line; empty outside Git.

    `quote` makes what Git says harmless in the form that is written.
    """
    told = doubt(plan, quote)
    commit = f"from commit {quote(plan.revision)}" if plan.revision else "from no known commit" if told else ""
    return f"{commit} ({told})" if told else commit


def doubt(plan: Plan, quote: Callable[[str], str] = str) -> str:
    """Return why the manifests are not those of the commit, or that nobody could tell; empty where they are."""
    files = f": {', '.join(map(quote, plan.differs[:_NAMED]))}" if plan.differs else ""
    more = ", …" if len(plan.differs) > _NAMED else ""
    changed = f"with uncommitted changes{files}{more}" if plan.dirty else ""
    said = f": {quote(escape.shorten(' '.join(plan.unknown.split()), _LONGEST_SENTENCE))}" if plan.unknown else ""
    if not plan.revision:
        blind = f"nobody could tell which{said}" if said else ""
    elif plan.dirty is None:
        blind = f"nobody could tell whether files differ from it{said}"
    else:
        blind = f"nobody could tell about other files{said}" if said else ""
    return "; ".join(each for each in (changed, blind) if each)


def part(plan: Plan) -> str:
    """Return what narrowed a plan, in the flags that say it; empty where it looks at every address."""
    if plan.part is None:
        return ""
    flags = [
        *(f"--select {glob}" for glob in plan.part.select),
        *(f"--exclude {glob}" for glob in plan.part.exclude),
        *([f"--changed-since {plan.part.changed_since}"] if plan.part.changed_since else []),
    ]
    return f"A part of the stack: {' '.join(flags)}. Other addresses were not looked at."


def source(change: Change) -> str:
    """Return `file:line` of the manifest, empty where no manifest names the address."""
    return f"{change.source.file}:{change.source.line}" if change.source else ""


def count(number: int, noun: str, several: str = "") -> str:
    """Return `1 error` or `2 errors`; `several` is the noun's plural where an s does not make it."""
    return f"{number} {noun if number == 1 else several or f'{noun}s'}"


def outcome_summary(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Count outcomes by status under the keys of COUNTED. A replace that got half way counts as failed."""
    counts = dict.fromkeys(COUNTED, 0)
    for outcome in outcomes:
        status = Status.FAILED if outcome.status is Status.REPLACED_HALF else outcome.status
        counts[status.value] += 1
    return counts
