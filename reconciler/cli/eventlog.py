"""`-o jsonl`: the events of a running apply, written as they happen, for whoever watches from outside."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from reconciler.cli import planning
from reconciler.renderers import jsonl
from reconciler.vocabulary import errors
from reconciler.vocabulary.plans import Outcome

if TYPE_CHECKING:
    from reconciler.engine.telling import Event

NAME = "jsonl"


class EventLog:
    """Takes events from many threads and writes each as a line to every stream that was asked for.

    Raises errors.InputError where a file cannot be opened; that is before anything is called.
    """

    def __init__(self, targets: Sequence[tuple[str, str]], digest: str) -> None:
        self._digest = digest
        self._guard = threading.Lock()
        self._closing = ExitStack()
        self._streams = [self._open(file) for name, file in targets if name == NAME]

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def begin(self, summary: Mapping[str, int]) -> None:
        """Write the line of the plan."""
        self._write(jsonl.plan(planning.now(), self._digest, summary))

    def tell(self, event: Event) -> None:
        """Write one step."""
        step = {name: getattr(event, name) for name in ("address", "operation", "status", "resource", "error")}
        self._write(jsonl.step(planning.now(), step))

    def end(self, outcomes: Sequence[Outcome]) -> None:
        """Write the line of what came of it all."""
        self._write(jsonl.summary(planning.now(), self._digest, outcomes))

    def _open(self, file: str) -> TextIO:
        if not file:
            return sys.stdout
        try:
            return self._closing.enter_context(Path(file).open("w", encoding="utf-8"))
        except OSError as cause:
            raise errors.InputError(f"{file} cannot be written: {cause.strerror}", "name another file") from cause

    def _write(self, line: str) -> None:
        with self._guard:
            for stream in self._streams:
                stream.write(line + "\n")
                stream.flush()
