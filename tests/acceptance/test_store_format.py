"""A store that a newer version wrote is refused by every command that reads it, by name, before anything is decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support import cloud_storage
from tests.support.cloud_storage import BUCKET, CloudStorage
from tests.support.stage import Service, Stage, told

STORE = f"gs://{BUCKET}/team"
ROOT = "team/3fa94c1b/"


@dataclass
class Place:
    """Where the store of a stack lies, and what is said of it."""

    stage: Stage
    name: str
    cloud: CloudStorage | None = None

    def put(self, name: str, content: str) -> None:
        if self.cloud is None:
            self.stage.write(f".reconciler/{name}", content)
        else:
            self.cloud.put(ROOT + name.partition("~")[0], content.encode(), format=name.partition("~")[2])

    def grow(self) -> None:
        """Let a newer version have written here, in words that this one takes for damage."""
        self.put("format", '{"format": 2}\n')
        self.put("ledger/CustomJob/train/1-x.started", "{}")
        self.put("scopes/CustomJob/demo-project/~1", "{}")
        self.put("journal/sha256-x.jsonl" if self.cloud is None else "journal/open/sha256-x.jsonl", "later\n")

    def content(self) -> dict[str, bytes]:
        if self.cloud is not None:
            return {name: self.cloud.things[name].content for name in self.cloud.names()}
        return {name: content for name, content in self.stage.files().items() if name.startswith(".reconciler/")}


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, stage: Stage, service: Service) -> Iterator[Place]:
    if request.param == "folder":
        yield Place(stage, str(stage.root / ".reconciler"))
        return
    cloud = CloudStorage()
    with cloud_storage.serving(cloud) as url:
        stage.stack(service.url, f"store: {STORE}\n")
        stage.monkeypatch.setenv("RECONCILER_STORE_ENDPOINT", url)
        yield Place(stage, f"gs://{BUCKET}/{ROOT}", cloud)


COMMANDS = {
    "plan": ("plan",),
    "plan in json": ("plan", "-o", "json"),
    "apply": ("apply", "--yes"),
    "apply of a saved plan": ("apply", "saved.json", "--yes"),
    "destroy": ("destroy", "--yes", "--allow-cancel", "9"),
    "status": ("status",),
    "snapshot": ("snapshot", "--out", "snapshot.json"),
    "forget": ("forget", "--scope", "demo-project/us-central1", "--yes"),
    "unlock": ("unlock", "--yes"),
    "iam get": ("iam", "get", "Job/score"),
    "logs": ("logs", "CustomJob/train"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_newer_store_is_refused_before_anything_is_asked(
    place: Place, service: Service, command: tuple[str, ...]
) -> None:
    stage = place.stage
    stage.ok("plan", "--out", "saved.json")
    stage.ok("apply", "--yes")
    place.grow()
    before, asked = place.content(), len(service.requests)
    done = stage.run(*command)
    assert done.code == 1
    told(done, f"the store at {place.name} has format 2; this version knows 1", "use a newer reconciler")
    assert place.content() == before
    assert service.requests[asked:] == []
    assert not (stage.root / "snapshot.json").exists()


def test_a_newer_store_is_refused_before_credentials_are_looked_for(stage: Stage) -> None:
    stage.stack("google")
    stage.job()
    Place(stage, "").grow()
    told(stage.run("plan"), "has format 2; this version knows 1")


def test_a_format_that_says_nothing_is_refused_too(place: Place) -> None:
    place.put("format", "two\n")
    told(place.stage.run("plan"), "format says no format that this version can read")


def test_only_an_apply_says_the_format(place: Place) -> None:
    stage = place.stage
    stage.ok("plan")
    stage.ok("status")
    assert place.content() == {}
    stage.ok("apply", "--yes")
    [said] = [content for name, content in place.content().items() if name.endswith("/format")]
    assert said == b'{"format": 1}\n'
    stage.ok("apply", "--yes")
    stage.ok("plan", "--detailed-exitcode")


def test_a_store_with_words_that_are_not_known_is_worked_with(place: Place, service: Service) -> None:
    service.end_new_jobs("JOB_STATE_SUCCEEDED")
    stage = place.stage
    stage.ok("apply", "--yes")
    stage.ok("apply", "--yes")
    strays = ("ledger/CustomJob/train/1-x.tagged~1~later", "ledger/notes.txt", "journal/notes.txt", "scopes/README")
    for name in (*strays, "later/things"):
        place.put(name, "x")
    place.put("format", '{"format": 1, "since": "1.1"}\n')
    stage.ok("plan", "--detailed-exitcode")
    stage.job(image="gcr.io/demo/train:2")
    stage.ok("apply", "--yes", "--allow-cancel", "1")
    stage.ok("plan", "--detailed-exitcode")
