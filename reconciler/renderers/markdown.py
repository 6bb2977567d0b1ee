"""A plan as a comment on a change request: summary first, details folded, never longer than GitHub takes.

Everything that comes from manifests or servers stands in code spans, where it can neither mention nor link nor embed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.renderers import escape, headline, values, words
from reconciler.renderers.style import Style
from reconciler.vocabulary.plans import Blocker, Change, Plan

BUDGET = 60_000
"""Characters. GitHub refuses a comment of more than 65,536; the rest is for whoever puts a line around it."""
_FOOTER = 200
_MOST_BLOCKERS = 10
_LONGEST_MESSAGE = 1_500
_LONGEST_VALUE = 300
_LONGEST_NAME = 300


def plan(plan: Plan, saved: Mapping[str, Any], style: Style) -> str:  # noqa: ARG001 - the shape every form of a plan has
    """Return the plan as Markdown within BUDGET. Detail blocks are left out first, then rows, and both are counted."""
    changes = words.shown(plan)
    head = "\n".join([*_head(plan, saved), *_blocked(plan.blocked)])
    table = "\n| | Change | Job | Why | Where |\n|---|---|---|---|---|\n" if changes else ""
    room = BUDGET - len(head) - len(table) - 2 * _FOOTER
    rows, room = _fit(changes, _row, room)
    detailed = [change for change in changes if _has_details(change)]
    blocks, _ = _fit(detailed, _block, room)
    missing_rows, missing_blocks = len(changes) - len(rows), len(detailed) - len(blocks)
    parts = [head, table, *rows]
    if missing_rows:
        parts.append(f"\n**{missing_rows} more** of {words.count(len(changes), 'change')} did not fit here.\n")
    parts.extend(blocks)
    if missing_blocks:
        parts.append(f"\nThe details of {words.count(missing_blocks, 'change')} did not fit here: see the plan file.\n")
    return "".join(parts)


def _fit(changes: Sequence[Change], write: Callable[[Change], str], room: int) -> tuple[list[str], int]:
    """Return what was written of as many changes as fit into `room` characters, in their order, and the room left.

    What stops or deletes something takes its room first: no crowd of creates may push it out of a reviewer's sight.
    """
    kept: dict[int, str] = {}
    for at in sorted(range(len(changes)), key=lambda at: not changes[at].action.ends):
        if room < _FOOTER:
            break
        text = write(changes[at])
        if len(text) <= room:
            kept[at] = text
            room -= len(text)
    return [kept[at] for at in sorted(kept)], room


def _head(plan: Plan, saved: Mapping[str, Any]) -> list[str]:
    revision = words.revision(plan, _code)
    facts = [
        f"Stack {_code(plan.stack)} ({_code(plan.uid)}) on backend {_code(plan.backend)}",
        *([revision] if revision else []),
        f"digest {escape.code(str(saved['digest']))}",
    ]
    against = words.against(plan, str(saved["createdAt"]))
    remarks = [each for each in (words.part(plan), against, words.quota_time(plan)) if each]
    return [
        f"**{headline.of(plan, _code)}**",
        "",
        ", ".join(facts),
        "",
        *(line for each in remarks for line in (_code(each), "")),
    ]


def _code(text: str, limit: int = _LONGEST_NAME) -> str:
    return escape.code(escape.shorten(text, limit))


def _cell(text: str) -> str:
    return escape.cell(escape.shorten(text, _LONGEST_NAME))


def _blocked(blocked: Sequence[Blocker]) -> list[str]:
    lines = []
    for blocker in blocked[:_MOST_BLOCKERS]:
        message = _code(blocker.message, _LONGEST_MESSAGE)
        lines.extend(["> [!CAUTION]", f"> **Blocked** by {_code(blocker.rule)}: {message}", ""])
    if len(blocked) > _MOST_BLOCKERS:
        lines.extend(["> [!CAUTION]", f"> **Blocked** by {len(blocked) - _MOST_BLOCKERS} more guards.", ""])
    return lines


def _row(change: Change) -> str:
    action = words.action(change.action)
    where = _cell(words.source(change)) if change.source else ""
    symbol = escape.cell(change.action.symbol)
    return f"| {symbol} | {action} | {_cell(change.address)} | {_why(change)} | {where} |\n"


def _why(change: Change) -> str:
    sentence = words.REASONS.get(change.reason)
    name = _cell(change.reason)
    return f"{sentence} ({name})" if sentence else name


def _has_details(change: Change) -> bool:
    return bool(change.fields or change.operations or change.notes)


def _block(change: Change) -> str:
    name = escape.html_code(escape.shorten(change.address, _LONGEST_NAME))
    lines = [f"\n<details><summary>{change.action.symbol} {name}</summary>\n"]
    if change.fields:
        lines.extend(["| Field | Before | After | About |", "|---|---|---|---|"])
        for field in change.fields:
            cells = (field.path, *values.sides(field, _LONGEST_VALUE), field.cls)
            lines.append(f"| {' | '.join(_cell(text) for text in cells)} |")
        lines.extend([""] if change.operations or change.notes else [])
    for number, operation in enumerate(change.operations, 1):
        why = "" if operation.reason == change.reason else f" ({_code(operation.reason)})"
        lines.append(f"{number}. {_code(operation.verb)} {_code(operation.resource)}{why}")
    if change.operations and change.notes:
        lines.append("")
    lines.extend(f"- {_code(note, _LONGEST_MESSAGE)}" for note in change.notes)
    return "\n".join([*lines, "\n</details>\n"])
