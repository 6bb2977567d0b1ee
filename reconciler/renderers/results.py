"""Everything but plans for people at a terminal: problems, outcomes, errors, tables of runs. Knows no clock."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.renderers import columns, escape, words
from reconciler.renderers.style import Hue, Style, paint
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Checked, Place, Problem, Severity, show_path
from reconciler.vocabulary.plans import Outcome, Status

_ALWAYS = ("created", "updated", "replaced", "cancelled", "deleted", "failed")
_NEXT = {
    Status.FAILED: "The lines above say what failed and why: correct that, then plan and apply again.",
    Status.REPLACED_HALF: "Where a replace stopped half way, the old run was cancelled and no new one was started: "
    "the next plan creates it.",
    Status.UNCERTAIN: "It is not known whether an uncertain call was carried out: apply again, which looks for "
    "the run before it sends anything a second time.",
    Status.DEFERRED: "A deferred change waits for a run it depends on: apply again once that run succeeded, or use --wait.",
}
"""What to do next, said once for each status that came up."""


def in_order(problems: Sequence[Problem]) -> list[Problem]:
    """Return problems by file, line and column; those whose place is not known come first in their file."""

    def key(problem: Problem) -> tuple[str, int, int, int, str, str, str]:
        at = place(problem)
        return at.file, at.line, at.column, problem.document, show_path(problem.path), problem.rule, problem.message

    return sorted(problems, key=key)


def place(problem: Problem) -> Place:
    """Return where a problem is; only the file where nobody has looked up line and column."""
    return problem.place or Place(problem.file)


def sentence(problem: Problem) -> str:
    """Return where in the document, what is wrong, and what to do, in one line of plain words."""
    path = f"{show_path(problem.path)}: " if problem.path else ""
    stop = "" if problem.message.endswith((".", "?", "!")) else ";"
    return f"{path}{problem.message}" + (f"{stop} {problem.hint}" if problem.hint else "")


def checked(checked: Sequence[Checked], style: Style) -> str:
    """Return the problems of every stack that was checked."""
    return problems([problem for each in checked for problem in each.problems], style)


def problems(problems: Sequence[Problem], style: Style) -> str:
    """Return one line a problem, `file:line:column: error: path: message`, a hint under it, and the count."""
    lines = []
    for problem in in_order(problems):
        hue = Hue.RED if problem.severity is Severity.ERROR else Hue.YELLOW
        where = escape.visible(f"{place(problem)}: ") if place(problem).file else ""
        path = escape.visible(f"{show_path(problem.path)}: ") if problem.path else ""
        message = f"{path}{escape.visible(problem.message)}  [{escape.visible(problem.rule)}]"
        lines.append(f"{where}{paint(problem.severity.value, hue, style)}: {message}")
        lines.extend([f"    hint: {escape.visible(problem.hint)}"] if problem.hint else [])
    errors_found = sum(problem.severity is Severity.ERROR for problem in problems)
    warnings = len(problems) - errors_found
    return "\n".join([*lines, f"{words.count(errors_found, 'error')}, {words.count(warnings, 'warning')}"]) + "\n"


def outcomes(digest: str, outcomes: Sequence[Outcome], style: Style) -> str:
    """Return one line a call, how the apply ended, and what to do next where something is left."""
    lines = [_outcome_line(outcome, style) for outcome in outcomes]
    counts = words.outcome_summary(outcomes)
    counted = ", ".join(f"{counts[key]} {key}" for key in words.COUNTED if counts[key] or key in _ALWAYS)
    statuses = {outcome.status for outcome in outcomes}
    complete = not any(outcome.stuck for outcome in outcomes)
    ending = paint("Apply complete!", Hue.GREEN, style) if complete else paint("Apply incomplete:", Hue.RED, style)
    advice = [text for status, text in _NEXT.items() if status in statuses]
    wrapped = [line for text in advice for line in columns.wrap(text, style.width, "")]
    gap = [""] if lines else []
    return "\n".join([*lines, *gap, f"{ending} {counted}.", f"Plan digest: {escape.visible(digest)}", *wrapped]) + "\n"


def _outcome_line(outcome: Outcome, style: Style) -> str:
    hue = Hue.RED if outcome.stuck else Hue.PLAIN
    status = paint(outcome.status.value.replace("_", " "), hue, style)
    resource = f"  {outcome.resource}" if outcome.resource else ""
    error = f": {outcome.error}" if outcome.error else ""
    rest = escape.visible(f" ({outcome.operation}){resource}{error}")
    return f"{escape.visible(outcome.address)}: {status}{rest}"


def error(error: errors.ReconcilerError, style: Style) -> str:
    """Return what happened and the way out; the problems of an InputError stand above it."""
    above = problems(error.problems, style) if isinstance(error, errors.InputError) and error.problems else ""
    lines = [f"{paint('Error:', Hue.RED, style)} {escape.visible(error.message)}"]
    if error.hint:
        lines.extend(columns.wrap(escape.visible(error.hint), style.width, "  "))
    return above + "\n".join(lines) + "\n"


def output_line(replica: str, text: str) -> str:
    """Return what a job printed, after the name of its replica; tabs stay, other control characters are escaped."""
    shown = "\t".join(map(escape.visible, text.split("\t")))
    return f"{escape.visible(replica)}  {shown}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], style: Style) -> str:
    """Return rows under a header, in columns. Every cell stays on its line whatever is in it."""
    first, *rest = columns.align([header, *([escape.visible(cell) for cell in row] for row in rows)])
    return "\n".join([paint(first, Hue.BOLD, style), *rest]) + "\n"
