"""A plan for people at a terminal: a line a change, what differs, what will be called, and the count at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.spec import secrets
from reconciler.renderers import columns, escape, headline, values, words
from reconciler.renderers.style import Hue, Style, paint
from reconciler.vocabulary.plans import Action, Change, Operation, Plan, ScopeCount

FOLDED_OVER = 50
"""Plans with more lines than this show one line a change; nobody reads ten thousand field lines at a prompt."""
_LONGEST_VALUE = 400
_WIDEST_COLUMN = 80
_DEEP = " " * 6


def plan(plan: Plan, saved: Mapping[str, Any], style: Style) -> str:
    """Return the plan as text. `saved` is the plan file's content, which carries the digest."""
    changes = words.shown(plan)
    folded = len(changes) > FOLDED_OVER and not style.verbose
    lines = [*_heading(plan, saved), ""]
    for change, line in zip(changes, _change_lines(changes), strict=True):
        lines.append(paint(line, _hue(change.action), style) + (_fold(change) if folded else ""))
        if not folded:
            lines.extend([*_details(change, style), ""])
    if folded:
        lines.extend(["", f"{len(changes)} lines: fields, calls and notes are folded; -o json shows them all.", ""])
    for blocker in plan.blocked:
        sentence = escape.visible(f"Blocked: {blocker.rule}: {blocker.message}")
        lines.extend(paint(line, Hue.RED, style) for line in columns.wrap(sentence, style.width, ""))
    if plan.blocked:
        lines.append("")
    return "\n".join([*lines, *_ending(plan, saved, style)]) + "\n"


def _heading(plan: Plan, saved: Mapping[str, Any]) -> list[str]:
    revision = words.revision(plan)
    stack = f"Stack {plan.stack} ({plan.uid}), backend {plan.backend}{', ' if revision else ''}{revision}"
    runs = sum(count.runs for count in plan.scopes)
    read = f"Read {words.count(len(plan.scopes), 'list')}, {words.count(runs, 'run')} of this stack"
    scopes = [_listed(count) for count in plan.scopes[:5]]
    more = [f"{len(plan.scopes) - 5} more"] if len(plan.scopes) > 5 else []
    remarks = [each for each in (words.part(plan), words.against(plan, str(saved["createdAt"]))) if each]
    header = [stack, f"{read}: {', '.join([*scopes, *more])}" if scopes else read, *remarks]
    return [escape.visible(line) for line in header]


def _listed(count: ScopeCount) -> str:
    return f"{count.runs} {count.kind} in {count.scope}"


def _hue(action: Action) -> Hue:
    if action is Action.NOOP:
        return Hue.DIM
    if action.starts != action.ends:
        return Hue.GREEN if action.starts else Hue.RED
    return Hue.YELLOW


def _change_lines(changes: Sequence[Change]) -> list[str]:
    rows = []
    for change in changes:
        cells = (change.address, words.reason(change.reason), words.source(change))
        rows.append(
            (f"{change.action.symbol:>3} {words.action(change.action)}", *(escape.visible(cell) for cell in cells))
        )
    return columns.align(rows, most=_WIDEST_COLUMN)


def _fold(change: Change) -> str:
    counts = [(len(change.fields), "field"), (len(change.operations), "call"), (len(change.notes), "note")]
    counted = ", ".join(words.count(number, noun) for number, noun in counts if number)
    return f"  [{counted}]" if counted else ""


def _details(change: Change, style: Style) -> Iterator[str]:
    yield from _field_lines(change, style)
    if change.start_time and change.action.ends:
        yield escape.visible(f"{_DEEP}newest run started {change.start_time}")
    for number, operation in enumerate(change.operations, 1):
        yield from _operation_lines(number, operation, change, style)
    for note in change.notes:
        yield from (paint(line, Hue.DIM, style) for line in columns.wrap(escape.visible(note), style.width, _DEEP))


def _field_lines(change: Change, style: Style) -> list[str]:
    rows = []
    for field in change.fields:
        before, after = values.sides(field, 0 if style.verbose else _LONGEST_VALUE)
        rows.append((escape.visible(field.path) + ":", f"{before} → {after}", f"# {escape.visible(field.cls)}"))
    return [_DEEP + line for line in columns.align(rows)]


def _operation_lines(number: int, operation: Operation, change: Change, style: Style) -> Iterator[str]:
    why = "" if operation.reason == change.reason else f"  ({operation.reason})"
    yield escape.visible(f"{_DEEP}{number}. {operation.verb} {operation.resource}{why}")
    if style.verbose and operation.body is not None:
        for line in escape.json_text(secrets.redact(operation.body)).splitlines():
            yield f"{_DEEP}   {line}"


def _ending(plan: Plan, saved: Mapping[str, Any], style: Style) -> list[str]:
    if not plan.has_changes and not plan.blocked:
        hue = Hue.GREEN if headline.is_match(plan) else Hue.YELLOW
        return [paint(escape.visible(headline.of(plan)), hue, style)]
    quota = escape.visible(words.quota_time(plan))
    return [
        paint(headline.of(plan), Hue.BOLD, style),
        *([quota] if quota else []),
        f"Digest: {escape.visible(str(saved['digest']))}",
    ]
