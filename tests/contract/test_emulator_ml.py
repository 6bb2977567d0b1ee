"""What the emulator promises of ml.googleapis.com jobs: client-chosen ids, patch with etags, cancel, IAM policies."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import service
from tests.support.service import ML, Service

JOB = f"{ML}/one"
BINDING = {"role": "roles/ml.jobOwner", "members": ["user:a@example.com"]}
CONDITIONAL = BINDING | {"condition": {"expression": "true", "title": "always"}}


@pytest.fixture(params=service.WIRES)
def jobs(request: pytest.FixtureRequest) -> Iterator[Service]:
    with service.opened(request.param) as found:
        found.create(ML, service.ml_job("one", labels={"team": "vision"}))
        yield found


def test_a_new_job_is_queued_under_its_own_id_with_an_etag_and_an_empty_output(jobs: Service) -> None:
    made = jobs.create(ML, service.ml_job("two"))
    assert (made["jobId"], made["state"], made["trainingOutput"]) == ("two", "QUEUED", {})
    assert len(base64.b64decode(made["etag"], validate=True)) == 8
    assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", made["createTime"])
    assert not {"name", "updateTime"} & set(made)


def test_a_prediction_job_has_no_training_output(jobs: Service) -> None:
    given = {"dataFormat": "JSON", "inputPaths": ["gs://a"], "outputPath": "gs://b", "region": "r", "modelName": "m"}
    made = jobs.create(ML, {"jobId": "two", "predictionInput": given})
    assert "trainingOutput" not in made


def test_an_id_is_used_once(jobs: Service) -> None:
    answer = jobs.send("POST", ML, service.ml_job("one", labels={"team": "speech"}))
    assert (answer.status, answer.error) == (409, "ALREADY_EXISTS")
    assert jobs.send("GET", JOB).json["labels"] == {"team": "vision"}
    assert jobs.send("POST", ML.replace("demo", "other"), service.ml_job("one")).status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "job_id"),
        (service.ml_job("1one"), "job_id"),
        (service.ml_job("a-b"), "job_id"),
        (service.ml_job("a" * 129), "job_id"),
        ({"jobId": "two", "trainingInput": {"args": ["x"]}}, "training_input.region"),
        ({"jobId": "two", "trainingInput": {"region": "r", "scaleTier": "CUSTOM"}}, "training_input.master_type"),
        ({"jobId": "two", "predictionInput": {}}, "prediction_input"),
    ],
)
def test_a_bad_job_is_refused_in_this_apis_own_words(jobs: Service, body: Any, field: str) -> None:
    answer = jobs.send("POST", ML, body)
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")
    violations = answer.json["error"]["details"][0]["fieldViolations"]
    assert field in [one.get("field") for one in violations]
    assert f"Field: {field} Error: " in answer.message


def test_an_unknown_key_is_refused_word_for_word_as_recorded(jobs: Service) -> None:
    answer = jobs.send("POST", ML, service.ml_job("two", parameter_server_type="x"))
    assert answer.message == (
        "Invalid JSON payload received. Unknown name \"parameter_server_type\" at 'job': Cannot find field."
    )


def test_training_and_prediction_exclude_each_other(jobs: Service) -> None:
    answer = jobs.send("POST", ML, service.ml_job("two", predictionInput={"region": "r"}))
    assert (answer.status, "(oneof)" in answer.message) == (400, True)


def test_counts_of_64_bits_come_back_as_text_and_nothing_is_filled_in(jobs: Service) -> None:
    sent = service.ml_job("two")
    sent["trainingInput"] |= {"workerCount": 2, "workerType": "w", "scaleTier": "BASIC"}
    sent["trainingInput"]["masterConfig"] |= {"acceleratorConfig": {"count": 1, "type": "NVIDIA_TESLA_K80"}}
    training = jobs.create(ML, sent)["trainingInput"]
    assert training["workerCount"] == "2"
    assert training["masterConfig"] == {
        "imageUri": "img:1",
        "acceleratorConfig": {"count": "1", "type": "NVIDIA_TESLA_K80"},
    }
    assert "scaleTier" not in training


def test_a_job_is_prepared_runs_and_succeeds(jobs: Service) -> None:
    seen = []
    for seconds in (0, 1, 2, 597):
        jobs.clock.advance(seconds)
        seen.append(jobs.send("GET", JOB).json["state"])
    assert seen == ["QUEUED", "PREPARING", "RUNNING", "SUCCEEDED"]


def test_a_cancelled_job_shows_that_it_stops_and_says_by_whom(jobs: Service) -> None:
    assert jobs.send("POST", f"{JOB}:cancel").body == b"{}\n"
    jobs.clock.advance(1.5)
    assert jobs.send("GET", JOB).json["state"] == "CANCELLING"
    jobs.clock.advance(2)
    ended = jobs.send("GET", JOB).json
    assert (ended["state"], ended["errorMessage"]) == ("CANCELLED", "Job is cancelled by the user.")
    assert "endTime" in ended


def test_a_finished_job_cannot_be_cancelled(jobs: Service) -> None:
    jobs.clock.advance(10_000)
    answer = jobs.send("POST", f"{JOB}:cancel")
    assert (answer.status, answer.error) == (400, "FAILED_PRECONDITION")


@pytest.mark.parametrize(
    ("method", "suffix"), [("GET", ""), ("POST", ":cancel"), ("PATCH", "?updateMask=labels"), ("GET", ":getIamPolicy")]
)
def test_a_missing_job_is_a_404(jobs: Service, method: str, suffix: str) -> None:
    answer = jobs.send(method, f"{ML}/none{suffix}")
    assert (answer.status, answer.error) == (404, "NOT_FOUND")


def test_a_patch_replaces_all_labels_and_moves_the_etag(jobs: Service) -> None:
    before = jobs.send("GET", JOB).json
    changed = jobs.send("PATCH", JOB, {"labels": {"n": "1"}}, updateMask="labels").json
    assert changed["labels"] == {"n": "1"}
    assert changed["etag"] != before["etag"]
    assert jobs.send("GET", JOB).json == changed
    assert jobs.rows(ML, "jobs", filter="labels.team=vision") == []
    assert len(jobs.rows(ML, "jobs", filter="labels.n=1")) == 1


def test_a_patch_without_labels_takes_them_all_away(jobs: Service) -> None:
    assert "labels" not in jobs.send("PATCH", JOB, {}, updateMask="labels").json


def test_a_finished_job_can_still_be_labelled(jobs: Service) -> None:
    jobs.clock.advance(10_000)
    assert jobs.send("PATCH", JOB, {"labels": {"n": "1"}}, updateMask="labels").json["state"] == "SUCCEEDED"


def test_an_etag_in_the_mask_guards_a_patch_once(jobs: Service) -> None:
    body = {"labels": {"n": "1"}, "etag": jobs.send("GET", JOB).json["etag"]}
    assert jobs.send("PATCH", JOB, body, updateMask="labels,etag").status == 200
    again = jobs.send("PATCH", JOB, body | {"labels": {"n": "2"}}, updateMask="labels,etag")
    assert (again.status, again.error) == (409, "ABORTED")
    assert jobs.send("GET", JOB).json["labels"] == {"n": "1"}


def test_an_etag_outside_the_mask_is_not_looked_at(jobs: Service) -> None:
    assert jobs.send("PATCH", JOB, {"labels": {}, "etag": "AAAA"}, updateMask="labels").status == 200


def test_a_state_change_moves_the_etag(jobs: Service) -> None:
    before = jobs.send("GET", JOB).json["etag"]
    jobs.clock.advance(3)
    assert jobs.send("GET", JOB).json["etag"] != before


@pytest.mark.parametrize("mask", ["", "trainingInput", "labels,state", "labels.team"])
def test_only_labels_can_be_patched(jobs: Service, mask: str) -> None:
    answer = jobs.send("PATCH", JOB, {"labels": {}}, updateMask=mask)
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")


def test_labels_of_a_patch_follow_the_label_rule(jobs: Service) -> None:
    assert jobs.send("PATCH", JOB, {"labels": {"Bad": "x"}}, updateMask="labels").status == 400


def test_a_job_without_a_policy_has_an_empty_one(jobs: Service) -> None:
    assert jobs.send("GET", f"{JOB}:getIamPolicy").json == {"etag": "ACAB"}


def test_a_policy_is_kept_beside_the_job(jobs: Service) -> None:
    before = jobs.send("GET", JOB).json
    written = jobs.send("POST", f"{JOB}:setIamPolicy", {"policy": {"bindings": [BINDING], "etag": "ACAB"}}).json
    assert written["bindings"] == [BINDING]
    assert written["etag"] != "ACAB"
    assert jobs.send("GET", f"{JOB}:getIamPolicy").json == written
    assert jobs.send("GET", JOB).json == before


def test_a_policy_written_with_an_old_etag_is_refused(jobs: Service) -> None:
    body = {"policy": {"bindings": [BINDING], "etag": "ACAB"}}
    assert jobs.send("POST", f"{JOB}:setIamPolicy", body).status == 200
    again = jobs.send("POST", f"{JOB}:setIamPolicy", body)
    assert (again.status, again.error) == (409, "ABORTED")


def test_a_policy_written_without_an_etag_wins(jobs: Service) -> None:
    for members in (["user:a@example.com"], ["user:b@example.com"]):
        body = {"policy": {"bindings": [BINDING | {"members": members}]}}
        assert jobs.send("POST", f"{JOB}:setIamPolicy", body).status == 200
    assert jobs.send("GET", f"{JOB}:getIamPolicy").json["bindings"][0]["members"] == ["user:b@example.com"]


def test_the_update_mask_of_a_policy_spares_what_it_does_not_name(jobs: Service) -> None:
    audit = [{"service": "allServices"}]
    first = {"policy": {"bindings": [BINDING], "auditConfigs": audit}, "updateMask": "bindings,auditConfigs"}
    jobs.send("POST", f"{JOB}:setIamPolicy", first)
    left = jobs.send("POST", f"{JOB}:setIamPolicy", {"policy": {}}).json
    assert (left.get("bindings"), left["auditConfigs"]) == (None, audit)


@pytest.mark.parametrize(
    "body",
    [
        {"policy": {"bindings": [CONDITIONAL], "version": 1}},
        {"policy": {"bindings": [CONDITIONAL]}},
        {"policy": {"version": 2}},
        {"policy": {"bindings": [{"members": []}]}},
        {"policy": {"bindings": ["x"]}},
        {"policy": {"roles": []}},
        {"policy": []},
        {"polcy": {}},
        {"policy": {}, "updateMask": "colour"},
        {"policy": {"version": True}},
        {"policy": {"version": "1"}},
        {"policy": {"etag": "no base64!"}},
        {"policy": {"bindings": [BINDING | {"members": "user:a@example.com"}]}},
        {"policy": {"bindings": [BINDING | {"members": [1]}]}},
        {"policy": {"bindings": [BINDING | {"colour": 1}]}},
        {"policy": {"bindings": [BINDING | {"condition": {"colour": 1}}], "version": 3}},
        {"policy": {"auditConfigs": [{"auditLogConfigs": {}}]}},
        [],
    ],
)
def test_a_policy_that_is_none_is_refused(jobs: Service, body: Any) -> None:
    answer = jobs.send("POST", f"{JOB}:setIamPolicy", body)
    assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")
    assert jobs.send("GET", f"{JOB}:getIamPolicy").json == {"etag": "ACAB"}


def test_a_policy_is_taken_in_snake_case_and_with_nulls(jobs: Service) -> None:
    audit = [{"service": "allServices", "audit_log_configs": [{"log_type": "DATA_READ", "exempted_members": None}]}]
    policy = {"audit_configs": audit, "bindings": [BINDING | {"condition": None}], "etag": None}
    body = {"policy": policy, "update_mask": "bindings,audit_configs"}
    written = jobs.send("POST", f"{JOB}:setIamPolicy", body).json
    assert written["auditConfigs"] == [{"service": "allServices", "auditLogConfigs": [{"logType": "DATA_READ"}]}]
    assert written["bindings"] == [BINDING]
    asked = {"options.requested_policy_version": "3", "fields": "audit_configs,etag"}
    assert set(jobs.send("GET", f"{JOB}:getIamPolicy", **asked).json) == {"auditConfigs", "etag"}


def test_all_that_is_wrong_with_a_policy_is_told_with_its_place(jobs: Service) -> None:
    bindings = [BINDING, BINDING | {"members": [1], "colour": 2}]
    answer = jobs.send("POST", f"{JOB}:setIamPolicy", {"policy": {"bindings": bindings, "auditConfigs": {}}})
    assert answer.message.splitlines() == [
        "Invalid value at 'policy.bindings[1].members[0]' (TYPE_STRING), 1",
        "Invalid JSON payload received. Unknown name \"colour\" at 'policy.bindings[1]': Cannot find field.",
        "Invalid value at 'policy.audit_configs', {}",
    ]


@pytest.mark.parametrize(("version", "condition"), [("3", True), ("1", False), ("", False)])
def test_conditions_are_shown_only_to_who_asks_for_version_3(jobs: Service, version: str, condition: bool) -> None:
    jobs.send("POST", f"{JOB}:setIamPolicy", {"policy": {"bindings": [CONDITIONAL], "version": 3}})
    query = {"options.requestedPolicyVersion": version} if version else {}
    binding = jobs.send("GET", f"{JOB}:getIamPolicy", **query).json["bindings"][0]
    assert ("condition" in binding, "_withcond_" in binding["role"]) == (condition, not condition)


def test_a_policy_version_that_is_none_is_refused(jobs: Service) -> None:
    assert jobs.send("GET", f"{JOB}:getIamPolicy", **{"options.requestedPolicyVersion": "2"}).status == 400


@pytest.mark.parametrize(("job", "found"), [("one", {"permissions": ["ml.jobs.get", "ml.jobs.cancel"]}), ("none", {})])
def test_permissions_are_tested_without_a_404(jobs: Service, job: str, found: Any) -> None:
    asked = {"permissions": ["ml.jobs.get", "ml.models.get", "ml.jobs.cancel"]}
    assert jobs.send("POST", f"{ML}/{job}:testIamPermissions", asked).json == found


def test_permissions_with_wildcards_are_refused(jobs: Service) -> None:
    assert jobs.send("POST", f"{JOB}:testIamPermissions", {"permissions": ["ml.*"]}).status == 400
