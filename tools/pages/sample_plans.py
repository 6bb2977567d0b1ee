"""Plans to look at: the sample stack after a day's work, and a crowd, drawn by the real planner on the emulator.

The clock stands still and chance is seeded, so the same tree gives the same plans.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import reconciler
from reconciler.api.endpoints import Endpoints
from reconciler.api.jobs import HttpJobs
from reconciler.cli import surroundings, wiring
from reconciler.core.documents import plan_json
from reconciler.core.plan.build import Options, Revision
from reconciler.core.plan.guards import Allowed
from reconciler.emulator import app
from reconciler.emulator.state.clocks import ManualClock
from reconciler.engine import plan as planner
from reconciler.engine.events import Control
from reconciler.engine.world import World
from reconciler.engine.writing.apply import Applier, Settings
from reconciler.files import schemas
from reconciler.stores.folder import FolderStore
from reconciler.vocabulary.model import Desired, Stack
from reconciler.vocabulary.plans import Plan

ROOT = Path(__file__).resolve().parents[2]
REVISION = Revision("9f3c2d1ab07e45d2a4c1f8e6b7305d9c4e2a1f60", dirty=True)
_APPLIED = 1_794_966_120.0
"""2026-11-18T01:42:00Z."""
_WHILE = 2 * 86400.0 + 7 * 3600.0 + 48 * 60.0
"""Seconds between the apply and the plan that is shown."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A plan and the plan file's content."""

    plan: Plan
    document: dict[str, Any]


class _Secrets:
    """What an apply would read from its environment."""

    def fill(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {key: self._filled(value) for key, value in body.items()}

    def _filled(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            if "valueFrom" in value:
                return {"name": value["name"], "value": "drawn-from-the-environment"}
            return self.fill(value)
        return [self._filled(item) for item in value] if isinstance(value, list) else value

    def hide(self, text: str) -> str:
        return text


@dataclass(frozen=True, slots=True)
class Cloud:
    """A service in this process and the stack's side of it."""

    emulator: app.Emulator
    clock: ManualClock
    world: World

    def apply(self, stack: Stack, desired: Sequence[Desired]) -> dict[str, str]:
        """Make the manifests live; return the resource names by address."""
        plan = planner.plan(self.world, stack, desired, Options(), Revision()).plan
        control = Control(lambda _event: None, threading.Event())
        applier = Applier(self.world, stack, _Secrets(), lambda _kind, _body: "", control)
        outcomes = applier.apply(plan, plan_json.digest(plan), Settings(Allowed(), parallelism=1)).outcomes
        return {outcome.address: outcome.resource for outcome in outcomes if outcome.operation == "create"}

    def plan(self, stack: Stack, desired: Sequence[Desired]) -> Sample:
        """Plan what is wanted now."""
        plan = planner.plan(self.world, stack, desired, Options(), REVISION).plan
        at = datetime.fromtimestamp(self.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Sample(plan, plan_json.to_json(plan, at, reconciler.__version__))


@contextmanager
def cloud(folder: Path) -> Iterator[Cloud]:
    """Open an empty service with its database, ledger and journals in a folder."""
    clock, kinds = ManualClock(_APPLIED), schemas.load_kinds()
    emulator = app.Emulator(kinds, str(folder / "jobs.db"), clock, app.random_ids(random.Random(11)))
    store = FolderStore(folder / "store", clock)
    try:
        yield Cloud(emulator, clock, World(HttpJobs(emulator, Endpoints("embedded"), clock), kinds, store, clock))
    finally:
        emulator.close()


def _read(folder: Path) -> tuple[Stack, tuple[Desired, ...]]:
    workspace = wiring.open_workspace(str(folder), surroundings.of_process())
    return workspace.stack, wiring.require(wiring.read_manifests(workspace, str(folder)))


def _edit(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for old, new in changes:
        if old not in text:
            raise ValueError(f"{file} does not hold {old!r}")
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


_STATES = {
    "CustomJob/train-resnet": "JOB_STATE_RUNNING",
    "CustomJob/train-detector": "JOB_STATE_RUNNING",
    "CustomJob/train-segmenter": "JOB_STATE_RUNNING",
    "CustomJob/train-vgg": "JOB_STATE_RUNNING",
    "CustomJob/ablation-no-augmentation": "JOB_STATE_SUCCEEDED",
    "CustomJob/ablation-small-batch": "JOB_STATE_FAILED",
    "NasJob/search-backbone": "JOB_STATE_RUNNING",
    "Job/train-ranker": "RUNNING",
    "Job/score-catalogue": "SUCCEEDED",
}
_ACCOUNT = "    enableWebAccess: true\n    serviceAccount: trainer@demo-project.iam.gserviceaccount.com\n"
_NEW = """\
apiVersion: aiplatform.googleapis.com/v1
kind: CustomJob
metadata: {name: distill-mobile, labels: {model: mobilenet}}
spec:
  jobSpec:
    workerPoolSpecs:
      - machineSpec: {machineType: g2-standard-12, acceleratorType: NVIDIA_L4, acceleratorCount: 1}
        replicaCount: 1
        containerSpec:
          imageUri: us-docker.pkg.dev/demo-project/vision/distill:0.3.0
          args: [--teacher=resnet50, --student=mobilenet-v3, --temperature=4]
    scheduling: {timeout: 43200s, strategy: SPOT}
"""


def small() -> Sample:
    """Return the plan of manifests/vision-training after two days and an afternoon of edits."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "stack"
        shutil.copytree(ROOT / "manifests" / "vision-training", folder)
        _edit(folder / "train/retired.yaml", ("desired: Cancelled", "desired: Present"))
        _edit(folder / "train/detector.yaml", ("    enableWebAccess: true\n", _ACCOUNT))
        with cloud(Path(name)) as service:
            resources = service.apply(*_read(folder))
            service.clock.advance(420)
            for address, state in _STATES.items():
                error = {"code": 8, "message": "out of memory: killed"} if state.endswith("FAILED") else None
                service.emulator.set_state(resources[address], state, error)
            service.clock.advance(_WHILE)
            _edit(folder / "train/retired.yaml", ("desired: Present", "desired: Cancelled"))
            _edit(
                folder / "train/resnet.yaml",
                ("trainer:2.3.1", "trainer:2.4.0"),
                ("--epochs=90]", "--epochs=120, --label-smoothing=0.1]"),
                ("bootDiskSizeGb: 200", "bootDiskSizeGb: 500"),
                ("value: WARN", "value: INFO"),
            )
            _edit(
                folder / "train/detector.yaml",
                ("onChange: refuse # three days of work: stop it by hand first", "onChange: ask"),
                ("detector:0.14.0", "detector:0.15.0"),
            )
            _edit(folder / "legacy/train.yaml", ("{model: ranker}", "{model: ranker, tier: nightly}"))
            (folder / "search/backbone.yaml").unlink()
            (folder / "train/distill.yaml").write_text(_NEW, encoding="utf-8")
            return service.plan(*_read(folder))


_FAMILIES = ("resnet", "bert", "wide-and-deep", "segmenter", "time-series-forecast", "ranker")
_REGIONS = ("us-central1", "europe-west4", "asia-northeast1")
_STACK = """\
apiVersion: reconciler/v1
kind: Stack
metadata: {name: nightly-training, uid: "5d20c6ea"}
spec:
  backend: embedded
  scopes:
    - project: demo-project
      locations: [us-central1, europe-west4, asia-northeast1]
  defaults: {project: demo-project, location: us-central1, lifecycle: {onChange: replace, onRemoval: cancel}}
  kinds: [CustomJob]
  limits: {cancel: 10%, delete: 10%, from: 8}
"""


def _manifest(number: int, image: str, more: Sequence[str] = ()) -> dict[str, Any]:
    family, region = _FAMILIES[number % 6], _REGIONS[number // 6 % 3]
    container = {
        "imageUri": f"us-docker.pkg.dev/demo-project/training/{family}:{image}",
        "args": [f"--data=gs://demo-data/{family}/part-{number:04}", "--epochs=30", "--batch-size=256", *more],
        "env": [{"name": "NCCL_DEBUG", "value": "WARN"}, {"name": "SHARD", "value": str(number)}],
    }
    machine = {"machineType": "a2-highgpu-1g", "acceleratorType": "NVIDIA_TESLA_A100", "acceleratorCount": 1}
    pools = [{"machineSpec": machine, "replicaCount": 1 + number % 4, "containerSpec": container}]
    return {
        "apiVersion": "aiplatform.googleapis.com/v1",
        "kind": "CustomJob",
        "metadata": {"name": f"{family}-{region}-{number:04}", "location": region, "labels": {"family": family}},
        "spec": {"jobSpec": {"workerPoolSpecs": pools, "scheduling": {"timeout": "86400s"}}},
    }


def _write(folder: Path, made: Sequence[Mapping[str, Any]]) -> None:
    """Write manifests twenty to a file, as JSON."""
    shutil.rmtree(folder / "jobs", ignore_errors=True)
    (folder / "jobs").mkdir()
    for start in range(0, len(made), 20):
        listed = {"apiVersion": "v1", "kind": "List", "items": list(made[start : start + 20])}
        (folder / "jobs" / f"batch-{start // 20:02}.json").write_text(json.dumps(listed, indent=2), encoding="utf-8")


def _before(number: int) -> dict[str, Any] | None:
    return None if number % 5 == 1 else _manifest(number, "4.1.0")


def _after(number: int) -> dict[str, Any] | None:
    if number % 11 == 3:
        return None
    changed = number % 7 in (0, 3)
    return _manifest(number, "4.2.0" if changed else "4.1.0", ["--mixed-precision"] if number % 7 == 3 else ())


def crowd(number: int = 500) -> Sample:
    """Return a plan with about `number` addresses: new, changed, removed and untouched ones in one stack."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "stack"
        folder.mkdir()
        (folder / "reconciler.yaml").write_text(_STACK, encoding="utf-8")
        _write(folder, [made for at in range(number) if (made := _before(at))])
        with cloud(Path(name)) as service:
            resources = service.apply(*_read(folder))
            service.clock.advance(420)
            for at, resource in enumerate(sorted(resources.values())):
                state = ("JOB_STATE_RUNNING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED")[at % 4]
                service.emulator.set_state(resource, state)
                service.clock.advance(97)
            service.clock.advance(_WHILE)
            _write(folder, [made for at in range(number) if (made := _after(at))])
            return service.plan(*_read(folder))
