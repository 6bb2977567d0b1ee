"""The filters of lists, compiled to SQL: which fields each list compares, and how. It reads no jobs."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.emulator.behaviour import Behaviour
from reconciler.emulator.messages.shapes import snake
from reconciler.emulator.wire import filter_grammar
from reconciler.emulator.wire.filter_grammar import Condition, Every, Node, Not, Value

Clause = tuple[str, tuple[Any, ...]]
"""An SQL condition and the values of its marks; it is true or false, never NULL."""

Compare = Callable[[Condition], Clause]
"""Compiles one comparison. Raises Unfit for one that the field does not take."""

EVERYTHING: Clause = ("1", ())

_LONGEST_PATTERN = 50_000  # bytes: SQLite's own limit for GLOB
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

_COLUMNS: Mapping[str, str] = {
    "create_time": "created",
    "start_time": "started",
    "end_time": "ended",
    "update_time": "updated",
}


class Unfit(Exception):
    """A comparison that a field does not take; the text says why."""


def compile_filter(text: str, behaviour: Behaviour) -> Clause:
    """Compile the filter of a list of jobs. Raises Refusal (400) for what the language, or this list, has not."""
    return compiled(text, job_fields(behaviour))


def compiled(text: str, fields: Mapping[str, Compare]) -> Clause:
    """Compile a filter over fields in snake_case, nested ones with dots; `a.` stands for every field below `a`."""
    tree = filter_grammar.parse(text)
    return EVERYTHING if tree is None else _compile(text, tree, fields)


def carried(text: str) -> tuple[tuple[str, str], ...]:
    """Return labels, each as key and value, that every job which matches carries: where few do, an index leads there."""
    tree = filter_grammar.parse(text)
    parts = tree.parts if isinstance(tree, Every) else (tree,)
    return tuple((part.path[1], part.value.text) for part in parts if isinstance(part, Condition) and _is_exact(part))


def _is_exact(node: Condition) -> bool:
    is_label = len(node.path) == 2 and snake(node.path[0]) == "labels"
    return is_label and node.comparator in ("=", ":") and len(node.value.pieces) == 1


def _compile(text: str, node: Node, fields: Mapping[str, Compare]) -> Clause:
    if isinstance(node, Condition):
        return _condition(text, node, fields)
    if isinstance(node, Not):
        where, values = _compile(text, node.part, fields)
        return f"NOT ({where})", values
    parts = [_compile(text, part, fields) for part in node.parts]
    word = " AND " if isinstance(node, Every) else " OR "
    return word.join(f"({where})" for where, _ in parts), tuple(value for _, values in parts for value in values)


def _condition(text: str, node: Condition, fields: Mapping[str, Compare]) -> Clause:
    first = snake(node.path[0])
    field = ".".join(map(snake, node.path))
    compare = fields.get(field) or (fields.get(f"{first}.") if len(node.path) > 1 else None)
    if compare is None:
        raise filter_grammar.wrong(text, node.at, f'the field "{".".join(node.path)}" cannot be filtered on')
    try:
        return compare(node)
    except Unfit as why:
        raise filter_grammar.wrong(text, node.at, str(why)) from why


def job_fields(behaviour: Behaviour) -> Mapping[str, Compare]:
    """Return the fields that lists of a kind's jobs compare: name, state, times, labels."""
    fields: dict[str, Compare] = {snake(name): as_text("display_name") for name in behaviour.filter_text}
    fields |= {snake(name): as_time(_COLUMNS[snake(name)]) for name in behaviour.filter_times}
    return fields | {"state": _as_state(behaviour), "labels": _has_label, "labels.": _label}


def as_text(column: str) -> Compare:
    """Compare text by =, != and `:`; `*` stands for anything, but for != (AIP-160)."""

    def compare(node: Condition) -> Clause:
        if node.comparator not in ("=", "!=", ":"):
            raise Unfit(f'"{node.comparator}" does not apply to text')
        where, values = _matched(column, node.comparator, node.value)
        return f"{column} IS NOT NULL AND {where}", values

    return compare


def as_time(column: str) -> Compare:
    """Compare a column of microseconds with an RFC 3339 time; a job that has no such time never matches (AIP-160)."""

    def compare(node: Condition) -> Clause:
        micro, between = moment(node)
        if between and node.comparator in ("=", "!="):
            return (f"{column} IS NOT NULL" if node.comparator == "!=" else "0"), ()
        comparator = {"<": "<=", ">=": ">"}.get(node.comparator, node.comparator) if between else node.comparator
        return f"{column} IS NOT NULL AND {column} {comparator} ?", (micro,)

    return compare


def as_bool(condition: str) -> Compare:
    """Compare a condition with `true` or `false`."""

    def compare(node: Condition) -> Clause:
        if node.comparator not in ("=", "!=", ":") or node.value.text not in ("true", "false"):
            raise Unfit("it is compared as =true or =false")
        holds = (node.value.text == "true") == (node.comparator != "!=")
        return (condition if holds else f"NOT ({condition})"), ()

    return compare


def moment(node: Condition) -> tuple[int, bool]:
    """Read the time of a comparison: microseconds since the epoch, and whether it lies between them and the next."""
    if node.comparator == ":":
        raise Unfit('":" does not apply to a time')
    found = _TIME.fullmatch(node.value.text)
    if found is None:
        raise Unfit(f'"{node.value.text}" is no RFC 3339 time such as 2026-01-31T12:00:00Z')
    date, time, fraction, zone = found.groups()
    digits = (fraction or "").ljust(9, "0")
    try:
        whole = datetime.datetime.fromisoformat(f"{date}T{time}{zone.upper().replace('Z', '+00:00')}")
    except ValueError:
        raise Unfit(f'"{node.value.text}" is no RFC 3339 time such as 2026-01-31T12:00:00Z') from None
    since = whole - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return since // datetime.timedelta(microseconds=1) + int(digits[:6]), bool(int(digits[6:]))


def _as_state(behaviour: Behaviour) -> Compare:
    def compare(node: Condition) -> Clause:
        if node.comparator not in ("=", "!=", ":"):
            raise Unfit(f'"{node.comparator}" does not apply to a state')
        if node.value.text not in behaviour.state_numbers:
            raise Unfit(f'"{node.value.text}" is no state')
        return ("state != ?" if node.comparator == "!=" else "state = ?"), (node.value.text,)

    return compare


_LABEL = "EXISTS (SELECT 1 FROM labels WHERE labels.job = jobs.id AND key = ?{})"


def _has_label(node: Condition) -> Clause:
    """`labels:key` asks whether there is such a label; a key may hold no wildcard."""
    if node.comparator != ":" or node.value.anything:
        raise Unfit("labels are written as labels.key=value, labels.key!=value, labels.key:* or labels:key")
    return _LABEL.format(""), (node.value.text,)


def _label(node: Condition) -> Clause:
    """Compare one label; a job that has none of this key never matches, not even by != (AIP-160)."""
    if len(node.path) != 2 or node.comparator not in ("=", "!=", ":"):
        raise Unfit("labels are written as labels.key=value, labels.key!=value, labels.key:* or labels:key")
    if node.comparator == ":" and node.value.anything:
        return _LABEL.format(""), (node.path[1],)
    where, values = _matched("value", node.comparator, node.value)
    return _LABEL.format(f" AND {where}"), (node.path[1], *values)


def _matched(column: str, comparator: str, value: Value) -> Clause:
    if comparator == "!=":
        return f"{column} != ?", (value.text,)
    if len(value.pieces) == 1:
        return f"{column} = ?", (value.text,)
    pattern = "*".join(re.sub(r"[\[?*]", r"[\g<0>]", piece) for piece in value.pieces)
    if len(pattern.encode("utf-8", "replace")) > _LONGEST_PATTERN:
        raise Unfit(f"a value with wildcards may have {_LONGEST_PATTERN} bytes")
    return f"{column} GLOB ?", (pattern,)
