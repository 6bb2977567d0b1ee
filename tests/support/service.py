"""A client for tests of the emulator, over both of its faces: called in process, or through HTTP on loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from reconciler.emulator import app
from reconciler.emulator.serving import server
from reconciler.emulator.state.clocks import ManualClock
from reconciler.files import schemas
from reconciler.vocabulary.wire import Request, Response, Transport

WIRES = ("in process", "http")
CUSTOM = "/v1/projects/demo/locations/us-central1/customJobs"
NAS = "/v1/projects/demo/locations/us-central1/nasJobs"
ML = "/v1/projects/demo/jobs"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        found: str = self.json["error"]["status"]
        return found

    @property
    def message(self) -> str:
        found: str = self.json["error"]["message"]
        return found


class Service:
    """The emulator under test, its clock, and requests to it."""

    def __init__(self, transport: Transport, emulator: app.Emulator, clock: ManualClock, port: int = 0) -> None:
        self.transport = transport
        self.emulator = emulator
        self.clock = clock
        self.port = port

    def send(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        url = f"{path}?{urlencode(query)}" if query else path
        return self.send_bytes(method, url, b"" if body is None else json.dumps(body).encode())

    def send_bytes(self, method: str, path: str, content: bytes) -> Answer:
        """Send a body that need not be JSON."""
        reply = self.transport(Request(method, f"http://any.host{path}", {}, content))
        return Answer(reply.status, reply.headers, reply.body)

    def create(self, path: str, body: Any) -> Any:
        answer = self.send("POST", path, body)
        assert answer.status == 200, answer.body
        return answer.json

    def rows(self, path: str, field: str, **query: str) -> list[Any]:
        """Every row of every page."""
        rows: list[Any] = []
        token = ""
        while True:
            answer = self.send("GET", path, **query, **({"pageToken": token} if token else {}))
            assert answer.status == 200, answer.body
            rows += answer.json.get(field, [])
            token = answer.json.get("nextPageToken", "")
            if not token:
                return rows


@contextlib.contextmanager
def opened(wire: str, database: str = ":memory:", **options: Any) -> Iterator[Service]:
    clock = options.pop("clock", None) or ManualClock()
    ids = app.random_ids(random.Random(options.pop("seed", 7)))
    kinds = options.pop("kinds", None) or schemas.load_kinds()
    emulator = app.Emulator(kinds, database, clock, ids, **options)
    try:
        if wire == "in process":
            yield Service(emulator, emulator, clock)
            return
        handle = server.serve(emulator)
        with running(handle):
            yield Service(over_http(handle.port), emulator, clock, handle.port)
    finally:
        emulator.close()


@contextlib.contextmanager
def running(handle: server.Handle) -> Iterator[None]:
    """Serve in a thread; on leaving, requests that were read are answered first."""
    thread = threading.Thread(target=handle.run)
    thread.start()
    try:
        yield
    finally:
        handle.close()
        thread.join(10)


def over_http(port: int) -> Transport:
    def send(request: Request) -> Response:
        parts = urlsplit(request.url)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(request.method, f"{parts.path}?{parts.query}", body=request.body or None)
            reply = connection.getresponse()
            return Response(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    return send


def custom_job(**more: Any) -> dict[str, Any]:
    pool = {"machineSpec": {"machineType": "n1-standard-4"}, "replicaCount": 1, "containerSpec": {"imageUri": "img:1"}}
    return {"displayName": "train", "jobSpec": {"workerPoolSpecs": [pool]}} | more


def nas_job(**more: Any) -> dict[str, Any]:
    trial = {
        "searchTrialJobSpec": custom_job()["jobSpec"],
        "maxTrialCount": 4,
        "maxParallelTrialCount": 2,
    }
    algorithm = {"metric": {"metricId": "accuracy", "goal": "MAXIMIZE"}, "searchTrialSpec": trial}
    return {"displayName": "search", "nasJobSpec": {"multiTrialAlgorithmSpec": algorithm}} | more


def ml_job(job: str, **more: Any) -> dict[str, Any]:
    training = {"region": "us-central1", "args": ["--epochs=1"], "masterConfig": {"imageUri": "img:1"}}
    return {"jobId": job, "trainingInput": training} | more
