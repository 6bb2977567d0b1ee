"""`reconciler logs`: what the newest run of an address printed, its exit codes, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.running.service import Machine
from reconciler.vocabulary.wire import Response
from tests.support import stage as stages
from tests.support.checkout import ROOT
from tests.support.stage import Service, Stage, command_line, told

JOB = """\
apiVersion: aiplatform.googleapis.com/v1
kind: CustomJob
metadata: {{name: train}}
spec:
  jobSpec:
    workerPoolSpecs:
      - machineSpec: {{machineType: n1-standard-4}}
        replicaCount: 1
        containerSpec: {{imageUri: "gcr.io/demo/train:{version}", command: {command}}}
"""


@pytest.fixture
def jobs(stage: Stage) -> Iterator[Service]:
    """The stage's stack on an emulator that runs jobs."""
    with stages.serving(stage.clock) as service:
        service.emulator.run_jobs(Machine({"PATH": os.environ["PATH"]}, time.monotonic, 0.3))
        stage.stack(service.url)
        yield service


def job(stage: Stage, *command: str, version: int = 1) -> None:
    stage.write("train.yaml", JOB.format(version=version, command=json.dumps(command)))


@pytest.mark.parametrize(("end", "phase"), [("true", 0), ("false", 6)])
def test_the_output_of_a_run_is_printed_however_it_ended(jobs: Service, stage: Stage, end: str, phase: int) -> None:
    job(stage, "sh", "-c", f"printf 'a\\tb\\033[31m\\n'; echo oops >&2; {end}")
    assert stage.run("apply", "--yes", "--wait").code == phase
    done = stage.ok("logs", "CustomJob/train")
    lines = done.out.splitlines()
    assert lines[0].startswith('service  workerpool0-0 starts: ["sh", "-c", ')
    assert lines[1:3] == ["workerpool0-0  a\tb\\u001b[31m", "workerpool0-0  oops"]
    assert lines[3:] == [f"service  workerpool0-0 ended with status {int(end == 'false')}"]
    assert jobs.requests[-1].url.endswith(f":logs?after={len(lines)}") or jobs.requests[-1].url.endswith("?after=0")


def test_follow_goes_on_until_the_run_has_ended(jobs: Service, stage: Stage) -> None:
    go = stage.root / "go"
    job(stage, "sh", "-c", f"echo one; while [ ! -e {go} ]; do sleep 0.02; done; echo two")
    stage.ok("apply", "--yes")
    with subprocess.Popen(
        command_line("logs", "CustomJob/train", "--follow"), cwd=stage.root, stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        assert following.stdout.readline().startswith("service  workerpool0-0 starts")
        assert following.stdout.readline() == "workerpool0-0  one\n"
        assert following.poll() is None
        go.touch()
        rest = following.stdout.read()
    assert following.returncode == 0
    assert rest == "workerpool0-0  two\nservice  workerpool0-0 ended with status 0\n"


def test_without_follow_it_prints_what_there_is(jobs: Service, stage: Stage) -> None:
    job(stage, "sleep", "600")
    stage.ok("apply", "--yes", "--wait=running")
    assert stage.ok("logs", "CustomJob/train").out == 'service  workerpool0-0 starts: ["sleep", "600"]\n'


def test_the_newest_run_of_an_address_is_the_one_shown(jobs: Service, stage: Stage) -> None:
    for version in (1, 2):
        job(stage, "echo", f"version {version}", version=version)
        stage.ok("apply", "--yes", "--wait")
    assert "workerpool0-0  version 2\n" in stage.ok("logs", "CustomJob/train").out
    assert "version 1" not in stage.ok("logs", "CustomJob/train").out


def test_more_lines_than_one_answer_holds_are_all_printed(jobs: Service, stage: Stage) -> None:
    job(stage, sys.executable, "-c", "for n in range(2500): print(n)")
    stage.ok("apply", "--yes", "--wait")
    lines = [line for line in stage.ok("logs", "CustomJob/train").out.splitlines() if line.startswith("worker")]
    assert lines == [f"workerpool0-0  {n}" for n in range(2500)]


def test_lines_that_are_kept_no_more_are_told_on_stderr(jobs: Service, stage: Stage) -> None:
    job(stage, sys.executable, "-c", "for n in range(2000): print('x' * 8000)")
    stage.ok("apply", "--yes", "--wait")
    assert "older line(s) are kept no more" in stage.ok("logs", "CustomJob/train").err


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("CustomJob/train", ["CustomJob/train has no live run", "reconciler apply"]),
        ("CustomJob/other", ["is no address of this stack", "CustomJob/train"]),
        ("", ["ADDRESS is empty"]),
    ],
)
def test_an_address_without_a_run_is_refused(jobs: Service, stage: Stage, address: str, parts: list[str]) -> None:
    job(stage, "true")
    done = stage.run("logs", address)
    assert done.code == 1
    told(done, *parts)


def test_a_run_that_has_no_command_has_no_output_and_says_so(jobs: Service, stage: Stage) -> None:
    stage.write("train.yaml", stages.JOB.format(name="train", more="", replicas=1, image="gcr.io/demo/train:1"))
    stage.ok("apply", "--yes")
    done = stage.run("logs", "CustomJob/train")
    assert done.code == 1
    told(done, "names no container command")


@pytest.mark.parametrize(
    ("backend", "parts"),
    [
        ("embedded", ["the embedded emulator runs no jobs", "reconciler emulate --run-jobs"]),
        ("google", ["in Cloud Logging", "gcloud logging read 'resource.labels.job_id="]),
    ],
)
def test_other_backends_are_refused_before_anything_is_asked(stage: Stage, backend: str, parts: list[str]) -> None:
    stage.stack(backend)
    done = stage.run("logs", "CustomJob/train")
    assert done.code == 1
    told(done, *parts)


LINE = {"n": 1, "replica": "workerpool0-0", "text": "x", "time": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"lines": 3, "dropped": 0, "ended": True},
        {"lines": [{}], "dropped": 0, "ended": True},
        {"lines": [LINE], "dropped": "?", "ended": False},
        {"lines": [LINE], "dropped": 0, "ended": False},
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error_and_no_endless_loop(
    jobs: Service, stage: Stage, answer: Any
) -> None:
    job(stage, "true")
    stage.ok("apply", "--yes", "--wait")
    jobs.spoil("GET", ":logs", Response(200, {"content-type": "application/json"}, json.dumps(answer).encode()))
    done = stage.run("logs", "CustomJob/train", "--follow")
    assert done.code == 1
    told(done, "the output")


def test_the_training_script_of_the_quickstart_learns(tmp_path: Path) -> None:
    script = ROOT / "manifests" / "quickstart" / "trainer" / "train.py"
    assert os.access(script, os.X_OK)
    done = subprocess.run(
        [sys.executable, script, "--epochs=40", "--learning-rate=0.1", "--report-every=10"],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    losses = [float(line.rpartition(" ")[2]) for line in done.stdout.splitlines() if line.startswith("epoch")]
    assert len(losses) == 4
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.5 * 0.693
    assert len(json.loads((tmp_path / "model.json").read_text())["weights"]) == 8
