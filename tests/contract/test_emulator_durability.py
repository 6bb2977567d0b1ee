"""Nothing acknowledged is lost: a real server ended by kill -9, by SIGTERM and by SIGINT, restarted, and shared."""

from __future__ import annotations

import http.client
import json
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support import service
from tests.support.service import CUSTOM, ML

CLIENTS = 4
BEFORE_THE_KILL = 120


class Server:
    """`reconciler emulate` as a process of its own over a database file."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "reconciler", "emulate", "--port", "0", "--db", "jobs.db", *arguments]
        self.process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found, line
        self.port = int(found[1])

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def send(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        with closing(self.connect()) as connection:
            return ask(connection, method, f"{path}?{urlencode(query)}", body)

    def rows(self, **query: str) -> list[Any]:
        rows: list[Any] = []
        token = ""
        while True:
            status, page = self.send("GET", CUSTOM, **query, **({"pageToken": token} if token else {}))
            assert status == 200, page
            rows += page.get("customJobs", [])
            token = page.get("nextPageToken", "")
            if not token:
                return rows

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        _, told = self.process.communicate(timeout=20)
        return self.process.returncode, told


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Server]:
    server = Server(folder, *arguments)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    connection.request(method, path, body=None if body is None else json.dumps(body))
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def test_kill_9_under_creates_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged: list[Any] = []
    enough = threading.Semaphore(0)

    def create(server: Server, number: int) -> None:
        with suppress(OSError, http.client.HTTPException), closing(server.connect()) as connection:
            while True:
                status, job = ask(connection, "POST", CUSTOM, service.custom_job(labels={"client": f"c{number}"}))
                assert status == 200
                acknowledged.append(job)
                enough.release()

    # a clock that stands still: jobs that move on move in a list too, and its pages would miss them
    with serving(tmp_path, "--clock", "manual") as server:
        clients = [threading.Thread(target=create, args=(server, number)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(BEFORE_THE_KILL):
            assert enough.acquire(timeout=20)
        first = server.send("GET", CUSTOM, pageSize="10")[1]
        for _ in range(BEFORE_THE_KILL):
            assert enough.acquire(timeout=20)
        code, _ = server.end(signal.SIGKILL)
        for client in clients:
            client.join(20)
    assert code == -signal.SIGKILL
    assert {job["labels"]["client"] for job in acknowledged} == {f"c{number}" for number in range(CLIENTS)}

    with serving(tmp_path, "--clock", "manual") as again:
        names = {row["name"] for row in again.rows(pageSize="50")}
        assert names >= {job["name"] for job in acknowledged}
        assert len(names) <= len(acknowledged) + CLIENTS, "at most one reply was lost for each client"
        for number in range(CLIENTS):
            mine = {job["name"] for job in acknowledged if job["labels"]["client"] == f"c{number}"}
            assert {row["name"] for row in again.rows(filter=f"labels.client=c{number}")} >= mine
        status, page = again.send("GET", CUSTOM, pageSize="10", pageToken=first["nextPageToken"])
        assert status == 200
        assert len(page["customJobs"]) == 10
        assert again.send("POST", CUSTOM, service.custom_job())[0] == 200
        assert again.end(signal.SIGTERM)[0] == 0
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        orphans = "SELECT count(*) FROM labels WHERE job NOT IN (SELECT id FROM jobs)"
        assert database.execute(orphans).fetchall() == [(0,)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_every_sort_of_job_is_as_it_was_after_a_restart(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path, "--clock", "manual") as server:
        _, done = server.send("POST", CUSTOM, service.custom_job(displayName="done"))
        server.send("POST", f"/emulator/v1/{done['name']}:setState", {"state": "JOB_STATE_FAILED"})
        _, stopped = server.send("POST", CUSTOM, service.custom_job(displayName="stopped"))
        assert server.send("POST", f"/v1/{stopped['name']}:cancel")[0] == 200
        _, gone = server.send("POST", CUSTOM, service.custom_job(displayName="gone"))
        server.send("POST", f"/emulator/v1/{gone['name']}:setState", {"state": "JOB_STATE_SUCCEEDED"})
        _, operation = server.send("DELETE", f"/v1/{gone['name']}")
        server.send("POST", ML, service.ml_job("one", labels={"a": "b"}))
        before = [server.rows(), server.send("GET", ML), server.send("GET", f"/v1/{operation['name']}")]
        told = server.end(number)
    assert told[0] == (-number if number is signal.SIGKILL else 0)
    with serving(tmp_path, "--clock", "manual") as again:
        assert [again.rows(), again.send("GET", ML), again.send("GET", f"/v1/{operation['name']}")] == before
        again.send("POST", "/emulator/v1/clock:advance", {"seconds": 5})
        assert again.send("GET", f"/v1/{stopped['name']}")[1]["state"] == "JOB_STATE_CANCELLED"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_answered_before_the_process_ends(tmp_path: Path, number: signal.Signals) -> None:
    faults = '{"faults": [{"action": "delay", "seconds": 0.7, "method": "create"}]}'
    tmp_path.joinpath("faults.json").write_text(faults)
    with serving(tmp_path, "--faults", "faults.json") as server, closing(server.connect()) as connection:
        connection.request("POST", CUSTOM, body=json.dumps(service.custom_job()))
        while not server.send("GET", "/emulator/v1/faults")[1]["faults"][0]["hits"]:
            pass
        code, told = server.end(number)
        reply = connection.getresponse()
        text = reply.read()
        assert (reply.status, code) == (200, 0), (text, told)
        made = json.loads(text)
        assert "Traceback" not in told
    with serving(tmp_path) as again:
        assert again.send("GET", f"/v1/{made['name']}")[0] == 200


def test_two_servers_share_a_file_while_both_are_written_to(tmp_path: Path) -> None:
    made: list[str] = []

    def create(server: Server) -> None:
        with closing(server.connect()) as connection:
            for _ in range(30):
                status, job = ask(connection, "POST", CUSTOM, service.custom_job())
                assert status == 200, job
                made.append(job["name"])

    with serving(tmp_path, "--clock", "manual") as one, serving(tmp_path, "--clock", "manual") as two:
        clients = [threading.Thread(target=create, args=(server,)) for server in (one, two, one, two)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(30)
        assert len(set(made)) == 120
        for server in (one, two):
            assert {row["name"] for row in server.rows(pageSize="25")} == set(made)
        status, first = one.send("GET", CUSTOM, pageSize="5")
        assert two.send("GET", CUSTOM, pageSize="5", pageToken=first["nextPageToken"])[0] == status == 200
        assert two.send("DELETE", f"/v1/{made[0]}")[0] == 400
        two.send("POST", f"/emulator/v1/{made[0]}:setState", {"state": "JOB_STATE_FAILED"})
        assert one.send("DELETE", f"/v1/{made[0]}")[0] == 200
        assert two.send("GET", f"/v1/{made[0]}")[0] == 404


def test_another_address_is_taken_only_when_asked_and_told(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "reconciler",
        "emulate",
        "--port",
        "0",
        "--host",
        "0.0.0.0",
        "--allow-host",
        "emulator",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            first, second = process.stderr.readline(), process.stderr.readline()
            found = re.search(r"http://0\.0\.0\.0:(\d+)", first)
            assert found, first
            assert re.match(r"Warning: 0\.0\.0\.0 is not loopback", second), second
            with closing(http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=20)) as connection:
                for host, status in (("emulator:1", 200), ("10.1.2.3", 200), ("evil.example", 421)):
                    connection.request("GET", CUSTOM, headers={"Host": host})
                    reply = connection.getresponse()
                    reply.read()
                    assert reply.status == status
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
    assert process.returncode == 0
