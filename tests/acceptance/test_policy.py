"""The policies of docs/policy.md, run on real plans: Rego by a real interpreter, Python and jq as a reader would."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import docs_pages
from tests.support.checkout import ROOT
from tests.support.stage import Stage

PAGE = ROOT / "docs" / "policy.md"
BLOCKS = {block.language: block.body for block in docs_pages.blocks(PAGE)}
DAY = 24 * 3600
POOL = """\
apiVersion: aiplatform.googleapis.com/v1
kind: CustomJob
metadata: {{name: {name}, labels: {labels}}}
lifecycle: {{onChange: replace}}
spec:
  jobSpec:
    workerPoolSpecs:
      - containerSpec: {{imageUri: "gcr.io/demo/train:{version}"}}
        machineSpec: {{machineType: {machine}, acceleratorType: NVIDIA_TESLA_T4, acceleratorCount: {gpus}}}
        replicaCount: {replicas}
"""


def write(stage: Stage, name: str, **told: Any) -> None:
    filled = {"labels": "{team: vision}", "version": 1, "machine": "n1-standard-4", "gpus": 2, "replicas": 1, **told}
    stage.write(f"{name}.yaml", POOL.format(name=name, **filled))


@pytest.fixture
def plan(stage: Stage, request: pytest.FixtureRequest) -> Path:
    """A plan file: `old` runs since the given days and has changed; the other jobs are new."""
    days, jobs = request.param
    stage.monkeypatch.setenv("RECONCILER_LIFE", "manual")
    stage.stack()
    write(stage, "old")
    stage.ok("apply", "--yes")
    stage.clock.advance(days * DAY)
    write(stage, "old", version=2)
    for name, told in jobs.items():
        write(stage, name, **told)
    stage.run("plan", "--out", "review.plan.json")
    return stage.root / "review.plan.json"


CASES = {
    "nothing": ((1, {"new": {}}), []),
    "an old run": ((5, {}), ["CustomJob/old: cancels a run that is 5 days old"]),
    "a run as old as may be": ((3, {}), []),
    "a machine type": (
        (1, {"new": {"machine": "n1-highmem-16"}}), ["CustomJob/new: machine type n1-highmem-16 is not allowed"],
    ),
    "no label": ((1, {"new": {"labels": "{}"}}), ["CustomJob/new: the label team is missing"]),
    "the budget": ((1, {"new": {"gpus": 4, "replicas": 2}}), ["the plan starts 10 accelerators, more than 8"]),
    "a budget just kept": ((1, {"new": {"gpus": 2, "replicas": 3}}), []),
}  # fmt: skip


def judged_by_python(plan: Path) -> list[str]:
    script = plan.with_name("policy.py")
    script.write_text(BLOCKS["python"], encoding="utf-8")
    done = subprocess.run([sys.executable, script, plan], capture_output=True, text=True, check=False, timeout=60)
    denied = done.stdout.split("\n")[:-1] if done.stdout.strip() else []
    assert (done.returncode, done.stderr) == (1 if denied else 0, "")
    return denied


def judged_by_rego(plan: Path) -> list[str]:
    from regopy import Interpreter

    interpreter = Interpreter()
    interpreter.add_module("plan", BLOCKS["rego"])
    interpreter.set_input(json.loads(plan.read_text(encoding="utf-8")))
    (denied,) = json.loads(str(interpreter.query("data.main.deny")))["expressions"]
    return sorted(denied)


JUDGES = {"python": judged_by_python}
if importlib.util.find_spec("regopy") is not None:
    JUDGES["rego"] = judged_by_rego


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES.keys())
@pytest.mark.parametrize(("plan", "denied"), CASES.values(), ids=CASES.keys(), indirect=["plan"])
def test_a_plan_is_denied_for_what_the_page_names_and_nothing_else(judge: Any, plan: Path, denied: list[str]) -> None:
    assert judge(plan) == denied


if shutil.which("jq"):

    @pytest.mark.parametrize("plan", [(5, {"new": {}})], indirect=True)
    def test_the_question_for_jq_names_what_is_cancelled(plan: Path) -> None:
        line = next(
            line for block in docs_pages.blocks(PAGE) for line in block.body.splitlines() if line.startswith("jq ")
        )
        done = subprocess.run(["bash", "-c", line], cwd=plan.parent, capture_output=True, text=True, check=True)
        assert done.stdout == "CustomJob/old\n"
