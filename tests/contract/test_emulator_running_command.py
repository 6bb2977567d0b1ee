"""`reconciler emulate --run-jobs` as a process: what switches it on, what its jobs see, and what outlives it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import main, surroundings, wiring
from reconciler.emulator.running import processes, records
from reconciler.emulator.running.processes import Identity
from reconciler.emulator.state.rows import Key
from reconciler.vocabulary import errors
from tests.support import running_jobs, stage
from tests.support.running_jobs import job, pool, python, until
from tests.support.service import CUSTOM

MARKS = {"RUN_JOBS": "1", "RECONCILER_RUN_JOBS": "1", "EMULATE_RUN_JOBS": "1", "RECONCILER_EMULATE_RUN_JOBS": "1"}
"""What programs of this sort might read a flag from."""

PIDS = (
    "import os, signal\n"
    "for one in (signal.SIGTERM, signal.SIGPIPE): signal.signal(one, signal.SIG_IGN)\n"
    "os.write(1, f'{os.getpid()}\\n'.encode())\n"
    "while True: signal.pause()\n"
)


class Emulator:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body), dict(headers or {}))
            return json.loads(connection.getresponse().read())

    def state(self, name: str) -> str:
        found: str = self.send("GET", f"/v1/{name}")["state"]
        return found

    def printed(self, name: str) -> list[str]:
        lines = self.send("GET", f"/emulator/v1/{name}:logs")["lines"]
        return [line["text"] for line in lines if line["replica"] != "service"]


@contextmanager
def emulating(folder: Path, *arguments: str, **environment: str) -> Iterator[Emulator]:
    """Serve from a folder, over its jobs.db; ends the process where the test did not."""
    command = [sys.executable, "-m", "reconciler", "emulate", "--port", "0", "--db", "jobs.db", *arguments]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            assert found, line + process.stderr.read()
            yield Emulator(process, int(found[1]))
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(20)


def is_gone(number: int) -> bool:
    return not processes.identify(number).started


def test_no_variable_and_no_file_switches_it_on(tmp_path: Path) -> None:
    tmp_path.joinpath("reconciler.yaml").write_text("run-jobs: true\nspec: {runJobs: true, run_jobs: true}\n")
    tmp_path.joinpath("run-jobs").write_text("true")
    with emulating(tmp_path, **MARKS) as emulator:
        name = emulator.send("POST", CUSTOM, job(pool("touch", str(tmp_path / "ran"))))["name"]
        assert "runs no jobs" in emulator.send("GET", f"/emulator/v1/{name}:logs")["error"]["message"]
        assert emulator.state(name) != "JOB_STATE_SUCCEEDED"
    assert not tmp_path.joinpath("ran").exists()
    assert not tmp_path.joinpath(".jobs.db.runs").exists()


@pytest.mark.parametrize("key", ["run_jobs", "runJobs", "run-jobs"])
def test_a_faults_file_cannot_switch_it_on(tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str) -> None:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({key: True, "faults": []}))
    assert main.run(["emulate", "--port", "0", "--faults", str(file)]) == 1
    assert key in capsys.readouterr().err


def test_it_is_refused_where_other_machines_could_ask(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["emulate", "--port", "0", "--host", "0.0.0.0", "--run-jobs"]) == 1
    assert "could run programs as you" in capsys.readouterr().err


def test_a_job_sees_nothing_of_the_servers_environment_and_a_browser_starts_none(tmp_path: Path) -> None:
    with emulating(tmp_path, "--run-jobs", RECONCILER_TOKEN="s3cret", PYTHONPATH=str(Path.cwd())) as emulator:
        refused = emulator.send("POST", CUSTOM, job(pool("true")), {"Origin": "http://localhost:3000"})
        assert refused["error"]["status"] == "PERMISSION_DENIED"
        name = emulator.send("POST", CUSTOM, job(pool("env")))["name"]
        until(lambda: emulator.state(name) == "JOB_STATE_SUCCEEDED")
        names = {line.partition("=")[0] for line in emulator.printed(name)}
        assert names == {
            *("PATH", "LANG", "HOME", "PWD", "PYTHONUNBUFFERED"),
            *("CLOUD_ML_JOB_ID", "CLOUD_ML_PROJECT_ID", "CLOUD_ML_REGION", "CLUSTER_SPEC"),
        }
        assert emulator.send("GET", CUSTOM)["customJobs"] == [emulator.send("GET", f"/v1/{name}")]


def test_a_job_reads_nothing_from_the_servers_terminal(tmp_path: Path) -> None:
    with emulating(tmp_path, "--run-jobs") as emulator:
        name = emulator.send("POST", CUSTOM, job(pool("cat")))["name"]
        until(lambda: emulator.state(name) == "JOB_STATE_SUCCEEDED")


def test_the_end_of_the_emulator_ends_its_jobs(tmp_path: Path) -> None:
    with emulating(tmp_path, "--run-jobs") as emulator:
        name = emulator.send("POST", CUSTOM, job(pool("sh", "-c", "echo $$; exec sleep 600")))["name"]
        [number] = until(lambda: list(map(int, emulator.printed(name))))
        emulator.process.send_signal(signal.SIGTERM)
        assert emulator.process.wait(20) == 0
        assert is_gone(number)
    with emulating(tmp_path) as emulator:
        stopped = emulator.send("GET", f"/v1/{name}")
    assert (stopped["state"], stopped["error"]["code"]) == ("JOB_STATE_FAILED", 13)
    assert "The emulator stopped while this job was running" in stopped["error"]["message"]


def test_after_a_kill_the_next_emulator_ends_what_was_left_and_starts_nothing(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    script = f"open({str(marks)!r}, 'a').write('x')\n{PIDS}"
    with emulating(tmp_path, "--run-jobs") as emulator:
        done = emulator.send("POST", CUSTOM, job(pool("echo", "kept")))["name"]
        until(lambda: emulator.state(done) == "JOB_STATE_SUCCEEDED")
        name = emulator.send("POST", CUSTOM, job(python(script)))["name"]
        [number] = until(lambda: list(map(int, emulator.printed(name))))
        emulator.process.kill()
        emulator.process.wait(20)
    assert not is_gone(number)
    with emulating(tmp_path, "--run-jobs") as emulator:
        failed = emulator.send("GET", f"/v1/{name}")
        assert failed["state"] == "JOB_STATE_FAILED"
        assert "The emulator stopped while this job was running" in failed["error"]["message"]
        until(lambda: is_gone(number), "the end of the orphan")
        assert emulator.printed(name) == [str(number)]
        assert (emulator.state(done), emulator.printed(done)) == ("JOB_STATE_SUCCEEDED", ["kept"])
    assert marks.read_text() == "x"


def test_an_orphan_whose_number_another_process_has_by_now_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        try:
            known = processes.identify(stranger.pid)
            folder = records.Folder(tmp_path / ".jobs.db.runs")
            gone = Identity(stranger.pid, f"{known.started}0")
            folder.write(records.Record(Key("CustomJob", "1", "us-central1", "2"), gone, (gone,)))
            with emulating(tmp_path, "--run-jobs"):
                assert known.is_alive
            assert list(folder.unfinished()) == []
        finally:
            stranger.kill()


def test_the_jobs_of_an_emulator_that_still_runs_are_left_to_it(tmp_path: Path) -> None:
    with emulating(tmp_path, "--run-jobs") as first:
        name = first.send("POST", CUSTOM, job(pool("sleep", "600")))["name"]
        until(lambda: first.state(name) == "JOB_STATE_RUNNING")
        with emulating(tmp_path, "--run-jobs") as second:
            assert second.state(name) == "JOB_STATE_RUNNING"
            # asked through the other process, which has no hold on it
            second.send("POST", f"/v1/{name}:cancel", {})
            until(lambda: first.state(name) == "JOB_STATE_CANCELLED")
            until(lambda: "ended with status 143" in json.dumps(first.send("GET", f"/emulator/v1/{name}:logs")))


GOOD = {"pid": 4_000_000, "started": "x"}
KEY = {"kind": "CustomJob", "project": "1", "location": "us-central1", "job": "2"}


@pytest.mark.parametrize(
    "record",
    [
        "{",
        "[]",
        "[" * 100_000,
        {"key": KEY, "keeper": GOOD, "processes": [{"pid": 1, "started": "x"}], "ended": False},
        {"key": KEY, "keeper": GOOD, "processes": [{"pid": -1, "started": ""}], "ended": False},
        {"key": KEY, "keeper": GOOD, "processes": [{"pid": True, "started": 3}], "ended": False},
        {"key": KEY, "keeper": GOOD, "processes": 3, "ended": False},
        {"key": KEY | {"job": 2}, "keeper": GOOD, "processes": [], "ended": False},
        {"key": KEY | {"more": "x"}, "keeper": GOOD, "processes": [], "ended": False},
        {"key": KEY | {"kind": "Unknown"}, "keeper": GOOD, "processes": [], "ended": False},
        {"key": KEY, "keeper": GOOD, "processes": [GOOD], "ended": False},
    ],
)
def test_records_that_are_none_or_of_jobs_that_are_gone_hurt_nothing(tmp_path: Path, record: Any) -> None:
    folder = tmp_path / ".jobs.db.runs" / "some"
    folder.mkdir(parents=True)
    folder.joinpath("run.json").write_text(record if isinstance(record, str) else json.dumps(record))
    with running_jobs.opened(str(tmp_path / "jobs.db")) as jobs:
        name = jobs.create(CUSTOM, job(pool("echo", "fine")))["name"]
        running_jobs.ended(jobs, name)
        assert running_jobs.printed(jobs, name) == ["fine"]


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    tmp_path.joinpath("elsewhere").mkdir()
    tmp_path.joinpath(".jobs.db.runs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(errors.StoreFailed, match="is a link"), running_jobs.opened(str(tmp_path / "jobs.db")):
        pass


def test_what_a_job_writes_is_no_manifest_of_the_stack_it_lies_in(tmp_path: Path) -> None:
    tmp_path.joinpath("reconciler.yaml").write_text(stage.STACK.format(backend="embedded", more=""))
    with running_jobs.opened(str(tmp_path / "jobs.db")) as jobs:
        manifest = stage.JOB.format(name="evil", more="", replicas=1, image="a")
        script = f"open('evil.yaml', 'w').write({manifest!r})"
        running_jobs.ended(jobs, jobs.create(CUSTOM, job(python(script)))["name"])
    assert len(list(tmp_path.rglob("evil.yaml"))) == 1
    workspace = wiring.open_workspace(str(tmp_path), surroundings.of_process())
    read = wiring.read_manifests(workspace, str(tmp_path))
    assert (read.desired, read.problems) == ((), ())
