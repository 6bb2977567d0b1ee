"""Turn YAML text into documents, event by event, so that no input can nest, expand or repeat beyond our bounds.

Values carry no marks (files.positions finds places on demand); what a document means is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.reader import ReaderError

from reconciler.files import dialect, nesting
from reconciler.files.reading import MAX_ALIASED, MAX_DEPTH, Reading, UnreadableError, bad_text, bad_text_problem
from reconciler.vocabulary.model import Document, FieldPath, Place, Problem, show_path

MOST_PROBLEMS = 100
_NO_KEY = object()
_DROPPED = object()


def events(text: str) -> Iterator[Event]:
    """Yield the events of YAML text. Raises yaml.YAMLError where the text stops being YAML."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return iter(yaml.parse(text, Loader=loader))


def read(text: str, file: str) -> Reading:
    """Read every document of a YAML stream; empty ones count for the index and are left out.

    Documents before a syntax error are returned too: more of what is wrong can be told at once.
    """
    builder = _Builder(file)
    try:
        for event in events(text):
            builder.take(event)
    except UnreadableError as stop:
        builder.problems.append(stop.problem)
    except yaml.YAMLError as error:
        builder.problems.append(problem_of(error, text, file, max(builder.index, 0)))
    return Reading(tuple(builder.documents), tuple(builder.problems))


def problem_of(error: yaml.YAMLError, text: str, file: str, document: int) -> Problem:
    """Say what ends a text: brackets beyond our own bound where there are as many, whatever the library stops at."""
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    deep = nesting.too_deep(text, mark.index + 1 if mark is not None else len(text))
    if deep is None:
        return syntax_problem(error, text, file, document)
    line, column = deep
    return too_deep(file, document, (), Place(file, line, column))


def too_deep(file: str, document: int, path: FieldPath, place: Place) -> Problem:
    """Say that a document nests beyond MAX_DEPTH."""
    message = f"The document nests deeper than {MAX_DEPTH} levels."
    hint = "No manifest needs that: flatten it."
    return Problem("nested-too-deep", message, hint, file=file, document=document, path=path, place=place)


def syntax_problem(error: yaml.YAMLError, text: str, file: str, document: int) -> Problem:
    """Word a YAML error with its place and, where the cause is a common one, the way out."""
    hint = "A colon, quote, bracket or indentation near this place is off."
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        lines = text.splitlines() or [""]
        line = lines[mark.line] if mark.line < len(lines) else ""
        place = Place(file, mark.line + 1, mark.column + 1)
        if mark.line >= len(lines):  # at the very end: the last line is what people can look at
            place = Place(file, len(lines), len(lines[-1]) + 1)
        if "\t" in line[: len(line) - len(line.lstrip())] or line[mark.column : mark.column + 1] == "\t":
            hint = "Indent with spaces: YAML allows no tabs there."
        elif "{{" in line or "{%" in line:
            hint = "There is no templating: render the file first (kustomize, jsonnet, envsubst) and pipe it in."
        elif line[mark.column : mark.column + 1] in ("@", "`", "%"):
            hint = "A text that starts with this character needs quotes."
        message = f"This is not YAML: {error.problem or error.context or 'unexpected text'}."
        return Problem("yaml-syntax", message, hint, file=file, document=document, place=place)
    if isinstance(error, ReaderError):
        before = text.encode("utf-8")[: error.position].decode("utf-8", "replace")
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        message = "The file holds a control character that YAML does not allow."
        hint = 'Write it as an escape inside double quotes, such as "\\x1b".'
        return Problem("yaml-syntax", message, hint, file=file, document=document, place=place)
    return Problem("yaml-syntax", f"This is not YAML: {error}.", hint, file=file, document=document, place=Place(file))


def _value(event: Any) -> Any:
    if event.tag is not None:
        return dialect.tagged(event.value, event.tag)
    return dialect.plain(event.value) if event.implicit[0] else event.value


class _Frame:
    """One open mapping or sequence."""

    __slots__ = ("anchor", "height", "key", "nodes_before", "value")

    def __init__(self, value: Any, anchor: str | None, nodes_before: int) -> None:
        self.value = value
        self.key: Any = _NO_KEY
        self.anchor = anchor
        self.nodes_before = nodes_before
        self.height = 1


class _Builder:
    """Builds values from events on a stack of its own, so that depth costs no recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.documents: list[Document] = []
        self.problems: list[Problem] = []
        self.index = -1
        self._line = 0
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        self._nodes = 0
        self._aliased = 0

    def take(self, event: Event) -> None:
        """Take the next event. Raises UnreadableError where the file must not be read further."""
        kind = type(event)
        if kind is ScalarEvent:
            self._scalar(event)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            self._open(event, {} if kind is MappingStartEvent else [])
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            frame = self._frames.pop()
            self._finish(frame.value, frame.anchor, self._nodes - frame.nodes_before, frame.height)
        elif kind is AliasEvent:
            self._alias(event)
        elif kind is DocumentStartEvent:
            self.index += 1
            self._anchors = {}
            self._nodes = self._aliased = 0

    def _scalar(self, event: Any) -> None:
        text = event.value
        frame = self._frames[-1] if self._frames else None
        try:
            value = _value(event)
        except dialect.ScalarError as error:
            self._report("bad-value", f"{error}.", "Quote it if it is meant as text.", event)
            value = text
        if event.style == '"' and (found := bad_text(text)):
            self.problems.append(bad_text_problem(found, self.file, self.index, self._path(), self._place(event)))
            value = ""
        self._nodes += 1
        if frame is None:
            self._line = event.start_mark.line + 1
        elif type(frame.value) is dict and frame.key is _NO_KEY:
            frame.key = self._key(value, text, event, frame.value)
            if event.anchor is not None:
                self._anchors[event.anchor] = (value, 1, 0)
            return
        self._finish(value, event.anchor, 1, 0)

    def _key(self, value: Any, text: str, event: Any, mapping: dict[str, Any]) -> Any:
        if type(value) is not str:
            shown = text or "an empty text"
            self._report("non-text-key", f"The key {shown} is not text.", f'Quote it: "{text}".', event)
            return _DROPPED
        if value == "<<" and not getattr(event, "style", None):
            hint = "Write the fields out; YAML 1.2 has no merge keys. defaults in the stack file serve all manifests."
            self._report("merge-key", "Merge keys (<<) are not read.", hint, event)
            return _DROPPED
        if value in mapping:
            path = (*self._path(), value)
            message = f"{show_path(path)} is given twice."
            self._report("duplicate-key", message, "Keep one of the two.", event, path)
            return _DROPPED
        return value

    def _open(self, event: Any, value: Any) -> None:
        frame = self._frames[-1] if self._frames else None
        if frame is None:
            self._line = event.start_mark.line + 1
        elif type(frame.value) is dict and frame.key is _NO_KEY:
            raise UnreadableError(self._complex_key(event))
        if len(self._frames) >= MAX_DEPTH:
            raise UnreadableError(self._too_deep(event))
        if event.tag is not None and event.tag not in ("!", dialect.CORE + ("map" if type(value) is dict else "seq")):
            message = f"The tag {event.tag[:60]} is not part of YAML's core schema."
            self._report("bad-value", message, "Remove the tag.", event)
        self._frames.append(_Frame(value, event.anchor, self._nodes))
        self._nodes += 1

    def _alias(self, event: Any) -> None:
        known = self._anchors.get(event.anchor)
        if known is None:
            message = f"No anchor &{event.anchor} is complete before this alias."
            raise UnreadableError(self._problem("undefined-alias", message, "Define the anchor above it.", event))
        value, nodes, height = known
        self._aliased += nodes
        if self._aliased > MAX_ALIASED:
            message = f"The aliases of this document stand for more than {MAX_ALIASED:,} values."
            raise UnreadableError(self._problem("alias-expansion", message, "Write the values out.", event))
        if len(self._frames) + height > MAX_DEPTH:
            raise UnreadableError(self._too_deep(event))
        self._nodes += nodes
        frame = self._frames[-1]
        if type(frame.value) is dict and frame.key is _NO_KEY:
            if type(value) is not str:
                raise UnreadableError(self._complex_key(event))
            frame.key = self._key(value, value, event, frame.value)
            return
        self._finish(value, None, nodes, height)

    def _finish(self, value: Any, anchor: str | None, nodes: int, height: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (value, nodes, height)
        if not self._frames:
            if value is not None:
                self.documents.append(Document(self.file, self.index, self._line, value))
            return
        frame = self._frames[-1]
        frame.height = max(frame.height, height + 1)
        if type(frame.value) is list:
            frame.value.append(value)
            return
        if frame.key is not _DROPPED:
            frame.value[frame.key] = value
        frame.key = _NO_KEY

    def _path(self) -> FieldPath:
        steps: list[str | int] = []
        for frame in self._frames:
            if type(frame.value) is list:
                steps.append(len(frame.value))
            elif frame.key is not _NO_KEY and frame.key is not _DROPPED:
                steps.append(frame.key)
        return tuple(steps)

    def _place(self, event: Any) -> Place:
        return Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _problem(self, rule: str, message: str, hint: str, event: Any, path: FieldPath | None = None) -> Problem:
        path = self._path() if path is None else path
        return Problem(
            rule, message, hint, file=self.file, document=max(self.index, 0), path=path, place=self._place(event)
        )

    def _report(self, rule: str, message: str, hint: str, event: Any, path: FieldPath | None = None) -> None:
        self.problems.append(self._problem(rule, message, hint, event, path))
        if len(self.problems) >= MOST_PROBLEMS:
            message = f"This file has {MOST_PROBLEMS} problems up to here; the rest was not read."
            raise UnreadableError(self._problem("too-many-problems", message, "Correct those first.", event))

    def _too_deep(self, event: Any) -> Problem:
        return too_deep(self.file, max(self.index, 0), self._path(), self._place(event))

    def _complex_key(self, event: Any) -> Problem:
        hint = "A key is text. {{name}} is read as a map inside a map: there is no templating, render the file first."
        return self._problem("non-text-key", "A map or list was found where a key is expected.", hint, event)
