"""Google's own generated clients work against the emulator over HTTP: they send numeric enums and parse strictly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform_v1
from google.protobuf import empty_pb2
from googleapiclient import discovery

from reconciler.emulator import behaviour, switches
from tests.support import service
from tests.support.service import Service

PARENT = "projects/demo/locations/us-central1"


@pytest.fixture
def emulated() -> Iterator[Service]:
    with service.opened("http") as found:
        yield found


def _vertex(emulated: Service) -> Any:
    return aiplatform_v1.JobServiceClient(
        transport="rest",
        client_options={"api_endpoint": f"http://127.0.0.1:{emulated.port}"},
        credentials=AnonymousCredentials(),
    )


@pytest.fixture
def vertex(emulated: Service) -> Iterator[Any]:
    client = _vertex(emulated)
    yield client
    client.transport.close()


@pytest.fixture
def legacy(emulated: Service) -> Iterator[Any]:
    client = discovery.build(
        "ml",
        "v1",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"http://127.0.0.1:{emulated.port}"},
    )
    yield client.projects().jobs()
    client.close()


def custom_job(name: str) -> Any:
    pool = aiplatform_v1.WorkerPoolSpec(
        replica_count=1,
        machine_spec={"machine_type": "n1-standard-4", "accelerator_type": "NVIDIA_L4", "accelerator_count": 1},
        container_spec={"image_uri": "img:1"},
    )
    return aiplatform_v1.CustomJob(display_name=name, labels={"n": name}, job_spec={"worker_pool_specs": [pool]})


def test_a_custom_job_is_created_listed_cancelled_and_deleted(emulated: Service, vertex: Any) -> None:
    made = [vertex.create_custom_job(parent=PARENT, custom_job=custom_job(f"job{n}")) for n in range(3)]
    machine = made[0].job_spec.worker_pool_specs[0]
    assert machine.machine_spec.accelerator_type == aiplatform_v1.AcceleratorType.NVIDIA_L4
    assert machine.disk_spec.boot_disk_size_gb == 100
    request = {"parent": PARENT, "page_size": 1, "filter": "labels.n:*", "read_mask": {"paths": ["display_name"]}}
    assert [job.display_name for job in vertex.list_custom_jobs(request)] == ["job2", "job1", "job0"]
    vertex.cancel_custom_job(name=made[0].name)
    emulated.clock.advance(5)
    ended = vertex.get_custom_job(name=made[0].name)
    assert (ended.state, ended.error.message) == (aiplatform_v1.JobState.JOB_STATE_CANCELLED, "CANCELED")
    assert vertex.delete_custom_job(name=ended.name).done()
    with pytest.raises(exceptions.NotFound, match="The CustomJob does not exist"):
        vertex.get_custom_job(name=ended.name)


def test_refusals_arrive_as_the_clients_own_exceptions(emulated: Service, vertex: Any) -> None:
    with pytest.raises(exceptions.BadRequest, match="Field: display_name"):
        vertex.create_custom_job(parent=PARENT, custom_job=aiplatform_v1.CustomJob())
    live = vertex.create_custom_job(parent=PARENT, custom_job=custom_job("live"))
    with pytest.raises(exceptions.BadRequest, match="cannot be deleted"):
        vertex.delete_custom_job(name=live.name)


def test_a_nas_job_is_created_and_read(emulated: Service, vertex: Any) -> None:
    spec = custom_job("x").job_spec
    search = {"search_trial_job_spec": spec, "max_trial_count": 4, "max_parallel_trial_count": 2}
    algorithm = {"multi_trial_algorithm": 2, "search_trial_spec": search}
    job = aiplatform_v1.NasJob(display_name="nas", nas_job_spec={"multi_trial_algorithm_spec": algorithm})
    made = vertex.create_nas_job(parent=PARENT, nas_job=job)
    emulated.clock.advance(700)
    found = vertex.get_nas_job(name=made.name)
    assert found.state == aiplatform_v1.JobState.JOB_STATE_SUCCEEDED
    assert found.nas_job_spec == made.nas_job_spec


def test_ml_jobs_work_through_the_discovery_client(emulated: Service, legacy: Any) -> None:
    legacy.create(parent="projects/demo", body=service.ml_job("one")).execute()
    legacy.patch(name="projects/demo/jobs/one", updateMask="labels", body={"labels": {"n": "1"}}).execute()
    listed = legacy.list(parent="projects/demo", filter="labels.n=1").execute()
    assert [job["labels"] for job in listed["jobs"]] == [{"n": "1"}]
    policy = legacy.getIamPolicy(resource="projects/demo/jobs/one", options_requestedPolicyVersion=3).execute()
    written = {"policy": {**policy, "bindings": [{"role": "roles/ml.jobOwner", "members": ["user:a@example.com"]}]}}
    assert legacy.setIamPolicy(resource="projects/demo/jobs/one", body=written).execute()["bindings"]
    assert legacy.cancel(name="projects/demo/jobs/one").execute() == {}


@pytest.mark.parametrize("choice", ["done", "polled"])
def test_the_operation_of_a_delete_is_followed_to_its_end(choice: str) -> None:
    behaviours = switches.behaviours(behaviour.load(), {"delete-operation": choice})
    with service.opened("http", behaviours=behaviours) as emulated, _vertex(emulated) as client:
        name = client.create_custom_job(parent=PARENT, custom_job=custom_job("a")).name
        emulated.clock.advance(10_000)
        operation = client.delete_custom_job(name=name)
        assert operation.result(timeout=20) == empty_pb2.Empty()
        reads = [call for call in emulated.emulator.audit() if "/operations/" in call.path]
        assert len(reads) == (1 if choice == "polled" else 0)
        with pytest.raises(exceptions.NotFound):
            client.get_custom_job(name=name)
