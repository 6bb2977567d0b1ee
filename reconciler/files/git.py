"""Ask Git: what it answers, in words and bytes, and what files were at a commit. Writes nothing, fetches nothing.

The one place that starts Git. What an answer means for a plan is files.checkout's and files.history's business.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
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
    listing = ask(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *where)
    if not listing.ok:
        return None
    files = set(listing.names)
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
    listing = _asked(ask(root, "ls-tree", "-r", "-z", "-l", "--full-tree", tree), commit)
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
    content = _asked(ask(root, "cat-file", "--batch", stdin=asked), commit)
    files: dict[str, bytes | None] = dict.fromkeys([*sizes, *links])
    at = 0
    for file in small:
        start = content.find(b"\n", at) + 1
        if not content[at:start].endswith(f" blob {sizes[file][1]}\n".encode()):
            _asked(Answer(None), commit)
        at = start + sizes[file][1] + 1
        files[file] = content[start : at - 1]
    return files


_REGULAR = ("100644", "100755")
_LINK = "120000"
_UNSAFE = frozenset({"", ".", "..", ".git"})
"""Parts of a path that no checkout writes; who forges a tree can have them."""


def _asked(answer: Answer, commit: str) -> bytes:
    if not answer.ok:
        raise errors.InputError(
            f"Git does not have the files of commit {commit} here, or does not give them within {TIMEOUT:.0f} s",
            "fetch the whole history, then try again",
        )
    return answer.out


def _git(root: Path, *arguments: str) -> str | None:
    answer = ask(root, *arguments)
    return answer.text if answer.ok else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What Git said. `code` is None where it could not be asked; `error` is its own sentence, in one line."""

    code: int | None
    out: bytes = b""
    error: str = ""

    @property
    def ok(self) -> bool:
        """True where Git did what it was asked."""
        return self.code == 0

    @property
    def text(self) -> str:
        """The answer as text."""
        return self.out.decode("utf-8", "replace")

    @property
    def names(self) -> list[str]:
        """The answer as names of files, each ended by a zero byte as `-z` asks for."""
        return [os.fsdecode(name) for name in self.out.split(b"\0") if name]


def ask(root: Path, *arguments: str, stdin: bytes = b"") -> Answer:
    """Run Git in a folder and return what it says; never raises for what Git refuses."""
    given = [part for setting in _SETTINGS for part in ("-c", setting)]
    command = ["git", *given, "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(
            command, cwd=root, env=_environment(), capture_output=True, check=False, timeout=TIMEOUT, input=stdin
        )
    except subprocess.TimeoutExpired:
        return Answer(None, error=f"Git gave no answer within {TIMEOUT:.0f} s")
    except OSError as cause:
        return Answer(None, error=f"Git cannot be run here: {cause.strerror}")
    said = " ".join(done.stderr.decode("utf-8", "replace").split())
    return Answer(done.returncode, done.stdout, said[:_LONGEST])


_LONGEST = 500
"""Characters of Git's sentence that are kept."""

_EXPORTED = re.compile(
    r"GIT_(DIR|WORK_TREE|IMPLICIT_WORK_TREE|COMMON_DIR|INDEX_FILE|INDEX_VERSION|PREFIX|INTERNAL_SUPER_PREFIX|NAMESPACE"
    r"|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|QUARANTINE_PATH|SHALLOW_FILE|GRAFT_FILE|REPLACE_REF_BASE"
    r"|CONFIG|CONFIG_PARAMETERS|(LITERAL|GLOB|NOGLOB|ICASE)_PATHSPECS|EXTERNAL_DIFF|ATTR_SOURCE|DEFAULT_HASH|TRACE.*)"
)
"""What Git hands to its hooks (githooks(5), `git rev-parse --local-env-vars`), and what would change its answers."""


def _environment() -> dict[str, str]:
    """Return this process's variables without those that would have Git speak of another repository than the folder's.

    Its sentences come in one language, and no replaced object stands for a commit's own.
    """
    kept = {name: value for name, value in os.environ.items() if not _EXPORTED.fullmatch(name)}
    return {**kept, "LC_ALL": "C", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}


def blob_id(content: bytes, *, long: bool = False) -> str:
    """Return the name that Git gives to a file's content: a hash over a header and the bytes (gitformat-pack(5)).

    It is SHA-1, and `long` SHA-256 for the repositories that were made so.
    """
    algorithm = hashlib.sha256 if long else hashlib.sha1
    return algorithm(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
