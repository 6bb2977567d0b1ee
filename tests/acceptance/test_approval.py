"""What a pipeline may ask of a plan before it is applied: its digest, the commit it was made of, its age."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.core.documents import plan_json
from reconciler.files import planfile
from tests.support.checkout import git
from tests.support.stage import Done, Stage


def commit(stage: Stage) -> str:
    """Commit everything and return the commit."""
    git(stage.root, "add", "-A")
    git(stage.root, "commit", "-q", "-m", "jobs")
    return git(stage.root, "rev-parse", "HEAD")


@pytest.fixture
def repository(stage: Stage) -> Stage:
    """A stack in a repository, committed."""
    git(stage.root, "init", "-q")
    stage.stack()
    stage.job()
    stage.write(".gitignore", ".reconciler/\n*.plan.json\n")
    commit(stage)
    return stage


def started(stage: Stage) -> int:
    """Count the runs that are there."""
    return sum(each["runs"] for each in stage.run("plan", "-o", "json").json["scopes"])


def refused(done: Done, *parts: str) -> None:
    """The plan was refused before any call, and the reason holds the parts."""
    assert done.code == 3, done
    for part in parts:
        assert part in done.err


def test_a_plan_is_applied_at_its_own_commit_only(repository: Stage) -> None:
    head = git(repository.root, "rev-parse", "HEAD")
    repository.ok("plan", "--out", "a.plan.json")
    repository.job("other")
    later = commit(repository)
    for asked in (later, "HEAD", later[:10]):
        refused(repository.run("apply", "a.plan.json", "--require-revision", asked), head, later[:10], "plan again")
    refused(repository.run("apply", "a.plan.json", "--require-revision", head[:6]), head[:6])
    assert started(repository) == 0
    repository.ok("apply", "a.plan.json", "--require-revision", head[:12].upper())
    assert started(repository) == 1


def test_a_plan_of_uncommitted_changes_has_no_revision_to_require(repository: Stage) -> None:
    repository.job("other")
    repository.ok("plan", "--out", "a.plan.json")
    refused(repository.run("apply", "a.plan.json", "--require-revision", "HEAD"), "uncommitted changes", "commit them")
    refused(repository.run("apply", "--yes", "--require-revision", "HEAD"), "uncommitted changes")
    commit(repository)
    repository.ok("apply", "--yes", "--require-revision", "HEAD")


def test_a_plan_of_which_nobody_could_tell_its_files_has_no_revision_to_require(repository: Stage) -> None:
    repository.ok("plan", "--out", "a.plan.json")
    saved = plan_json.from_json(json.loads((repository.root / "a.plan.json").read_text(encoding="utf-8")))
    doubtful = replace(saved.plan, dirty=None, unknown="fatal: index file corrupt")
    text = planfile.dump(plan_json.to_json(doubtful, saved.created_at, "0.1.0"))
    (repository.root / "a.plan.json").write_text(text, encoding="utf-8")
    refused(
        repository.run("apply", "a.plan.json", "--require-revision", "HEAD"),
        "nobody could tell whether files differ from it: fatal: index file corrupt",
    )
    repository.ok("apply", "a.plan.json")


def test_the_command_that_plan_prints_for_a_blocked_plan_applies_it(stage: Stage) -> None:
    stage.stack()
    stage.job()
    stage.ok("apply", "--yes")
    stage.job(image="gcr.io/demo/train:2")
    told = stage.run("plan", "--out", "a.plan.json")
    assert told.code == 4
    command = told.err.strip().rpartition("To allow it and do exactly this: reconciler ")[2].split()
    assert command[-2:] == ["--allow-cancel", "1"]
    stage.ok(*command)


def test_a_plan_that_no_flag_lets_through_is_saved_without_a_command(stage: Stage) -> None:
    stage.stack()
    stage.job(more="lifecycle: {protect: true}\n")
    stage.ok("apply", "--yes")
    stage.job(more="lifecycle: {protect: true}\n", image="gcr.io/demo/train:2")
    told = stage.run("plan", "--out", "a.plan.json")
    assert told.code == 4
    assert told.err.endswith("It is blocked, and no flag allows it\n")


def test_outside_git_there_is_no_commit_to_hold_a_plan_to(stage: Stage) -> None:
    stage.stack()
    stage.job()
    stage.ok("plan", "--out", "a.plan.json")
    refused(stage.run("apply", "a.plan.json", "--require-revision", "HEAD"), "there is no commit here")
    refused(stage.run("apply", "a.plan.json", "--require-revision", "0123456"), "no commit at all", "0123456")


def test_an_old_plan_is_refused_and_a_young_one_applied(stage: Stage) -> None:
    stage.stack()
    stage.job()
    stage.ok("plan", "--out", "a.plan.json")
    stage.clock.advance(3 * 3600)
    refused(stage.run("apply", "a.plan.json", "--max-age", "2h"), "10800 s old", "7200 s")
    assert started(stage) == 0
    stage.ok("apply", "a.plan.json", "--max-age", "4h")


def test_a_plan_from_the_future_is_refused_where_its_age_matters(stage: Stage) -> None:
    stage.stack()
    stage.job()
    stage.clock.advance(7200)
    stage.ok("plan", "--out", "a.plan.json")
    stage.clock.advance(-7200)
    refused(stage.run("apply", "a.plan.json", "--max-age", "2h"), "7200 s in the future")
    stage.ok("apply", "a.plan.json")


@pytest.mark.parametrize("bad", ["2", "h", "-1h", "1w"])
def test_an_age_is_a_duration(stage: Stage, bad: str) -> None:
    stage.stack()
    done = stage.run("apply", "--yes", "--max-age", bad)
    assert done.code == 1
    assert "no duration" in done.err
