"""Completion in real shells, from the script that `reconciler completion` prints; a shell that is not here is left out."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.stage import Stage

PATIENCE = 20.0
HEAVY = ("requests", "google", "rich", "jsonschema", "jsonschema_rs", "deepdiff", "sqlite3", "ruamel")


@pytest.fixture
def environment(stage: Stage, tmp_path: Path) -> Mapping[str, str]:
    """A stack with three jobs, and `reconciler` on the path of a shell that nobody has set up."""
    stage.stack()
    stage.job("train")
    stage.job("tune")
    stage.job("score")
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "reconciler"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    script = tmp_path / "completion.bash"
    script.write_text(stage.ok("completion", "bash").out, encoding="utf-8")
    return {
        "SCRIPT": str(script), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(home),
        "LC_ALL": "C.UTF-8", "TERM": "dumb",
    }  # fmt: skip


def shell(environment: Mapping[str, str], *command: str) -> str:
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == "", done
    return done.stdout


def bash(environment: Mapping[str, str], line: str) -> list[str]:
    """Return what bash offers at the end of a line: the function that the script registers, called as bash calls it."""
    words = line.split(" ")
    script = (
        'source "$SCRIPT"; function=$(complete -p reconciler | sed "s/.*-F \\([^ ]*\\).*/\\1/"); '
        f"COMP_WORDS=({' '.join(word or chr(34) * 2 for word in words)}); COMP_CWORD={len(words) - 1}; "
        '$function reconciler "${COMP_WORDS[COMP_CWORD]}" ""; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return shell(environment, "bash", "--norc", "-c", script).split()


def fish(environment: Mapping[str, str], line: str) -> list[str]:
    """Return what fish offers at the end of a line."""
    script = f"reconciler completion fish | source; complete -C '{line}'"
    told = shell(environment, "fish", "--no-config", "-c", script)
    return [row.split("\t")[0] for row in told.splitlines()]


INTERACTIVE = {
    "bash": ("bash --norc -i", "bind 'set show-all-if-ambiguous on'; bind 'set bell-style none'"),
    "zsh": ("zsh -f -i", "autoload -Uz compinit; compinit -u -D"),
}


@contextlib.contextmanager
def terminal(name: str, environment: Mapping[str, str]) -> Iterator[int]:
    """A shell on a terminal of its own, with the script read."""
    program, setup = INTERACTIVE[name]
    child, descriptor = pty.fork()
    if not child:
        arguments = program.split()
        os.execvpe(arguments[0], arguments, {**environment, "COLUMNS": "200"})
    try:
        os.write(descriptor, f"{setup}; source <(reconciler completion {name}); PS1='ready> '\n".encode())
        until(descriptor, r"[\r\n]ready> ")
        yield descriptor
    finally:
        os.close(descriptor)
        os.waitpid(child, 0)


def until(descriptor: int, pattern: str) -> str:
    """Read from a terminal until a pattern shows. Fails where it does not."""
    shown, end = "", time.monotonic() + PATIENCE
    while not re.search(pattern, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\a\b]", "", shown), re.DOTALL):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"{pattern} did not show in: {shown!r}"
        shown += os.read(descriptor, 4096).decode("utf-8", "replace")
    return shown


SHELLS: dict[str, Callable[[Mapping[str, str], str], list[str]]] = {"bash": bash, "fish": fish}
HERE = [name for name in SHELLS if shutil.which(name)]
CASES = {
    "reconciler val": ["validate"],
    "reconciler com": ["completion"],
    "reconciler status CustomJob/t": ["CustomJob/train", "CustomJob/tune"],
    "reconciler status CustomJob/train CustomJob/t": ["CustomJob/tune"],
    "reconciler plan --select CustomJob/s": ["CustomJob/score"],
    "reconciler plan --rerun CustomJob/s": ["CustomJob/score"],
    "reconciler plan --sel": ["--select"],
    "reconciler plan -o m": ["markdown"],
    "reconciler validate -o s": ["sarif"],
    "reconciler apply -o j": ["json", "jsonl"],
    "reconciler completion f": ["fish"],
    "reconciler explain CustomJob.spec.jobSpec.workerPoolSpecs.r": ["CustomJob.spec.jobSpec.workerPoolSpecs.replicaCount"],
}  # fmt: skip


@pytest.mark.parametrize("name", HERE)
def test_a_shell_offers_what_fits(name: str, environment: Mapping[str, str]) -> None:
    cases = dict(list(CASES.items())[:: 1 if name == "bash" else 3])  # behind both stands the same answer of ours
    offered = {line: sorted(SHELLS[name](environment, line)) for line in cases}
    assert offered == cases


def test_no_word_is_offered_that_a_shell_would_run(stage: Stage, environment: Mapping[str, str]) -> None:
    for number, text in enumerate(("t;id", "t$(id)", "t`id`", "t\\nplain,t2", "t\\e[31m", "t x", "t*", "t'")):
        stage.write(f"{number}.yaml", f'kind: CustomJob\nmetadata: {{name: "{text}"}}\n')
    stage.write("kind.yaml", 'kind: "CustomJob$(id)"\nmetadata: {name: tick}\n')
    told = shell(environment, "bash", "--norc", "-c", f"{_asking('reconciler status Cus')} reconciler")
    assert told.splitlines() == ["plain,CustomJob/score", "plain,CustomJob/train", "plain,CustomJob/tune"]


@pytest.mark.parametrize("name", [name for name in INTERACTIVE if shutil.which(name)])
def test_tab_fills_in_the_only_word_that_fits_and_lists_several(name: str, environment: Mapping[str, str]) -> None:
    clear = b"\x15"
    with terminal(name, environment) as descriptor:
        for line, shows in (
            ("reconciler val", "validate"),
            ("reconciler status CustomJob/t", r"CustomJob/train\s+CustomJob/tune"),
            ("reconciler validate tra", r"train\.yaml"),
        ):
            os.write(descriptor, clear + f"{line}\t\t".encode())
            until(descriptor, shows)


@pytest.mark.parametrize("line", ["reconciler status Cus", "reconciler plan -o m", "reconciler get ", "reconciler lo"])
@pytest.mark.parametrize("folder", ["broken", "elsewhere"])
def test_no_error_shows_at_the_prompt(line: str, folder: str, stage: Stage, environment: Mapping[str, str]) -> None:
    stage.write("bad.yaml", "kind: [\n")
    stage.write("reconciler.yaml", "spec: [" if folder == "broken" else "spec: {manifests: 3, ignore: [5]}")
    shell(environment, "bash", "--norc", "-c", f"{_asking(line)} reconciler")


def _asking(line: str) -> str:
    return f"COMP_WORDS='{line}' COMP_CWORD={len(line.split(' ')) - 1} _RECONCILER_COMPLETE=bash_complete"


def test_an_answer_imports_nothing_that_only_other_commands_need(environment: Mapping[str, str]) -> None:
    for line in ("reconciler ", "reconciler status ", "reconciler plan --select Cust", "reconciler plan -o "):
        command = f"{_asking(line)} exec {sys.executable} -X importtime -m reconciler"
        done = subprocess.run(
            ["bash", "-c", command], env=dict(environment), capture_output=True, text=True, check=True
        )
        loaded = {found.split(".")[0] for found in re.findall(r"\| +(\S+)$", done.stderr, re.MULTILINE)}
        assert loaded & {"click"}
        assert loaded & set(HEAVY) == set(), line


def test_a_shell_that_is_unknown_is_refused(stage: Stage) -> None:
    done = stage.run("completion", "tcsh")
    assert done.code == 1
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in done.err
