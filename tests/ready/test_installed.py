"""What installs this package: the hooks, through pre-commit itself, and the first step of the action.

They need a package index, so `make installed` runs them and `make test` does not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.ready import comments
from tests.ready.runner import Runner
from tests.support.checkout import ROOT, git
from tests.support.stage import JOB, STACK
from tools import lanes

PACKAGE = ("reconciler", "schemas", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".pre-commit-hooks.yaml")
pytestmark = pytest.mark.installs
BAD = "machineType: n1-standard-4"


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This package as a repository of its own, as pre-commit clones it."""
    home = tmp_path_factory.mktemp("hooks")
    for name in PACKAGE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, home / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, home / name)
    git(home, "init", "-q")
    git(home, "add", "-A")
    git(home, "commit", "-q", "-m", "The package")
    return home


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps environments, so that the package is installed once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two stacks below a repository's root, the first with a file its stack file leaves out."""
    root = tmp_path / "repository"
    for name in ("one", "two"):
        command = [sys.executable, "-m", "reconciler", "init", "--ci", "none", str(root / name)]
        subprocess.run(command, check=True, capture_output=True)
    stack = root / "one" / "reconciler.yaml"
    stack.write_text(stack.read_text().rstrip() + "\n  ignore: [values.yaml]\n")
    (root / "one" / "values.yaml").write_text("image: train\n")
    (root / "one" / ".hidden.yaml").write_text("just: data\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    return root


def run(hooks: Path, cache: Path, repository: Path, hook: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "try-repo", str(hooks), hook, "--all-files", "--verbose"],
        cwd=repository, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PRE_COMMIT_HOME": str(cache), "PRE_COMMIT_COLOR": "never"},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_hook_checks_what_changed_in_its_whole_stack(hooks: Path, cache: Path, repository: Path) -> None:
    code, told = run(hooks, cache, repository, "reconciler-validate")
    assert code == 0, told
    assert "0 errors, 0 warnings" in told
    assert "Passed" in told
    manifest = repository / "one" / "jobs" / "hello.yaml"
    (repository / "one" / "jobs" / "again.yaml").write_text(manifest.read_text())
    (repository / "two" / "jobs" / "hello.yaml").write_text(manifest.read_text().replace(BAD, "machinType: a"))
    git(repository, "add", "-A")
    code, told = run(hooks, cache, repository, "reconciler-validate")
    assert code == 1, told
    assert "machinType" in told, "a second stack is checked in the same run"
    assert "again.yaml" in told, "a name taken twice is a problem of the stack, not of one file"
    assert "internal" not in told


@pytest.mark.parametrize("hook", ["reconciler-validate", "reconciler-fmt"])
def test_no_name_of_a_file_is_a_flag_to_a_hook(hook: str, hooks: Path, cache: Path, repository: Path) -> None:
    workflow = repository / ".github" / "workflows" / "ci.yml"
    named = repository / "-osarif=.github" / "workflows" / "ci.yml"
    for file in (workflow, named):
        file.parent.mkdir(parents=True)
        file.write_text((repository / "one" / "jobs" / "hello.yaml").read_text())
    before = workflow.read_text()
    git(repository, "add", "-A", "--", ".")
    code, told = run(hooks, cache, repository, hook)
    assert workflow.read_text() == before
    assert "No such option" not in told
    assert (code == 0) == (hook == "reconciler-fmt"), told


def test_the_hook_formats_what_changed(hooks: Path, cache: Path, repository: Path) -> None:
    code, told = run(hooks, cache, repository, "reconciler-fmt")
    assert code == 0, told
    manifest = repository / "one" / "jobs" / "hello.yaml"
    canonical = manifest.read_text()
    lines = canonical.splitlines(keepends=True)
    kind = next(line for line in lines if line.startswith("kind:"))
    api = next(line for line in lines if line.startswith("apiVersion:"))
    manifest.write_text(canonical.replace(api + kind, kind + api))
    git(repository, "add", "-A")
    code, told = run(hooks, cache, repository, "reconciler-fmt")
    assert code == 1, told
    assert manifest.read_text() == canonical
    assert run(hooks, cache, repository, "reconciler-fmt")[0] == 0


def test_the_action_installs_itself_beside_the_checkout(tmp_path: Path) -> None:
    """The install step as it stands: a virtual environment of the runner's, of the action's own files."""
    with comments.serving("token") as thread:
        runner = Runner(tmp_path / "runner", thread.url, token="token", installed=False)
        checkout = tmp_path / "checkout"
        checkout.mkdir()
        (checkout / "reconciler.yaml").write_text(STACK.format(backend="embedded", more=""))
        (checkout / "train.yaml").write_text(JOB.format(name="train", more="", replicas=1, image="gcr.io/demo/train:1"))
        for name in ("venv.py", "pip.py"):
            (checkout / name).write_text("raise SystemExit('code of the checkout ran')\n")
        done = runner.act(checkout, {}, name="push", command="plan")
    assert done.ok, done.log.text
    assert done.outputs["create"] == "1"
    [site] = runner.home.glob("machine-1/reconciler/lib/python*/site-packages")
    locked = lanes.versions((ROOT / "requirements" / "run.txt").read_text(encoding="utf-8"))
    there = {each.name.lower().replace("_", "-"): each.version for each in metadata.distributions(path=[str(site)])}
    assert {name: there.get(name) for name in locked} == locked
    assert there.keys() - locked.keys() <= {"pip", "setuptools", "vertex-reconciler"}
    installed = site / "reconciler" / "cli" / "github" / "action.py"
    assert installed.read_text() == (ROOT / "reconciler" / "cli" / "github" / "action.py").read_text()


def test_the_action_installs_nothing_whose_hash_is_not_the_locks(tmp_path: Path) -> None:
    action = tmp_path / "action"
    action.mkdir()
    for name in ("requirements", *PACKAGE):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, action / name)
    lock = action / "requirements" / "run.txt"
    head, found, tail = lock.read_text(encoding="utf-8").partition("click==")
    assert found
    first, hashes, rest = tail.partition("    # via")
    lock.write_text(head + found + re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", first) + hashes + rest)
    with comments.serving("token") as thread:
        environment = {"GITHUB_ACTION_PATH": str(action)}
        runner = Runner(tmp_path / "runner", thread.url, token="token", installed=False, environment=environment)
        done = runner.act(tmp_path / "checkout", {}, name="push", command="plan")
    assert not done.ok
    assert "DO NOT MATCH THE HASHES" in done.log.text
    assert not [*runner.home.glob("machine-1/reconciler/lib/python*/site-packages/click")]
