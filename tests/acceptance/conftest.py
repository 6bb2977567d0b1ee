from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.emulator.state.clocks import ManualClock
from tests.support.stage import Service, Stage, serving

OURS = (
    "CI",
    "NO_COLOR",
    "RECONCILER_BACKEND",
    "RECONCILER_STORE",
    "RECONCILER_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Stage:
    """An empty folder to stand in, on a machine whose time passes only when somebody waits."""
    root = tmp_path / "stack"
    root.mkdir()
    monkeypatch.chdir(root)
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    return Stage(root, ManualClock(), monkeypatch, capsys)


@pytest.fixture
def service(stage: Stage) -> Iterator[Service]:
    """A service on loopback which the stack's backend names, and one job in the stack."""
    with serving(stage.clock) as found:
        stage.stack(found.url)
        stage.job()
        yield found
