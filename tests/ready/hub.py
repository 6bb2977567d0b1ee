"""A GitHub in small: a bare origin, pull requests whose merge is checked out, and pushes that start the workflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ready.runner import REPOSITORY, Done, Runner
from tests.support.checkout import git

WORKFLOW = Path(".github") / "workflows" / "jobs.yaml"


class Run(dict[str, Done]):
    """What a workflow run left, by job; its artifacts are its own, and its jobs start from one commit."""

    def __init__(self, sha: str) -> None:
        super().__init__()
        self.sha = sha
        self.artifacts: dict[str, Path] = {}


@dataclass
class Hub:
    """`origin` is a bare repository. `open` holds the branch of each pull request by its number."""

    home: Path
    runner: Runner
    origin: Path = Path()
    open: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.origin = self.home / "origin.git"
        self.origin.mkdir(parents=True)
        git(self.origin, "init", "-q", "--bare")
        git(self.origin, "config", "uploadpack.allowAnySHA1InWant", "true")
        self.runner.origin = self.origin

    def clone(self, person: str) -> Path:
        """Clone the repository for a person."""
        git(self.home, "clone", "-q", str(self.origin), person)
        return self.home / person

    def pull_request(self, number: int, branch: str) -> Run:
        """Open a pull request, or tell of a push to its branch; its checks run on the merge of it, as on GitHub."""
        self.open[number] = branch
        merge = self._merge(branch, f"pull-{number}")
        event = {"pull_request": {"number": number, "head": {"repo": {"full_name": REPOSITORY}}}}
        return self._run("pull_request", event, merge, lambda _: True)

    def merge(self, number: int, approve: Callable[[Mapping[str, Done]], bool]) -> Run:
        """Merge a pull request into main, and run what a push starts; `approve` is asked before a protected job."""
        sha = self._merge(self.open.pop(number), "main")
        return self._run("push", {"ref": "refs/heads/main"}, sha, approve)

    def start(self, name: str, run: Run) -> Done:
        """Run one job of a push's run: it was approved, or somebody starts it once more."""
        self.runner.artifacts = run.artifacts
        done = self.runner.job(self._workflow(run.sha), name, {}, "push", run, run.sha)
        assert done is not None
        return done

    def push(self, approve: Callable[[Mapping[str, Done]], bool]) -> Run:
        """Run what a push to main starts."""
        return self._run("push", {"ref": "refs/heads/main"}, git(self.origin, "rev-parse", "main"), approve)

    def _merge(self, branch: str, onto: str) -> str:
        place = self.home / f"merging-{len(list(self.home.glob('merging-*')))}"
        git(self.home, "clone", "-q", str(self.origin), str(place))
        git(place, "checkout", "-q", "-B", onto, "origin/main")
        git(place, "merge", "-q", "--no-ff", "-m", f"Merge {branch}", f"origin/{branch}")
        git(
            place,
            "push",
            "-q",
            "-f",
            "origin",
            f"{onto}:{'refs/heads/main' if onto == 'main' else f'refs/pull/{onto}'}",
        )
        return git(place, "rev-parse", "HEAD")

    def _workflow(self, sha: str) -> Path:
        file = self.home / "workflows" / f"{sha}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(git(self.origin, "show", f"{sha}:{WORKFLOW.as_posix()}") + "\n", encoding="utf-8")
        return file

    def _run(self, name: str, event: Mapping[str, Any], sha: str, approve: Callable[[Mapping[str, Done]], bool]) -> Run:
        done = Run(sha)
        self.runner.artifacts = done.artifacts
        for job in ("validate", "plan", "apply", "record"):
            needed = {"plan": "validate", "apply": "plan", "record": "plan"}.get(job)
            if needed and not (needed in done and done[needed].ok):
                continue
            if (
                job == "apply"
                and name == "push"
                and done["plan"].outputs["has-changes"] == "true"
                and not approve(done)
            ):
                continue
            ended = self.runner.job(self._workflow(sha), job, event, name, done, sha)
            if ended is not None:
                done[job] = ended
        return done
