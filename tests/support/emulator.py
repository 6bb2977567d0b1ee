"""`reconciler emulate` in a process of its own, on a free port of this machine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.stage import command_line

LONGEST = 30
"""Seconds within which the process has to end once it was asked to."""


@contextmanager
def emulating(*arguments: str, folder: Path | None = None) -> Iterator[int]:
    """Serve, from a folder where one is given; yields the port. What it says is read all the time, or it would wait."""
    command = command_line("emulate", "--port", "0", *arguments)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = [process.stderr.readline()]
        reader = threading.Thread(target=said.extend, args=(process.stderr,))
        reader.start()
        try:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", said[0])
            assert found, "".join(said)
            yield int(found[1])
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(LONGEST)
            reader.join(LONGEST)
    assert code == 0, "".join(said)
