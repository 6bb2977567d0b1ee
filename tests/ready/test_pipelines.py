"""The files for CI systems fit the published schemas, and the pipeline for GitLab does what it says when it is run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from reconciler.cli import main
from reconciler.files import yaml_reader
from tests.ready import gitlab
from tests.ready.runner import program, read
from tests.support import docs_pages
from tests.support.checkout import ROOT, git
from tests.support.stage import JOB

NEW = ROOT / "reconciler" / "cli" / "commands" / "new_stack"
FILES = [
    ("github-actions", ROOT / "action.yml"),
    ("github-workflows", NEW / "github.yaml"),
    ("gitlab-ci", NEW / "gitlab.yaml"),
    ("gitlab-ci", ROOT / "templates" / "reconciler.yml"),
]


def fits(schema: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Check a file against a schema that check-jsonschema carries along; nothing is fetched."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("schema", "path"), FILES, ids=[path.name for _, path in FILES])
def test_a_file_fits_the_schema_of_its_system(schema: str, path: Path) -> None:
    done = fits(schema, path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("schema", "path", "word"),
    [
        ("github-actions", ROOT / "action.yml", "using:"),
        ("github-workflows", NEW / "github.yaml", "runs-on:"),
        ("gitlab-ci", ROOT / "templates" / "reconciler.yml", "artifacts:"),
    ],
)
def test_the_schemas_refuse_a_word_they_do_not_know(schema: str, path: Path, word: str, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.yml"
    spoilt.write_text(path.read_text(encoding="utf-8").replace(word, f"{word[:-1]}x:"), encoding="utf-8")
    assert fits(schema, spoilt).returncode == 1


CI_BLOCKS = [
    block
    for page in docs_pages.PAGES
    for block in docs_pages.blocks(page)
    if (block.language == "yaml" and "reconciler@COMMIT" in block.body) or "templates/reconciler.yml" in block.body
]


@pytest.mark.parametrize("block", CI_BLOCKS, ids=lambda block: block.where)
def test_pipelines_on_a_page_fit_too_and_use_only_inputs_there_are(block: docs_pages.Block, tmp_path: Path) -> None:
    file = tmp_path / "page.yml"
    file.write_text(block.body, encoding="utf-8")
    if "\njobs:" in block.body or "include:" in block.body:
        done = fits("github-workflows" if "\njobs:" in block.body else "gitlab-ci", file)
        assert done.returncode == 0, done.stdout
    known = read(ROOT / "action.yml")["inputs"].keys()
    document = yaml_reader.read(block.body, block.where).documents[0].value
    for step in _steps(document):
        if str(step.get("uses", "")).startswith("OWNER/reconciler@"):
            assert step.get("with", {}).keys() <= known


def test_whoever_installs_this_package_asks_for_the_name_it_has() -> None:
    name = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
    files = [*docs_pages.PAGES, *NEW.iterdir(), ROOT / "templates" / "reconciler.yml"]
    asked = [word for file in files for word in re.findall(r"([-\w]+) @ git\+", file.read_text(encoding="utf-8"))]
    assert set(asked) == {name}


@pytest.mark.parametrize("name", ["github", "gitlab"])
def test_the_page_shows_the_pipelines_that_init_writes(name: str) -> None:
    shown = [block.body for block in docs_pages.blocks(ROOT / "docs" / "ci.md")]
    assert (NEW / f"{name}.yaml").read_text(encoding="utf-8") in shown


def test_the_page_lists_every_input_and_output_of_the_action() -> None:
    action = read(ROOT / "action.yml")
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    rows = docs_pages.rows(page.partition("\n## GitHub\n")[2].partition("\n## GitLab\n")[0])
    assert {name for row in rows for name in docs_pages.codes(row[0])} == {*action["inputs"], *action["outputs"]}


def _steps(value: Any) -> list[dict[str, Any]]:
    """Find every step of a workflow, of a job or of a bare list."""
    if isinstance(value, list):
        return [step for step in value if isinstance(step, dict)]
    if isinstance(value, dict):
        found = (
            [_steps(value["steps"])] if "steps" in value else [_steps(job) for job in value.get("jobs", {}).values()]
        )
        return [step for steps in found for step in steps]
    return []


def test_the_hooks_are_commands_of_this_program() -> None:
    path = ROOT / ".pre-commit-hooks.yaml"
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (document,) = yaml_reader.read(path.read_text(encoding="utf-8"), path.name).documents
    entries = [hook["entry"].split() for hook in document.value]
    assert [entry[0] for entry in entries] == ["reconciler"] * len(entries)
    assert {entry[1] for entry in entries} <= main.COMMANDS.keys()


@pytest.mark.parametrize("hook", ["reconciler-validate", "reconciler-fmt"])
def test_our_own_stacks_pass_our_own_hooks_from_what_is_installed_here(hook: str, tmp_path: Path) -> None:
    for name in ("manifests", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / ".pre-commit-config.yaml", tmp_path)
    command = tmp_path / ".venv" / "bin" / "reconciler"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A", "--", "manifests", "examples", ".pre-commit-config.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", hook, "--all-files", "--verbose"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout


def test_our_own_hooks_are_fetched_from_nowhere() -> None:
    assert {repository["repo"] for repository in read(ROOT / ".pre-commit-config.yaml")["repos"]} == {"local"}


def test_init_writes_the_pipeline_that_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = {}
    for ci in ("github", "gitlab", "none"):
        assert main.run(["init", "--ci", ci, str(tmp_path / ci)]) == 0
        written[ci] = {path.relative_to(tmp_path / ci).as_posix() for path in (tmp_path / ci).rglob("*")}
    assert main.run(["fmt", "--check", str(tmp_path / "none")]) == 0
    capsys.readouterr()
    assert written["github"] - written["none"] == {".github", ".github/workflows", ".github/workflows/jobs.yaml"}
    assert written["gitlab"] - written["none"] == {".gitlab-ci.yml"}
    text = (tmp_path / "github" / ".github" / "workflows" / "jobs.yaml").read_text(encoding="utf-8")
    assert text == (NEW / "github.yaml").read_text(encoding="utf-8")


# ---------------------------------------------------------------- GitLab, run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of GitLab with a stack in a folder of it, as `init` leaves one."""
    root = tmp_path / "project"
    assert main.run(["init", "--ci", "gitlab", str(root)]) == 0
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Start")
    return root


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Where the template's programs lie: this checkout's `reconciler`, and a `pip` that has nothing left to do."""
    program(tmp_path / "program")
    pip = tmp_path / "program" / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{tmp_path}/installed"\n')
    pip.chmod(0o755)
    return pip.parent


def test_a_merge_request_is_validated_and_planned_and_then_applied_by_its_digest(
    project: Path, programs: Path, tmp_path: Path
) -> None:
    pipeline = gitlab.pipeline(project / ".gitlab-ci.yml")
    done: dict[str, gitlab.Job] = {}
    for name in ("reconciler-validate", "reconciler-plan"):
        done[name] = gitlab.run(pipeline, name, project, programs, done)
        assert done[name].ok, done[name].log
    assert (tmp_path / "installed").read_text().splitlines()[-1] == pipeline["variables"]["RECONCILER_PACKAGE"]
    reports = done["reconciler-validate"].artifacts
    assert json.loads(reports[".reports/codequality.json"]) == []
    assert ElementTree.fromstring(reports[".reports/validate.xml"]).find(".//testcase") is not None
    planned = done["reconciler-plan"]
    assert json.loads(planned.artifacts[".reports/plan.gitlab.json"]) == {"create": 1, "delete": 0, "update": 0}
    saved = json.loads(planned.artifacts[".reports/jobs.plan.json"])
    assert planned.variables == {"RECONCILER_DIGEST": saved["digest"]}
    assert saved["source"]["dirty"] is False, "reports must not look like an edit"
    refused = gitlab.run(pipeline, "reconciler-apply", project, programs, done, RECONCILER_DIGEST="")
    assert not refused.ok
    applied = gitlab.run(pipeline, "reconciler-apply", project, programs, done)
    assert "1 created" in applied.log
    again = gitlab.run(pipeline, "reconciler-apply", project, programs, done)
    assert not again.ok, "a plan is applied once"


def test_a_broken_manifest_fails_the_job_and_leaves_its_reports(project: Path, programs: Path) -> None:
    bad = JOB.format(name="bad", more="", replicas=1, image="gcr.io/a/b").replace("machineType", "machinType")
    (project / "jobs" / "bad.yaml").write_text(bad)
    pipeline = gitlab.pipeline(project / ".gitlab-ci.yml")
    job = gitlab.run(pipeline, "reconciler-validate", project, programs, {})
    assert not job.ok
    assert pipeline["reconciler-validate"]["artifacts"]["when"] == "always"
    assert json.loads(job.artifacts[".reports/codequality.json"])[0]["location"]["path"] == "jobs/bad.yaml"


def test_nothing_is_installed_from_a_name_that_nobody_set(project: Path, programs: Path, tmp_path: Path) -> None:
    job = gitlab.run(read(gitlab.TEMPLATE), "reconciler-validate", project, programs, {})
    assert not job.ok
    assert "RECONCILER_PACKAGE" in job.log
    assert not (tmp_path / "installed").exists()
