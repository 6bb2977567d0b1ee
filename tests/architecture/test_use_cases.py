"""What lies below `cli` can be called by something else than a command line: it asks nobody, prints nothing, handles no signal."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "reconciler"
BELOW_CLI = [path for path in SOURCE.rglob("*.py") if "cli" not in path.relative_to(SOURCE).parts]
STREAMS_AND_HANDLERS = {
    "sys.stdin", "sys.stdout", "sys.stderr", "sys.exit", "os._exit", "signal.signal", "signal.set_wakeup_fd",
}  # fmt: skip


def touches(source: str) -> set[str]:
    """Return what a module uses of the process that runs it: its streams, its signals, its end."""
    tree = ast.parse(source)
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    read = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    taken = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return called & {"print", "input", "breakpoint", "exit", "quit"} | (read | taken) & STREAMS_AND_HANDLERS


def test_nothing_below_cli_prints_asks_or_handles_signals() -> None:
    found = {path.relative_to(SOURCE).as_posix(): touches(path.read_text()) for path in BELOW_CLI}
    assert {name: used for name, used in found.items() if used} == {"__main__.py": {"sys.exit"}}


@pytest.mark.parametrize(
    "source",
    [
        "print('x')", "input()", "import sys\nsys.stdout.write('x')", "from sys import stderr",
        "import signal\nsignal.signal(2, print)", "import os\nos._exit(1)",
    ],
)  # fmt: skip
def test_a_module_that_does_is_found(source: str) -> None:
    assert touches(source)
