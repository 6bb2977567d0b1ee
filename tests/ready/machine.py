"""What tests of installed hooks need of a machine, and how it is said that one lacks it."""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
import tempfile


@functools.cache
def missing() -> str:
    """Say what this machine lacks to build an environment as pre-commit does; empty where nothing is missing."""
    if importlib.util.find_spec("pre_commit") is None:
        return "pre-commit is not installed"
    with tempfile.TemporaryDirectory() as folder:
        asked = ("download", "--quiet", "--no-deps", "--retries", "0", "--timeout", "5", "--dest", folder, "click")
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
        done = subprocess.run([*pip, *asked], capture_output=True, timeout=60, check=False)
    return "" if done.returncode == 0 else "no package index is reached"
