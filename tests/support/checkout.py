"""This checkout, the corpus of real files beside it, and Git without a person's settings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("RECONCILER_CORPUS") or ROOT.parent / "shared" / "corpus")
"""Real files that are not part of this checkout: tests over it are left out where there is none."""

IDENTITY = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "Somebody",
    "GIT_AUTHOR_EMAIL": "somebody@example.com",
    "GIT_COMMITTER_NAME": "Somebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.com",
}


def git(folder: Path, *arguments: str) -> str:
    """Run Git and return what it printed; anything but success is an error with its words."""
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **IDENTITY},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()
