"""The grammar of filters (AIP-160): text to a tree of conditions. It knows no field, no table and no job."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reconciler.emulator.wire.replies import Refusal

_SPACE = re.compile(r"\s*")
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*') |
        (?P<mark><=|>=|!=|[=<>:().]|-(?=\S)) |
        (?P<text>[^\s"'()=<>!:.,]+)""",
    re.VERBOSE | re.DOTALL,
)
_VALUE = re.compile(r"""(?!(?:AND|OR|NOT)(?![^\s()]))[^\s()"'=<>!:,][^\s()"'=<>!,]*""")
_COMPARATORS = ("=", "!=", "<", "<=", ">", ">=", ":")
_KEYWORDS = ("AND", "OR", "NOT")

# chosen bounds: a filter that fits a URL stays far below them
_LONGEST = 50_000
_DEEPEST = 50
_MOST_CONDITIONS = 200


@dataclass(frozen=True, slots=True)
class Value:
    """The right side of a comparison, in the pieces between its wildcards: `vis*` is ("vis", "")."""

    pieces: tuple[str, ...]
    quoted: bool

    @property
    def text(self) -> str:
        """The value with its wildcards as they were written."""
        return "*".join(self.pieces)

    @property
    def anything(self) -> bool:
        """True for the bare `*`, which asks whether there is a value at all."""
        return self.pieces == ("", "") and not self.quoted


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a field, given as the parts of its path; `at` is where in the filter its value ends."""

    path: tuple[str, ...]
    comparator: str
    value: Value
    at: int


@dataclass(frozen=True, slots=True)
class Not:
    """What must not hold."""

    part: Node


@dataclass(frozen=True, slots=True)
class Every:
    """What must hold together, two parts or more."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Of which one must hold, two parts or more."""

    parts: tuple[Node, ...]


Node = Condition | Not | Every | Either


def parse(text: str) -> Node | None:
    """Parse a filter, None for an empty one. Raises Refusal (400) for what the grammar has not.

    OR binds tighter than AND, conditions side by side must hold together, NOT and `-` negate what follows.
    """
    if len(text) > _LONGEST:
        raise Refusal("INVALID_ARGUMENT", f"Invalid filter: it may have {_LONGEST} characters, not {len(text)}.")
    return _Parser(text).parse() if text.strip() else None


def wrong(text: str, at: int, why: str) -> Refusal:
    """Refuse a filter and say where in it something is wrong; the words are unverified."""
    shown = text if len(text) <= 1000 else f"{text[:1000]}…"
    return Refusal("INVALID_ARGUMENT", f"Invalid filter: {why}, at position {at} of `{shown}`.")


@dataclass(frozen=True, slots=True)
class _Token:
    sort: str
    text: str
    end: int

    def is_mark(self, *marks: str) -> bool:
        return self.sort == "mark" and self.text in marks

    def is_word(self, *words: str) -> bool:
        return self.sort == "text" and self.text in words


class _Parser:
    """Recursive descent, one method a rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._conditions = 0

    def parse(self) -> Node:
        found = self._expression()
        if self._peek() is not None:
            raise self._wrong("nothing more was expected")
        return found

    def _expression(self) -> Node:
        """Sequences joined by AND."""
        return _joined(Every, self._parted("AND", self._sequence))

    def _sequence(self) -> Node:
        """Factors side by side."""
        parts = [self._factor()]
        while (token := self._peek()) is not None and not token.is_word("AND") and not token.is_mark(")"):
            parts.append(self._factor())
        return _joined(Every, parts)

    def _factor(self) -> Node:
        """Terms joined by OR."""
        return _joined(Either, self._parted("OR", self._term))

    def _parted(self, word: str, part: Callable[[], Node]) -> Iterator[Node]:
        yield part()
        while (token := self._peek()) is not None and token.is_word(word):
            self._at = token.end
            yield part()

    def _term(self) -> Node:
        token = self._peek()
        if token is None or token.is_word("AND", "OR"):
            raise self._wrong("a condition was expected")
        if token.is_word("NOT") or token.is_mark("-"):
            self._at = token.end
            return Not(self._simple())
        return self._simple()

    def _simple(self) -> Node:
        token = self._peek()
        if token is None or not token.is_mark("("):
            return self._restriction()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"parentheses may be nested {_DEEPEST} deep")
        self._at = token.end
        found = self._expression()
        closing = self._peek()
        if closing is None or not closing.is_mark(")"):
            raise self._wrong("a closing parenthesis was expected")
        self._at = closing.end
        self._depth -= 1
        return found

    def _restriction(self) -> Condition:
        self._conditions += 1
        if self._conditions > _MOST_CONDITIONS:
            raise self._wrong(f"at most {_MOST_CONDITIONS} conditions are taken")
        path = [self._name(_KEYWORDS)]
        while (token := self._peek()) is not None and token.is_mark("."):
            self._at = token.end
            path.append(self._name())
        if token is None or not token.is_mark(*_COMPARATORS):
            raise self._wrong("a comparison was expected")
        self._at = token.end
        value = self._value()
        return Condition(tuple(path), token.text, value, self._at)

    def _name(self, keywords: tuple[str, ...] = ()) -> str:
        token = self._peek()
        if token is None or token.sort == "mark" or token.is_word(*keywords):
            raise self._wrong("a field name was expected")
        self._at = token.end
        return "*".join(_unquoted(token.text)) if token.sort == "string" else token.text

    def _value(self) -> Value:
        """Read the value of a comparison; an unquoted one ends at a space or parenthesis."""
        token = self._peek()
        if token is not None and token.sort == "string":
            self._at = token.end
            return Value(_unquoted(token.text), quoted=True)
        found = _VALUE.match(self._text, self._at)
        if found is None:
            raise self._wrong("a value was expected")
        self._at = found.end()
        return Value(tuple(found[0].split("*")), quoted=False)

    def _peek(self) -> _Token | None:
        """Read the next token, None at the end; spaces before it are passed over."""
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        if self._at == len(self._text):
            return None
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.lastgroup is None:
            raise self._wrong("a character that has no meaning here")
        return _Token(found.lastgroup, found[0], found.end())

    def _wrong(self, why: str) -> Refusal:
        return wrong(self._text, self._at, why)


def _joined(join: type[Every | Either], parts: Iterator[Node] | list[Node]) -> Node:
    found = tuple(parts)
    return found[0] if len(found) == 1 else join(found)


def _unquoted(text: str) -> tuple[str, ...]:
    r"""Take quotes and backslashes away; pieces end at a `*`, but not at `\*`."""
    pieces = [""]
    escaped = False
    for character in text[1:-1]:
        if not escaped and character == "\\":
            escaped = True
            continue
        if character == "*" and not escaped:
            pieces.append("")
        else:
            pieces[-1] += character
        escaped = False
    return tuple(pieces)
