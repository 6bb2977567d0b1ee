"""`plan --changed-since REF` looks at what a branch changed and at nothing else, read from real Git repositories."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.checkout import ROOT, git
from tests.support.stage import JOB, Stage, told


def commit(stage: Stage) -> None:
    git(stage.root, "add", "-A")
    git(stage.root, "commit", "-q", "-m", "step")


@pytest.fixture
def branch(stage: Stage) -> Stage:
    """A repository with four jobs on main, one file of them with two, and a branch to work on."""
    git(stage.root, "init", "-q")
    stage.write(".gitignore", ".reconciler/\n")
    stage.stack()
    for name in ("alpha", "beta"):
        stage.job(name)
    both = "---\n".join(JOB.format(name=name, more="", replicas=1, image="gcr.io/a/b") for name in ("gamma", "delta"))
    stage.write("more/pair.yaml", both)
    commit(stage)
    git(stage.root, "checkout", "-q", "-b", "work")
    return stage


def addresses(stage: Stage, *arguments: str, ref: str = "main") -> list[str]:
    done = stage.run("plan", "--changed-since", ref, "-o", "json", *arguments)
    assert done.code in (0, 4), done
    return [change["address"].removeprefix("CustomJob/") for change in done.json["changes"]]


def test_nothing_changed_is_nothing_to_look_at(branch: Stage) -> None:
    assert addresses(branch) == []
    assert len(branch.ok("plan", "-o", "json").json["changes"]) == 4


def test_a_changed_a_new_and_a_removed_manifest_count_committed_or_not(branch: Stage) -> None:
    branch.ok("apply", "--yes")
    branch.job("alpha", replicas=2)
    (branch.root / "beta.yaml").unlink()
    branch.job("new")
    assert addresses(branch) == ["alpha", "beta", "new"]
    commit(branch)
    assert addresses(branch) == ["alpha", "beta", "new"]


def test_of_two_documents_in_a_file_only_the_changed_one_counts(branch: Stage) -> None:
    file = branch.root / "more" / "pair.yaml"
    gamma, delta = file.read_text().split("---\n")
    file.write_text("---\n".join([gamma, delta.replace("gcr.io/a/b", "gcr.io/a/c")]))
    assert addresses(branch) == ["delta"]


def test_what_moves_to_another_file_or_is_written_otherwise_did_not_change(branch: Stage) -> None:
    text = (branch.root / "alpha.yaml").read_text()
    (branch.root / "alpha.yaml").unlink()
    branch.write("moved/first.yaml", f"# a comment\n{text}")
    (branch.root / "beta.yaml").unlink()
    document = {
        "apiVersion": "aiplatform.googleapis.com/v1",
        "kind": "CustomJob",
        "metadata": {"name": "beta"},
        "spec": {
            "jobSpec": {
                "workerPoolSpecs": [
                    {
                        "machineSpec": {"machineType": "n1-standard-4"},
                        "replicaCount": 1,
                        "containerSpec": {"imageUri": "gcr.io/demo/train:1"},
                    }
                ]
            }
        },
    }
    branch.write("beta.json", json.dumps(document))
    assert addresses(branch) == []


def test_a_file_that_held_nothing_then_named_no_address(branch: Stage) -> None:
    branch.write("later.yaml", "# jobs of next week\n")
    commit(branch)
    branch.job("later")
    assert addresses(branch, ref="HEAD") == ["later"]


def test_a_value_of_another_type_is_a_change(branch: Stage) -> None:
    file = branch.root / "alpha.yaml"
    file.write_text(file.read_text().replace("replicaCount: 1", "replicaCount: 1.0"))
    assert addresses(branch) == ["alpha"]


def test_a_rename_counts_under_both_names(branch: Stage) -> None:
    branch.ok("apply", "--yes")
    text = (branch.root / "alpha.yaml").read_text().replace("{name: alpha}", "{name: omega, formerly: alpha}")
    branch.write("alpha.yaml", text)
    assert addresses(branch) == ["omega"]
    told(branch.run("plan", "--changed-since", "main"), "2 addresses changed since main")


def test_work_on_the_main_line_since_the_branch_left_it_does_not_count(branch: Stage) -> None:
    branch.job("alpha", replicas=2)
    commit(branch)
    git(branch.root, "checkout", "-q", "main")
    branch.job("beta", replicas=2)
    commit(branch)
    git(branch.root, "checkout", "-q", "work")
    assert addresses(branch) == ["alpha"]


@pytest.mark.parametrize(
    ("what", "old", "new", "all_"),
    [
        ("a default", "  settle: 10ms\n", "  settle: 10ms\n  defaults: {labels: {team: speech}}\n", True),
        ("a comment", "  settle: 10ms\n", "  settle: 10ms # quick\n", False),
    ],
)
def test_a_changed_stack_file_makes_everything_count(branch: Stage, what: str, old: str, new: str, all_: bool) -> None:
    file = branch.root / "reconciler.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    assert len(addresses(branch)) == (4 if all_ else 0)
    done = branch.run("plan", "--changed-since", "main")
    assert ("Every address counts as changed since main: reconciler.yaml changed" in done.err) is all_


def test_past_manifests_that_cannot_be_read_make_everything_count(branch: Stage) -> None:
    git(branch.root, "checkout", "-q", "main")
    branch.write("beta.yaml", "kind: [")
    commit(branch)
    git(branch.root, "checkout", "-q", "-B", "work")
    branch.job("beta")
    assert len(addresses(branch)) == 4


def test_it_goes_with_select_and_with_a_snapshot_and_spares_other_runs(branch: Stage) -> None:
    branch.ok("apply", "--yes")
    branch.ok("snapshot", "--out", "live.snapshot.json")
    branch.job("alpha", replicas=2)
    branch.job("beta", replicas=2)
    (branch.root / "more" / "pair.yaml").unlink()
    assert addresses(branch, "--exclude", "*/gamma") == ["alpha", "beta", "delta"]
    assert addresses(branch, "--against", "live.snapshot.json", "--select", "*/a*") == ["alpha"]


def test_a_stack_below_the_root_of_the_repository_is_found_there_then_too(branch: Stage) -> None:
    below = branch.root / "stacks" / "two words"
    below.mkdir(parents=True)
    text = (branch.root / "reconciler.yaml").read_text().replace("3fa94c1b", "00000001")
    (below / "reconciler.yaml").write_text(text)
    (below / "größe.yaml").write_text(JOB.format(name="one", more="", replicas=1, image="gcr.io/a/b"))
    branch.monkeypatch.chdir(below)
    assert addresses(branch) == ["one"]
    commit(branch)
    assert addresses(branch) == ["one"]
    assert addresses(branch, ref="HEAD") == []
    branch.monkeypatch.chdir(branch.root)
    assert addresses(branch, ref="HEAD") == []


REFUSED = [
    ("an unknown ref", "nowhere", ["--changed-since nowhere", "no such commit", "origin/main"]),
    ("an option in disguise", "--output=x", ["no such commit"]),
    ("a tree", "HEAD^{tree}", ["no such commit"]),
]


@pytest.mark.parametrize(("what", "ref", "parts"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_ref_that_is_none_is_refused(branch: Stage, what: str, ref: str, parts: list[str]) -> None:
    done = branch.run("plan", f"--changed-since={ref}")
    assert done.code == 1
    told(done, *parts)
    assert not (branch.root / "x").exists()


def test_a_shallow_clone_names_the_way_out(branch: Stage, tmp_path: Path) -> None:
    branch.job("alpha", replicas=2)
    commit(branch)
    git(tmp_path, "clone", "-q", "--depth", "1", "--branch", "work", f"file://{branch.root}", "clone")
    branch.monkeypatch.chdir(tmp_path / "clone")
    unknown = branch.run("plan", "--changed-since", "origin/main")
    assert unknown.code == 1
    told(unknown, "no such commit", "shallow", "fetch-depth: 0")
    git(tmp_path / "clone", "fetch", "-q", "--depth", "1", "origin", "main:refs/remotes/origin/main")
    apart = branch.run("plan", "--changed-since", "origin/main")
    assert apart.code == 1
    told(apart, "no commit in common", "fetch-depth: 0")


def test_outside_a_repository_and_for_a_stream_it_is_refused(stage: Stage) -> None:
    stage.monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(stage.root.parent))
    stage.stack()
    stage.job()
    done = stage.run("plan", "--changed-since", "main")
    assert done.code == 1
    told(done, "in no Git repository")
    stream = stage.run("plan", "-", "--changed-since", "main", stdin=(stage.root / "train.yaml").read_text())
    assert stream.code == 1
    told(stream, "a stream has none")


def test_a_manifest_that_was_a_link_is_not_taken_for_one_that_never_was(branch: Stage) -> None:
    (branch.root / "real.txt").write_text((branch.root / "alpha.yaml").read_text().replace("alpha", "linked"))
    (branch.root / "link.yaml").symlink_to("real.txt")
    commit(branch)
    git(branch.root, "branch", "-f", "main")
    (branch.root / "link.yaml").unlink()
    done = branch.run("plan", "--changed-since", "main")
    told(done, "link.yaml was a link")


def test_no_program_that_a_repository_names_is_run(branch: Stage) -> None:
    trap = branch.root / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch '{branch.root}/sprung'\ncat\n")
    trap.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.pager",
        "diff.external",
        "filter.x.smudge",
        "diff.x.textconv",
    ):
        git(branch.root, "config", key, str(trap))
    branch.write(".gitattributes", "*.yaml filter=x diff=x export-ignore\n")
    branch.write(".git/hooks/post-checkout", trap.read_text()).chmod(0o755)
    branch.job("alpha", replicas=2)
    (branch.root / "sprung").unlink(missing_ok=True)
    assert addresses(branch) == ["alpha"]
    assert not (branch.root / "sprung").exists()


def test_a_real_process_plans_what_a_branch_changed(branch: Stage) -> None:
    branch.job("alpha", replicas=2)
    commit(branch)
    done = branch.real("plan", "--changed-since", "main", "--detailed-exitcode", PYTHONPATH=str(ROOT))
    assert done.code == 2
    assert "1 address changed since main" in done.err
    assert "Plan: 1 to create" in done.out
