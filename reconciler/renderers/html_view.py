"""What the page of a plan shows, in the page's order and words. Writes no markup and looks at no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from reconciler.core.spec import secrets
from reconciler.renderers import escape, html_diff, words
from reconciler.vocabulary.plans import Action, Blocker, Change, Operation, Plan

_NAMED_FIELDS = 3
_FLAGS = {"cancel": "--allow-cancel", "delete": "--allow-delete"}


@dataclass(frozen=True, slots=True)
class Call:
    """One operation. `why` is empty where it is the change's own reason; `body` is JSON, a line an item."""

    verb: str
    resource: str
    why: str
    body: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field that differs, its two sides aligned."""

    path: str
    about: str
    lines: tuple[html_diff.Line, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One change. `target` is what a link to it ends in, `active` the runs the plan knows to be active.

    `age` is how long the newest run had been going when the plan was made, empty where nobody knows.
    """

    change: Change
    target: str
    reason: str
    source: str
    touched: str
    active: tuple[str, ...]
    age: str
    fields: tuple[Field, ...]
    calls: tuple[Call, ...]

    @property
    def word(self) -> str:
        """The action as a reader calls it."""
        return words.action(self.change.action)

    @property
    def symbol(self) -> str:
        """The action's sign."""
        return self.change.action.symbol


@dataclass(frozen=True, slots=True)
class Block:
    """A guard that blocks. `flag` is the flag that allows it, empty where none does."""

    rule: str
    message: str
    flag: str


def rows(plan: Plan, created_at: str, *, bodies: bool) -> tuple[Row, ...]:
    """Return every change by action, then by address; noops with something to tell come before the silent ones."""

    def key(change: Change) -> tuple[int, bool, str]:
        silent = change.action is Action.NOOP and not change.notes
        return change.action.rank, silent, change.address

    return tuple(_row(change, created_at, bodies) for change in sorted(plan.changes, key=key))


def _row(change: Change, created_at: str, bodies: bool) -> Row:
    return Row(
        change=change,
        target=quote(escape.visible(change.address)),
        reason=words.REASONS.get(change.reason, ""),
        source=words.source(change),
        touched=_touched(change),
        active=tuple(each.resource for each in change.assertions if each.exists and each.active),
        age=words.age(change.start_time, created_at),
        fields=tuple(Field(each.path, each.cls, html_diff.lines(each)) for each in change.fields),
        calls=tuple(_call(each, change, bodies) for each in change.operations),
    )


def _touched(change: Change) -> str:
    """Name the first few fields that differ by the last part of their path."""
    names = list(dict.fromkeys(_last(field.path.split(".")) for field in change.fields))
    more = [f"{len(names) - _NAMED_FIELDS} more"] if len(names) > _NAMED_FIELDS else []
    return ", ".join([*names[:_NAMED_FIELDS], *more])


def _last(parts: Sequence[str]) -> str:
    """Name a field by the end of its path; of an environment entry `value` alone says nothing."""
    return ".".join(parts[-2:] if parts[-1] in ("name", "value") else parts[-1:])


def _call(operation: Operation, change: Change, bodies: bool) -> Call:
    shown = bodies and operation.body is not None
    return Call(
        verb=operation.verb,
        resource=operation.resource,
        why="" if operation.reason == change.reason else operation.reason,
        body=tuple(escape.json_text(secrets.redact(operation.body)).splitlines()) if shown else (),
    )


def blocks(blocked: Sequence[Blocker]) -> tuple[Block, ...]:
    """Return the guards that block, each with the flag that allows it."""
    return tuple(Block(blocker.rule, blocker.message, _flag(blocker)) for blocker in blocked)


_WORDS = {"empty": "--allow-empty", "older_revision": "--allow-older"}
"""The flags without a number, by the rule that they lift."""


def _flag(blocker: Blocker) -> str:
    if blocker.rule in _WORDS:
        return _WORDS[blocker.rule]
    return " ".join(f"{_FLAGS[verb]} {number}" for verb, number in sorted(blocker.needs.items()) if verb in _FLAGS)


def command(plan: Plan, digest: str) -> str:
    """Return the command that does exactly this plan; empty where none does: it is blocked for good, or was not made live."""
    if plan.against:
        return ""
    flags = {block.flag for block in blocks(plan.blocked)}
    if "" in flags:
        return ""
    needs = [need for blocker in plan.blocked for need in blocker.needs.items()]
    most = {verb: max(number for name, number in needs if name == verb) for verb, _ in sorted(needs) if verb in _FLAGS}
    allowed = [f"{_FLAGS[verb]} {number}" for verb, number in most.items()]
    words = [word for word in _WORDS.values() if word in flags]
    return " ".join(["reconciler apply PLANFILE", f"--expect-digest {digest}", *allowed, *words])
