"""The filter language of lists (a subset of AIP-160), compiled to SQL over the emulator's tables. It reads no jobs."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.emulator.behaviour import Conduct
from reconciler.emulator.replies import Refusal
from reconciler.emulator.shapes import snake

Clause = tuple[str, tuple[Any, ...]]
"""An SQL condition over `jobs` and the values of its marks."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*') |
      (?P<mark><=|>=|!=|[=<>:().]|-(?=[^\s])) |
      (?P<text>[^\s"'()=<>!:.]+)
    )""",
    re.VERBOSE,
)
_VALUE = re.compile(r"""\s*([^\s()"']+)""")
_COMPARATORS = ("=", "!=", "<", "<=", ">", ">=", ":")
_DEEPEST = 50
_MOST_CONDITIONS = 200
_MOST_WILDCARDS = 2  # SQLite's GLOB takes time to the power of their number


@dataclass(frozen=True, slots=True)
class _Token:
    sort: str
    text: str
    at: int
    end: int


def compile_filter(text: str, conduct: Conduct) -> Clause:
    """Compile a filter; an empty one matches everything. Raises Refusal (400) for what the language has not."""
    return _Parser(text, conduct).parse() if text.strip() else ("1", ())


class _Parser:
    """Recursive descent over AIP-160's grammar, in which OR binds tighter than AND and adjacency means AND."""

    def __init__(self, text: str, conduct: Conduct) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._conditions = 0
        self._conduct = conduct

    def parse(self) -> Clause:
        found = self._expression()
        if self._peek() is not None:
            raise self._wrong("nothing more was expected")
        return found

    def _expression(self) -> Clause:
        """Sequences joined by AND."""
        parts = [self._sequence()]
        while self._word("AND"):
            parts.append(self._sequence())
        return _join(" AND ", parts)

    def _sequence(self) -> Clause:
        """Factors side by side."""
        parts = [self._factor()]
        while (token := self._peek()) is not None and token.text not in ("AND", ")"):
            parts.append(self._factor())
        return _join(" AND ", parts)

    def _factor(self) -> Clause:
        """Terms joined by OR."""
        parts = [self._term()]
        while self._word("OR"):
            parts.append(self._term())
        return _join(" OR ", parts)

    def _term(self) -> Clause:
        token = self._peek()
        if token is None or token.text in ("AND", "OR"):
            raise self._wrong("a condition was expected")
        if token.sort != "string" and token.text in ("NOT", "-"):
            self._at = token.end
            where, values = self._simple()
            return f"NOT ({where})", values
        return self._simple()

    def _simple(self) -> Clause:
        token = self._peek()
        if token is None or token.sort != "mark" or token.text != "(":
            return self._restriction()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"parentheses may be nested {_DEEPEST} deep")
        self._at = token.end
        found = self._expression()
        closing = self._peek()
        if closing is None or closing.text != ")":
            raise self._wrong("a closing parenthesis was expected")
        self._at = closing.end
        self._depth -= 1
        return found

    def _restriction(self) -> Clause:
        self._conditions += 1
        if self._conditions > _MOST_CONDITIONS:
            raise self._wrong(f"at most {_MOST_CONDITIONS} conditions are taken")
        path = [self._name()]
        while (token := self._peek()) is not None and token.sort == "mark" and token.text == ".":
            self._at = token.end
            path.append(self._name())
        if token is None or token.text not in _COMPARATORS:
            raise self._wrong("a comparison was expected")
        self._at = token.end
        return self._condition(path, token.text, *self._argument())

    def _name(self) -> str:
        token = self._peek()
        if token is None or token.sort == "mark":
            raise self._wrong("a field name was expected")
        self._at = token.end
        return _unquote(token.text) if token.sort == "string" else token.text

    def _argument(self) -> tuple[str, bool]:
        """Read the value of a comparison and whether it was quoted; an unquoted one ends at a space or parenthesis."""
        token = self._peek()
        if token is not None and token.sort == "string":
            self._at = token.end
            return _unquote(token.text), True
        found = _VALUE.match(self._text, self._at)
        if found is None:
            raise self._wrong("a value was expected")
        self._at = found.end()
        return found[1], False

    def _compared(self, column: str, comparator: str, value: str) -> Clause:
        """Compare text; `*` stands for anything under `=` and `:` (AIP-160)."""
        if comparator == "!=":
            return f"{column} != ?", (value,)
        if "*" not in value:
            return f"{column} = ?", (value,)
        if value.count("*") > _MOST_WILDCARDS:
            raise self._wrong(f"a value may hold {_MOST_WILDCARDS} wildcards")
        return f"{column} GLOB ?", (re.sub(r"[\[?]", r"[\g<0>]", value),)

    def _condition(self, path: list[str], comparator: str, value: str, quoted: bool) -> Clause:
        field = snake(path[0])
        if field == "labels":
            return self._label(path, comparator, value, quoted)
        plain: Mapping[str, Callable[[str, str], Clause]] = {"state": self._state, "create_time": self._time}
        plain = {**plain, **{snake(name): self._name_of_job for name in self._conduct.filter_text}}
        if len(path) != 1 or field not in plain:
            raise self._wrong(f'the field "{".".join(path)}" cannot be filtered on')
        return plain[field](comparator, value)

    def _label(self, path: list[str], comparator: str, value: str, quoted: bool) -> Clause:
        exists = "EXISTS (SELECT 1 FROM labels WHERE labels.job = jobs.id AND key = ?{})"
        if len(path) == 1 and comparator == ":":
            return exists.format(""), (value,)
        if len(path) != 2 or comparator not in ("=", "!=", ":"):
            raise self._wrong("labels are written as labels.key=value, labels.key!=value, labels.key:* or labels:key")
        if comparator == ":" and value == "*" and not quoted:
            return exists.format(""), (path[1],)
        where, values = self._compared("value", comparator, value)
        return exists.format(f" AND {where}"), (path[1], *values)

    def _name_of_job(self, comparator: str, value: str) -> Clause:
        if comparator not in ("=", "!=", ":"):
            raise self._wrong(f'"{comparator}" does not apply to text')
        return self._compared("display_name", comparator, value)

    def _state(self, comparator: str, value: str) -> Clause:
        if comparator not in ("=", "!=", ":"):
            raise self._wrong(f'"{comparator}" does not apply to a state')
        if value not in self._conduct.state_numbers:
            raise self._wrong(f'"{value}" is no state')
        return ("state != ?" if comparator == "!=" else "state = ?"), (value,)

    def _time(self, comparator: str, value: str) -> Clause:
        if comparator == ":":
            raise self._wrong('":" does not apply to a time')
        try:
            moment = datetime.datetime.fromisoformat(value)
        except ValueError:
            raise self._wrong(f'"{value}" is no RFC 3339 time') from None
        if moment.tzinfo is None:
            raise self._wrong(f'"{value}" has no time zone')
        since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        return f"created {comparator} ?", (since // datetime.timedelta(microseconds=1),)

    def _peek(self) -> _Token | None:
        if not self._text[self._at :].strip():
            return None
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.lastgroup is None:
            raise self._wrong("a character that has no meaning here")
        return _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup), found.end())

    def _word(self, word: str) -> bool:
        """Take a joining word where it comes next."""
        token = self._peek()
        if token is None or token.sort != "text" or token.text != word:
            return False
        self._at = token.end
        return True

    def _wrong(self, why: str) -> Refusal:
        return Refusal("INVALID_ARGUMENT", f"Invalid filter: {why}, at position {self._at} of `{self._text}`.")


def _join(word: str, parts: list[Clause]) -> Clause:
    if len(parts) == 1:
        return parts[0]
    return word.join(f"({where})" for where, _ in parts), tuple(value for _, values in parts for value in values)


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
