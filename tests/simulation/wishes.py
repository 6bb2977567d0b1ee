"""What the manifests of a simulated stack say at a time, and how people edit them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from reconciler.vocabulary.model import Desired, Stack
from tests.support import site, stack

STACK: Stack = replace(stack.STACK, kinds=("CustomJob", "Job", "NasJob"))

CUSTOM = """\
apiVersion: aiplatform.googleapis.com/v1
kind: CustomJob
metadata: {{name: {name}{more}}}
lifecycle: {{{life}}}
spec:
  jobSpec:
    workerPoolSpecs:
      - machineSpec: {{machineType: n1-standard-4}}
        containerSpec: {{imageUri: "gcr.io/a/b:{version}"}}
"""

NAS = """\
apiVersion: aiplatform.googleapis.com/v1
kind: NasJob
metadata: {{name: {name}{more}}}
lifecycle: {{{life}}}
spec:
  nasJobSpec:
    searchSpaceSpec: "{{}}"
    multiTrialAlgorithmSpec:
      multiTrialAlgorithm: REINFORCEMENT_LEARNING
      metric: {{metricId: top_1, goal: MAXIMIZE}}
      searchTrialSpec:
        maxTrialCount: 2
        maxParallelTrialCount: 1
        searchTrialJobSpec:
          workerPoolSpecs:
            - machineSpec: {{machineType: n1-standard-4}}
              containerSpec: {{imageUri: "gcr.io/a/b:{version}"}}
"""

ML = """\
apiVersion: ml.googleapis.com/v1
kind: Job
metadata: {{name: {name}{more}}}
lifecycle: {{{life}}}
{policy}spec: {{trainingInput: {{scaleTier: BASIC, region: us-central1, masterConfig: {{imageUri: "gcr.io/a/b:{version}"}}}}}}
"""

TEXTS = {"CustomJob": CUSTOM, "NasJob": NAS, "Job": ML}


@dataclass(frozen=True)
class Wish:
    """One manifest. `team` is a user's label; `member` is who an ml job's policy names, nobody where it is empty."""

    kind: str
    name: str
    version: int = 1
    desired: str = "Present"
    removal: str = "cancel"
    rerun: str = ""
    token: str = ""
    history: str = ""
    formerly: str = ""
    team: str = "vision"
    member: str = ""

    @property
    def address(self) -> tuple[str, str]:
        """Kind and name."""
        return self.kind, self.name

    def text(self) -> str:
        """Write the manifest."""
        rerun = f', rerun: {{on: [{self.rerun}], token: "{self.token}"}}'
        life = f"desired: {self.desired}, onChange: replace, onRemoval: {self.removal}{rerun}"
        life += f", history: {self.history}" if self.history else ""
        more = f", labels: {{team: {self.team}}}" + (f", formerly: {self.formerly}" if self.formerly else "")
        policy = (
            f'iamPolicy: {{bindings: [{{role: roles/ml.jobOwner, members: ["user:{self.member}@example.com"]}}]}}\n'
        )
        return TEXTS[self.kind].format(
            name=self.name, more=more, life=life, version=self.version, policy=policy if self.member else ""
        )


@lru_cache(maxsize=20_000)
def desired(wish: Wish) -> Desired:
    """Read a manifest as the product reads it."""
    [found] = site.desired(wish.text(), STACK)
    return found
