"""What another release left is read: a run that it stamped is judged by its fields, a plan of its format is applied.

The plans in data/ were written by the first release of their format. They are never written anew: a plan that people
approved must not die by an upgrade.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import pytest

from reconciler.core.documents import plan_json
from reconciler.core.validate.body import BodyCheck
from reconciler.files import planfile, schemas
from reconciler.renderers.style import Style
from reconciler.renderers.table import PLAN_FORMATS
from reconciler.vocabulary.model import parts_of
from reconciler.vocabulary.plans import Action
from tests.support import samples
from tests.support.site import Site, calls, desired, is_active, is_empty, reasons

every_kind = pytest.mark.parametrize("kind", samples.KIND_TEXTS)
OTHER_STAMPS = {
    "older": "v0-" + "1" * 40,
    "newer": "v2-" + "2" * 40,
    "another hash": "v1-" + "3" * 40,
    "unreadable": "x",
    "none": "",
}
each_stamp = pytest.mark.parametrize("stamp", OTHER_STAMPS.values(), ids=OTHER_STAMPS)


def run_with(site: Site, kind: str, stamp: str) -> None:
    """Start the sample as another release would have, with its own fingerprint."""
    change = site.plan(desired(samples.KIND_TEXTS[kind])).changes[0]
    body = copy.deepcopy(change.operations[0].body)
    body["labels"] |= {"reconciler_fingerprint": stamp} if stamp else {}
    if not stamp:
        del body["labels"]["reconciler_fingerprint"]
    row = site.send("POST", samples.PATHS[kind], body)
    if kind == "Job":
        policy = {"policy": change.operations[1].body}
        site.send("POST", f"{samples.PATHS[kind]}/{row['jobId']}:setIamPolicy", policy)


@every_kind
@each_stamp
@pytest.mark.parametrize("seconds", [0, 10, 700])
def test_an_equal_spec_under_another_stamp_plans_nothing(site: Site, kind: str, stamp: str, seconds: float) -> None:
    run_with(site, kind, stamp)
    site.clock.advance(seconds)
    wanted = desired(samples.KIND_TEXTS[kind])
    assert calls(site.plan(wanted)) == []
    assert is_empty(site.plan(wanted))
    assert list(reasons(site.plan(wanted)).values()) == ["noop up_to_date"]
    site.converge(wanted)
    assert site.audit.writes == []
    assert is_empty(site.plan(wanted))


@every_kind
@each_stamp
def test_a_changed_spec_under_another_stamp_is_replaced(site: Site, kind: str, stamp: str) -> None:
    run_with(site, kind, stamp)
    site.clock.advance(10)
    wanted = desired(samples.edited(samples.KIND_TEXTS[kind]))
    plan = site.plan(wanted)
    assert list(reasons(plan).values()) == ["replace spec_changed"]
    assert [field.path.rpartition(".")[2] for field in plan.changes[0].fields] == ["imageUri"]
    site.apply(plan)
    assert is_empty(site.plan(wanted))
    assert [is_active(row) for row in site.rows()] == [False, True]


# ---------------------------------------------------------------- plans

PLANS = sorted((Path(__file__).parent / "data").glob("*.plan.json"))
every_plan = pytest.mark.parametrize("file", PLANS, ids=lambda file: file.name)


@every_plan
def test_a_plan_of_an_earlier_release_is_read_whole_for_ever(file: Path) -> None:
    document = planfile.load(file)
    saved = plan_json.from_json(document)
    assert saved.digest == document["digest"] == plan_json.digest(saved.plan)
    again = plan_json.to_json(saved.plan, saved.created_at, document["tool"]["version"])
    assert planfile.dump(again) == file.read_text(encoding="utf-8")


@every_plan
def test_a_plan_of_an_earlier_release_has_bodies_that_may_still_be_sent(file: Path) -> None:
    plan, kinds, check = plan_json.from_json(planfile.load(file)).plan, schemas.load_kinds(), BodyCheck()
    bodies = [
        (kinds[parts_of(change.address)[0]], operation.body)
        for change in plan.changes
        for operation in change.operations
        if operation.verb == "create"
    ]
    assert len(bodies) == 2
    assert [check(kind, body) for kind, body in bodies] == ["", ""]


@every_plan
@pytest.mark.parametrize("form", PLAN_FORMATS)
def test_a_plan_of_an_earlier_release_is_shown_in_every_form(file: Path, form: str) -> None:
    saved = plan_json.from_json(planfile.load(file))
    shown = PLAN_FORMATS[form](saved.plan, saved.document, Style())
    assert form == "gitlab" or saved.digest in shown


@every_plan
def test_a_plan_of_an_earlier_release_fits_the_published_schema(file: Path) -> None:
    schema = schemas.load_schema("reconciler/v1/Plan.json")
    jsonschema.Draft7Validator(schema).validate(json.loads(file.read_text(encoding="utf-8")))


def test_the_kept_plans_hold_all_that_the_format_has() -> None:
    plans = [plan_json.from_json(planfile.load(file)).plan for file in PLANS]
    assert {plan.part is None for plan in plans} == {plan.against is None for plan in plans} == {True, False}
    assert {plan.dirty for plan in plans} == {True, None}
    assert all(plan.blocked for plan in plans)
    changes = [change for plan in plans for change in plan.changes]
    assert {change.action for change in changes} == set(Action)
    verbs = {operation.verb for change in changes for operation in change.operations}
    assert verbs == {"create", "cancel", "delete", "patch", "setIamPolicy"}
    assert any(change.on_removal for change in changes)
    assert {change.source is None for change in changes} == {True, False}
