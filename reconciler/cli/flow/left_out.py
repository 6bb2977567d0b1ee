"""Files that the stack's `ignore` leaves out, named to whoever asked for them."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.cli import wiring
from reconciler.cli.terminal import outputs
from reconciler.files import globs


def tell(file: Path, workspace: wiring.Workspace) -> bool:
    """Say whether the stack's `ignore` leaves a file out, and tell it: hooks name whatever was changed."""
    inside = os.path.relpath(file.absolute(), workspace.root)
    found = globs.is_ignored(Path(inside).as_posix(), workspace.stack.ignore)
    if found:
        outputs.say(f"Left out {file}, which spec.ignore of the stack file names")
    return found
