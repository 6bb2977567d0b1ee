"""A stack, a manifest of each kind, and ways to write a document in a test."""

from dataclasses import replace
from typing import Any

from reconciler.core.validate import manifests as validation
from reconciler.core.validate.manifests import Validation
from reconciler.files import manifests, schemas
from reconciler.vocabulary.model import Scope, Stack, show_path
from tests.support import samples
from tests.support.stack import STACK

KINDS = schemas.load_kinds()
POOL = "spec.jobSpec.workerPoolSpecs[0]"

CUSTOM = """\
apiVersion: aiplatform.googleapis.com/v1
kind: CustomJob
metadata: {name: train}
spec:
  jobSpec:
    workerPoolSpecs:
      - machineSpec: {machineType: n1-standard-4, acceleratorType: NVIDIA_TESLA_T4, acceleratorCount: 1}
        replicaCount: 1
        containerSpec: {imageUri: gcr.io/a/b, args: [--x]}
"""

NAS = samples.swap(samples.NAS, ("lifecycle: {onChange: replace, onRemoval: cancel}\n", ""))

ML = """\
apiVersion: ml.googleapis.com/v1
kind: Job
metadata: {name: legacy}
spec:
  trainingInput:
    scaleTier: CUSTOM
    masterType: n1-standard-8
    region: us-central1
    masterConfig: {imageUri: gcr.io/a/b}
"""


def stack(**changes: Any) -> Stack:
    """Return the stack whose manifests are checked, but for some fields."""
    places = (Scope("demo-project", "europe-west4"), Scope("demo-project", "us-central1"))
    return replace(STACK, **({"scopes": places, "store": "none"} | changes))


def check(text: str, given: Stack | None = None) -> Validation:
    """Read and check manifests that can be read."""
    reading = manifests.read_stream(text, "a.yaml")
    assert reading.problems == ()
    return validation.check(reading.documents, given or stack(), KINDS)


def change(text: str, old: str, new: str) -> str:
    """Replace a piece of text that has to be there."""
    assert old in text
    return text.replace(old, new)


def told(checked: Validation) -> list[tuple[str, str, str]]:
    """Return rule, path and words of every problem."""
    return [(each.rule, show_path(each.path), f"{each.message} {each.hint}") for each in checked.problems]


def the_one_problem(text: str, rule: str, path: str, *fragments: str) -> None:
    """Check that a manifest has exactly this problem, and that its words hold the fragments."""
    problems = told(check(text))
    assert [problem[:2] for problem in problems] == [(rule, path)]
    for fragment in fragments:
        assert fragment in problems[0][2]
