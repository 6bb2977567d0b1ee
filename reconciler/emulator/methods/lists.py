"""One page of a list: filter, mask, order, and how it deviates under faults. It changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from reconciler.emulator.behaviour import Behaviour
from reconciler.emulator.faults.in_force import Deviations
from reconciler.emulator.faults.model import RowShift
from reconciler.emulator.messages.served import Served
from reconciler.emulator.state import lifecycle
from reconciler.emulator.state.database import State
from reconciler.emulator.state.rows import Job, Key
from reconciler.emulator.wire import field_masks, filters, page_tokens
from reconciler.emulator.wire.page_tokens import Page, Sizes
from reconciler.emulator.wire.replies import Refusal
from reconciler.emulator.wire.requests import Call

_DAY = 86_400 * lifecycle.MICROSECONDS

Show = Callable[[Served, Job, Call, Collection[str]], dict[str, Any]]
"""Writes a job as its resource, but for the fields that lists leave out."""


def sizes_of(behaviour: Behaviour) -> Sizes:
    """Return the page sizes of a kind's lists."""
    return Sizes(behaviour.page_default, behaviour.page_maximum)


def answer(
    served: Served, state: State, scope: Key, call: Call, now: int, deviations: Deviations, show: Show
) -> dict[str, Any]:
    """Answer one page; `{}` where nothing matches (recorded)."""
    behaviour = served.behaviour
    filter_text, mask_text = call.query.get("filter", ""), call.query.get("readMask", "")
    where, values = filters.compile_filter(filter_text, behaviour)
    mask = field_masks.read_mask(mask_text, served.shapes.root) if mask_text else None
    if mask is not None and deviations.refuse_mask:
        raise Refusal("INVALID_ARGUMENT", "Field: read_mask Error: The read mask is not supported.")
    page = page_tokens.asked(call.query, sizes_of(behaviour), served.resource_name(scope), filter_text, mask_text)
    if deviations.most_rows:
        page = replace(page, size=min(page.size, deviations.most_rows))
    if deviations.unreachable:
        return {"unreachable": [scope.parent]}
    if deviations.empty:
        return {"nextPageToken": page.empty_token()}
    if behaviour.days:
        where, values = f"({where}) AND created >= ?", (*values, now - behaviour.days * _DAY)
    by = "created" if behaviour.by_creation else "updated"
    where, values = state.led(where, values, filters.carried(filter_text))
    rows = _rows(state, scope, where, values, page, deviations.shift, by)
    mask = None if deviations.ignore_mask else mask
    full = [show(served, job, call, behaviour.omits) for job in rows[: page.size]]
    shown = [row if mask is None else field_masks.apply(mask, row) for row in full]
    found: dict[str, Any] = {served.kind.list_field: shown} if shown else {}
    if len(rows) > page.size:
        last = rows[page.size - 1]
        found["nextPageToken"] = page.token((getattr(last.life, by), last.key.job))
    return found


def _rows(
    state: State, scope: Key, where: str, values: Sequence[Any], page: Page, shift: RowShift | None, by: str
) -> list[Job]:
    """Read the page's rows and one more; a shift leaves out rows that come next, or shows some again."""
    if shift is None or page.after is None:
        return state.listed(scope, where, values, page.after, page.size + 1, by)
    if shift.how == "missed":
        return state.listed(scope, where, values, page.after, page.size + 1 + shift.rows, by)[shift.rows :]
    again = state.shown_before(scope, where, values, page.after, min(shift.rows, page.size - 1), by)
    return again + state.listed(scope, where, values, page.after, page.size + 1 - len(again), by)
