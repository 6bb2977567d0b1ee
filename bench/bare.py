"""A bare waitress that answers `/<n>` with n bytes: what the library costs without an emulator behind it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any


def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Read the body and answer with as many bytes as the path says."""
    environ["wsgi.input"].read()
    body = b"x" * int(environ["PATH_INFO"].strip("/") or "0")
    start("200 OK", [("content-type", "application/json"), ("content-length", str(len(body)))])
    return [body]


def main() -> None:
    """Serve on a free port and tell which on stderr, as the emulator does."""
    from waitress.server import create_server

    from reconciler.emulator.serving.timeouts import Limits

    threads = Limits().threads
    server = create_server(answer, host="127.0.0.1", port=0, threads=threads, outbuf_overflow=2**25, ident=None)
    server.task_dispatcher.queue_logger.disabled = True
    sys.stderr.write(f"Serving on http://127.0.0.1:{server.effective_port}\n")
    sys.stderr.flush()
    server.run()


if __name__ == "__main__":
    main()
