"""What holds for every test: property tests draw the same examples on every machine and every day."""

import pytest
from hypothesis import settings

from tools import chromium

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests this machine cannot run; they are left out, neither passed nor skipped."""
    if not chromium.program():
        terminalreporter.write_line(f"Left out: tests/browser ({chromium.MISSING})")
