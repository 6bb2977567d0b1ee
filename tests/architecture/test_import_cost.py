"""What a command does not use it does not import: measured in a process of its own by what stands in sys.modules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stage import JOB, STACK

HEAVY = (
    "yaml",
    "jsonschema",
    "jsonschema_rs",
    "requests",
    "google.auth",
    "deepdiff",
    "rich",
    "waitress",
    "sqlite3",
    "urllib3",
    "jinja2",
)

PROBE = """
import sys
from reconciler.cli.main import run
code = run(sys.argv[2:])
print("\\nloaded:", *[name for name in sys.argv[1].split(",") if name in sys.modules])
sys.exit(code)
"""


def loaded(folder: Path, *arguments: str) -> set[str]:
    """Return which of the heavy libraries a command line imported; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, ",".join(HEAVY), *arguments], cwd=folder, capture_output=True, text=True,
        timeout=60, check=False, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return set(done.stdout.rpartition("loaded:")[2].split())


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    (tmp_path / "reconciler.yaml").write_text(STACK.format(backend="embedded", more=""))
    (tmp_path / "train.yaml").write_text(JOB.format(name="train", more="", replicas=1, image="gcr.io/demo/train:1"))
    return tmp_path


CHEAP: list[tuple[list[str], set[str]]] = [
    (["version"], set()),
    (["--help"], set()),
    (["explain", "CustomJob"], set()),
]


@pytest.mark.parametrize(("arguments", "allowed"), CHEAP, ids=[row[0][0] for row in CHEAP])
def test_a_command_that_reads_no_manifest_loads_nothing_heavy(
    tmp_path: Path, arguments: list[str], allowed: set[str]
) -> None:
    assert loaded(tmp_path, *arguments) - allowed == set()


def test_planning_on_the_embedded_emulator_loads_no_network_and_no_diff(stack: Path) -> None:
    assert loaded(stack, "plan") <= {"yaml", "jsonschema_rs", "sqlite3"}
    assert loaded(stack, "apply", "--yes") <= {"yaml", "jsonschema_rs", "sqlite3"}
    assert loaded(stack, "plan") <= {"yaml", "jsonschema_rs", "sqlite3"}


def test_validating_loads_neither_network_nor_store(stack: Path) -> None:
    assert loaded(stack, "validate") <= {"yaml", "jsonschema_rs"}


def test_a_plan_on_loopback_loads_no_credentials(stack: Path) -> None:
    probe = (
        "import sys; import reconciler.transport.http, reconciler.transport.google; print('google.auth' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"
