"""A removal policy that is edited after the run was started, and what becomes of the run once its manifest is gone."""

from __future__ import annotations

import json

import pytest

from tests.support.stage import Service, Stage, told


def life(policy: str) -> str:
    return f"lifecycle: {{onRemoval: {policy}}}\n"


@pytest.mark.parametrize(
    ("first", "then", "code", "action"),
    [("delete", "keep", 0, "noop kept"), ("cancel", "ask", 4, "cancel removed")],
)
def test_an_apply_after_the_edit_makes_the_removal_safer(
    stage: Stage, service: Service, first: str, then: str, code: int, action: str
) -> None:
    manifest = stage.job("kept", life(first))
    assert stage.real("apply", "--yes").code == 0
    stage.job("kept", life(then))
    sent = len(service.writes)
    planned = stage.real("plan", "--detailed-exitcode")
    assert planned.code == 0
    told(planned, f"the label of a live job says onRemoval {first} and the manifest says {then}", "No changes.")
    assert stage.real("apply").code == 0
    assert len(service.writes) == sent
    manifest.unlink()
    gone = stage.real("plan", "-o", "json")
    assert gone.code == code
    [change] = [each for each in json.loads(gone.out)["changes"] if each["address"] == "CustomJob/kept"]
    assert f"{change['action']} {change['reason']}" == action
    assert [each["rule"] for each in json.loads(gone.out)["blocked"]] == (["unwritten_cancel"] if code else [])
    assert stage.real("apply", "--yes").code == code
    assert len(service.writes) == sent


def test_a_saved_plan_without_a_call_records_the_policy_it_was_reviewed_with(stage: Stage, service: Service) -> None:
    manifest = stage.job("kept", life("delete"))
    stage.ok("apply", "--yes")
    stage.job("kept", life("keep"))
    stage.ok("plan", "--out", "a.plan.json")
    stage.job("kept", life("delete"))
    stage.ok("apply", "a.plan.json")
    manifest.unlink()
    assert stage.actions() == {"CustomJob/kept": "noop", "CustomJob/train": "noop"}


def test_a_policy_made_looser_again_is_told_and_counts(stage: Stage, service: Service) -> None:
    manifest = stage.job("kept", life("cancel"))
    for policy in ("cancel", "keep", "cancel"):
        stage.job("kept", life(policy))
        stage.ok("apply", "--yes")
    manifest.unlink()
    assert stage.actions() == {"CustomJob/kept": "cancel", "CustomJob/train": "noop"}


def test_an_edit_that_no_apply_saw_is_not_recorded(stage: Stage, service: Service) -> None:
    manifest = stage.job("kept", life("cancel"))
    stage.ok("apply", "--yes")
    stage.job("kept", life("keep"))
    stage.ok("plan")
    manifest.unlink()
    assert stage.actions() == {"CustomJob/kept": "cancel", "CustomJob/train": "noop"}
