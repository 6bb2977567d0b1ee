"""A runner of GitHub Actions as far as our files need one: composite steps, jobs, artifacts, workflow commands.

What it runs is what stands in the files: the scripts with bash, our action from its `action.yml`. Actions of others
are stood in for by what they leave behind; one that is not known here is an error.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.files import yaml_reader
from tests.ready import expressions
from tests.support.checkout import ROOT, git

OURS = re.compile(r"OWNER/reconciler@COMMIT")
REPOSITORY = "people/jobs"
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


def read(path: Path) -> dict[str, Any]:
    """Read a workflow or action file, strictly."""
    reading = yaml_reader.read(path.read_text(encoding="utf-8"), path.name)
    assert reading.problems == ()
    (document,) = reading.documents
    assert isinstance(document.value, dict)
    return document.value


def program(folder: Path) -> None:
    """Make the environment that the install step would, of what is installed here already and of this checkout."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    seen = [str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]
    (site / "here.pth").write_text("".join(f"{path}\n" for path in seen))
    script = folder / "bin" / "reconciler"
    script.write_text(f"#!{folder}/bin/python -I\nimport sys\nfrom reconciler.cli.main import run\nsys.exit(run())\n")
    script.chmod(0o755)
    (folder / "from").write_text(str(ROOT))


@dataclass
class Log:
    """What a job printed, and what a runner makes of it."""

    text: str = ""

    @property
    def commands(self) -> list[str]:
        """The workflow commands that a runner obeys: none between `::stop-commands::WORD` and `::WORD::`.

        As actions/runner has it (ActionCommand.cs): spaces before `::` do not matter, and `##[` counts anywhere.
        """
        word, found = "", []
        for line in self.text.splitlines():
            bare = line.strip()
            if word:
                word = "" if bare == f"::{word}::" else word
            elif bare.startswith("::stop-commands::"):
                word = bare.removeprefix("::stop-commands::")
            elif bare.startswith("::") or "##[" in bare:
                found.append(bare)
        return found


@dataclass
class Done:
    """One job's end."""

    ok: bool
    outputs: Mapping[str, str]
    log: Log
    summary: str


@dataclass
class Runner:
    """One machine for each job. `environment` is what every job of the repository sees (backend, store)."""

    home: Path
    api: str
    origin: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    token: str = "ghs_a-token-that-nobody-may-print"
    artifacts: dict[str, Path] = field(default_factory=dict)
    installed: bool = True
    machines: int = 0

    # ------------------------------------------------------------ one action

    def act(self, workspace: Path, event: Mapping[str, Any], *, name: str = "pull_request", **inputs: str) -> Done:
        """Run action.yml by itself in a workspace; input names have `_` for `-`."""
        machine = self._machine(workspace, event, name)
        given = {key.replace("_", "-"): value for key, value in inputs.items()}
        ok, outputs = machine.composite(ROOT / "action.yml", given)
        return Done(ok, outputs, machine.log, machine.summary.read_text(encoding="utf-8"))

    # ------------------------------------------------------------ a workflow

    def job(
        self, workflow: Path, name: str, event: Mapping[str, Any], event_name: str, needs: Mapping[str, Done], sha: str
    ) -> Done | None:
        """Run one job of a workflow on a fresh machine; None where its `if` does not hold."""
        job = read(workflow)["jobs"][name]
        wanted = job.get("needs", [])
        told = {each: {"outputs": needs[each].outputs} for each in ([wanted] if isinstance(wanted, str) else wanted)}
        github = {"event_name": event_name, "event": event, "repository": REPOSITORY, "token": self.token}
        contexts = {"github": github, "needs": told, "vars": self.variables}
        if "if" in job and not expressions.holds(job["if"], contexts):
            return None
        workspace = self.home / f"work-{self.machines + 1}"
        machine = self._machine(workspace, event, event_name)
        machine.sha = sha
        steps: dict[str, Any] = {}
        ok = all(machine.step(step, {**contexts, "steps": steps}, steps) for step in job["steps"])
        outputs = {
            key: expressions.fill(value, {**contexts, "steps": steps}) for key, value in job.get("outputs", {}).items()
        }
        return Done(ok, outputs, machine.log, machine.summary.read_text(encoding="utf-8"))

    def _machine(self, workspace: Path, event: Mapping[str, Any], event_name: str) -> Machine:
        self.machines += 1
        temp = self.home / f"machine-{self.machines}"
        temp.mkdir(parents=True)
        if self.installed:
            (temp / "reconciler").symlink_to(self.home / "program")
            if not (self.home / "program").exists():
                program(self.home / "program")
        for name in ("output", "summary"):
            (temp / name).write_text("", encoding="utf-8")
        (temp / "event.json").write_text(json.dumps(event), encoding="utf-8")
        workspace.mkdir(exist_ok=True)
        return Machine(self, workspace, temp, event_name)


@dataclass
class Machine:
    """What one job runs on."""

    runner: Runner
    workspace: Path
    temp: Path
    event_name: str
    sha: str = ""
    log: Log = field(default_factory=Log)

    @property
    def summary(self) -> Path:
        return self.temp / "summary"

    def composite(self, file: Path, given: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
        """Run the steps of an action until one fails; return whether none did, and the action's outputs."""
        action = read(file)
        unknown = given.keys() - action["inputs"].keys()
        assert not unknown, f"inputs the action does not have: {unknown}"
        github = {"token": self.runner.token}
        inputs = {
            name: given.get(name, expressions.fill(about.get("default", ""), {"github": github}))
            for name, about in action["inputs"].items()
        }
        missing = [name for name, about in action["inputs"].items() if about.get("required") and not given.get(name)]
        assert not missing, f"inputs not given: {missing}"
        steps: dict[str, Any] = {}
        contexts = {"inputs": inputs, "steps": steps}
        ok = all(self.step(step, contexts, steps) for step in action["runs"]["steps"])
        known = {name: steps.get(name, {"outputs": {}}) for name in (step["id"] for step in action["runs"]["steps"])}
        told = {name: expressions.fill(about["value"], {"steps": known}) for name, about in action["outputs"].items()}
        return ok, told

    def step(self, step: Mapping[str, Any], contexts: Mapping[str, Any], steps: dict[str, Any]) -> bool:
        """Run a step; its outputs go to `steps` under its id."""
        if "if" in step and not expressions.holds(step["if"], contexts):
            return True
        if "uses" in step:
            given = {key: expressions.fill(str(value), contexts) for key, value in step.get("with", {}).items()}
            ok, told = self._use(step["uses"], given)
        else:
            assert "${{" not in step["run"], "an expression in a script is code"
            assert step.get("shell", "bash") == "bash"
            extra = {key: expressions.fill(str(value), contexts) for key, value in step.get("env", {}).items()}
            ok, told = self._script(step["run"], extra)
        if "id" in step:
            steps[step["id"]] = {"outputs": told}
        return ok

    def _script(self, script: str, extra: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
        output = self.temp / "output"
        output.write_text("", encoding="utf-8")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
            cwd=self.workspace, env={**self.environment(), **extra}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=300, check=False,
        )  # fmt: skip
        self.log.text += done.stdout
        pairs = (line.partition("=") for line in output.read_text(encoding="utf-8").splitlines())
        return done.returncode == 0, {name: value for name, _, value in pairs}

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {
            **kept,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_API_URL": self.runner.api,
            "GITHUB_EVENT_NAME": self.event_name,
            "GITHUB_EVENT_PATH": str(self.temp / "event.json"),
            "GITHUB_OUTPUT": str(self.temp / "output"),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "4711",
            "GITHUB_SERVER_URL": "https://github.example.com",
            "GITHUB_SHA": self.sha,
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
            **self.runner.environment,
        }

    def _use(self, uses: str, given: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
        if OURS.fullmatch(uses):
            return self.composite(ROOT / "action.yml", given)
        action: Callable[[Mapping[str, str]], None] = {
            "actions/checkout@v4": self._checkout,
            "actions/setup-python@v5": lambda given: None,
            "actions/upload-artifact@v4": self._upload,
            "actions/download-artifact@v4": self._download,
            "google-github-actions/auth@v2": self._credentials,
        }[uses]
        action(given)
        return True, {}

    def _checkout(self, given: Mapping[str, str]) -> None:
        assert given in ({}, {"fetch-depth": "0"}), "another ref or depth changes what is planned"
        git(self.workspace, "init", "-q")
        depth = () if given else ("--depth=1",)
        branches = ("+refs/heads/*:refs/remotes/origin/*",) if given else ()
        git(self.workspace, "fetch", "-q", *depth, str(self.runner.origin), self.sha, *branches)
        git(self.workspace, "checkout", "-q", "--detach", self.sha)

    def _credentials(self, given: Mapping[str, str]) -> None:
        """The real one writes its file into the workspace (its README, "Prerequisites")."""
        assert given["workload_identity_provider"] and given["service_account"]
        (self.workspace / "gha-creds-0123456789abcdef.json").write_text('{"type": "external_account"}')

    def _upload(self, given: Mapping[str, str]) -> None:
        kept = self.temp / "artifacts" / given["name"]
        kept.mkdir(parents=True)
        for line in given["path"].split():
            shutil.copy(line, kept)
        self.runner.artifacts[given["name"]] = kept

    def _download(self, given: Mapping[str, str]) -> None:
        shutil.copytree(
            self.runner.artifacts[given["name"]], self.workspace / given.get("path", ""), dirs_exist_ok=True
        )
