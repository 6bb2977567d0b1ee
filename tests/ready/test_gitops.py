"""The sample repository of docs/gitops.md, from the pull request to the rollback: Git, runners and service are real.

A bare origin and a clone for each person; the workflow's jobs with the action's own steps on a fresh machine each; the
job APIs over HTTP; a store that all machines share.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from reconciler.cli import main
from tests.ready import comments, service
from tests.ready.comments import Comments
from tests.ready.hub import Hub
from tests.ready.runner import Done, Runner
from tests.support.checkout import ROOT, git
from tests.support.emulator import emulating

SAMPLE = ROOT / "examples" / "gitops"
TOKEN = "ghs_a-token-that-nobody-may-print"


def yes(_: Mapping[str, Done]) -> bool:
    return True


def no(_: Mapping[str, Done]) -> bool:
    return False


@pytest.fixture
def thread() -> Iterator[Comments]:
    with comments.serving(TOKEN) as served:
        yield served


@pytest.fixture
def backend() -> Iterator[str]:
    with emulating("--life", "recorded") as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def hub(tmp_path: Path, thread: Comments, backend: str) -> Hub:
    runner = Runner(
        tmp_path / "runner", thread.url, token=TOKEN,
        environment={"RECONCILER_BACKEND": backend, "RECONCILER_STORE": str(tmp_path / "store")},
        variables={"WORKLOAD_IDENTITY_PROVIDER": "projects/1/x", "PLANNER": "planner@x", "APPLIER": "applier@x"},
    )  # fmt: skip
    return Hub(tmp_path / "hub", runner)


def digest(text: str) -> str:
    found = re.search(r"sha256:[0-9a-f]{64}", text)
    assert found
    return found[0]


def edit(clone: Path, branch: str, message: str, **files: str) -> None:
    """Commit manifests to a branch from main, and push it."""
    git(clone, "fetch", "-q")
    git(clone, "checkout", "-q", "-B", branch, "origin/main")
    save(clone, message, **files)
    git(clone, "push", "-q", "-f", "origin", branch)


def save(clone: Path, message: str, **files: str) -> None:
    for name, text in files.items():
        (clone / "jobs" / f"{name}.yaml").write_text(text, encoding="utf-8")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", message)


def test_the_whole_flow_from_pull_request_to_rollback(hub: Hub, thread: Comments, backend: str) -> None:
    train = (SAMPLE / "jobs" / "train.yaml").read_text(encoding="utf-8")

    # Ada starts the repository. The first push is planned, she approves it, and the job starts.
    ada = hub.clone("ada")
    shutil.copytree(SAMPLE, ada, dirs_exist_ok=True)
    git(ada, "checkout", "-q", "-b", "main")
    save(ada, "Start")
    git(ada, "push", "-q", "origin", "main")
    done = hub.push(yes)
    assert {name: each.ok for name, each in done.items()} == {"validate": True, "plan": True, "apply": True}, [
        each.log.text for each in done.values()
    ]
    assert service.active(backend) == {"train": ["--epochs=1"]}

    # Ben opens a pull request. A typing error first: validate stops it, nothing is planned.
    ben = hub.clone("ben")
    edit(ben, "longer", "Train longer", train=train.replace("machineType", "machinType"))
    done = hub.pull_request(7, "longer")
    assert (done["validate"].ok, "plan" in done) == (False, False)
    assert any("file=jobs/train.yaml" in line for line in done["validate"].log.commands)

    # Then the change: the comment says that a run is replaced and another started.
    more = train.replace("name: train", "name: evaluate").replace("--epochs=1", "--set=test")
    save(ben, "Mend it, and evaluate", train=train.replace("--epochs=1", "--epochs=2"), evaluate=more)
    git(ben, "push", "-q", "origin", "longer")
    done = hub.pull_request(7, "longer")
    reviewed = done["plan"].outputs["digest"]
    assert {key: done["plan"].outputs[key] for key in ("digest", "has-changes")} == {
        "digest": reviewed, "has-changes": "true"
    }  # fmt: skip
    assert "apply" not in done
    [body] = thread.bodies()
    assert digest(body) == reviewed
    assert "CustomJob/evaluate" in body
    assert service.active(backend) == {"train": ["--epochs=1"]}, "a pull request changes nothing"

    # A word from Ada, a commit of Ben's: still one comment, of the newest plan.
    save(ben, "Three epochs", train=train.replace("--epochs=1", "--epochs=3"))
    git(ben, "push", "-q", "origin", "longer")
    done = hub.pull_request(7, "longer")
    [body] = thread.bodies()
    assert digest(body) == done["plan"].outputs["digest"] != reviewed

    # The merge plans again, against what is live now. Nobody has approved yet, so nothing happens.
    done = hub.merge(7, no)
    assert "apply" not in done
    assert service.active(backend) == {"train": ["--epochs=1"]}
    planned = done["plan"].outputs["digest"]
    assert digest(done["plan"].summary) == planned
    saved = json.loads((done.artifacts["plan"] / "jobs.plan.json").read_bytes())
    assert saved["source"]["revision"] == done.sha
    assert saved["source"]["dirty"] is False, "credentials beside it are no edit"

    # Ada read the summary and lets the job go: exactly that plan.
    applied = hub.start("apply", done)
    assert applied.ok, applied.log.text
    assert digest(applied.summary) == planned
    assert service.active(backend) == {"train": ["--epochs=3"], "evaluate": ["--set=test"]}

    # Started once more by mistake, the job is refused: a plan is applied once.
    twice = hub.start("apply", done)
    assert not twice.ok
    assert len(service.live(backend)["train"]) == 2

    # A merge that changes no job: no comment, nothing to approve, and the outcomes are recorded.
    edit(ada, "words", "Say it better", train=train.replace("--epochs=1", "--epochs=3") + "# three are enough\n")
    done = hub.pull_request(8, "words")
    assert (done["plan"].ok, done["plan"].outputs["has-changes"], thread.bodies(8)) == (True, "false", [])
    done = hub.merge(8, no)
    assert (done["record"].ok, "apply" in done) == (True, False), done["record"].log.text

    # Rollback is a revert: a pull request, a plan, an approval, an apply like any other.
    git(ben, "fetch", "-q")
    git(ben, "checkout", "-q", "-B", "back", "origin/main")
    merges = git(ben, "log", "--merges", "--format=%H", "origin/main").split()
    git(ben, "revert", "--no-edit", "-m", "1", merges[0])
    git(ben, "revert", "--no-edit", "-m", "1", merges[1])
    git(ben, "push", "-q", "origin", "back")
    done = hub.pull_request(9, "back")
    [body] = thread.bodies(9)
    assert "CustomJob/evaluate" in body
    done = hub.merge(9, yes)
    assert done["apply"].ok, done["apply"].log.text
    assert service.active(backend) == {"train": ["--epochs=1"]}
    states = [row["state"] for row in service.live(backend)["train"]]
    assert len(states) == 3, "the first run stays as a record, and a new one was started"


def test_a_plan_that_another_merge_overtook_is_refused(hub: Hub, backend: str) -> None:
    ada = hub.clone("ada")
    shutil.copytree(SAMPLE, ada, dirs_exist_ok=True)
    git(ada, "checkout", "-q", "-b", "main")
    save(ada, "Start")
    git(ada, "push", "-q", "origin", "main")
    hub.push(yes)
    train = (SAMPLE / "jobs" / "train.yaml").read_text(encoding="utf-8")
    waiting = {}
    for number, epochs in ((1, "--epochs=2"), (2, "--epochs=3")):
        edit(ada, f"change-{number}", "Train longer", train=train.replace("--epochs=1", epochs))
        hub.pull_request(number, f"change-{number}")
        waiting[number] = hub.merge(number, no)
    assert hub.start("apply", waiting[2]).ok
    assert service.active(backend) == {"train": ["--epochs=3"]}
    late = hub.start("apply", waiting[1])
    assert not late.ok
    assert "exit 3" in late.summary, late.log.text
    assert len(service.live(backend)["train"]) == 2, "nothing was called"


def test_the_sample_is_what_init_writes_and_more(tmp_path: Path) -> None:
    workflow = (SAMPLE / ".github" / "workflows" / "jobs.yaml").read_text(encoding="utf-8")
    assert workflow == (ROOT / "reconciler" / "cli" / "commands" / "new_stack" / "github.yaml").read_text(
        encoding="utf-8"
    )
    assert main.run(["init", str(tmp_path)]) == 0
    for name in (".gitignore", ".pre-commit-config.yaml"):
        assert (SAMPLE / name).read_text(encoding="utf-8").startswith((tmp_path / name).read_text(encoding="utf-8"))
