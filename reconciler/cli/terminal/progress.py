"""What an apply tells while it works: lines on a pipe, one moving display on a terminal."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from reconciler.renderers import escape

if TYPE_CHECKING:
    from reconciler.engine.events import Event


class Progress:
    """Takes events from many threads. On a terminal, what is under way stands in a live list below what is done."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._guard = threading.Lock()
        self._under_way: dict[str, str] = {}
        self._live: Any = None

    def __enter__(self) -> Progress:
        if self._stream.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(file=self._stream), refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, event: Event) -> None:
        """Show one step. Whoever looked on may have gone away; the work goes on."""
        line = f"{escape.visible(event.address)}: {escape.visible(_sentence(event))}"
        with self._guard, suppress(OSError):
            if self._live is None:
                self._stream.write(line + "\n")
                self._stream.flush()
                return
            if event.done:
                self._under_way.pop(event.address, None)
                self._live.console.print(line, markup=False, highlight=False)
            else:
                self._under_way[event.address] = line
            from rich.text import Text

            self._live.update(Text("\n".join(list(self._under_way.values())[:20])))


def _sentence(event: Event) -> str:
    if event.operation == "wait":
        return f"phase {event.status}"
    if not event.status:
        return f"{event.operation} …"
    status = event.status.replace("_", " ")
    return f"{status} ({event.operation})" + (f": {event.error}" if event.error else "")
