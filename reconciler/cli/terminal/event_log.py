"""`-o jsonl`: the events of a running apply, written as they happen, for whoever watches from outside."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from reconciler.cli.clock import rfc3339
from reconciler.renderers import jsonl
from reconciler.vocabulary import errors
from reconciler.vocabulary.plans import Outcome
from reconciler.vocabulary.ports import Clock

if TYPE_CHECKING:
    from reconciler.engine.events import Event


class EventLog:
    """Takes events from many threads and writes each as a line to every stream that was asked for.

    Raises errors.InputError where a file cannot be opened; that is before anything is called. Later on nothing of what
    happens to a stream stops the work: what could not be written is for `require_whole` to say.
    """

    def __init__(self, targets: Sequence[tuple[str, str]], digest: str, clock: Clock) -> None:
        self._digest = digest
        self._clock = clock
        self._guard = threading.Lock()
        self._closing = ExitStack()
        self._lost: list[tuple[TextIO, OSError]] = []
        self._streams = [self._open(file) for name, file in targets if name == jsonl.NAME]

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def begin(self, summary: Mapping[str, int]) -> None:
        """Write the line of the plan. Raises what `require_whole` does: nothing was called yet."""
        self._write(jsonl.plan(rfc3339(self._clock), self._digest, summary))
        self.require_whole()

    def tell(self, event: Event) -> None:
        """Write one step."""
        step = {name: getattr(event, name) for name in ("address", "operation", "status", "resource", "error")}
        self._write(jsonl.step(rfc3339(self._clock), step))

    def end(self, outcomes: Sequence[Outcome]) -> None:
        """Write the line of what came of it all."""
        self._write(jsonl.summary(rfc3339(self._clock), self._digest, outcomes))

    def require_whole(self) -> None:
        """Raise errors.ReconcilerError for a file that lacks lines, BrokenPipeError where stdout's reader went away."""
        for stream, cause in self._lost:
            if stream is sys.stdout and isinstance(cause, BrokenPipeError):
                raise cause
            raise errors.ReconcilerError(
                f"{stream.name} lacks events, it cannot be written: {cause.strerror}", "name another file"
            ) from cause

    def _open(self, file: str) -> TextIO:
        if not file:
            return sys.stdout
        try:
            return self._closing.enter_context(Path(file).open("w", encoding="utf-8"))
        except OSError as cause:
            raise errors.InputError(f"{file} cannot be written: {cause.strerror}", "name another file") from cause

    def _write(self, line: str) -> None:
        with self._guard:
            for stream in tuple(self._streams):
                try:
                    stream.write(line + "\n")
                    stream.flush()
                except OSError as cause:
                    self._streams.remove(stream)
                    self._lost.append((stream, cause))
                    if stream is not sys.stdout:
                        with suppress(OSError):  # what its buffer still holds is lost too
                            stream.close()
