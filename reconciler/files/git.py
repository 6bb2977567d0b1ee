"""Ask Git which commit the manifests come from, and what they were at another one. Writes nothing, fetches nothing.

Without Git, or outside a repository, the first answer is empty and the second an error.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from reconciler.vocabulary import errors

TIMEOUT = 10.0
"""Seconds; a repository on a dead network drive must not hold up a plan."""


_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "safe.bareRepository=explicit",
    "protocol.allow=never",
)
"""They keep a repository from naming programs for Git to run (a hook on every status, a pager's kin), from bringing a
configuration along as a folder that looks like a bare repository (git-config(1)), and from fetching what a partial
clone lacks."""


def revision(root: Path) -> tuple[str, bool]:
    """Return the commit of HEAD (`""` where there is none) and whether files below `root` differ from it.

    Where Git gives no answer about the files in time, they count as changed.
    """
    commit = (_git(root, "rev-parse", "--verify", "--quiet", "HEAD") or "").strip()
    if not commit or _is_checked_out_repository(root):
        return "", False
    changed = _git(root, "status", "--porcelain", "--untracked-files=normal", "--", ".", ":(exclude).reconciler")
    return commit, changed is None or bool(changed.strip())


def _is_checked_out_repository(root: Path) -> bool:
    """Say whether files of the checkout pass for its repository: Git before 2.38 knows no safe.bareRepository."""
    folder = (root / (_git(root, "rev-parse", "--git-dir") or "").removesuffix("\n")).resolve()
    return root.resolve().is_relative_to(folder)


def prefix(root: Path) -> str:
    """Return the way from the repository's root to a folder, empty or ending with a slash; from here where Git is not.

    CI systems name files from the root of the repository, wherever a command runs.
    """
    prefix = _git(root, "rev-parse", "--show-prefix")
    if prefix is not None:
        return prefix.removesuffix("\n")
    here = os.path.relpath(root)
    return "" if here == "." else f"{Path(here).as_posix()}/"


def files_named(root: Path, name: str) -> tuple[Path, tuple[str, ...]] | None:
    """Return the top of the repository that a folder lies in and its files of a name, by their ordered paths from there.

    Of those that are there: what the index has and what nothing ignores. Git descends into no linked worktree and no
    nested repository; links out of the repository are left out. None where Git does not tell.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None:
        return None
    folder = Path(top.removesuffix("\n"))
    where = ("--", f":(glob)**/{name}")
    listing = _bytes(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *where)
    if listing is None:
        return None
    files = {os.fsdecode(file) for file in listing.split(b"\0") if file}
    real = folder.resolve()
    return folder, tuple(
        sorted(file for file in files if (folder / file).is_file() and (folder / file).resolve().is_relative_to(real))
    )


def merge_base(root: Path, ref: str) -> str:
    """Return the commit where the work at HEAD left the line of `ref`. Raises errors.InputError where there is none."""
    if _git(root, "rev-parse", "--git-dir") is None:
        raise errors.InputError(f"--changed-since {ref}: {root} is in no Git repository", "leave the flag out")
    shallow = (_git(root, "rev-parse", "--is-shallow-repository") or "").strip() == "true"
    more = "this clone is shallow: fetch the whole history (actions/checkout: fetch-depth: 0, GitLab: GIT_DEPTH: 0)"
    asked = (_git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}") or "").strip()
    if not asked:
        hint = more if shallow else "name a branch, tag or commit that `git log` knows here, such as origin/main"
        raise errors.InputError(f"--changed-since {ref}: Git knows no such commit here", hint)
    base = (_git(root, "merge-base", asked, "HEAD") or "").strip()
    if not base:
        raise errors.InputError(
            f"--changed-since {ref}: HEAD and it have no commit in common here",
            more if shallow else "name a commit that the work here started from",
        )
    return base


def files_at(root: Path, commit: str, wanted: Callable[[str], bool], largest: int) -> dict[str, bytes | None]:
    """Return the regular files below `root` as a commit has them, by path from there; None for links and large ones.

    Content comes as it is stored: no filter, attribute or hook of the repository is asked. Raises errors.InputError.
    """
    tree = f"{commit}:{prefix(root).rstrip('/')}"
    if _git(root, "rev-parse", "--verify", "--quiet", tree) is None:
        return {}
    listing = _asked(_bytes(root, "ls-tree", "-r", "-z", "-l", "--full-tree", tree), commit)
    found = [line.partition(b"\t") for line in listing.split(b"\0") if line]
    sizes: dict[str, tuple[str, int]] = {}
    links: list[str] = []
    for facts, _, name in found:
        mode, kind, blob, size = facts.decode().split()
        file = os.fsdecode(name)
        if mode == _LINK and wanted(file):
            links.append(file)
        elif kind == "blob" and mode in _REGULAR and wanted(file) and not _UNSAFE & {*file.split("/")}:
            sizes[file] = (blob, int(size))
    small = [file for file, (_, size) in sizes.items() if size <= largest]
    asked = "".join(f"{sizes[file][0]}\n" for file in small).encode()
    content = _asked(_bytes(root, "cat-file", "--batch", stdin=asked), commit)
    files: dict[str, bytes | None] = dict.fromkeys([*sizes, *links])
    at = 0
    for file in small:
        start = content.find(b"\n", at) + 1
        if not content[at:start].endswith(f" blob {sizes[file][1]}\n".encode()):
            _asked(None, commit)
        at = start + sizes[file][1] + 1
        files[file] = content[start : at - 1]
    return files


_REGULAR = ("100644", "100755")
_LINK = "120000"
_UNSAFE = frozenset({"", ".", "..", ".git"})
"""Parts of a path that no checkout writes; who forges a tree can have them."""


def _asked(answer: bytes | None, commit: str) -> bytes:
    if answer is None:
        raise errors.InputError(
            f"Git does not have the files of commit {commit} here, or does not give them within {TIMEOUT:.0f} s",
            "fetch the whole history, then try again",
        )
    return answer


def _git(root: Path, *arguments: str) -> str | None:
    answer = _bytes(root, *arguments)
    return None if answer is None else answer.decode("utf-8", "replace")


def _bytes(root: Path, *arguments: str, stdin: bytes = b"") -> bytes | None:
    given = [part for setting in _SETTINGS for part in ("-c", setting)]
    command = ["git", *given, "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, check=False, timeout=TIMEOUT, input=stdin)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
