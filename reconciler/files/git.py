"""Ask Git which commit the manifests come from. Without Git, or outside a repository, the answer is empty."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

TIMEOUT = 10.0
"""Seconds; a repository on a dead network drive must not hold up a plan."""


def revision(root: Path) -> tuple[str, bool]:
    """Return the commit of HEAD (`""` where there is none) and whether files below `root` differ from it.

    Where Git gives no answer about the files in time, they count as changed.
    """
    commit = (_git(root, "rev-parse", "--verify", "--quiet", "HEAD") or "").strip()
    if not commit:
        return "", False
    changed = _git(root, "status", "--porcelain", "--untracked-files=normal", "--", ".", ":(exclude).reconciler")
    return commit, changed is None or bool(changed.strip())


def prefix(root: Path) -> str:
    """Return the way from the repository's root to a folder, empty or ending with a slash; from here where Git is not.

    CI systems name files from the root of the repository, wherever a command runs.
    """
    told = _git(root, "rev-parse", "--show-prefix")
    if told is not None:
        return told.removesuffix("\n")
    here = os.path.relpath(root)
    return "" if here == "." else f"{Path(here).as_posix()}/"


def _git(root: Path, *arguments: str) -> str | None:
    # The two settings keep a repository from naming programs for Git to run: a hook on every status, a pager's kin.
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, check=False, timeout=TIMEOUT, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
