"""Read the INSERT statements of StackQL files: each row is a resource to create. Every other statement is passed over.

A column `data__jobSpec` holds the resource's field, objects as JSON in quotes; the rest says where the call goes
(StackQL's provider documentation for google.aiplatform and google.ml).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.convert.record import Record, shown
from reconciler.core.spec import normalize, shape
from reconciler.vocabulary.kinds import Kind, Kinds
from reconciler.vocabulary.model import Problem

_TOKEN = re.compile(
    r"(?P<space>\s+|--[^\n]*|/\*(?!\+).*?(?:\*/|\Z))"
    r"|(?P<end>;|/\*\+.*?(?:\*/|\Z))"
    r"|(?P<text>'[^']*(?:''[^']*)*')"
    r"|(?P<unclosed>'.*)"
    r"|(?P<blank>\{\{[^{}]{0,200}\}\})"
    r"|(?P<number>[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![\w.]))"
    r"|(?P<word>[A-Za-z_][\w.]*|\"[^\"]*\"|`[^`]*`)"
    r"|(?P<mark>.)",
    re.DOTALL,
)
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
_PLACES: Mapping[str, str] = {
    "projectsid": "project",
    "project": "project",
    "locationsid": "location",
    "location": "location",
    "region": "location",
}
_PARENT = re.compile(r"projects/([^/]+)(?:/locations/([^/]+))?\Z")
_FIELD = "data__"


@dataclass(frozen=True, slots=True)
class Insert:
    """One row of an INSERT: the resource as the API takes it, for `to_manifest`. Places are empty where unknown."""

    kind: Kind
    resource: dict[str, Any]
    project: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Inserts:
    """The rows of a file in their order, what was passed over, and what could not be read."""

    rows: tuple[Insert, ...]
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    form: str
    text: str


class _UnreadableError(Exception):
    """A statement that cannot be read; the message says why. Never leaves this module."""


@dataclass(slots=True)
class _Statement:
    """The tokens of one statement, taken one by one."""

    tokens: Sequence[_Token]
    at: int = 0

    def peek(self) -> _Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else _Token("end", "")

    def take(self, wanted: str = "") -> _Token:
        token = self.peek()
        if wanted and token.text.upper() != wanted:
            raise _UnreadableError(f"{wanted} was expected where {token.text[:40] or 'the statement ends'!r} stands")
        self.at += 1
        return token

    def next_is(self, *words: str) -> bool:
        return self.peek().text.upper() in words


def read(text: str, kinds: Kinds) -> Inserts:
    """Read every INSERT of a StackQL file. Never raises for bad input."""
    record = Record()
    rows: list[Insert] = []
    passed_over: list[str] = []
    if "{%" in text:
        message = "The file holds template logic, {% … %}, that decides what is inserted."
        record.refuse("template", message, "There is no templating: render the file first and convert the result.")
        return Inserts((), (), tuple(record.problems))
    for tokens in _statements(text):
        first = tokens[0].text.upper()
        if first != "INSERT":
            passed_over.append(first)
            continue
        try:
            rows.extend(_insert(_Statement(tokens), kinds, record))
        except _UnreadableError as error:
            hint = "Read are INSERT INTO table (columns) and SELECT or VALUES of plain values; render templates first."
            record.refuse("stackql-syntax", f"An INSERT cannot be read: {error}.", hint)
    if passed_over:
        named = ", ".join(dict.fromkeys(passed_over))
        record.notes.append(f"statements: {len(passed_over)} that are no INSERT were passed over ({named}).")
    if not rows and not record.problems:
        record.refuse(
            "no-insert", "The file holds no INSERT statement.", "Manifests are made of INSERT statements only."
        )
    return Inserts(tuple(rows), tuple(record.notes), tuple(record.problems))


def _statements(text: str) -> Iterator[list[_Token]]:
    """Yield statements; a semicolon ends one, and so does an anchor of stackql-deploy such as /*+ create */."""
    tokens: list[_Token] = []
    for found in _TOKEN.finditer(text):
        form = str(found.lastgroup)
        if form == "end":
            if tokens:
                yield tokens
            tokens = []
        elif form != "space":
            tokens.append(_Token(form, found[0]))
    if tokens:
        yield tokens


def _insert(statement: _Statement, kinds: Kinds, record: Record) -> list[Insert]:
    statement.take("INSERT")
    statement.take("INTO")
    table = statement.take().text
    kind = _kind_of(table, kinds)
    if kind is None:
        known = ", ".join(_table_of(kinds[name]) for name in sorted(kinds))
        record.refuse("unsupported-kind", f"{table[:80]} is no kind of job here.", f"Known tables: {known}.")
        return []
    columns = [str(column) for column in _list(statement, names=True)]
    rows = []
    for values in _rows(statement):
        if len(values) != len(columns):
            raise _UnreadableError(f"{len(columns)} columns are given {len(values)} values")
        rows.append(_row(kind, dict(zip(columns, values, strict=True)), record))
    return rows


def _table_of(kind: Kind) -> str:
    name = re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", kind.collection)
    return f"google.{kind.api.service}.{name}"


def _kind_of(table: str, kinds: Kinds) -> Kind | None:
    return next((kind for kind in kinds.values() if _table_of(kind) == table.lower()), None)


def _rows(statement: _Statement) -> Iterator[list[Any]]:
    if statement.next_is("VALUES"):
        statement.take()
        yield _list(statement)
        while statement.next_is(","):
            statement.take()
            yield _list(statement)
    else:
        statement.take("SELECT")
        yield _items(statement, _value)
    if not (statement.peek().form == "end" or statement.next_is("RETURNING")):
        raise _UnreadableError(f"{statement.peek().text[:40]!r} stands behind its values")


def _list(statement: _Statement, *, names: bool = False) -> list[Any]:
    statement.take("(")
    items = _items(statement, _name if names else _value)
    statement.take(")")
    return items


def _items(statement: _Statement, read_one: Callable[[_Token], Any]) -> list[Any]:
    items = [read_one(statement.take())]
    while statement.next_is(","):
        statement.take()
        items.append(read_one(statement.take()))
    return items


def _name(token: _Token) -> str:
    if token.form != "word":
        raise _UnreadableError(f"{token.text[:40] or 'the end'!r} is no name of a column")
    return token.text.strip('"`')


def _value(token: _Token) -> Any:
    if token.form == "text":
        return token.text[1:-1].replace("''", "'")
    if token.form == "blank":
        return token.text
    if token.form == "number":
        return json.loads(token.text.lstrip("+")) if re.match(r"[-+]?(0|[1-9])", token.text) else token.text
    if token.form == "word" and token.text.lower() in _WORDS:
        return _WORDS[token.text.lower()]
    raise _UnreadableError(f"{token.text[:40] or 'the end'!r} is no plain value")


def _row(kind: Kind, cells: Mapping[str, Any], record: Record) -> Insert:
    resource: dict[str, Any] = {}
    places = {"project": "", "location": ""}
    for column, value in cells.items():
        if column.startswith(_FIELD):
            name = column.removeprefix(_FIELD)
            resource[name] = _content(kind, name, value)
        elif column.lower() in _PLACES:
            places[_PLACES[column.lower()]] = _place(value)
        elif column.lower() == "parent" and (found := _PARENT.match(_place(value))):
            places |= {"project": found[1], "location": found[2] or ""}
        else:
            record.notes.append(f"{column}: is a parameter of the call and was dropped ({shown(value)}).")
    return Insert(kind, resource, places["project"], places["location"])


def _place(value: Any) -> str:
    """Return a project or location, `""` where a template leaves it open: then the stack says it."""
    return value if isinstance(value, str) and "{{" not in value else ""


def _content(kind: Kind, name: str, value: Any) -> Any:
    """Read the JSON of a message in quotes; a field that is text, and a template's blank, stay text."""
    if not isinstance(value, str) or value.lstrip().startswith("{{") or not value.lstrip().startswith(("{", "[")):
        return value
    node = shape.resolve(shape.child(kind.spec_schema, normalize.camel(name), kind.schema), kind.schema)
    if node.get("type") == "string":
        return value
    try:
        return json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _UnreadableError(f"{_FIELD}{name} holds no JSON ({error})") from error


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON value")
