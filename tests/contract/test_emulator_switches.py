"""Every behaviour that can be chosen, both ways: what a caller sees changes, and only with the choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import main
from reconciler.emulator import behaviour, switches
from reconciler.vocabulary import errors
from tests.contract.test_emulator_command import send
from tests.support import service
from tests.support.emulator import emulating
from tests.support.service import CUSTOM, ML, NAS, Service

DAY = 86_400.0


def cancelled_late(jobs: Service) -> Any:
    name = jobs.create(CUSTOM, service.custom_job())["name"]
    jobs.clock.advance(10_000)
    return jobs.send("POST", f"/v1/{name}:cancel").status, jobs.send("GET", f"/v1/{name}").json["state"]


def states_of_a_cancel(jobs: Service) -> Any:
    name = jobs.create(CUSTOM, service.custom_job())["name"]
    jobs.clock.advance(10)
    jobs.send("POST", f"/v1/{name}:cancel")
    seen = []
    for _ in range(8):
        seen.append(jobs.send("GET", f"/v1/{name}").json["state"].removeprefix("JOB_STATE_"))
        jobs.clock.advance(0.2)
    return "CANCELLING" in seen, seen[-1]


def seconds_of_a_cancel(jobs: Service) -> Any:
    name = jobs.create(CUSTOM, service.custom_job())["name"]
    jobs.send("POST", f"/v1/{name}:cancel")
    for seconds in range(60):
        if jobs.send("GET", f"/v1/{name}").json["state"] == "JOB_STATE_CANCELLED":
            return seconds
        jobs.clock.advance(1)
    return None


def deleted_alive(jobs: Service) -> Any:
    name = jobs.create(CUSTOM, service.custom_job())["name"]
    return jobs.send("DELETE", f"/v1/{name}").status, jobs.send("GET", f"/v1/{name}").status


def operation_of_a_delete(jobs: Service) -> Any:
    name = jobs.create(CUSTOM, service.custom_job())["name"]
    jobs.clock.advance(10_000)
    operation = jobs.send("DELETE", f"/v1/{name}").json
    read = jobs.send("GET", f"/v1/{operation['name']}").json
    return operation.get("done"), "response" in operation, read["done"], jobs.send("GET", f"/v1/{name}").status


def order_of_a_list(jobs: Service) -> Any:
    for name in ("first", "second", "third"):
        made = jobs.create(CUSTOM, service.custom_job(displayName=name))
        if name == "first":
            first = made["name"]
    jobs.clock.advance(10)
    jobs.emulator.set_state(first, "JOB_STATE_FAILED")
    return [row["displayName"] for row in jobs.rows(CUSTOM, "customJobs", pageSize="2")]


def outputs_in_a_list(jobs: Service) -> Any:
    name = jobs.create(NAS, service.nas_job())["name"]
    jobs.clock.advance(100_000)
    assert "nasJobOutput" in jobs.send("GET", f"/v1/{name}").json
    return ["nasJobOutput" in row for row in jobs.rows(NAS, "nasJobs")]


def old_jobs_in_a_list(jobs: Service) -> Any:
    jobs.create(ML, service.ml_job("old"))
    jobs.clock.advance(91 * DAY)
    return len(jobs.rows(ML, "jobs"))


def rows_of_a_page(asked: int = 0) -> Callable[[Service], Any]:
    def count(jobs: Service) -> Any:
        for _ in range(120):
            jobs.create(CUSTOM, service.custom_job())
        query = {"pageSize": str(asked)} if asked else {}
        return len(jobs.send("GET", CUSTOM, **query).json["customJobs"])

    return count


def masked_list(jobs: Service) -> Any:
    jobs.create(CUSTOM, service.custom_job())
    answer = jobs.send("GET", CUSTOM, readMask="displayName")
    return answer.status if answer.status != 200 else "jobSpec" in answer.json["customJobs"][0]


def long_label(jobs: Service) -> Any:
    return [jobs.send("POST", CUSTOM, service.custom_job(labels={"k": "x" * n})).status for n in (63, 64, 65)]


def half_a_disk(jobs: Service) -> Any:
    body = service.custom_job()
    body["jobSpec"]["workerPoolSpecs"][0]["diskSpec"] = {"bootDiskSizeGb": 200}
    given = jobs.create(CUSTOM, body)["jobSpec"]["workerPoolSpecs"][0]["diskSpec"]
    absent = jobs.create(CUSTOM, service.custom_job())["jobSpec"]["workerPoolSpecs"][0]["diskSpec"]
    return given.get("bootDiskType"), absent


def output_uri(jobs: Service) -> Any:
    body = service.custom_job()
    body["jobSpec"]["baseOutputDirectory"] = {"outputUriPrefix": "gs://bucket/out"}
    return jobs.create(CUSTOM, body)["jobSpec"]["baseOutputDirectory"]["outputUriPrefix"]


def pool_without_task(jobs: Service) -> Any:
    body = service.custom_job()
    del body["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]
    return jobs.send("POST", CUSTOM, body).status


def retired_accelerator(jobs: Service) -> Any:
    body = service.custom_job()
    machine = {"machineType": "n1-standard-4", "acceleratorType": "NVIDIA_TESLA_K80", "acceleratorCount": 1}
    body["jobSpec"]["workerPoolSpecs"][0]["machineSpec"] = machine
    return jobs.send("POST", CUSTOM, body).status


def short_network(jobs: Service) -> Any:
    body = service.custom_job()
    body["jobSpec"]["network"] = "default"
    return jobs.send("POST", CUSTOM, body).status


def etag_that_moved(jobs: Service) -> Any:
    jobs.create(ML, service.ml_job("one"))
    answer = jobs.send("PATCH", f"{ML}/one", {"etag": "old"}, updateMask="etag")
    return answer.status, answer.error


def name_without_a_number(jobs: Service) -> Any:
    paths = (f"{CUSTOM}/x", f"{NAS}/x", f"{CUSTOM}/1", f"{ML}/x")
    return [jobs.send("GET", path).status for path in paths]


def board_without_account(jobs: Service) -> Any:
    body = service.custom_job()
    body["jobSpec"]["tensorboard"] = "projects/1/locations/us-central1/tensorboards/2"
    return jobs.send("POST", CUSTOM, body).status


DISK = {"bootDiskType": "pd-ssd", "bootDiskSizeGb": 100}

SEEN: Mapping[str, tuple[Callable[[Service], Any], Mapping[str, Any]]] = {
    "cancel-of-ended": (
        cancelled_late,
        {"refused": (400, "JOB_STATE_SUCCEEDED"), "taken": (200, "JOB_STATE_SUCCEEDED")},
    ),
    "cancel-shows-cancelling": (states_of_a_cancel, {"no": (False, "CANCELLED"), "yes": (True, "CANCELLED")}),
    "cancel-takes": (seconds_of_a_cancel, {"1s": 1, "31s": 31}),
    "delete-of-active": (deleted_alive, {"refused": (400, 200), "allowed": (200, 404)}),
    "delete-operation": (operation_of_a_delete, {"done": (True, True, True, 404), "polled": (None, False, True, 404)}),
    "list-order": (
        order_of_a_list,
        {"updated": ["first", "third", "second"], "created": ["third", "second", "first"]},
    ),
    "list-rows": (outputs_in_a_list, {"trimmed": [False], "full": [True]}),
    "list-window": (old_jobs_in_a_list, {"90d": 0, "unlimited": 1}),
    "page-size": (rows_of_a_page(), {"20": 20, "100": 100, "1000": 120}),
    "most-rows": (rows_of_a_page(2000), {"100": 100, "1000": 120}),
    "read-mask": (masked_list, {"honoured": False, "ignored": True, "refused": 400}),
    "label-length": (long_label, {"63": [200, 400, 400], "64": [200, 200, 400]}),
    "disk-spec": (half_a_disk, {"filled": ("pd-ssd", DISK), "absent-only": (None, DISK)}),
    "output-uri-slash": (output_uri, {"as-given": "gs://bucket/out", "added": "gs://bucket/out/"}),
    "stale-etag": (
        etag_that_moved,
        {"aborted": (409, "ABORTED"), "failed-precondition": (400, "FAILED_PRECONDITION")},
    ),
    "id-without-number": (
        name_without_a_number,
        {"missing": [404, 404, 404, 404], "refused": [400, 400, 404, 404]},
    ),
    "pool-without-task": (pool_without_task, {"taken": 200, "refused": 400}),
    "retired-accelerators": (retired_accelerator, {"taken": 200, "refused": 400}),
    "tensorboard-account": (board_without_account, {"any": 200, "required": 400}),
    "network-name": (short_network, {"any": 200, "full": 400}),
}


def opened(chosen: Mapping[str, str]) -> Any:
    behaviours = switches.behaviours(behaviour.load(), chosen)
    return service.opened("in process", behaviours=behaviours, faults=switches.faults(chosen))


CHOICES = [(switch.name, choice) for switch in switches.SWITCHES for choice in switch.choices]


@pytest.mark.parametrize(("name", "choice"), CHOICES)
def test_a_choice_shows_in_what_a_caller_sees(name: str, choice: str) -> None:
    see, wanted = SEEN[name]
    with opened({name: choice}) as jobs:
        assert see(jobs) == wanted[choice]


@pytest.mark.parametrize("switch", switches.SWITCHES, ids=lambda switch: switch.name)
def test_every_choice_is_seen_to_differ_and_the_default_is_what_is_served_without_one(switch: switches.Switch) -> None:
    see, wanted = SEEN[switch.name]
    assert set(wanted) == set(switch.choices)
    assert all(wanted[one] != wanted[other] for one in wanted for other in wanted if one != other)
    with opened({}) as jobs:
        assert see(jobs) == wanted[switch.default]


@pytest.mark.parametrize("wrong", ["list-order", "list-order=", "list-order=deleted", "speed=high", "=", ""])
def test_a_choice_that_is_none_is_refused_with_what_there_is(wrong: str) -> None:
    with pytest.raises(errors.InputError) as refused:
        switches.read([wrong, "list-order=created"])
    told = f"{refused.value} {refused.value.hint}"
    assert "delete-operation" in told
    assert f"`{wrong}`" in told


def test_every_wrong_choice_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["emulate", "--port", "0", "--behaviour", "a=b", "--behaviour", "list-order=x"]) == 1
    told = capsys.readouterr().err
    assert "`a=b`" in told
    assert "updated, created" in told


def test_the_command_serves_what_was_chosen(tmp_path: Path) -> None:
    choices = ("delete-of-active=allowed", "read-mask=refused")
    flags = [part for choice in choices for part in ("--behaviour", choice)]
    with emulating(*flags, folder=tmp_path) as port:
        _, made = send(port, "POST", CUSTOM, service.custom_job())
        assert send(port, "GET", f"{CUSTOM}?readMask=name")[0] == 400
        assert send(port, "DELETE", f"/v1/{made['name']}")[0] == 200
