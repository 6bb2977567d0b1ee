"""How the manifests that were read stand to those of HEAD: nothing missing, nothing more, nothing different.

HEAD's own stack file says which files are its manifests. What Git will not tell is unknown, never the same. Decides
nothing about a plan; runs no program that the repository names.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.files import git, globs, manifests, yaml_reader
from reconciler.files.manifests import STACK_FILE
from reconciler.files.reading import MAX_BYTES, UnreadableError, decode, read_bytes
from reconciler.vocabulary.model import Document, Json, Lacking, address_of

_AT_ONCE = 200
"""Files that one question to Git names: no command line is endless."""

MOST = 10
"""Files that a plan names before it stops."""

Globs = tuple[Sequence[str], Sequence[str]]
"""`spec.manifests` and `spec.ignore` of a stack file."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a folder is of a commit. `commit` is empty where there is none.

    `dirty` is None where nobody could tell, and `unknown` says why, where Git said so in its own words. `differs` are
    the first files that differ, by path below the stack. `lacking` are files that HEAD has and only the folder lacks.
    """

    commit: str = ""
    dirty: bool | None = None
    differs: tuple[str, ...] = ()
    unknown: str = ""
    lacking: tuple[Lacking, ...] = ()


def head(root: Path) -> Checkout:
    """Return the commit of HEAD; whether the manifests are its own is not looked at, so `dirty` is None."""
    return _head(root)[0]


def _head(root: Path) -> tuple[Checkout, str]:
    """Return the commit of HEAD, and the way from the repository's top to the folder."""
    asked = git.ask(root, "rev-parse", "--show-toplevel", "--show-prefix", "--absolute-git-dir", "HEAD^{commit}")
    if not asked.ok:
        return Checkout(unknown=_refusal(root, asked)), ""
    lines = os.fsdecode(asked.out).split("\n")
    if len(lines) != 5:
        return Checkout(unknown="the path of this folder holds a line break"), ""
    top, below, repository, commit, _ = lines
    here = root.resolve()
    if here.is_relative_to(Path(repository).resolve()):  # Git before 2.38 knows no safe.bareRepository
        return Checkout(unknown="files of this checkout pass for its repository"), ""
    if Path(top, below).resolve() != here:
        return Checkout(unknown="the work tree of this folder's repository is elsewhere"), ""
    return Checkout(commit), below.rstrip("/")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read: files by path below the stack, each with what `git.blob_id` makes of its bytes.

    `stack_file` is that of the stack file. `idle` are files that hold no manifest, such as a saved plan.
    """

    files: Mapping[str, str]
    stack_file: str
    idle: frozenset[str] = frozenset()


def compare(root: Path, seen: Seen, now: Globs, globs_of: Callable[[Json], Globs]) -> Checkout:
    """Compare what was read with HEAD. `now` is what the stack file says, `globs_of` reads it off another one."""
    found, below = _head(root)
    if not found.commit:
        return found
    top = _Tree(root, "")
    if not top.load(f"{found.commit}:{below}"):
        lost = Lacking("", None)
        return Checkout(found.commit, unknown=f"Git has no files of this commit here: {top.refusal}", lacking=(lost,))
    comparison = _Comparison(root, top, {**seen.files, STACK_FILE: seen.stack_file}, seen.idle)
    comparison.enter_submodules(now[0], now[1])
    wanted = comparison.of_head(now, globs_of)
    if wanted is None:
        return Checkout(found.commit, dirty=True, differs=(STACK_FILE,))
    comparison.compare(wanted)
    return comparison.result(found.commit)


def _refusal(root: Path, asked: git.Answer) -> str:
    """Say why there is no commit; empty outside a repository, where nothing is odd about that."""
    if not any(os.path.lexists(folder / ".git") for folder in (root, *root.parents)):
        return ""
    if "HEAD^{commit}" in asked.error:
        return "this repository has no commit yet"
    return asked.error


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of a commit. `mode` is Git's: 120000 for a symbolic link, 160000 for a submodule."""

    mode: str
    blob: str


_LINK, _SUBMODULE = "120000", "160000"

_NO_SUCH_FOLDER = ("does not exist in", "exists on disk, but not in")
"""What `git rev-parse` says of a folder that a commit does not have, and not of a tree that is missing here."""


@dataclass(slots=True)
class _Tree:
    """The files of one commit below a folder; `at` leads from the stack's root to it, empty or ending with a slash."""

    folder: Path
    at: str
    entries: dict[str, _Entry] = field(default_factory=dict)
    refusal: str = ""
    staged: frozenset[str] = frozenset()

    def load(self, tree: str) -> bool:
        """Read a tree and the index; say whether Git had both."""
        listing = git.ask(self.folder, "ls-tree", "-r", "-z", "--full-tree", tree)
        index = git.ask(self.folder, "ls-files", "-z", "--cached")
        if not listing.ok or not index.ok:
            named = git.ask(self.folder, "rev-parse", tree)
            self.refusal = named.error or listing.error or index.error
            return index.ok and any(words in named.error for words in _NO_SUCH_FOLDER)
        for line in listing.names:
            facts, _, name = line.partition("\t")
            mode, _, blob = facts.split(" ")
            self.entries[name] = _Entry(mode, blob)
        self.staged = frozenset(index.names)
        if not self.staged and not git.ask(self.folder, "ls-files", "-z", "--cached", ":/").out:
            self.staged = frozenset(self.entries)  # a clone that was never checked out: nobody removed anything
        return True


@dataclass(slots=True)
class _Comparison:
    """A comparison while it is made. Paths are those below the stack's root."""

    root: Path
    top: _Tree
    read: Mapping[str, str]
    idle: frozenset[str]
    trees: list[_Tree] = field(default_factory=list)
    there: dict[str, tuple[_Tree, _Entry]] = field(default_factory=dict)
    differing: set[str] = field(default_factory=set)
    doubts: list[str] = field(default_factory=list)
    lacking: list[Lacking] = field(default_factory=list)

    def enter_submodules(self, patterns: Sequence[str], ignore: Sequence[str]) -> None:
        """Add the files of every submodule that may hold manifests; one that is not fetched is lacking as a whole."""
        todo = [self.top]
        while todo:
            tree = todo.pop()
            self.trees.append(tree)
            for name, entry in tree.entries.items():
                path = tree.at + name
                if entry.mode != _SUBMODULE:
                    self.there[path] = (tree, entry)
                elif _may_hold(path, patterns, ignore):
                    todo += self._submodule(tree, name, path, entry.blob)

    def _submodule(self, tree: _Tree, name: str, path: str, commit: str) -> list[_Tree]:
        if name not in tree.staged:  # `git rm`
            self.differing.add(path)
            return []
        inside = _Tree(tree.folder / name, f"{path}/")
        fetched = os.path.lexists(inside.folder / ".git") and head(inside.folder).commit
        if fetched and inside.load(f"{commit}:"):
            return [inside]
        self.differing.add(path)
        self.lacking.append(Lacking(path, None))
        return []

    def of_head(self, now: Globs, globs_of: Callable[[Json], Globs]) -> frozenset[str] | None:
        """Return the manifests that HEAD's own stack file names; None where HEAD has no stack here that can be read."""
        found = self.there.get(STACK_FILE)
        if found is None:
            return None
        patterns, ignore = now
        if not _same(self.root / STACK_FILE, self.read[STACK_FILE], found[1]):
            said = _document(self._content(STACK_FILE))
            if said is None:
                return None
            patterns, ignore = globs_of(said)
        return frozenset(manifests.among(self.there, patterns, ignore))

    def compare(self, wanted: Collection[str]) -> None:
        """Compare file by file: those of HEAD, those that were read, and the stack file."""
        unequal: list[str] = []
        for file in sorted({*wanted, *self.read}):
            if file in self.idle:
                self._idle(file, wanted)
            elif file not in self.read:
                self._missing(file)
            elif file not in wanted and file != STACK_FILE:
                self.differing.add(file)
            elif not self._equal(file):
                unequal.append(file)
        filtered = self._filtered(
            [file for file in (*wanted, STACK_FILE) if file in self.read and file not in self.idle]
        )
        self.doubts += [f"{file} goes through an external filter" for file in sorted(filtered)]
        self._unequal([file for file in unequal if file not in filtered])

    def result(self, commit: str) -> Checkout:
        """Return what came of it. A difference that is known outweighs a file that nobody can tell of."""
        differs = tuple(sorted(self.differing))[:MOST]
        dirty = True if self.differing else None if self.doubts else False
        return Checkout(commit, dirty, differs, "; ".join(self.doubts[:MOST]), tuple(self.lacking))

    def _equal(self, file: str) -> bool:
        entry = self.there[file][1]
        path = self.root / file
        if entry.mode != _LINK and not path.is_symlink():
            return _same(path, self.read[file], entry)
        if entry.mode != _LINK or not path.is_symlink():
            return False
        target = self._target(file)
        held = self.there.get(target)
        linked = os.fsencode(os.readlink(path))  # noqa: PTH115 - the very bytes
        return (
            held is not None
            and held[1].mode != _LINK
            and git.blob_id(linked) == entry.blob
            and _same(path, self.read[file], held[1])
        )

    def _target(self, file: str) -> str:
        """Return where a link leads in HEAD, one step; empty outside the stack."""
        said = os.readlink(self.root / file)  # noqa: PTH115 - the very text
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), said))
        return "" if target.startswith(("..", "/")) else target

    def _idle(self, file: str, wanted: Collection[str]) -> None:
        """A file without a manifest differs only where HEAD has one in it."""
        if file in wanted and not self._equal(file):
            content = self._content(file)
            if content is None or _addresses(content, file) != frozenset():
                self.differing.add(file)

    def _missing(self, file: str) -> None:
        """A file that HEAD has and that was not read: removed by `git rm`, hidden by a stack file, or lacking."""
        self.differing.add(file)
        tree, entry = self.there[file]
        if file.removeprefix(tree.at) in tree.staged and not _is_there(self.root, file):
            content = self._content(file) if entry.mode != _LINK else None
            self.lacking.append(Lacking(file, None if content is None else _addresses(content, file)))

    def _filtered(self, files: Sequence[str]) -> frozenset[str]:
        """Return the files to which an attribute gives a filter of the user's own; all where Git will not say."""
        found: set[str] = set()
        for tree, names in self._by_tree(files):
            asked = git.ask(tree.folder, "check-attr", "-z", "--stdin", "filter", stdin=_zero_ended(names))
            if not asked.ok:
                self.doubts.append(asked.error)
                found.update(tree.at + name for name in names)
                continue
            told = asked.names
            values = zip(told[::3], told[2::3], strict=True)
            found.update(tree.at + name for name, value in values if value not in ("unspecified", "unset", "set"))
        return frozenset(found)

    def _unequal(self, files: Sequence[str]) -> None:
        """Look again at files whose bytes differ: Git itself may convert line ends, which changes no manifest."""
        for tree, names in self._by_tree(files):
            for start in range(0, len(names), _AT_ONCE):
                some = names[start : start + _AT_ONCE]
                asked = git.ask(tree.folder, "hash-object", "--", *some)
                stored = asked.text.split() if asked.ok else [""] * len(some)
                for name, blob in zip(some, stored, strict=True):
                    self._converted(tree.at + name, blob)

    def _converted(self, file: str, blob: str) -> None:
        entry = self.there[file][1]
        if blob != entry.blob:
            self.differing.add(file)
            return
        try:
            content = read_bytes(self.root / file, file)
        except UnreadableError:
            content = b""
        plain = content.replace(b"\r\n", b"\n")
        if git.blob_id(content) != self.read[file] or not _is_blob(plain, entry.blob):
            self.doubts.append(f"Git converts {file} in another way than line ends")

    def _content(self, file: str) -> bytes | None:
        tree, entry = self.there[file]
        asked = git.ask(tree.folder, "cat-file", "blob", entry.blob)
        return asked.out if asked.ok and len(asked.out) <= MAX_BYTES else None

    def _by_tree(self, files: Iterable[str]) -> list[tuple[_Tree, list[str]]]:
        names = [(self.there[file][0], file) for file in files if file in self.there]
        return [
            (tree, mine)
            for tree in self.trees
            for mine in [[file.removeprefix(tree.at) for owner, file in names if owner is tree]]
            if mine
        ]


def _same(path: Path, read: str, entry: _Entry) -> bool:
    """Compare what was read with a file of a commit; a repository that names files by SHA-256 is asked by content."""
    if len(entry.blob) == len(read):
        return read == entry.blob
    try:
        content = read_bytes(path, path.name)
    except UnreadableError:
        return False
    return git.blob_id(content) == read and _is_blob(content, entry.blob)


def _is_blob(content: bytes, blob: str) -> bool:
    return git.blob_id(content, long=len(blob) > 40) == blob


def _is_there(root: Path, file: str) -> bool:
    """Say whether a regular file stands at a path that leads through no link."""
    path = root
    for part in file.split("/"):
        path = path / part
        if path.is_symlink():
            return False
    return path.is_file()


def _may_hold(folder: str, patterns: Sequence[str], ignore: Sequence[str]) -> bool:
    """Say whether a folder may hold manifests."""
    hidden = any(part.startswith(".") for part in folder.split("/"))
    return not hidden and not globs.is_ignored(folder, ignore) and globs.may_match_below(folder, patterns)


def _document(content: bytes | None) -> Json:
    """Read the one document of a stack file; None for anything else."""
    if content is None:
        return None
    try:
        reading = yaml_reader.read(decode(content, STACK_FILE), STACK_FILE)
    except UnreadableError:
        return None
    documents = reading.documents
    return documents[0].value if len(documents) == 1 and not reading.problems else None


def _addresses(content: bytes, file: str) -> frozenset[str] | None:
    """Return the addresses that a file declares, old names of renamed ones too; None where it cannot be read."""
    try:
        reading = manifests.read_text(decode(content, file), file, as_json=file.endswith(".json"))
    except UnreadableError:
        return None
    if reading.problems:
        return None
    return frozenset(address for document in reading.documents for address in _named(document))


def _named(document: Document) -> Iterable[str]:
    metadata = document.value.get("metadata")
    for key in ("name", "formerly"):
        name = metadata.get(key) if isinstance(metadata, dict) else None
        if isinstance(name, str):
            yield address_of(str(document.value.get("kind", "")), name)


def _zero_ended(names: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(name) + b"\0" for name in names)
