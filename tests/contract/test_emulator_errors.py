"""Every error reply that is known of the job APIs can be had: by a real cause where there is one, else by a fault."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from reconciler.emulator import behaviour, switches
from reconciler.emulator.faults import broken_replies, parse
from reconciler.vocabulary.wire import Request
from tests.support import service
from tests.support.service import CUSTOM, ML, NAS, Answer, Service

Cause = Callable[[Service], Answer]


@dataclass(frozen=True)
class Known:
    """One reply: how it comes about, and what it looks like. `details` are the names of their types."""

    cause: Cause
    code: int
    status: str
    form: str
    details: tuple[str, ...] = ()
    switched: str = ""


def sends(method: str, path: str, body: Any = None, **query: str) -> Cause:
    return lambda jobs: jobs.send(method, path, body, **query)


def struck(method: str = "POST", path: str = CUSTOM, **fault: Any) -> Cause:
    """Inject a fault as a faults file has it, and be struck by it."""

    def cause(jobs: Service) -> Answer:
        found, problems = parse.read({"faults": [{"action": "status", "nth": 1, **fault}]}, ("CustomJob",))
        assert problems == ()
        jobs.emulator.inject(*found)
        body = {CUSTOM: service.custom_job(), ML: service.ml_job("one")}[path] if method == "POST" else None
        return jobs.send(method, path, body)

    return cause


def machine(**spec: Any) -> dict[str, Any]:
    job = service.custom_job()
    job["jobSpec"]["workerPoolSpecs"][0]["machineSpec"] = spec
    return job


def two_tasks() -> dict[str, Any]:
    job = service.custom_job()
    job["jobSpec"]["workerPoolSpecs"][0]["pythonPackageSpec"] = {"pythonModule": "m"}
    return job


def cancelled_late(jobs: Service) -> Answer:
    made = jobs.create(CUSTOM, service.custom_job())
    jobs.emulator.set_state(made["name"], "JOB_STATE_FAILED")
    return jobs.send("POST", f"/v1/{made['name']}:cancel")


def deleted_alive(jobs: Service) -> Answer:
    return jobs.send("DELETE", f"/v1/{jobs.create(CUSTOM, service.custom_job())['name']}")


def created_twice(jobs: Service) -> Answer:
    jobs.create(ML, service.ml_job("one"))
    return jobs.send("POST", ML, service.ml_job("one"))


def patched_with_an_old_etag(jobs: Service) -> Answer:
    jobs.create(ML, service.ml_job("one"))
    return jobs.send("PATCH", f"{ML}/one", {"labels": {}, "etag": "AAAAAAAAAAA="}, updateMask="labels,etag")


def at_another_host(jobs: Service) -> Answer:
    reply = jobs.transport(Request("GET", f"https://us-central1-aiplatform.googleapis.com{EAST}", {}, b""))
    return Answer(reply.status, reply.headers, reply.body)


EAST = "/v1/projects/demo/locations/asia-east1/customJobs"
BAD, INFO, HELP, QUOTA = "BadRequest", "ErrorInfo", "Help", "QuotaFailure"
LIST = r"List of found errors:(\t\d+\.Field: [a-z_.\[\]0-9]+; Message: [^\t]+)+\t"
VALUE = r"Invalid value at '[^']+' \(type\.googleapis\.com/google\.cloud\.aiplatform\.v1(beta1)?\.\w+\), \".*\""
IN_STATE = r'The \w+ "projects/[^"]+" is in state \w+ and cannot be (canceled|deleted)\..*'
HARDWARE = r"The following quota metrics exceed quota limits: aiplatform\.googleapis\.com/custom_model_training_\w+"
DENIED = r"Permission '[a-z]+\.\w+\.\w+' denied on resource '//[a-z]+\.googleapis\.com/projects/[^']+' \(or it may not exist\)\."

KNOWN: dict[str, Known] = {
    # facts of validation
    "a field of the job": Known(
        sends("POST", CUSTOM, machine(acceleratorCount=1)), 400, "INVALID_ARGUMENT", LIST, (BAD,)
    ),
    "labels": Known(sends("POST", NAS, service.nas_job(labels={"A": "b"})), 400, "INVALID_ARGUMENT", LIST, (BAD,)),
    "a machine without accelerators": Known(
        sends("POST", CUSTOM, machine(machineType="e2-standard-4", acceleratorType=1, acceleratorCount=1)),
        400,
        "INVALID_ARGUMENT",
        r'Accelerator "NVIDIA_\w+" is not supported for machine type "[a-z0-9-]+"',
    ),
    "an accelerator that ended": Known(
        sends("POST", CUSTOM, machine(machineType="n1-standard-4", acceleratorType=1, acceleratorCount=1)),
        400,
        "INVALID_ARGUMENT",
        r'Accelerator "NVIDIA_TESLA_K80" is not supported for machine type "n1-standard-4"',
        switched="retired-accelerators=refused",
    ),
    "an unknown name": Known(
        sends("POST", ML, {**service.ml_job("one"), "parameter_server_type": "n1"}),
        400,
        "INVALID_ARGUMENT",
        r"Invalid JSON payload received\. Unknown name \"parameter_server_type\" at 'job': Cannot find field\.",
        (BAD,),
    ),
    "a value of another type": Known(
        sends("POST", CUSTOM, machine() | {"encryptionSpec": "key"}), 400, "INVALID_ARGUMENT", VALUE, (BAD,)
    ),
    "two members of a oneof": Known(
        sends("POST", CUSTOM, two_tasks()),
        400,
        "INVALID_ARGUMENT",
        r"Invalid value at '[^']+' \(oneof\), oneof field 'task' is already set\. Cannot set 'pythonPackageSpec'",
        (BAD,),
    ),
    "an unknown parameter": Known(
        sends("GET", CUSTOM, orderBy="name"),
        400,
        "INVALID_ARGUMENT",
        r"Invalid JSON payload received\. Unknown name \"orderBy\": Cannot bind query parameter\..*",
        (BAD,),
    ),
    "a location of another host": Known(
        at_another_host,
        400,
        "INVALID_ARGUMENT",
        LIST.replace("[^\\t]+", "The provided location ID doesn't match the endpoint\\..*`us-central1`\\."),
        (BAD,),
    ),
    "a cancel of an ended job": Known(cancelled_late, 400, "FAILED_PRECONDITION", IN_STATE),
    "a delete of an active job": Known(deleted_alive, 400, "FAILED_PRECONDITION", IN_STATE),
    # facts of existence
    "no such custom job": Known(
        sends("GET", f"{CUSTOM}/1"),
        404,
        "NOT_FOUND",
        r"The (CustomJob|HyperparameterTuningJob|PipelineJob) does not exist\.",
    ),
    "no such search job": Known(sends("POST", f"{NAS}/1:cancel"), 404, "NOT_FOUND", r"The NasJob does not exist\."),
    "an id that is taken": Known(created_twice, 409, "ALREADY_EXISTS", r"Field: job\.job_id Error: .+", (BAD,)),
    "an etag that is old": Known(patched_with_an_old_etag, 409, "ABORTED", r".*etag.*does not match.*"),
    "a reference that is not there": Known(
        struck(path=ML, body="model"),
        404,
        "NOT_FOUND",
        r"Field: prediction_input\.model_name Error: The model resource: \"\w+\" was not found\. Please create .*",
        (BAD,),
    ),
    # who may do what, where
    "a token that is none": Known(struck(code=401), 401, "UNAUTHENTICATED", r"Request had invalid authentication .*"),
    "a token, whole": Known(struck(body="token"), 401, "UNAUTHENTICATED", r"Request had invalid authentication .*"),
    "a permission": Known(struck(body="permission"), 403, "PERMISSION_DENIED", DENIED, (INFO,)),
    "an API that is off": Known(
        struck(body="api_disabled"),
        403,
        "PERMISSION_DENIED",
        r"Vertex AI API has not been used in project \d+ before or it is disabled\. Enable it by visiting https://\S+ .*",
        (HELP, INFO),
    ),
    "a project that is none": Known(
        struck(body="project"),
        403,
        "PERMISSION_DENIED",
        r"Permission denied on resource project .+\.",
        (HELP, INFO),
    ),
    "scopes": Known(
        struck(body="scopes"), 403, "PERMISSION_DENIED", r"Request had insufficient authentication scopes\.", (INFO,)
    ),
    "acting as a service account": Known(
        struck(body="act_as"),
        400,
        "INVALID_ARGUMENT",
        r"You do not have permission to act as service_account: \S+\. \(or it may not exist\)\.",
    ),
    "an organisation's policy": Known(
        struck(code=400, reason="FAILED_PRECONDITION", message="Constraint constraints/custom.machines violated."),
        400,
        "FAILED_PRECONDITION",
        "Constraint .*",  # unverified: nobody has shown this reply
    ),
    # what there is not enough of
    "hardware quota": Known(struck(body="hardware_quota"), 429, "RESOURCE_EXHAUSTED", HARDWARE),
    "hardware quota of ml": Known(
        struck(path=ML, body="ml_quota"),
        429,
        "RESOURCE_EXHAUSTED",
        r"Quota failure for project \S+\. The request for 2 K80 accelerators exceeds the allowed maximum of .*",
        (QUOTA,),
    ),
    "a rate": Known(
        struck("GET", body="rate"),
        429,
        "RESOURCE_EXHAUSTED",
        r"Quota exceeded for quota metric '.+' and limit '.+ per minute .+' of service 'aiplatform\.googleapis\.com' .*",
        (INFO,),
    ),
    "capacity": Known(
        struck(body="capacity"), 429, "RESOURCE_EXHAUSTED", r"Unable to submit request because .* out of capacity\. .*"
    ),
    "accelerators of a project": Known(struck(body="accelerators"), 400, "INVALID_ARGUMENT", LIST, (BAD,)),
    # the service itself
    "an internal error": Known(struck("GET", code=500), 500, "INTERNAL", r"Internal error encountered\."),
    "no service": Known(struck("GET", code=503), 503, "UNAVAILABLE", r"The service is currently unavailable\."),
}


@pytest.mark.parametrize("wire", service.WIRES)
@pytest.mark.parametrize("name", KNOWN)
def test_every_known_reply_can_be_had(name: str, wire: str) -> None:
    known = KNOWN[name]
    if known.cause is at_another_host and wire == "http":
        wire = "in process"  # the client of these tests goes to loopback; test_emulator_validation sends Host headers
    with opened(known, wire) as jobs:
        answer = known.cause(jobs)
    error = answer.json["error"]
    assert (answer.status, error["code"], error["status"]) == (known.code, known.code, known.status)
    assert re.fullmatch(known.form, error["message"], re.DOTALL), error["message"]
    assert types(error) == known.details


def opened(known: Known, wire: str) -> Any:
    behaviours = switches.behaviours(behaviour.load(), switches.read([known.switched] if known.switched else []))
    return service.opened(wire, behaviours=behaviours)


def types(error: dict[str, Any]) -> tuple[str, ...]:
    return tuple(
        str(detail["@type"]).removeprefix("type.googleapis.com/google.rpc.") for detail in error.get("details", ())
    )


def test_every_body_that_a_fault_can_have_is_in_the_table_or_has_no_envelope() -> None:
    used = {fault for known in KNOWN.values() for fault in closure(known.cause)}
    assert set(broken_replies.BODIES) - used == {"envelope", "list", "html"}


def closure(cause: Cause) -> set[str]:
    """Return the body that a cause made by `struck` injects."""
    kept = [cell.cell_contents for cell in cause.__closure__ or ()]
    return {each["body"] for each in kept if isinstance(each, dict) and "body" in each}


@pytest.mark.parametrize("wire", service.WIRES)
def test_an_envelope_may_come_inside_a_list_and_a_page_instead_of_one(wire: str) -> None:
    with service.opened(wire) as jobs:
        wrapped = struck("GET", code=403, body="list", message="m")(jobs)
        jobs.emulator.clear_faults()
        page = struck("GET", code=502, body="html")(jobs)
        unknown = jobs.send("GET", "/v1/projects/demo/locations/us-central1/unicorns")
    assert wrapped.json == [{"error": {"code": 403, "message": "m", "status": "PERMISSION_DENIED"}}]
    for reply, status in ((page, 502), (unknown, 404)):
        assert reply.status == status
        assert reply.headers["content-type"].startswith("text/html")
        with pytest.raises(ValueError, match="Expecting value"):
            json.loads(reply.body)


@pytest.mark.parametrize(
    ("method", "path", "permission", "resource"),
    [
        ("POST", CUSTOM, "aiplatform.customJobs.create", "projects/demo/locations/us-central1"),
        ("GET", CUSTOM, "aiplatform.customJobs.list", "projects/demo/locations/us-central1"),
        ("GET", f"{NAS}/5", "aiplatform.nasJobs.get", "projects/demo/locations/us-central1/nasJobs/5"),
        (
            "POST",
            f"{CUSTOM}/5:cancel",
            "aiplatform.customJobs.cancel",
            "projects/demo/locations/us-central1/customJobs/5",
        ),
        ("GET", ML, "ml.jobs.list", "projects/demo"),
        ("PATCH", f"{ML}/one", "ml.jobs.update", "projects/demo/jobs/one"),
    ],
)
def test_a_missing_permission_is_the_one_that_the_call_needs(
    method: str, path: str, permission: str, resource: str
) -> None:
    with service.opened("in process") as jobs:
        found, _ = parse.read({"faults": [{"action": "status", "body": "permission"}]}, ("CustomJob",))
        jobs.emulator.inject(*found)
        error = jobs.send(method, path).json["error"]
    api = permission.partition(".")[0]
    assert error["message"] == (
        f"Permission '{permission}' denied on resource '//{api}.googleapis.com/{resource}' (or it may not exist)."
    )
    [info] = error["details"]
    assert info["metadata"] == {"permission": permission, "resource": resource}
    assert info["domain"] == f"{api}.googleapis.com"


@pytest.mark.parametrize("body", sorted(broken_replies.CODES))
def test_a_reply_recorded_whole_brings_its_own_code(body: str) -> None:
    other = 418
    _, problems = parse.read({"faults": [{"action": "status", "body": body, "code": other}]}, ("CustomJob",))
    assert [problem.path for problem in problems] == [("faults", 0, "code")]
    assert str(broken_replies.CODES[body]) in problems[0].message
