"""Jobs whose command runs as real processes: their ends, their output, their environment, and what stops them."""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.running import output, processes
from reconciler.emulator.state.clocks import ManualClock
from tests.support import running_jobs, service
from tests.support.running_jobs import ended, job, logs, notes, pool, printed, python, state, until
from tests.support.service import CUSTOM, ML, NAS, Service

STUBBORN = (
    "import os, signal\n"
    "for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(one, signal.SIG_IGN)\n"
    "child = os.fork()\n"
    "os.write(1, f'{os.getpid()}\\n'.encode())\n"
    "while True: signal.pause()\n"
)
"""Ignores every polite signal, as its child does; prints both their process numbers."""

CLUSTER = """
import json, os, socket, time
cluster = json.loads(os.environ["CLUSTER_SPEC"])
mine, everybody = cluster["task"], cluster["cluster"]
host, port = everybody["workerpool0"][0].split(":")
me = f'{mine["type"]}-{mine["index"]}'
if mine["type"] == "workerpool0":
    with socket.create_server((host, int(port))) as server:
        for _ in range(sum(map(len, everybody.values())) - 1):
            peer, _ = server.accept()
            with peer: print("met", peer.makefile().readline().strip())
else:
    for _ in range(500):
        try:
            with socket.create_connection((host, int(port))) as chief: chief.sendall(f"{me}\\n".encode())
            break
        except ConnectionRefusedError: time.sleep(0.02)
    while True: time.sleep(1)
"""


@pytest.fixture
def jobs() -> Iterator[Service]:
    with running_jobs.opened() as found:
        yield found


def test_a_command_that_ends_well_succeeds_and_its_output_is_kept(jobs: Service) -> None:
    made = jobs.create(CUSTOM, job(python("import sys; print('one'); print('two', file=sys.stderr)")))
    assert made["state"] == "JOB_STATE_PENDING"
    assert ended(jobs, made["name"])["state"] == "JOB_STATE_SUCCEEDED"
    assert printed(jobs, made["name"]) == ["one", "two"]
    told = logs(jobs, made["name"])
    assert (told["ended"], told["dropped"], told["state"]) == (True, 0, "JOB_STATE_SUCCEEDED")
    assert logs(jobs, made["name"], after=told["lines"][-1]["n"])["lines"] == []


@pytest.mark.parametrize(("end", "status"), [("exit 3", 3), ("kill -SEGV $$", 139)])
def test_an_exit_status_is_the_error_of_a_failed_job(jobs: Service, end: str, status: int) -> None:
    failed = ended(jobs, jobs.create(CUSTOM, job(pool("sh", "-c", end)))["name"])
    assert failed["state"] == "JOB_STATE_FAILED"
    assert failed["error"]["code"] == 3
    text = (
        f"The replica workerpool0-0 exited with a non-zero status of {status}. Termination reason: Error. To find out"
    )
    assert failed["error"]["message"].startswith(text)
    assert failed["endTime"] >= failed["startTime"]


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        (job(pool("no-such-command")), 3, "`no-such-command`: No such file or directory"),
        (job(pool("/")), 3, "`/`: Permission denied"),
        (job(python("print('never')", env={"A": "b\0c"})), 3, "embedded null byte"),
        (
            job(pool("true"), {}, service.custom_job()["jobSpec"]["workerPoolSpecs"][0]),
            3,
            "workerpool2 has no container",
        ),
        (
            job(pool("true"), pool("true", replicas=1000)),
            3,
            "asks for 1001 replicas; with --run-jobs a job has at most 16",
        ),
    ],
)
def test_what_cannot_run_here_fails_and_says_why(jobs: Service, body: Any, code: int, told: str) -> None:
    failed = ended(jobs, jobs.create(CUSTOM, body)["name"])
    assert (failed["state"], failed["error"]["code"]) == ("JOB_STATE_FAILED", code)
    assert told in failed["error"]["message"]
    assert told in notes(jobs, failed["name"])


def test_a_cancelled_job_that_ignores_sigterm_is_killed_with_its_children(jobs: Service) -> None:
    name = jobs.create(CUSTOM, job(python(STUBBORN)))["name"]
    numbers = until(lambda: len(printed(jobs, name)) == 2 and [int(text) for text in printed(jobs, name)])
    assert jobs.send("DELETE", f"/v1/{name}").error == "FAILED_PRECONDITION"
    assert jobs.send("POST", f"/v1/{name}:cancel", {}).json == {}
    cancelled = ended(jobs, name)
    assert (cancelled["state"], cancelled["error"]) == ("JOB_STATE_CANCELLED", {"code": 1, "message": "CANCELED"})
    assert "did not end after SIGTERM and is killed" in notes(jobs, name)
    until(lambda: not any(processes.identify(number).started for number in numbers), "the end of every process")
    assert jobs.send("DELETE", f"/v1/{name}").status == 200


def test_a_cancelled_job_may_take_its_leave_and_is_cancelled_whatever_its_status(jobs: Service) -> None:
    script = "trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    name = jobs.create(CUSTOM, job(pool("sh", "-c", script)))["name"]
    until(lambda: printed(jobs, name) == ["ready"])
    assert state(jobs, name) == "JOB_STATE_RUNNING"
    jobs.send("POST", f"/v1/{name}:cancel", {})
    assert ended(jobs, name)["state"] == "JOB_STATE_CANCELLED"
    assert [text for text in printed(jobs, name) if text != "Terminated"] == ["ready", "saved"]  # some shells say so
    assert "killed" not in notes(jobs, name)


def test_no_clock_says_cancelled_while_a_process_still_takes_its_leave(tmp_path: Path) -> None:
    clock, go = ManualClock(), tmp_path / "go"
    script = f"trap 'echo leaving; while [ ! -e {go} ]; do sleep 0.02; done; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
    with running_jobs.opened(clock=clock, grace=60) as jobs:
        name = jobs.create(CUSTOM, job(pool("sh", "-c", script)))["name"]
        until(lambda: "ready" in printed(jobs, name))
        jobs.send("POST", f"/v1/{name}:cancel", {})
        until(lambda: "leaving" in printed(jobs, name))
        clock.advance(100)
        assert state(jobs, name) == "JOB_STATE_RUNNING"
        go.touch()
        assert ended(jobs, name)["state"] == "JOB_STATE_CANCELLED"


def test_a_job_is_cancelled_when_its_timeout_is_over() -> None:
    clock = ManualClock()
    with running_jobs.opened(clock=clock) as jobs:
        name = jobs.create(CUSTOM, job(pool("sleep", "600"), scheduling={"timeout": "90.5s"}))["name"]
        until(lambda: state(jobs, name) == "JOB_STATE_RUNNING")
        clock.advance(90)
        other = jobs.create(CUSTOM, job(pool("true")))["name"]
        ended(jobs, other)
        assert state(jobs, name) == "JOB_STATE_RUNNING"
        clock.advance(1)
        assert ended(jobs, name)["state"] == "JOB_STATE_CANCELLED"
        assert "the job ran for 90.5 s, which is its timeout" in notes(jobs, name)


def test_three_pools_find_each_other_and_end_with_the_primary(jobs: Service) -> None:
    name = jobs.create(CUSTOM, job(python(CLUSTER), python(CLUSTER, replicas=2), python(CLUSTER)))["name"]
    assert ended(jobs, name)["state"] == "JOB_STATE_SUCCEEDED"
    assert sorted(printed(jobs, name)) == ["met workerpool1-0", "met workerpool1-1", "met workerpool2-0"]


def test_a_worker_that_fails_fails_the_job_and_stops_the_others(jobs: Service) -> None:
    name = jobs.create(CUSTOM, job(pool("sleep", "600"), pool("sh", "-c", "exit 7")))["name"]
    failed = ended(jobs, name)
    assert failed["error"]["message"].startswith("The replica workerpool1-0 exited with a non-zero status of 7.")
    assert "workerpool0-0 ended with status 143" in notes(jobs, name)


SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def test_a_process_finds_the_services_variables_and_its_own_and_no_others(jobs: Service) -> None:
    env = {"A": "one", "B": "$(A)-$(CLOUD_ML_JOB_ID)-$(NOBODY)-$$(A)", "CLOUD_ML_REGION": "mine"}
    base = {"outputUriPrefix": "gs://bucket/out"}
    name = jobs.create(CUSTOM, job(python(SHOW, env=env), baseOutputDirectory=base))["name"]
    ended(jobs, name)
    [line] = printed(jobs, name)
    found = json.loads(line)
    number = name.rpartition("/")[2]
    assert found["B"] == f"one-{number}-$(NOBODY)-$(A)"
    assert found["CLOUD_ML_REGION"] == "us-central1"
    assert found["CLOUD_ML_PROJECT_ID"] == name.split("/")[1]
    assert found["AIP_MODEL_DIR"] == "gs://bucket/out/model/"
    assert found["AIP_CHECKPOINT_DIR"] == "gs://bucket/out/checkpoints/"
    assert found["AIP_TENSORBOARD_LOG_DIR"] == "gs://bucket/out/logs/"
    assert found["HOME"] == found["PWD"] != str(Path.home())
    spec = json.loads(found["CLUSTER_SPEC"])
    assert (list(spec["cluster"]), spec["environment"]) == (["workerpool0"], "cloud")
    assert spec["task"] == {"type": "workerpool0", "index": 0}
    assert spec["job"]["baseOutputDirectory"] == base
    given = {
        "A",
        "B",
        "CLOUD_ML_JOB_ID",
        "CLOUD_ML_REGION",
        "CLOUD_ML_PROJECT_ID",
        "CLUSTER_SPEC",
        "HOME",
        "PWD",
        "PATH",
    }
    assert set(found) - {"LC_CTYPE"} == given | {"AIP_MODEL_DIR", "AIP_CHECKPOINT_DIR", "AIP_TENSORBOARD_LOG_DIR"}


def test_tf_config_names_tasks_and_leaves_the_evaluator_out_of_the_cluster(jobs: Service) -> None:
    script = "import os; print(os.environ['TF_CONFIG'])"
    pools = [python(script + "; import time; time.sleep(600)", replicas=count) for count in (2, 1, 1)]
    wait = "import time; time.sleep(600)"
    name = jobs.create(CUSTOM, job(python(f"{script}; {wait}"), *pools))["name"]
    replicas = ("workerpool0-0", "workerpool1-0", "workerpool1-1", "workerpool2-0", "workerpool3-0")
    until(lambda: all(printed(jobs, name, one) for one in replicas))
    found = {one: json.loads(printed(jobs, name, one)[0]) for one in replicas}
    assert {one: tuple(config["task"].values()) for one, config in found.items()} == {
        "workerpool0-0": ("chief", 0),
        "workerpool1-0": ("worker", 0),
        "workerpool1-1": ("worker", 1),
        "workerpool2-0": ("ps", 0),
        "workerpool3-0": ("evaluator", 0),
    }
    [cluster] = {json.dumps(config["cluster"]) for config in found.values()}
    sizes = {task: len(addresses) for task, addresses in json.loads(cluster).items()}
    assert sizes == {"chief": 1, "worker": 2, "ps": 1}
    assert len({address for addresses in json.loads(cluster).values() for address in addresses}) == 4
    jobs.send("POST", f"/v1/{name}:cancel", {})
    ended(jobs, name)


def test_a_job_of_ai_platform_runs_and_tells_its_error_in_its_own_words(jobs: Service) -> None:
    script = "echo $0 $1 $CLOUD_ML_JOB_ID; exit 2"
    master = {"imageUri": "img:1", "containerCommand": ["sh", "-c", script], "containerArgs": ["zero"]}
    training = {"region": "us-central1", "masterConfig": master, "jobDir": "gs://b/dir"}
    jobs.create(ML, {"jobId": "train_1", "trainingInput": training})
    failed = ended(jobs, "projects/demo/jobs/train_1")
    assert failed["state"] == "FAILED"
    assert failed["errorMessage"].startswith(
        "The replica master 0 exited with a non-zero status of 2. To find out more"
    )
    assert printed(jobs, "projects/demo/jobs/train_1", "master-replica-0") == ["zero --job-dir train_1"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CUSTOM, service.custom_job()),
        (NAS, service.nas_job()),
        (ML, service.ml_job("simple")),
    ],
)
def test_a_job_without_a_command_follows_the_clock_and_says_so(path: str, body: Any) -> None:
    clock = ManualClock()
    with running_jobs.opened(clock=clock) as jobs:
        made = jobs.create(path, body)
        clock.advance(10)
        name = made.get("name") or "projects/demo/jobs/simple"
        assert state(jobs, name).endswith("RUNNING")
        reply = jobs.send("GET", f"/emulator/v1/{name}:logs")
        assert reply.error == "FAILED_PRECONDITION"
        assert "names no container command" in reply.message


def test_no_more_processes_run_at_once_than_the_machine_is_given(jobs: Service) -> None:
    first, second = (
        jobs.create(CUSTOM, job(pool("sleep", "600"), pool("sleep", "600", replicas=15)))["name"] for _ in range(2)
    )
    until(lambda: state(jobs, second) == "JOB_STATE_RUNNING")
    third = jobs.create(CUSTOM, job(pool("true")))["name"]
    until(lambda: state(jobs, third) == "JOB_STATE_QUEUED")
    waiting = jobs.create(CUSTOM, job(pool("true")))["name"]
    jobs.send("POST", f"/v1/{waiting}:cancel", {})
    assert ended(jobs, waiting)["state"] == "JOB_STATE_CANCELLED"
    jobs.send("POST", f"/v1/{first}:cancel", {})
    assert ended(jobs, third)["state"] == "JOB_STATE_SUCCEEDED"


def test_output_is_bounded_and_what_is_lost_is_told(tmp_path: Path) -> None:
    with running_jobs.opened(str(tmp_path / "jobs.db")) as jobs:
        script = "for n in range(1400): print(n, 'x' * 8000)\nprint('y' * 40000)\nprint('the end')"
        name = jobs.create(CUSTOM, job(python(script)))["name"]
        ended(jobs, name)
        first = logs(jobs, name)
        assert first["dropped"] > 300
        assert first["lines"][0]["n"] == first["dropped"] + 1
        lines, page = list(first["lines"]), first
        while not page["ended"]:
            page = logs(jobs, name, after=lines[-1]["n"])
            lines += page["lines"]
        texts = [line["text"] for line in lines if line["replica"] == "workerpool0-0"]
        assert texts[-1] == "the end"
        assert [len(text) for text in texts[-4:-1]] == [16384, 16384, 40000 - 2 * 16384]
        assert [line["n"] for line in lines] == list(range(lines[0]["n"], lines[-1]["n"] + 1))
        firsts = sorted(int(file.stem) for file in tmp_path.rglob("*.jsonl"))
        assert len(firsts) == output.MOST_FILES
        assert [logs(jobs, name, after=first - 2)["lines"][0]["n"] for first in firsts[1:]] == [
            first - 1 for first in firsts[1:]
        ]
        kept = sum(file.stat().st_size for file in tmp_path.rglob("*.jsonl"))
        assert kept <= output.MOST_FILES * output.FILE_BYTES


def test_output_that_cannot_be_kept_costs_lines_and_stops_no_job(tmp_path: Path) -> None:
    with running_jobs.opened(str(tmp_path / "jobs.db")) as jobs:
        script = "import shutil\nshutil.rmtree('../../output')\nfor n in range(400): print('x' * 8000)"
        name = jobs.create(CUSTOM, job(python(script)))["name"]
        assert ended(jobs, name)["state"] == "JOB_STATE_SUCCEEDED"
        other = jobs.create(CUSTOM, job(python("print('after')")))["name"]
        assert ended(jobs, other)["state"] == "JOB_STATE_SUCCEEDED"
        assert printed(jobs, other) == ["after"]


def test_half_a_line_that_a_full_disk_kept_hides_no_later_one(tmp_path: Path) -> None:
    kept = output.Output(tmp_path, lambda: 0.0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writes beyond the limit fail as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    try:
        for text in ("first", "x" * 300, "lost" * 100):
            kept.add("one", text)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    kept.add("one", "last")
    kept.close()
    assert [(line.n, line.text) for line in output.read(tmp_path, 0, 10)[0]] == [(1, "first"), (4, "last")]


def test_a_state_that_is_set_from_outside_stops_the_processes(jobs: Service) -> None:
    name = jobs.create(CUSTOM, job(pool("sleep", "600")))["name"]
    until(lambda: state(jobs, name) == "JOB_STATE_RUNNING")
    jobs.send("POST", f"/emulator/v1/{name}:setState", {"state": "JOB_STATE_FAILED"})
    until(lambda: "workerpool0-0 ended with status 143" in notes(jobs, name))
    assert state(jobs, name) == "JOB_STATE_FAILED"


def test_a_deleted_job_takes_its_folder_with_it(tmp_path: Path) -> None:
    with running_jobs.opened(str(tmp_path / "jobs.db")) as jobs:
        name = jobs.create(CUSTOM, job(pool("sh", "-c", "echo model > model.txt")))["name"]
        ended(jobs, name)
        [model] = tmp_path.rglob("model.txt")
        assert model.read_text() == "model\n"
        [folder] = (tmp_path / ".jobs.db.runs").iterdir()
        jobs.send("DELETE", f"/v1/{name}")
        until(lambda: not folder.exists(), "the removal of the folder")


def test_what_a_command_leaves_behind_ends_with_it(jobs: Service) -> None:
    name = jobs.create(CUSTOM, job(pool("sh", "-c", "sleep 600 & echo $!")))["name"]
    assert ended(jobs, name)["state"] == "JOB_STATE_SUCCEEDED"
    [number] = map(int, printed(jobs, name))
    until(lambda: not processes.identify(number).started, "the end of what was left")


@pytest.mark.parametrize("after", ["-1", "x", "9" * 19])
def test_a_place_in_the_output_that_is_none_is_refused(jobs: Service, after: str) -> None:
    name = jobs.create(CUSTOM, job(pool(sys.executable, "-c", "")))["name"]
    assert jobs.send("GET", f"/emulator/v1/{name}:logs", after=after).error == "INVALID_ARGUMENT"
    ended(jobs, name)
