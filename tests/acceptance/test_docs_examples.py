"""What README and docs show is what happens: every console example is run, every manifest on a page is validated."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.cli import surroundings, wiring
from reconciler.files import yaml_reader
from tests.support import docs_pages
from tests.support.checkout import ROOT
from tests.support.docs_pages import PAGES, Block, Example, Session

SESSIONS = [session for page in PAGES for session in docs_pages.sessions(page)]
SAMPLES = sorted(path.parent for path in (ROOT / "manifests").glob("*/reconciler.yaml"))
YAML = [block for page in PAGES for block in docs_pages.blocks(page) if block.language == "yaml"]


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.where)
def test_examples_print_what_the_page_shows(session: Session, tmp_path: Path) -> None:
    folder = tmp_path / "stack"
    if session.stack:
        shutil.copytree(ROOT / session.stack, folder)
    else:
        folder.mkdir()
    environment = _environment(tmp_path)
    for example in session.examples:
        folder = _run(example, folder, environment)


def _environment(tmp_path: Path) -> Mapping[str, str]:
    """Build an environment of our own in which `reconciler` and `python3` are this checkout's."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, arguments in (("reconciler", "-m reconciler "), ("python3", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments}"$@"\n', encoding="utf-8")
        program.chmod(0o755)
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
    }


def _run(example: Example, folder: Path, environment: Mapping[str, str]) -> Path:
    """Run one command, hold it to the page, and return the folder it ended in."""
    script = f'{example.command}\ncode=$?; pwd > "$HOME/folder"; exit $code'
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=dict(environment), check=False, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=60,
    )  # fmt: skip
    told = f"{example.where}: {example.command}\nexit {done.returncode}\n{done.stdout}"
    assert done.returncode == example.exit_code, told
    printed = done.stdout.strip("\n")
    wanted = docs_pages.pattern(example.shown)
    assert wanted.fullmatch(f"{printed}\n" if printed else ""), f"{told}\nThe page shows:\n{example.shown}"
    return Path((Path(environment["HOME"]) / "folder").read_text(encoding="utf-8").strip())


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.where)
def test_manifests_and_stacks_on_a_page_are_valid(block: Block, tmp_path: Path) -> None:
    reading = yaml_reader.read(block.body, block.where)
    assert reading.problems == ()
    (document,) = reading.documents
    value = document.value
    if "apiVersion" not in value:
        assert block.page.name in ("ci.md", "emulator.md"), "only CI files and faults are no manifests"
    elif value.get("kind") == "Stack":
        (tmp_path / "reconciler.yaml").write_text(block.body, encoding="utf-8")
        assert wiring.open_workspace(str(tmp_path), surroundings.of_process()).stack.name == value["metadata"]["name"]
    else:
        workspace = wiring.open_workspace(str(ROOT / "manifests" / "quickstart"), surroundings.of_process())
        checked = workspace.validator.check([document], workspace.stack)
        assert checked.problems == ()


@pytest.mark.parametrize("stack", SAMPLES, ids=lambda stack: stack.name)
def test_sample_stacks_are_valid_without_a_warning(stack: Path) -> None:
    workspace = wiring.open_workspace(str(stack), surroundings.of_process())
    read = wiring.read_manifests(workspace, str(stack))
    assert read.problems == ()
    assert read.documents


@pytest.mark.parametrize("stack", SAMPLES, ids=lambda stack: stack.name)
def test_sample_stacks_converge_in_one_apply(stack: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(stack, tmp_path / "stack")
    environment = {**_environment(tmp_path), "RECONCILER_SECRET_TRACKING_TOKEN": "s3cret"}
    steps = (("reconciler plan --detailed-exitcode", 2), ("reconciler apply --yes", 0))
    for number, (command, code) in enumerate((*steps, ("reconciler plan --detailed-exitcode", 0)), start=1):
        _run(Example(f"{stack.name}, step {number}", command, code, "…"), folder, environment)


@pytest.mark.parametrize(
    ("shown", "printed", "fits"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\n…", "a\nb\nc\n", True),
        ("a …c", "a bc\n", True),
        ("a\n…\nd", "a\nb\nc\n", False),
        ("a", "a\nb\n", False),
        ("", "a\n", False),
        ("a.c", "abc\n", False),
    ],
)
def test_shown_output_is_held_to_what_was_printed(shown: str, printed: str, fits: bool) -> None:
    assert bool(docs_pages.pattern(shown).fullmatch(printed)) is fits
