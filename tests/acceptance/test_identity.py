"""Who a run belongs to is the stack's uid: a stack that changes its name finds its runs, and no two stacks share one uid."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from tests.support.checkout import git
from tests.support.faults import refusal
from tests.support.stage import ML_JOB, Service, Stage, lacking, told

OTHER = "0a0a0a0a"
every_store = pytest.mark.parametrize("store", ["none", ".reconciler"])


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def rename(stage: Stage, name: str = "renamed") -> None:
    edit(stage.root / "reconciler.yaml", "name: demo", f"name: {name}")


# ---------------------------------------------------------------- a stack that changes its name


@every_store
def test_a_renamed_stack_finds_its_runs(stage: Stage, service: Service, store: str) -> None:
    stage.stack(service.url, f"store: {store}\n")
    stage.write("score.yaml", ML_JOB)
    stage.ok("apply", "--yes")
    rename(stage)
    assert stage.actions() == {"CustomJob/train": "noop", "Job/score": "noop"}
    sent = len(service.writes)
    stage.ok("apply", "--yes")
    assert len(service.writes) == sent
    (stage.root / "score.yaml").unlink()
    edit(stage.root / "train.yaml", "train:1", "train:2")
    stage.ok("apply", "--yes", "--allow-cancel", "2")
    assert [row["labels"]["reconciler_stack"] for row in service.rows()] == ["renamed", "demo"]
    assert [row["state"] == "JOB_STATE_CANCELLED" for row in service.rows()] == [False, True]


@every_store
def test_a_renamed_stack_destroys_what_it_started_under_its_old_name(
    stage: Stage, service: Service, store: str
) -> None:
    stage.stack(service.url, f"store: {store}\n")
    stage.ok("apply", "--yes")
    rename(stage)
    stage.ok("destroy", "--yes", "--allow-cancel", "1")
    assert [row["state"] for row in service.rows()] == ["JOB_STATE_CANCELLED"]


def test_runs_are_looked_for_by_owner_and_by_name_and_never_by_both_in_one_filter(
    stage: Stage, service: Service
) -> None:
    stage.ok("plan")
    asked = [unquote_plus(request.url).partition("filter=")[2] for request in service.requests]
    found = sorted({each.partition("&")[0] for each in asked if each})
    assert found == ['labels.reconciler_owner="3fa94c1b"', 'labels.reconciler_stack="demo"']


@pytest.mark.parametrize("label", ["reconciler_owner", "reconciler_stack"])
def test_what_one_of_the_two_lists_lacks_blocks(stage: Stage, service: Service, label: str) -> None:
    stage.ok("apply", "--yes")
    service.spoil("GET", label, refusal(403, "PERMISSION_DENIED"))
    assert stage.run("plan").code == 1


# ---------------------------------------------------------------- two stack files with one uid


@pytest.fixture
def twins(stage: Stage) -> Stage:
    """A repository with stack `a` and its copy `b`, as `cp -r a b` makes it; you stand in `a`."""
    git(stage.root, "init", "-q")
    stage.stack()
    stage.job()
    (stage.root / "a").mkdir()
    for name in ("reconciler.yaml", "train.yaml"):
        (stage.root / name).rename(stage.root / "a" / name)
    git(stage.root, "add", "-A")
    git(stage.root, "commit", "-q", "-m", "a")
    shutil.copytree(stage.root / "a", stage.root / "b")
    stage.monkeypatch.chdir(stage.root / "a")
    return stage


COMMANDS = {
    "validate": ("validate",),
    "plan": ("plan",),
    "apply": ("apply", "--yes"),
    "destroy": ("destroy", "--yes"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("tracked", [False, True], ids=["untracked", "tracked"])
def test_a_copied_stack_is_an_error_that_names_both_files(
    twins: Stage, command: tuple[str, ...], tracked: bool
) -> None:
    if tracked:
        git(twins.root, "add", "-A")
    done = twins.run(*command)
    assert done.code == 1
    told(done, "a/reconciler.yaml", "b/reconciler.yaml", "3fa94c1b", "each would cancel the other's jobs")
    assert not (twins.root / "a" / ".reconciler").exists()


def test_validate_shows_it_where_the_uid_is_written(twins: Stage) -> None:
    done = twins.run("validate")
    told(done, "reconciler.yaml:3:29")
    assert twins.run("validate", "../b").code == 1


def test_a_saved_plan_is_not_applied_once_another_stack_has_the_uid(twins: Stage) -> None:
    (twins.root / "b" / "reconciler.yaml").rename(twins.root / "kept")
    twins.ok("plan", "--out", "../p.json")
    (twins.root / "kept").rename(twins.root / "b" / "reconciler.yaml")
    done = twins.run("apply", "../p.json")
    assert done.code == 1
    told(done, "a/reconciler.yaml", "b/reconciler.yaml")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_uid_that_another_stack_took_over_while_its_own_file_is_there_is_an_error(
    twins: Stage, command: tuple[str, ...]
) -> None:
    heir = twins.root / "b" / "reconciler.yaml"
    edit(heir, '{name: demo, uid: "3fa94c1b"}', f'{{name: heir, uid: "{OTHER}", formerUids: ["3fa94c1b"]}}')
    for folder in ("a", "b"):
        twins.monkeypatch.chdir(twins.root / folder)
        done = twins.run(*command)
        assert done.code == 1
        assert lacking(done.out + done.err, ["a/reconciler.yaml", "b/reconciler.yaml", "formerUids"]) == []


def test_once_the_old_stack_file_is_gone_its_heir_may_have_its_runs(twins: Stage) -> None:
    heir = twins.root / "b" / "reconciler.yaml"
    edit(heir, '{name: demo, uid: "3fa94c1b"}', f'{{name: heir, uid: "{OTHER}", formerUids: ["3fa94c1b"]}}')
    (twins.root / "a" / "reconciler.yaml").unlink()
    twins.monkeypatch.chdir(twins.root / "b")
    twins.ok("validate")


def test_a_copy_with_a_uid_of_its_own_is_another_stack(twins: Stage) -> None:
    edit(twins.root / "b" / "reconciler.yaml", "3fa94c1b", OTHER)
    twins.ok("validate")
    twins.ok("plan")


def test_a_stack_file_that_is_broken_or_ignored_is_nobodys_twin(twins: Stage) -> None:
    twins.write("b/reconciler.yaml", "metadata: [3fa94c1b\n")
    twins.ok("validate")
    shutil.copy(twins.root / "a" / "reconciler.yaml", twins.root / "b" / "reconciler.yaml")
    assert twins.run("validate").code == 1
    twins.write(".gitignore", "/b/\n")
    twins.ok("validate")


def test_a_linked_worktree_and_a_nested_repository_are_not_looked_into(twins: Stage) -> None:
    shutil.rmtree(twins.root / "b")
    git(twins.root, "worktree", "add", "-q", "-b", "other", "linked")
    assert (twins.root / "linked" / "a" / "reconciler.yaml").is_file()
    shutil.copytree(twins.root / "a", twins.root / "nested" / "a")
    git(twins.root / "nested", "init", "-q")
    git(twins.root / "nested", "add", "-A")
    git(twins.root / "nested", "commit", "-q", "-m", "nested")
    twins.ok("validate")
    twins.monkeypatch.chdir(twins.root / "linked" / "a")
    twins.ok("validate")


def test_outside_git_nobody_is_asked(twins: Stage) -> None:
    shutil.rmtree(twins.root / ".git")
    twins.ok("validate")


def test_where_git_cannot_be_asked_nobody_is_found(twins: Stage) -> None:
    twins.monkeypatch.setenv("PATH", str(twins.root))
    twins.ok("validate")


def test_a_link_out_of_the_repository_is_not_read(twins: Stage) -> None:
    outside = twins.root.parent / "outside.yaml"
    shutil.copy(twins.root / "a" / "reconciler.yaml", outside)
    (twins.root / "b" / "reconciler.yaml").unlink()
    (twins.root / "b" / "reconciler.yaml").symlink_to(outside)
    twins.ok("validate")
