import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.files import checkout


def run(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    run(tmp_path, "init", "-q")
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack" / "a.yaml").write_text("a: 1")
    run(tmp_path, "add", ".")
    run(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def forgetful_git(folder: Path) -> Path:
    """Write a Git that has never heard of safe.bareRepository, as those before 2.38."""
    folder.mkdir()
    program = folder / "git"
    program.write_text(
        "#!/bin/sh\n"
        'for one; do shift; case "$one" in safe.bareRepository=*) one=unknown.setting=1 ;; esac; set -- "$@" "$one"; done\n'
        f'exec "{shutil.which("git")}" "$@"\n'
    )
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize("old_git", [False, True], ids=["this Git", "a Git that knows no safe.bareRepository"])
def test_a_checkout_that_brings_a_repository_of_its_own_runs_nothing(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old_git: bool
) -> None:
    """A commit may hold HEAD, objects, refs and config side by side, which Git takes for a bare repository."""
    if old_git:
        monkeypatch.setenv("PATH", f"{forgetful_git(tmp_path / 'programs')}{os.pathsep}{os.environ['PATH']}")
    made, stack, proof = tmp_path / "made", repository / "stack", tmp_path / "ran"
    assert checkout.head(stack).commit
    made.mkdir()
    run(made, "init", "--quiet")
    (made / "a.yaml").write_text("kind: A\n")
    run(made, "add", ".")
    run(made, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "one")
    for name in ("HEAD", "index", "objects", "refs"):
        (made / ".git" / name).rename(stack / name)
    (stack / "a.yaml").write_text("kind: B\n")
    (stack / ".gitattributes").write_text("* filter=evil\n")
    (stack / "config").write_text(
        "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n"
        f'[filter "evil"]\n\tclean = "touch {proof}; cat"\n\trequired = true\n'
    )
    assert not checkout.head(stack).commit
    assert not proof.exists()
