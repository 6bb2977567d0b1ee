"""Plans, problems and outcomes that the renderer tests show; one plan holds every action and every reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.core.documents import plan_json
from reconciler.vocabulary.model import Checked, Place, Problem, Scope, Severity, Source
from reconciler.vocabulary.plans import (
    ABSENT,
    Action,
    Assertion,
    Blocker,
    Change,
    FieldChange,
    Operation,
    Outcome,
    Part,
    Plan,
    ScopeCount,
    Status,
)

SECRET = "hunter2-do-not-show"
SCOPE = Scope("demo-project", "us-central1")
COLLECTION = "projects/demo-project/locations/us-central1/customJobs"
WRITTEN_AT = "2026-01-02T03:04:05Z"
ENV = {"env": [{"name": "API_KEY", "value": SECRET}, {"name": "MODE", "value": "fast"}]}
BODY = {"displayName": "job", "jobSpec": {"workerPoolSpecs": [{"containerSpec": {"imageUri": "a:1", **ENV}}]}}
IMAGE = "spec.jobSpec.workerPoolSpecs[0].containerSpec.imageUri"

FIELDS = (
    FieldChange(IMAGE, "eu.gcr.io/demo/train:1", "eu.gcr.io/demo/train:2", "image"),
    FieldChange("spec.jobSpec.workerPoolSpecs[0].replicaCount", 1, 2, "resources"),
    FieldChange("spec.jobSpec.workerPoolSpecs[0].containerSpec.env[0].value", SECRET, SECRET + "2", "env", True),
    FieldChange("spec.jobSpec.workerPoolSpecs[0].containerSpec.env", ABSENT, ENV["env"], "env"),
    FieldChange("spec.jobSpec.scheduling.timeout", "3600s", ABSENT, "scheduling"),
)


def change(name: str, action: Action, reason: str, *verbs: str, **more: Any) -> Change:
    """Build a change whose operations are called for its own reason; an `a=b` verb gives another reason."""
    operations = []
    for text in verbs:
        verb, _, why = text.partition("=")
        body = BODY if verb == "create" else {"labels": {"team": "vision"}} if verb == "patch" else None
        target = COLLECTION if verb == "create" else f"{COLLECTION}/{len(name)}"
        operations.append(Operation(verb, target, why or reason, body))
    return Change(f"CustomJob/{name}", SCOPE, action, reason, Source("jobs.yaml", 7), tuple(operations), **more)


def noop(reason: str, *notes: str) -> Change:
    return change(reason.replace("_", "-"), Action.NOOP, reason, notes=notes)


CHANGES = (
    change("new", Action.CREATE, "missing", "create", assertions=(Assertion(COLLECTION, False, run="1-ab"),)),
    change("asked", Action.CREATE, "rerun_asked", "create"),
    change("failed-before", Action.CREATE, "rerun", "delete=history", "create"),
    change("moved", Action.REPLACE, "moved", "cancel", "create", start_time="2026-01-01T00:00:00Z"),
    change("changed", Action.REPLACE, "spec_changed", "cancel=duplicate", "cancel", "create", fields=FIELDS),
    change("relabelled", Action.UPDATE, "labels_changed", "patch"),
    change("regranted", Action.UPDATE, "policy_changed", "setIamPolicy"),
    change("twice", Action.CANCEL, "duplicate", "cancel"),
    change("beside", Action.CANCEL, "superseded", "cancel"),
    change("unwanted", Action.CANCEL, "cancel_wanted", "cancel"),
    change("gone", Action.CANCEL, "removed", "cancel"),
    change("unneeded", Action.DELETE, "delete_wanted", "cancel", "delete"),
    change("old", Action.DELETE, "history", "delete"),
    noop("ended_kept", "the run ended FAILED: out of memory; ask for one more run with lifecycle.rerun.token"),
    noop("vanished", "a run of this spec ended and nobody saw how; ask for one more run"),
    noop("outcome_unknown", "a run of this spec ended and nobody saw how; ask for one more run"),
    noop("already_ran", "it succeeded and its record is gone"),
    noop("change_kept", "the active run keeps its old spec: lifecycle.onChange is keep"),
    noop("change_refused"),
    noop("up_to_date", "cosmetic: displayName is 'a' on the live job and 'b' here; the API cannot change it"),
    noop("cannot_delete", "cannot_delete: this API has no delete, the record stays"),
    noop(
        "unmarked",
        "unmarked: projects/demo-project/jobs/unmarked_1 is active, and its labels no longer say whose it is",
    ),
    noop("stopping"),
    noop("kept"),
    noop("not_active"),
    noop("absent"),
)

CASES = (
    (Action.CREATE, "missing", "create"),
    (Action.CANCEL, "removed", "cancel"),
    (Action.REPLACE, "spec_changed", "cancel", "create"),
)
"""Arguments of `change` for plans of many changes."""

BLOCKED = (
    Blocker("unwritten_cancel", "1 active run would be cancelled: CustomJob/gone. Add --allow-cancel 1", {"cancel": 1}),
    Blocker("protected", "CustomJob/old has lifecycle.protect: no plan may cancel, delete or replace it"),
)


def plan(*changes: Change, blocked: tuple[Blocker, ...] = (), backend: str = "embedded") -> Plan:
    return Plan(
        stack="vision-training",
        uid="3fa94c1b",
        backend=backend,
        revision="9f3c2d1a",
        dirty=True,
        scopes=(ScopeCount("CustomJob", SCOPE, 12), ScopeCount("NasJob", Scope("demo-project", "europe-west4"), 0)),
        blocked=blocked,
        changes=changes,
        differs=("jobs.yaml", "more/a.yaml"),
    )


EVERYTHING = plan(*CHANGES, blocked=BLOCKED)
QUIET = plan(noop("up_to_date"), noop("ended_kept", "the run ended FAILED"))
MATCH = plan(noop("up_to_date"), noop("absent"))
PART = replace(
    plan(CHANGES[0], noop("up_to_date")),
    dirty=None,
    differs=(),
    unknown="fatal: detected dubious ownership in repository at '/work'",
    part=Part(("CustomJob/*",), ("*/old",), "origin/main"),
)
"""A part of a stack, made where Git would not tell what differs."""


def saved(shown: Plan) -> dict[str, object]:
    return plan_json.to_json(shown, WRITTEN_AT, "0.1.0")


PROBLEMS = (
    Problem("unused-label", "no job uses it", "", Severity.WARNING, "b.yaml", path=("metadata", "labels")),
    Problem(
        rule="unknown-field",
        message="CustomJob has no field machinType",
        hint="did you mean machineType?",
        file="a.yaml",
        path=("spec", "jobSpec", "workerPoolSpecs", 0, "machinType"),
        address="CustomJob/train",
        place=Place("a.yaml", 14, 9),
    ),
    Problem("required", "spec is missing", file="a.yaml", place=Place("a.yaml", 2, 1), address="CustomJob/other"),
    Problem("no-stack", "there is no reconciler.yaml here or above", "run `reconciler init`"),
)

DOCUMENTS = (
    (Place("a.yaml", 1), 0, "CustomJob/train"),
    (Place("a.yaml", 40), 1, "CustomJob/fine"),
    (Place("b.yaml", 1), 0, ""),
)
CHECKED = (Checked(PROBLEMS, DOCUMENTS, "jobs/vision/"),)

OUTCOMES = tuple(
    Outcome(
        f"CustomJob/{status.value.replace('_', '-')}",
        "cancel" if status is Status.CANCELLED else "create",
        status,
        f"{COLLECTION}/{number}" if status is not Status.FAILED else "",
        "quota exceeded" if status in (Status.FAILED, Status.UNCERTAIN, Status.REPLACED_HALF) else "",
    )
    for number, status in enumerate(Status)
)
DONE = tuple(outcome for outcome in OUTCOMES if outcome.status in (Status.CREATED, Status.CANCELLED, Status.SKIPPED))

HEADER = ("ADDRESS", "RUN", "PHASE", "ERROR")
ROWS = (
    ("CustomJob/eval", "1", "SUCCEEDED", ""),
    ("CustomJob/train", "1", "FAILED", "out of memory\nsee 日本語のログ"),
    ("CustomJob/日本語", "2", "RUNNING", ""),
)
