"""The state of a checkout × what plan, apply and --require-revision say, on real Git repositories.

What is planned is a commit's manifests: nothing missing, nothing more, nothing different; and what Git will not tell is
never taken for a yes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.checkout import git
from tests.support.stage import Stage, serving

WRITTEN = "lifecycle: {onRemoval: cancel}\n"
"""Somebody wrote down that a run may go with its manifest: no other guard stands in the way."""


def commit(folder: Path, message: str = "step") -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(stage: Stage) -> Stage:
    """A repository whose folder `stack` is a stack of four jobs, all of them applied from a clean commit."""
    top = stage.root.parent
    git(top, "init", "-q")
    (top / ".gitignore").write_text(".reconciler/\ngen-*.yaml\n")
    stage.stack()
    for name in ("one", "two", "three", "four"):
        stage.job(name, more=WRITTEN).rename(stage.root / f"{name}.yaml")
    (stage.root / "jobs").mkdir()
    for name in ("two", "three", "four"):
        (stage.root / f"{name}.yaml").rename(stage.root / "jobs" / f"{name}.yaml")
    commit(top)
    stage.ok("apply", "--yes", "--require-revision", "HEAD")
    stage.clock.advance(10)
    return stage


# ---------------------------------------------------------------- states


def as_committed(stage: Stage) -> None:
    del stage


def a_changed_file(stage: Stage) -> None:
    stage.job("one", more=WRITTEN, image="gcr.io/demo/train:2")


def a_staged_change(stage: Stage) -> None:
    a_changed_file(stage)
    git(stage.root, "add", "-A")


def an_untracked_manifest(stage: Stage) -> None:
    stage.job("new")


def a_staged_manifest(stage: Stage) -> None:
    stage.job("new")
    git(stage.root, "add", "-A")


def a_manifest_that_gitignore_names(stage: Stage) -> None:
    stage.job("five").rename(stage.root / "jobs" / "gen-five.yaml")


def a_manifest_that_info_exclude_names(stage: Stage) -> None:
    (stage.root.parent / ".git" / "info").mkdir(exist_ok=True)
    (stage.root.parent / ".git" / "info" / "exclude").write_text("six.yaml\n")
    stage.job("six")


def a_changed_ignore(stage: Stage) -> None:
    stage.stack(more="ignore: [two.yaml]\n")


def a_nested_stack_file(stage: Stage) -> None:
    stage.write("jobs/reconciler.yaml", (stage.root / "reconciler.yaml").read_text().replace("3fa94c1b", "0a1b2c3d"))


def assumed_unchanged(stage: Stage) -> None:
    git(stage.root, "update-index", "--assume-unchanged", "one.yaml")
    a_changed_file(stage)


def skip_worktree_and_changed(stage: Stage) -> None:
    git(stage.root, "update-index", "--skip-worktree", "one.yaml")
    a_changed_file(stage)


def skip_worktree_and_gone(stage: Stage) -> None:
    git(stage.root, "update-index", "--skip-worktree", "jobs/two.yaml")
    (stage.root / "jobs" / "two.yaml").unlink()


def a_sparse_checkout(stage: Stage) -> None:
    git(stage.root.parent, "sparse-checkout", "set", "--no-cone", "/*", "!/stack/jobs/two.yaml")


def a_sparse_checkout_without_a_folder(stage: Stage) -> None:
    git(stage.root.parent, "sparse-checkout", "set", "--sparse-index", "stack")
    git(stage.root.parent, "sparse-checkout", "set", "--no-cone", "/*", "!/stack/jobs/")


def deleted_and_not_by_git(stage: Stage) -> None:
    (stage.root / "jobs" / "two.yaml").unlink()


def a_folder_that_became_a_link(stage: Stage) -> None:
    (stage.root / "jobs").rename(stage.root / ".jobs")
    (stage.root / "jobs").symlink_to(".jobs")


def an_index_that_is_gone(stage: Stage) -> None:
    (stage.root.parent / ".git" / "index").unlink()
    (stage.root / "jobs" / "two.yaml").unlink()


def removed_by_git(stage: Stage) -> None:
    git(stage.root, "rm", "-q", "jobs/two.yaml")


def removed_and_committed(stage: Stage) -> None:
    removed_by_git(stage)
    commit(stage.root)


def out_of_the_index_and_still_there(stage: Stage) -> None:
    git(stage.root, "rm", "-q", "--cached", "jobs/two.yaml")


def a_hidden_file_that_is_not_read(stage: Stage) -> None:
    stage.write(".hidden.yaml", "kind: Nothing\n")


def a_change_beside_the_stack(stage: Stage) -> None:
    (stage.root.parent / "other.yaml").write_text("a: 1\n")


def a_detached_head(stage: Stage) -> None:
    git(stage.root, "checkout", "-q", "--detach")


def a_new_stack(stage: Stage) -> None:
    git(stage.root, "rm", "-q", "-r", "--cached", ".")
    git(stage.root, "commit", "-q", "-m", "no stack")


def no_commit_yet(stage: Stage) -> None:
    shutil.rmtree(stage.root.parent / ".git")
    git(stage.root.parent, "init", "-q")


def outside_git(stage: Stage) -> None:
    shutil.rmtree(stage.root.parent / ".git")


def a_damaged_repository(stage: Stage) -> None:
    (stage.root.parent / ".git" / "HEAD").write_text("nonsense\n")


def a_damaged_commit(stage: Stage) -> None:
    tree = git(stage.root, "rev-parse", "HEAD:stack")
    (stage.root.parent / ".git" / "objects" / tree[:2] / tree[2:]).unlink()


def another_owner(stage: Stage) -> None:
    stage.monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")


def git_is_not_installed(stage: Stage) -> None:
    stage.monkeypatch.setenv("PATH", str(stage.root))


def line_ends_that_git_converts(stage: Stage) -> None:
    git(stage.root, "config", "core.autocrlf", "true")
    _carriage_returns(stage)


def line_ends_that_git_does_not_convert(stage: Stage) -> None:
    _carriage_returns(stage)


def _carriage_returns(stage: Stage) -> None:
    file = stage.root / "one.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))


def line_ends_and_a_change(stage: Stage) -> None:
    a_changed_file(stage)
    line_ends_that_git_converts(stage)


def an_external_filter(stage: Stage) -> None:
    stage.write(".gitattributes", "one.yaml filter=secret\n")
    git(stage.root, "config", "filter.secret.clean", "cat")
    commit(stage.root)


def an_encoding_of_the_work_tree(stage: Stage) -> None:
    stage.write(".gitattributes", "one.yaml working-tree-encoding=ISO-8859-1\n")
    text = (stage.root / "one.yaml").read_text()
    (stage.root / "one.yaml").write_bytes(f"# caf\u00e9\n{text}".encode())
    subprocess.run(["git", "add", "-A"], cwd=stage.root, check=True)
    git(stage.root, "commit", "-q", "-m", "encoded")


def a_link_to_a_manifest(stage: Stage) -> None:
    (stage.root / "jobs" / "two.yaml").rename(stage.root / "two.txt")
    (stage.root / "jobs" / "two.yaml").symlink_to("../two.txt")
    commit(stage.root)


def a_link_whose_end_changed(stage: Stage) -> None:
    a_link_to_a_manifest(stage)
    file = stage.root / "two.txt"
    file.write_text(file.read_text().replace("train:1", "train:2"))


def a_replaced_commit(stage: Stage) -> None:
    first = git(stage.root, "rev-parse", "HEAD")
    an_untracked_manifest(stage)
    second = commit(stage.root)
    git(stage.root, "checkout", "-q", first)
    stage.job("new")
    git(stage.root, "replace", first, second)


def from_a_hook(stage: Stage) -> None:
    other = stage.root.parent / "other"
    other.mkdir()
    git(other, "init", "-q")
    for name, value in {"DIR": other / ".git", "WORK_TREE": other, "INDEX_FILE": other / ".git" / "x"}.items():
        stage.monkeypatch.setenv(f"GIT_{name}", str(value))


def a_bare_environment(stage: Stage) -> None:
    for name in [*os.environ]:
        if name not in ("PATH", "PYTEST_CURRENT_TEST"):
            stage.monkeypatch.delenv(name)


def a_submodule(stage: Stage) -> None:
    library = stage.root.parent / ".library"
    library.mkdir()
    git(library, "init", "-q")
    text = (stage.root / "jobs" / "two.yaml").read_text()
    (library / "two.yaml").write_text(text)
    commit(library)
    git(stage.root, "rm", "-q", "jobs/two.yaml")
    git(stage.root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "library")
    commit(stage.root)


def a_submodule_that_is_not_fetched(stage: Stage) -> None:
    a_submodule(stage)
    git(stage.root, "submodule", "--quiet", "deinit", "--force", "library")


def a_submodule_that_changed(stage: Stage) -> None:
    a_submodule(stage)
    file = stage.root / "library" / "two.yaml"
    file.write_text(file.read_text().replace("train:1", "train:2"))


def a_submodule_at_another_commit(stage: Stage) -> None:
    a_submodule_that_changed(stage)
    commit(stage.root / "library")


# ---------------------------------------------------------------- the table


@dataclass(frozen=True)
class Row:
    """A state, and what is said of it: `dirty`, the files named, and what a plan does of `two` and what blocks that."""

    state: Callable[[Stage], None]
    dirty: bool | None
    differs: tuple[str, ...] = ()
    two: str = "noop"
    blocked: tuple[str, ...] = ()
    unknown: str = ""


LACKING = ("incomplete_checkout",)
ROWS = (
    Row(as_committed, False),
    Row(a_changed_file, True, ("one.yaml",)),
    Row(a_staged_change, True, ("one.yaml",)),
    Row(an_untracked_manifest, True, ("new.yaml",)),
    Row(a_staged_manifest, True, ("new.yaml",)),
    Row(a_manifest_that_gitignore_names, True, ("jobs/gen-five.yaml",)),
    Row(a_manifest_that_info_exclude_names, True, ("six.yaml",)),
    Row(a_changed_ignore, True, ("jobs/two.yaml", "reconciler.yaml"), two="cancel"),
    Row(a_nested_stack_file, True, ("jobs/four.yaml", "jobs/three.yaml", "jobs/two.yaml"), two="cancel"),
    Row(assumed_unchanged, True, ("one.yaml",)),
    Row(skip_worktree_and_changed, True, ("one.yaml",)),
    Row(skip_worktree_and_gone, True, ("jobs/two.yaml",), "cancel", LACKING),
    Row(a_sparse_checkout, True, ("jobs/two.yaml",), "cancel", LACKING),
    Row(a_sparse_checkout_without_a_folder, True, ("jobs/two.yaml",), "cancel", LACKING),
    Row(deleted_and_not_by_git, True, ("jobs/two.yaml",), "cancel", LACKING),
    Row(a_folder_that_became_a_link, True, ("jobs/two.yaml",), "cancel", LACKING),
    Row(an_index_that_is_gone, True, ("jobs/two.yaml",), "cancel", LACKING),
    Row(removed_by_git, True, ("jobs/two.yaml",), "cancel"),
    Row(removed_and_committed, False, (), "cancel"),
    Row(out_of_the_index_and_still_there, False),
    Row(a_hidden_file_that_is_not_read, False),
    Row(a_change_beside_the_stack, False),
    Row(a_detached_head, False),
    Row(a_new_stack, True, ("reconciler.yaml",)),
    Row(no_commit_yet, None, unknown="no commit yet"),
    Row(outside_git, None),
    Row(a_damaged_repository, None, unknown="not a git repository"),
    Row(a_damaged_commit, None, unknown="no files of this commit here"),
    Row(another_owner, None, unknown="safe.directory"),
    Row(git_is_not_installed, None, unknown="cannot be run here"),
    Row(line_ends_that_git_converts, False),
    Row(line_ends_that_git_does_not_convert, True, ("one.yaml",)),
    Row(line_ends_and_a_change, True, ("one.yaml",)),
    Row(an_external_filter, None, unknown="one.yaml goes through an external filter"),
    Row(an_encoding_of_the_work_tree, None, unknown="one.yaml in another way than line ends"),
    Row(a_link_to_a_manifest, False),
    Row(a_link_whose_end_changed, True, ("jobs/two.yaml",), two="replace"),
    Row(a_replaced_commit, True, ("new.yaml",)),
    Row(from_a_hook, False),
    Row(a_bare_environment, False),
    Row(a_submodule, False),
    Row(a_submodule_that_is_not_fetched, True, ("library",), "cancel", LACKING),
    Row(a_submodule_that_changed, True, ("library/two.yaml",), two="replace"),
    Row(a_submodule_at_another_commit, True, ("library/two.yaml",), two="replace"),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.state.__name__)
def test_a_plan_says_what_its_checkout_is_of_the_commit(repository: Stage, row: Row) -> None:
    row.state(repository)
    done = repository.run("plan", "-o", "json")
    plan = json.loads(done.out)
    source = plan["source"]
    actions = {change["address"]: change["action"] for change in plan["changes"]}
    rules = {blocker["rule"] for blocker in plan["blocked"]} & {"incomplete_checkout"}
    assert (source["dirty"], actions.get("CustomJob/two"), tuple(rules)) == (row.dirty, row.two, row.blocked), done
    assert set(row.differs) <= set(source["differs"]), source
    assert row.unknown in (source["unknown"] or ""), source
    if row.blocked:
        assert done.code == 4
        applied = repository.run("apply", "--yes", "--allow-cancel", "9", "--allow-older", "--allow-empty")
        assert (applied.code, "git rm" in applied.err or "Fetch" in applied.err) == (4, True), applied
        assert repository.run("destroy", "--yes", "--allow-cancel", "9", "--allow-older").code == 4
    held = repository.run("apply", "--yes", "--require-revision", "HEAD", "--allow-cancel", "9", "--allow-older")
    if row.dirty is False:
        assert held.code == 0, held
    else:
        assert held.code == 3, held
        assert all(name in held.err for name in row.differs), held
        assert "error: " in held.err.lower()


def test_a_linked_worktree_and_a_clone_answer_as_the_repository_does(repository: Stage, tmp_path: Path) -> None:
    top = repository.root.parent
    git(top, "worktree", "add", "-q", str(tmp_path / "linked"))
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{top}", "shallow")
    git(top, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{top}", "partial")
    for name in ("linked", "shallow", "partial"):
        plan = json.loads(repository.run("plan", str(tmp_path / name / "stack"), "-o", "json").out)
        assert plan["source"]["dirty"] is False, (name, plan["source"])
        (tmp_path / name / "stack" / "one.yaml").write_text("")
    for name in ("linked", "shallow", "partial"):
        assert repository.run("plan", str(tmp_path / name / "stack")).code == 1


def test_half_a_clone_removes_nothing_that_it_cannot_see(repository: Stage, tmp_path: Path) -> None:
    """The stack's jobs live on a service; a clone without trees or blobs has a part of the files and no more."""
    top = repository.root.parent
    with serving(repository.clock) as service:
        shutil.rmtree(repository.root / ".reconciler")
        repository.stack(service.url)
        commit(top)
        repository.ok("apply", "--yes")
        git(top, "config", "uploadpack.allowFilter", "true")
        git(tmp_path, "clone", "-q", "--no-checkout", "--filter=tree:0", f"file://{top}", "half")
        clone = tmp_path / "half"
        git(clone, "sparse-checkout", "set", "--no-cone", "/stack/one.yaml", "/stack/reconciler.yaml")
        git(clone, "checkout", "-q", "main")
        shutil.copytree(repository.root / ".reconciler", clone / "stack" / ".reconciler")
        plan = json.loads(repository.run("plan", str(clone / "stack"), "-o", "json").out)
        assert {blocker["rule"] for blocker in plan["blocked"]} >= {"incomplete_checkout"}
        assert plan["source"]["dirty"] is not False


def test_a_stream_is_of_no_commit(repository: Stage) -> None:
    text = (repository.root / "one.yaml").read_text()
    for name in ("two", "three", "four"):
        text += "---\n" + (repository.root / "jobs" / f"{name}.yaml").read_text()
    plan = json.loads(repository.run("plan", "-", "-o", "json", stdin=text).out)
    assert plan["source"]["dirty"] is None
    assert repository.run("apply", "-", "--yes", "--require-revision", "HEAD", stdin=text).code == 3


def test_a_saved_plan_of_an_unknown_state_is_refused_with_what_git_said(repository: Stage) -> None:
    another_owner(repository)
    repository.ok("plan", "--out", "a.plan.json")
    repository.monkeypatch.delenv("GIT_TEST_ASSUME_DIFFERENT_OWNER")
    done = repository.run("apply", "a.plan.json", "--require-revision", "HEAD")
    assert done.code == 3
    assert "no commit at all" in done.err
