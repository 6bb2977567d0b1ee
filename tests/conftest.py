"""What holds for every test: property tests draw the same examples on every machine and every day.

Tests of the real service are deselected unless `--live-project` names a project to run them in, and those that install
this package from a package index unless `--installs` asks for them."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.support import chromium, language_server

KEPT = ("HOME", "PATH", "TMPDIR", "RECONCILER_CORPUS", "RECONCILER_CHROMIUM", "RECONCILER_YAML_LANGUAGE_SERVER")
"""What a test may know of whoever runs it. Anything else, such as PYTHONUNBUFFERED or CI, users may not have set."""

KEPT_PREFIXES = ("PYTEST_", "COV_", "PIP_", "SSL_CERT_", "npm_config_")
"""The test runner's own variables, and how this machine reaches its package index."""


def _keep_the_environment_plain() -> None:
    for name in [*os.environ]:
        if name not in KEPT and not name.startswith(KEPT_PREFIXES):
            del os.environ[name]
    os.environ["TERM"] = "dumb"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell leaves it to what it starts in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)


_keep_the_environment_plain()

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=(HealthCheck.too_slow,),  # how long drawing takes says how busy the machine is
)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    live = parser.getgroup("live", "the real service (starts small jobs, which cost money)")
    live.addoption("--live-project", default="", metavar="PROJECT", help="run the contract tests in this project too")
    live.addoption("--live-location", default="us-central1", metavar="LOCATION", help="where in the project")
    parser.addoption("--installs", action="store_true", help="run the tests that need a package index too")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "live: calls the real service; deselected without --live-project")
    config.addinivalue_line("markers", "installs: installs this package anew; deselected without --installs")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = {"live": bool(config.getoption("live_project")), "installs": bool(config.getoption("installs"))}
    out = [
        item for item in items if any(item.get_closest_marker(name) and not wanted for name, wanted in asked.items())
    ]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in set(out)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests this machine cannot run; they are left out, neither passed nor skipped."""
    if not chromium.program():
        terminalreporter.write_line(f"Left out: tests/browser ({chromium.MISSING})")
    if not language_server.program():
        terminalreporter.write_line(f"Left out: tests/editors/test_language_server.py ({language_server.MISSING})")
