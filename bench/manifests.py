"""Realistic jobs in any number: as manifests of a stack and as the API resources a create sends."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

STACK = """\
apiVersion: reconciler/v1
kind: Stack
metadata: {name: bench, uid: 3fa94c1b}
spec:
  backend: embedded
  scopes: [{project: demo-project, locations: [us-central1]}]
  defaults: {project: demo-project, location: us-central1, labels: {team: vision}}
"""

MANIFEST = """\
apiVersion: aiplatform.googleapis.com/v1
kind: CustomJob
metadata:
  name: train-%(number)05d
  labels:
    model: resnet-%(model)d
    stage: nightly
lifecycle:
  onChange: ask
  onRemoval: ask
spec:
  jobSpec:
    workerPoolSpecs:
      - machineSpec:
          machineType: a2-highgpu-1g
          acceleratorType: NVIDIA_TESLA_A100
          acceleratorCount: 1
        replicaCount: 1
        diskSpec:
          bootDiskType: pd-ssd
          bootDiskSizeGb: 200
        containerSpec:
          imageUri: us-docker.pkg.dev/demo-project/vision/trainer:2.%(model)d.0
          command: [python, -m, trainer.task]
          args:
            - --epochs=90
            - --batch-size=256
            - --learning-rate=0.%(number)05d1
            - --data=gs://demo-data/imagenet/v3
            - --output=gs://demo-models/resnet/%(number)d
          env:
            - name: TF_CPP_MIN_LOG_LEVEL
              value: "2"
            - name: RUN_NAME
              value: nightly-%(number)d
      - machineSpec:
          machineType: n1-standard-16
        replicaCount: 3
        diskSpec:
          bootDiskType: pd-ssd
          bootDiskSizeGb: 100
        containerSpec:
          imageUri: us-docker.pkg.dev/demo-project/vision/worker:2.%(model)d.0
          args: [--shards=32, --prefetch=8]
    scheduling:
      timeout: 86400s
      restartJobOnWorkerRestart: true
    serviceAccount: trainer@demo-project.iam.gserviceaccount.com
    baseOutputDirectory:
      outputUriPrefix: gs://demo-models/resnet/%(number)d
"""


def write(folder: Path, count: int) -> None:
    """Write a stack of so many manifests, one a file."""
    jobs = folder / "jobs"
    jobs.mkdir(parents=True)
    (folder / "reconciler.yaml").write_text(STACK, encoding="utf-8")
    for number in range(count):
        text = MANIFEST % {"number": number, "model": number % 7}
        (jobs / f"train-{number:05d}.yaml").write_text(text, encoding="utf-8")


def resource(number: int) -> dict[str, Any]:
    """Return what a create sends for a manifest of this form, the tool's labels with it."""
    name = f"train-{number:05d}"
    digest = hashlib.sha256(name.encode()).hexdigest()
    labels = {
        "team": "vision",
        "reconciler_stack": "bench",
        "reconciler_owner": "3fa94c1b",
        "reconciler_kind": "customjob",
        "reconciler_name": name,
        "reconciler_fingerprint": f"v1-{digest[:40]}",
        "reconciler_run": f"1-{digest[:32]}",
        "reconciler_removal": "ask",
        "reconciler_shard": digest[0],
    }
    accelerator = {"acceleratorType": "NVIDIA_TESLA_A100", "acceleratorCount": 1}
    chief = {
        "machineSpec": {"machineType": "a2-highgpu-1g", **accelerator},
        "replicaCount": "1",
        "diskSpec": {"bootDiskType": "pd-ssd", "bootDiskSizeGb": 200},
        "containerSpec": {
            "imageUri": "us-docker.pkg.dev/demo-project/vision/trainer:2.1.0",
            "command": ["python", "-m", "trainer.task"],
            "args": ["--epochs=90", "--batch-size=256", f"--output=gs://demo-models/resnet/{number}"],
            "env": [{"name": "RUN_NAME", "value": f"nightly-{number}"}],
        },
    }
    return {
        "displayName": name,
        "labels": labels,
        "jobSpec": {
            "workerPoolSpecs": [chief],
            "scheduling": {"timeout": "86400s", "restartJobOnWorkerRestart": True},
            "serviceAccount": "trainer@demo-project.iam.gserviceaccount.com",
            "baseOutputDirectory": {"outputUriPrefix": f"gs://demo-models/resnet/{number}"},
        },
    }
