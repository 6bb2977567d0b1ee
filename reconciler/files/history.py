"""How one commit stands to another in the history that is here. What follows from that is core.plan.guards' business."""

from __future__ import annotations

from pathlib import Path

from reconciler.files import git
from reconciler.vocabulary.plans import Lineage


def lineage(root: Path, commit: str, applied: str) -> Lineage:
    """Say how a commit stands to the one that was applied last; empty ones stand for none.

    A way from one to the other proves its direction, in any clone. That there is none proves something only where the
    whole history is here.
    """
    if not applied:
        return Lineage.FIRST
    if not commit:
        return Lineage.UNKNOWN
    if commit == applied:
        return Lineage.SAME
    onward = _is_ancestor(root, applied, commit)
    back = _is_ancestor(root, commit, applied)
    if onward:
        return Lineage.NEWER
    if back:
        return Lineage.OLDER
    shallow = git.ask(root, "rev-parse", "--is-shallow-repository").text.strip() != "false"
    return Lineage.UNKNOWN if shallow or onward is None or back is None else Lineage.DIVERGED


def _is_ancestor(root: Path, one: str, other: str) -> bool | None:
    """Say whether a way leads from one commit to the other; None where Git does not know one of them."""
    asked = git.ask(root, "merge-base", "--is-ancestor", "--end-of-options", one, other)
    return {0: True, 1: False}.get(-1 if asked.code is None else asked.code)
