"""A GitLab runner as far as our template needs one: includes, `extends`, scripts, reports and artifacts of a job."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ready.runner import KEPT, read
from tests.support.checkout import ROOT

TEMPLATE = ROOT / "templates" / "reconciler.yml"
NOT_JOBS = ("variables", "include", "stages", "default", "workflow")


@dataclass
class Job:
    """What a job left: its artifacts by path, and the variables of its dotenv report."""

    ok: bool
    log: str
    artifacts: dict[str, bytes] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)


def pipeline(own: Path) -> dict[str, Any]:
    """Put a pipeline together as GitLab does: what includes says more wins, variables are joined."""
    document = read(own)
    [included] = document.pop("include")
    assert included["remote"].endswith("/templates/reconciler.yml")
    template = read(TEMPLATE)
    variables = {**template.get("variables", {}), **document.pop("variables", {})}
    return {**template, **document, "variables": variables}


def run(
    pipeline: Mapping[str, Any], name: str, clone: Path, programs: Path, needed: Mapping[str, Job], **more: str
) -> Job:
    """Run a job in a clone, with the artifacts and variables of the jobs it needs."""
    job = {**pipeline[pipeline[name]["extends"]], **pipeline[name]}
    handed = {key: value for each in job.get("needs", []) for key, value in needed[each].variables.items()}
    for each in job.get("needs", []):
        for path, content in needed[each].artifacts.items():
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            (clone / path).write_bytes(content)
    kept = {key: os.environ[key] for key in KEPT if key in os.environ}
    kept["PATH"] = f"{programs}{os.pathsep}{kept['PATH']}"
    predefined = {"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": str(clone), "CI_JOB_URL": "https://gl/1"}
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join([*job["before_script"], *job["script"]])],
        cwd=clone, env={**kept, **predefined, **pipeline["variables"], **handed, **more}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    return _left(job.get("artifacts", {}), clone, Job(done.returncode == 0, done.stdout))


def _left(artifacts: Mapping[str, Any], clone: Path, job: Job) -> Job:
    reports = artifacts.get("reports", {})
    for path in [*artifacts.get("paths", []), *reports.values()]:
        if (clone / path).exists():
            job.artifacts[path] = (clone / path).read_bytes()
    dotenv = job.artifacts.get(reports.get("dotenv", ""), b"").decode()
    job.variables.update(re.findall(r"^(\w+)=(.*)$", dotenv, re.MULTILINE))
    shutil.rmtree(clone / ".reports", ignore_errors=True)
    return job
