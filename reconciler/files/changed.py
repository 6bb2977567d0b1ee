"""Which addresses changed since a commit: its manifests, read by the readers of today and compared with those that are here.

Decides nothing about an address and reads nothing of the commit but files below the stack.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.files import addresses, git, globs, manifests, stack
from reconciler.files.manifests import STACK_FILE
from reconciler.files.reading import MAX_BYTES
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Json


@dataclass(frozen=True, slots=True)
class Changed:
    """Addresses, old names of renamed ones too. Where `everything` says why, every address counts as changed."""

    addresses: frozenset[str] = frozenset()
    everything: str = ""


def since(root: Path, patterns: Sequence[str], ignore: Sequence[str], commit: str) -> Changed:
    """Compare the manifests below a stack's root with those of a commit. Raises errors.InputError where Git fails.

    A file of the same bytes is the same; in others documents are compared by what they say, wherever they stand.
    """

    def wanted(file: str) -> bool:
        return Path(file).name == STACK_FILE or globs.matches_any(file, patterns)

    then = git.files_at(root, commit, wanted, MAX_BYTES)
    with TemporaryDirectory(prefix="reconciler-") as folder:
        past = Path(folder)
        for file, content in then.items():
            if content is None:
                return Changed(everything=f"{file} was a link, or larger than any manifest")
            (past / file).parent.mkdir(parents=True, exist_ok=True)
            (past / file).write_bytes(content)
        if not _same_stack(root, past):
            return Changed(everything=f"{STACK_FILE} changed")
        return _compared(root, past, patterns, ignore)


def _same_stack(root: Path, past: Path) -> bool:
    if not (past / STACK_FILE).is_file():
        return False
    try:
        return _said(stack.read(past).value) == _said(stack.read(root).value)
    except errors.InputError:
        return False


def _compared(root: Path, past: Path, patterns: Sequence[str], ignore: Sequence[str]) -> Changed:
    here, there = (frozenset(manifests.find(each, patterns, ignore)[0]) for each in (root, past))
    differ = [file for file in sorted(here | there) if not _same_bytes(root / file, past / file)]
    now: dict[str, list[str]] = defaultdict(list)
    before: dict[str, list[str]] = defaultdict(list)
    former: dict[str, set[str]] = defaultdict(set)
    for file in differ:
        for folder, present, found in ((root, here, now), (past, there, before)):
            if file not in present:
                continue
            reading = manifests.read_file(folder / file, folder)
            unreadable = [problem for problem in reading.problems if problem.rule != manifests.NO_MANIFEST]
            if unreadable and folder is past:
                return Changed(everything=f"{file} could not be read as it was: {unreadable[0].message}")
            for document in reading.documents:
                address, renamed = addresses.of(document), addresses.of(document, "formerly")
                found[address].append(_said(document.value))
                former[address].update([renamed] if renamed else [])
    touched = {address for address in (*now, *before) if now.get(address) != before.get(address)}
    return Changed(frozenset(touched.union(*(former[address] for address in touched))))


def _same_bytes(one: Path, other: Path) -> bool:
    try:
        return one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def _said(value: Json) -> str:
    """Write what a document says so that two can be compared: Python takes 1 for true and for 1.0."""
    return json.dumps(value, sort_keys=True, default=repr)
