"""Time goes forward: an apply from a commit before the one applied last calls nothing unless somebody allows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.checkout import git
from tests.support.stage import Stage

WRITTEN = "lifecycle: {onChange: replace, onRemoval: cancel}\n"


@pytest.fixture
def repository(stage: Stage) -> Stage:
    """A stack in a repository with a first commit."""
    git(stage.root, "init", "-q")
    stage.write(".gitignore", ".reconciler/\n*.plan.json\n")
    stage.stack(more="limits: {from: 100}\n")
    step(stage, "first", 1)
    return stage


def step(stage: Stage, name: str, version: int, *, new: str = "") -> str:
    """Commit the job at a version, tagged with a name; `new` is a further job."""
    stage.job(more=WRITTEN, image=f"gcr.io/demo/train:{version}")
    if new:
        stage.job(new, more=WRITTEN)
    git(stage.root, "add", "-A")
    git(stage.root, "commit", "-q", "-m", name)
    git(stage.root, "tag", name)
    return git(stage.root, "rev-parse", "HEAD")


def go(stage: Stage, name: str) -> None:
    git(stage.root, "checkout", "-q", name)


def applied(stage: Stage) -> list[str]:
    """The commits that the store names."""
    return [file.name.partition("~")[2] for file in (stage.root / ".reconciler" / "commits").glob("[0-9]*")]


def test_a_run_of_an_old_commit_that_is_started_again_is_blocked(repository: Stage) -> None:
    repository.ok("apply", "--yes")
    second = step(repository, "second", 2)
    repository.ok("apply", "--yes")
    go(repository, "first")
    for command in (("plan",), ("apply", "--yes"), ("apply", "--yes", "--allow-cancel", "5")):
        done = repository.run(*command)
        assert done.code == 4, done
        assert "older_revision" in done.out + done.err
        assert second[:12] in done.out + done.err
    assert applied(repository) == [second]
    repository.ok("apply", "--yes", "--allow-older")
    assert applied(repository) == [git(repository.root, "rev-parse", "first")]
    go(repository, "second")
    repository.ok("apply", "--yes")
    assert applied(repository) == [second]


def test_an_old_commit_that_calls_nothing_is_applied_and_not_remembered(repository: Stage) -> None:
    repository.ok("apply", "--yes")
    git(repository.root, "commit", "-q", "--allow-empty", "-m", "nothing")
    repository.ok("apply", "--yes")
    last = applied(repository)
    go(repository, "first")
    repository.ok("apply", "--yes")
    assert applied(repository) == last


def test_a_revert_is_a_new_commit_and_passes(repository: Stage) -> None:
    repository.ok("apply", "--yes")
    step(repository, "second", 2)
    repository.ok("apply", "--yes")
    git(repository.root, "revert", "--no-edit", "HEAD")
    repository.ok("apply", "--yes")


def test_a_plan_that_a_later_commit_overtook_is_refused_under_the_lock(repository: Stage) -> None:
    repository.ok("plan", "--out", "first.plan.json")
    step(repository, "second", 1, new="other")
    repository.ok("apply", "--yes", "--select", "CustomJob/other")
    for name in ("first", "second"):  # wherever it is applied: the file's commit counts, and the one checked out
        go(repository, name)
        done = repository.run("apply", "first.plan.json")
        assert (done.code, "older_revision" in done.err) == (4, True), (name, done)
    repository.ok("apply", "first.plan.json", "--allow-older")


def test_the_commit_checked_out_counts_whatever_a_plan_file_claims(repository: Stage) -> None:
    step(repository, "second", 2)
    repository.ok("plan", "--out", "second.plan.json")
    step(repository, "third", 2, new="other")
    repository.ok("apply", "--yes", "--select", "CustomJob/other")
    go(repository, "first")
    done = repository.run("apply", "second.plan.json")
    assert (done.code, "older_revision" in done.err) == (4, True), done


def test_a_diverged_history_is_told_and_applied(repository: Stage) -> None:
    step(repository, "second", 2)
    repository.ok("apply", "--yes")
    go(repository, "first")
    git(repository.root, "checkout", "-q", "-b", "other")
    step(repository, "aside", 3)
    told = repository.ok("plan")
    assert "diverged" in told.err
    repository.ok("plan", "--out", "aside.plan.json")
    assert "diverged" in repository.ok("apply", "aside.plan.json").err
    go(repository, "second")
    assert "diverged" in repository.ok("apply", "--yes").err


def test_where_history_does_not_tell_only_creates_pass(repository: Stage, tmp_path: Path) -> None:
    repository.ok("apply", "--yes")
    step(repository, "second", 2)
    cloning = ("clone", "-q", "--single-branch", "--no-tags")
    git(tmp_path, *cloning, "--branch", "first", f"file://{repository.root}", "old")  # and never fetched since
    go(repository, "second")
    repository.ok("apply", "--yes")
    step(repository, "third", 3, new="other")
    git(tmp_path, *cloning, "--depth", "1", f"file://{repository.root}", "shallow")
    last = applied(repository)
    for name in ("old", "shallow"):
        clone = tmp_path / name
        (clone / ".reconciler").symlink_to(repository.root / ".reconciler")
        done = repository.run("plan", str(clone))
        assert (done.code, "older_revision" in done.out) == (4, True), (name, done)
        assert "does not tell" in " ".join(done.out.split()), done.out
        file = clone / "train.yaml"
        file.write_text(re.sub("train:[13]", "train:2", file.read_text()))
        told = repository.ok("apply", str(clone), "--yes").err  # nothing ends: at most a job is started
        assert "does not tell whether this one came before" in told
        assert applied(repository) == last


def test_what_is_applied_from_a_changed_tree_is_not_remembered(repository: Stage) -> None:
    repository.job("other")
    repository.ok("apply", "--yes")
    assert applied(repository) == []
