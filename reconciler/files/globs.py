"""Match slash-separated paths against the globs of a stack file, in time that no pattern can blow up."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase


def matches(path: str, pattern: str) -> bool:
    """Say whether a whole relative path fits: `**` spans any number of folders, `*` stays within one."""
    parts = path.split("/")
    reachable = {0}
    for step in pattern.removeprefix("./").split("/"):
        if step == "**":
            reachable = set(range(min(reachable), len(parts) + 1))
        else:
            reachable = {at + 1 for at in reachable if at < len(parts) and fnmatchcase(parts[at], step)}
        if not reachable:
            return False
    return len(parts) in reachable


def matches_any(path: str, patterns: Sequence[str]) -> bool:
    """Say whether one of the patterns fits."""
    return any(matches(path, pattern) for pattern in patterns)


def may_match_below(folder: str, patterns: Sequence[str]) -> bool:
    """Say whether one of the patterns may fit a path below a folder."""
    return any(_reaches(folder.split("/"), pattern.removeprefix("./").split("/")) for pattern in patterns)


def _reaches(parts: Sequence[str], steps: Sequence[str]) -> bool:
    for at, part in enumerate(parts):
        if at >= len(steps) or steps[at] == "**":
            return at < len(steps)
        if not fnmatchcase(part, steps[at]):
            return False
    return len(steps) > len(parts)


def is_ignored(path: str, patterns: Sequence[str]) -> bool:
    """Say whether a path or one of its folders is ignored; a pattern without a slash fits at any depth, as in Git."""
    parts = path.split("/")
    for pattern in patterns:
        wanted = pattern.strip("/")
        anchored = "/" in pattern.rstrip("/")
        for end in range(1, len(parts) + 1):
            candidate = "/".join(parts[:end]) if anchored else parts[end - 1]
            if matches(candidate, wanted):
                return True
    return False
