"""A stack on disk, the command line run on it in process or for real, and a service on loopback that can misbehave."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import main
from reconciler.cli.environment import Environment
from reconciler.cli.surroundings import Surroundings
from reconciler.emulator import app
from reconciler.emulator.serving import server
from reconciler.emulator.state.clocks import ManualClock
from reconciler.files import schemas
from reconciler.vocabulary.wire import Request, Response, Transport
from tests.support.faults import is_create

PROJECT = "demo-project"
LOCATION = "us-central1"
CUSTOM = f"/v1/projects/{PROJECT}/locations/{LOCATION}/customJobs"

STACK = """\
apiVersion: reconciler/v1
kind: Stack
metadata: {{name: demo, uid: "3fa94c1b"}}
spec:
  backend: {backend}
  settle: 10ms
  scopes:
    - {{project: demo-project, locations: [us-central1]}}
{more}"""

JOB = """\
apiVersion: aiplatform.googleapis.com/v1
kind: CustomJob
metadata: {{name: {name}}}
{more}spec:
  jobSpec:
    workerPoolSpecs:
      - machineSpec: {{machineType: n1-standard-4}}
        replicaCount: {replicas}
        containerSpec: {{imageUri: "{image}"}}
"""

ML_JOB = """\
apiVersion: ml.googleapis.com/v1
kind: Job
metadata: {name: score}
spec:
  trainingInput:
    region: us-central1
    args: [--epochs=1]
    masterConfig: {imageUri: "gcr.io/demo/score:1"}
"""


@dataclass(frozen=True)
class Done:
    """What a command line left: its exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Stage:
    """A folder to stand in. `run` calls the command in this process, `real` starts a process."""

    root: Path
    clock: ManualClock
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def stack(self, backend: str = "embedded", more: str = "") -> None:
        self.write("reconciler.yaml", STACK.format(backend=backend, more=textwrap.indent(more, "  ")))

    def job(
        self, name: str = "train", more: str = "", replicas: object = 1, image: str = "gcr.io/demo/train:1"
    ) -> Path:
        return self.write(f"{name}.yaml", JOB.format(name=name, more=more, replicas=replicas, image=image))

    def run(self, *arguments: object, stdin: str | bytes = b"") -> Done:
        given = stdin.encode() if isinstance(stdin, str) else stdin
        self.capsys.readouterr()
        code = main.run([str(argument) for argument in arguments], self.surroundings(given))
        told = self.capsys.readouterr()
        return Done(code, told.out, told.err)

    def surroundings(self, stdin: bytes = b"") -> Surroundings:
        """This process's variables, the stage's own time, chance and stdin."""
        stream = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
        return Surroundings(Environment(dict(os.environ)), self.clock, time.monotonic, random.SystemRandom(), stream)

    def ok(self, *arguments: object, stdin: str | bytes = b"") -> Done:
        done = self.run(*arguments, stdin=stdin)
        assert done.code == 0, done
        return done

    def real(self, *arguments: object, stdin: bytes = b"", **variables: str) -> Done:
        done = subprocess.run(
            command_line(*arguments), cwd=self.root, input=stdin, capture_output=True, timeout=60, check=False,
            env={**os.environ, **variables},
        )  # fmt: skip
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def files(self) -> dict[str, bytes]:
        """Everything below the folder, with content."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes() if path.is_file() else b""
            for path in sorted(self.root.rglob("*"))
        }

    def actions(self, *arguments: str) -> dict[str, str]:
        """What a plan would do, by address."""
        plan = json.loads(self.run("plan", "-o", "json", *arguments).out)
        return {change["address"]: change["action"] for change in plan["changes"]}


def command_line(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "reconciler", *map(str, arguments)]


Spoil = Callable[[Request], Response | None]


@dataclass
class Service:
    """The emulator on loopback. `spoils` see each request first: one that answers keeps it from the emulator."""

    emulator: app.Emulator
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    spoils: list[Spoil] = field(default_factory=list)
    after: list[Callable[[Request, Response], None]] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        for spoil in self.spoils:
            answer = spoil(request)
            if answer is not None:
                return answer
        reply = self.emulator(request)
        for see in self.after:
            see(request, reply)
        return reply

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.method != "GET"]

    def spoil(self, method: str, part: str, answer: Response) -> None:
        """Answer requests of a method whose URL or body holds a text."""

        def look(request: Request) -> Response | None:
            found = part in request.url or part.encode() in request.body
            return answer if request.method == method and found else None

        self.spoils.append(look)

    def end_new_jobs(self, state: str) -> None:
        """Let every job reach a state as soon as it was created."""

        def see(request: Request, reply: Response) -> None:
            if is_create(request):
                self.emulator.set_state(json.loads(reply.body)["name"], state)

        self.after.append(see)

    def rows(self, path: str = CUSTOM, member: str = "customJobs") -> list[Mapping[str, Any]]:
        reply = self.emulator(Request("GET", f"{self.url}{path}"))
        found: list[Mapping[str, Any]] = json.loads(reply.body).get(member, [])
        return found


@contextlib.contextmanager
def serving(clock: ManualClock, database: str = ":memory:") -> Iterator[Service]:
    emulator = app.Emulator(schemas.load_kinds(), database, clock, app.random_ids(random.Random(7)))
    service = Service(emulator)
    with bound(service) as url:
        service.url = url
        yield service
    emulator.close()


@contextlib.contextmanager
def bound(transport: Transport) -> Iterator[str]:
    """Serve a transport on a free port for a while."""
    handle = server.serve(transport)
    thread = threading.Thread(target=handle.run)
    thread.start()
    try:
        yield handle.url
    finally:
        handle.close()
        thread.join(10)


def lacking(text: str, parts: Sequence[str]) -> list[str]:
    return [part for part in parts if part not in text]


def told(done: Done, *parts: str) -> None:
    """Hold a refusal to what it must name, and to what must never show."""
    text = done.out + done.err
    assert lacking(text, parts) == [], text
    assert "Traceback" not in text
    assert "internal:" not in text
