"""A job that was started and could not be written down: told as what it is, and found by whoever comes next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.emulator.faults.model import Fault, ListLag
from tests.support import cloud_storage
from tests.support.cloud_storage import BUCKET, CloudStorage
from tests.support.faults import refusal
from tests.support.stage import Service, Stage


@pytest.fixture
def cloud(stage: Stage, service: Service) -> Iterator[CloudStorage]:
    """A store in a bucket for a stack whose lists may lag for half a minute."""
    found = CloudStorage()
    with cloud_storage.serving(found) as url:
        stage.stack(service.url, f"store: gs://{BUCKET}/team\n")
        text = (stage.root / "reconciler.yaml").read_text()
        stage.write("reconciler.yaml", text.replace("settle: 10ms", "settle: 30s"))
        stage.monkeypatch.setenv("RECONCILER_STORE_ENDPOINT", url)
        yield found


def lose_ledger(cloud: CloudStorage) -> None:
    cloud.fail("503", "insert", "/ledger/", times=1000)


def test_a_create_that_the_ledger_does_not_learn_of_is_created_in_part(
    stage: Stage, service: Service, cloud: CloudStorage
) -> None:
    lose_ledger(cloud)
    done = stage.run("apply", "--yes", "-o", "json")
    assert done.code == 8
    [outcome] = done.json["outcomes"]
    assert (outcome["status"], outcome["resource"]) == ("created", service.rows()[0]["name"])
    assert f"gs://{BUCKET}/team/3fa94c1b/ledger/CustomJob/train/" in outcome["error"]
    assert (done.json["summary"]["created"], done.json["summary"]["failed"]) == (1, 0)


def test_people_are_told_that_the_apply_is_incomplete(stage: Stage, service: Service, cloud: CloudStorage) -> None:
    lose_ledger(cloud)
    done = stage.run("apply", "--yes")
    assert "Apply incomplete: 1 created" in done.out
    assert "CustomJob/train: created (create)" in done.out
    assert "this could not be written down" in done.out


def test_the_next_plan_waits_until_lists_show_it_and_the_next_apply_writes_it_down(
    stage: Stage, service: Service, cloud: CloudStorage
) -> None:
    lose_ledger(cloud)
    service.emulator.inject(Fault(ListLag(20)))
    assert stage.run("apply", "--yes").code == 8
    cloud.faults.clear()
    assert stage.actions() == {"CustomJob/train": "noop"}
    stage.ok("apply", "--yes")
    assert len(service.rows()) == 1
    assert [name for name in cloud.names("team/3fa94c1b/ledger/") if name.endswith(".started")]


def test_nothing_new_starts_once_the_store_fails(stage: Stage, service: Service, cloud: CloudStorage) -> None:
    stage.job("other")
    lose_ledger(cloud)
    assert stage.run("apply", "--yes", "--parallelism", 1).code == 8
    assert len(service.rows()) == 1
    cloud.faults.clear()
    stage.ok("apply", "--yes")
    assert len(service.rows()) == 2


def test_a_replace_whose_new_run_is_not_written_down_is_replaced_in_part(
    stage: Stage, service: Service, cloud: CloudStorage
) -> None:
    stage.ok("apply", "--yes")
    stage.job(replicas=2)
    lose_ledger(cloud)
    done = stage.run("apply", "--yes", "--allow-cancel", "1", "-o", "json")
    assert done.code == 8
    [outcome] = done.json["outcomes"]
    assert outcome["status"] == "replaced"
    assert "could not be written down" in outcome["error"]
    cloud.faults.clear()
    assert stage.actions() == {"CustomJob/train": "noop"}


def test_a_refused_create_keeps_its_own_error_where_the_journal_fails_too(
    stage: Stage, service: Service, cloud: CloudStorage
) -> None:
    service.spoil("POST", "customJobs", refusal(400, "INVALID_ARGUMENT", "Quota project is closed."))
    cloud.fail("503", "insert", "/journal/", times=1000, skip=2)
    done = stage.run("apply", "--yes", "-o", "json")
    assert done.code == 1
    [outcome] = done.json["outcomes"]
    assert outcome["status"] == "failed"
    assert "Quota project is closed." in outcome["error"]
