"""Which other stack files of the same repository claim a stack's runs: two with one uid each cancel the other's jobs.

Asks Git for the files; outside Git, or where it does not answer, nobody is found. What a stack file may say otherwise
is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reconciler.files import git, stack
from reconciler.files.manifests import STACK_FILE
from reconciler.files.reading import MAX_BYTES
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import FieldPath, Problem


def problems(root: Path, uid: str, former_uids: Sequence[str] = ()) -> tuple[Problem, ...]:
    """Return a problem for every uid of the stack at `root`, its former ones too, that another stack file names."""
    return tuple(_clashes(root, uid, former_uids))


def _clashes(root: Path, uid: str, former_uids: Sequence[str]) -> Iterator[Problem]:
    ours: dict[str, FieldPath] = dict.fromkeys(former_uids, ("metadata", "formerUids"))
    ours[uid] = ("metadata", "uid")
    top, files = git.files_named(root, STACK_FILE) or (root, ())
    here = f"{git.prefix(root)}{STACK_FILE}" if files else STACK_FILE
    for there in files:
        if there == here:
            continue
        theirs = _claimed(top / there, frozenset(ours))
        for each in sorted(ours.keys() & theirs.keys()):
            yield Problem(
                "shared-uid",
                f"{here} and {there} are two stacks of one repository that both own the runs of uid {each} "
                f"({theirs[each]} there): each would cancel the other's jobs.",
                "A copied stack needs a uid of its own: take `uid` out of the copy, and `reconciler validate` offers one. "
                "A stack that takes another's runs over by formerUids needs the other stack file gone.",
                file=STACK_FILE,
                path=ours[each],
            )


def _claimed(file: Path, uids: frozenset[str]) -> dict[str, str]:
    """Return the uids that a stack file names, with the key that names each; none of one that cannot be read."""
    try:
        if file.stat().st_size > MAX_BYTES or not any(uid.encode() in file.read_bytes() for uid in uids):
            return {}
        metadata: Any = stack.read(file.parent).value.get("metadata")
    except (OSError, errors.InputError):
        return {}
    if not isinstance(metadata, dict):
        return {}
    former = metadata.get("formerUids", metadata.get("former_uids"))
    named = {str(each): "metadata.formerUids" for each in former} if isinstance(former, list) else {}
    return {**named, str(metadata.get("uid", "")): "metadata.uid"}
