"""The job methods against the emulator, in process: both sides must mean the same by every verb."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from reconciler.api.endpoints import Endpoints
from reconciler.api.jobs import HttpJobs
from reconciler.emulator.app import Emulator, random_ids
from reconciler.files.schemas import load_kinds
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Scope
from tests.support.loopback import FakeClock

KINDS = load_kinds()
SCOPE, PROJECT = Scope("demo-project", "us-central1"), Scope("demo-project")
POOL = {"machineSpec": {"machineType": "n1-standard-4"}, "replicaCount": 1, "containerSpec": {"imageUri": "i"}}
CUSTOM = {"displayName": "a", "jobSpec": {"workerPoolSpecs": [POOL]}, "labels": {"team": "vision"}}
ML = {
    "jobId": "train_1",
    "labels": {"team": "vision"},
    "trainingInput": {"region": "us-central1", "scaleTier": "BASIC", "masterConfig": {"imageUri": "i"}},
}


@pytest.fixture
def api() -> Iterator[HttpJobs]:
    clock = FakeClock()
    emulator = Emulator(KINDS, ":memory:", clock, random_ids(random.Random(1)))
    yield HttpJobs(emulator, Endpoints("embedded"), clock, page_size=2)
    emulator.close()


def test_a_custom_job_is_created_found_and_read(api: HttpJobs) -> None:
    kind = KINDS["CustomJob"]
    made = [api.create(kind, SCOPE, CUSTOM)["name"] for _ in range(5)]
    pages = list(api.list(kind, SCOPE, 'labels.team="vision"', kind.list_mask))
    assert len(pages) == 3
    assert sorted(row["name"] for page in pages for row in page) == sorted(made)
    assert "jobSpec" not in pages[0][0]
    assert api.get(kind, made[0])["name"] == made[0]


def test_a_custom_job_that_runs_is_cancelled_before_it_is_deleted(api: HttpJobs) -> None:
    kind = KINDS["CustomJob"]
    name = api.create(kind, SCOPE, CUSTOM)["name"]
    with pytest.raises(errors.FailedPrecondition):
        api.delete(kind, name)
    api.cancel(kind, name)


def test_a_job_that_is_not_there_is_not_found(api: HttpJobs) -> None:
    kind = KINDS["CustomJob"]
    name = api.create(kind, SCOPE, CUSTOM)["name"].rpartition("/")[0] + "/1"
    for call in (api.get, api.cancel, api.delete):
        with pytest.raises(errors.NotFound):
            call(kind, name)


def test_a_wrong_job_is_refused_with_the_services_words(api: HttpJobs) -> None:
    with pytest.raises(errors.InvalidRequest, match="nonsense"):
        api.create(KINDS["CustomJob"], SCOPE, CUSTOM | {"nonsense": 1})


def test_an_ml_job_has_its_labels_and_policy_changed_under_their_etags(api: HttpJobs) -> None:
    kind, name = KINDS["Job"], "projects/demo-project/jobs/train_1"
    made = api.create(kind, PROJECT, ML)
    changed = api.patch_labels(kind, name, {"team": "speech"}, made["etag"])
    assert changed["labels"] == {"team": "speech"}
    with pytest.raises(errors.Conflict):
        api.patch_labels(kind, name, {"team": "vision"}, made["etag"])
    with pytest.raises(errors.Conflict):
        api.create(kind, PROJECT, ML)
    policy = dict(api.get_iam_policy(kind, name))
    policy["bindings"] = [{"role": "roles/ml.jobOwner", "members": ["user:a@example.com"]}]
    assert api.set_iam_policy(kind, name, policy)["bindings"] == policy["bindings"]
    assert [row["jobId"] for page in api.list(kind, PROJECT, "") for row in page] == ["train_1"]
