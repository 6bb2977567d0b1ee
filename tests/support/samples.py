"""Manifests of every kind to try the laws on: written here, and every stack below manifests/ that the project ships."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.cli import surroundings, wiring
from reconciler.vocabulary.model import Desired, Stack
from tests.support import site
from tests.support.checkout import ROOT
from tests.support.stack import STACK

CUSTOM = """\
apiVersion: aiplatform.googleapis.com/v1
kind: CustomJob
metadata: {name: train, labels: {team: vision}}
lifecycle: {onChange: replace, onRemoval: cancel}
spec:
  jobSpec:
    scheduling: {timeout: 3600.0s}
    workerPoolSpecs:
      - machineSpec: {machineType: n1-standard-4, acceleratorType: NVIDIA_TESLA_T4, acceleratorCount: 1}
        replicaCount: "1"
        containerSpec: {imageUri: gcr.io/a/b, args: [--epochs=1], env: [{name: MODE, value: fast}]}
"""

NAS = """\
apiVersion: aiplatform.googleapis.com/v1
kind: NasJob
metadata: {name: search}
lifecycle: {onChange: replace, onRemoval: cancel}
spec:
  nasJobSpec:
    searchSpaceSpec: "{}"
    multiTrialAlgorithmSpec:
      multiTrialAlgorithm: REINFORCEMENT_LEARNING
      metric: {metricId: top_1, goal: MAXIMIZE}
      searchTrialSpec:
        maxTrialCount: 2
        maxParallelTrialCount: 1
        searchTrialJobSpec:
          workerPoolSpecs:
            - machineSpec: {machineType: n1-standard-4}
              containerSpec: {imageUri: gcr.io/a/b}
"""

ML = """\
apiVersion: ml.googleapis.com/v1
kind: Job
metadata: {name: legacy, labels: {team: vision}}
lifecycle: {onChange: replace, onRemoval: cancel}
iamPolicy: {bindings: [{role: roles/ml.jobOwner, members: ["user:ann@example.com"]}]}
spec:
  trainingInput:
    scaleTier: CUSTOM
    masterType: n1-standard-8
    region: us-central1
    masterConfig: {imageUri: gcr.io/a/b}
"""

THREE = "---\n".join((CUSTOM, NAS, ML))
KIND_TEXTS = {"CustomJob": CUSTOM, "NasJob": NAS, "Job": ML}
PATHS = {
    "CustomJob": "projects/demo-project/locations/us-central1/customJobs",
    "NasJob": "projects/demo-project/locations/us-central1/nasJobs",
    "Job": "projects/demo-project/jobs",
}


def swap(text: str, *pairs: tuple[str, str]) -> str:
    """Replace pieces of text that have to be there."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def edited(text: str) -> str:
    """Change the image, which every sample has: another spec."""
    return swap(text, ("gcr.io/a/b", "gcr.io/a/b:2"))


@dataclass(frozen=True)
class Sample:
    """A stack and all it wants."""

    name: str
    stack: Stack
    desired: tuple[Desired, ...]


def all_samples() -> list[Sample]:
    """Each kind by itself, all of them together, and every stack of the project's own."""
    written = [*KIND_TEXTS.items(), ("three", THREE)]
    found = [Sample(name, STACK, site.desired(text)) for name, text in written]
    folder = ROOT / "manifests"
    for file in sorted(folder.glob("**/reconciler.yaml")):
        workspace = wiring.open_workspace(str(file.parent), surroundings.of_process())
        wanted = wiring.require(wiring.read_manifests(workspace, str(file.parent)))
        stack = replace(workspace.stack, backend="embedded", store=".reconciler")
        found.append(Sample(str(file.parent.relative_to(folder)), stack, wanted))
    return found
