"""The built wheel alone, in an empty environment and far from the repository, does what the repository does."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import reconciler
from reconciler.files import schemas

ROOT = Path(__file__).parents[2]
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")


def call(folder: Path, *command: object) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.installs
def test_the_wheel_brings_all_it_needs(tmp_path: Path) -> None:
    """Build as RELEASING.md does, install with dependencies from the package index, and walk the main path."""
    call(tmp_path, sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, ROOT)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert {name.split("/")[0] for name in names} == {
        "reconciler",
        f"vertex_reconciler-{reconciler.__version__}.dist-info",
    }
    assert "reconciler/schemas/reconciler/v1/Plan.json" in names
    assert "reconciler/py.typed" in names

    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv" / "bin"
    call(tmp_path, programs / "python", *PIP, "install", wheel)
    command = programs / "reconciler"
    away = tmp_path / "away"
    away.mkdir()
    assert call(away, command, "version") == f"reconciler {reconciler.__version__}\n"
    published = (schemas.schema_root() / "aiplatform.googleapis.com/v1/CustomJob.json").read_text()
    assert call(away, command, "explain", "CustomJob", "--schema") == published
    call(away, command, "init")
    assert "0 errors" in call(away, command, "validate")
    call(away, command, "plan", "--out", "a.plan.json")
    call(away, command, "show", "a.plan.json", "-o", "html=.plan.html")
    assert "CustomJob" in (away / ".plan.html").read_text("utf-8")
    applied = json.loads(call(away, command, "apply", "a.plan.json", "-o", "json"))
    assert applied["summary"]["created"] == 1
    call(away, programs / "python", "-m", "reconciler", "plan", "--detailed-exitcode")
    assert "CustomJob/hello" in call(away, command, "status")
