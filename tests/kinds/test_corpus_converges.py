"""Every job file of other people that converts is applied to the emulator and planned again: nothing is left to do.

The files are not part of this repository: without them these tests are left out.
"""

from __future__ import annotations

import random
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.api.endpoints import Endpoints
from reconciler.api.jobs import HttpJobs
from reconciler.core.documents import plan_json
from reconciler.core.plan.build import Options, Revision
from reconciler.core.plan.guards import Allowed
from reconciler.emulator import app
from reconciler.emulator.state.clocks import ManualClock
from reconciler.engine import plan as planner
from reconciler.engine.events import Control
from reconciler.engine.world import World
from reconciler.engine.writing.apply import Applier, Settings
from reconciler.stores.no_store import NoStore
from reconciler.vocabulary.model import Desired, Document, Problem
from reconciler.vocabulary.plans import Plan, Status
from tests.kinds import test_corpus_convert as corpus

__test__ = bool(corpus.FILES)

CONVERTED = [
    file for file in corpus.FILES if file in corpus.reviewed() and corpus.reviewed()[file].verdict == "converted"
]
BLANK = re.compile(r"\$\{[^}]*\}|\$\([^)]*\)|\{[^}]*\}|\$\w+|<[^>]*>|\[[^\]]*\]", re.IGNORECASE)


class NoSecrets:
    """These files name none."""

    def fill(self, body: Any) -> Any:
        return body

    def hide(self, text: str) -> str:
        return text


def filled(value: Any, path: tuple[Any, ...]) -> Any:
    """Fill a template's blank in, as whoever applies the file has to."""
    if not path:
        return BLANK.sub("blank", value)
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = filled(copy[path[0]], path[1:])
    return copy


def desired(file: str, number: int) -> Desired:
    manifest = corpus.converted(file)[0].manifest
    for problem in corpus.converted(file)[1]:
        if problem.rule == "placeholder":
            manifest = filled(manifest, problem.path)
    name = f"{file.partition('/')[0].replace('_', '-')}-{number}"
    manifest = {**manifest, "metadata": {**manifest["metadata"], "name": name}}
    result = corpus.validator().check([Document(file, 0, 1, manifest)], corpus.STACK)
    assert result.desired, errors(result.problems)
    return result.desired[0]


def errors(problems: tuple[Problem, ...]) -> list[str]:
    return [f"{problem.path}: {problem.message}" for problem in problems if problem.severity == "error"]


@pytest.fixture
def world(tmp_path: Path) -> Any:
    clock = ManualClock()
    emulator = app.Emulator(corpus.kinds(), str(tmp_path / "jobs.db"), clock, app.random_ids(random.Random(7)))
    yield World(HttpJobs(emulator, Endpoints("embedded"), clock), corpus.kinds(), NoStore(clock), clock)
    emulator.close()


def plan(world: World, wanted: list[Desired]) -> Plan:
    return planner.plan(world, corpus.STACK, wanted, Options(), Revision()).plan


def test_what_converts_is_applied_and_then_plans_empty(world: World) -> None:
    wanted = [desired(file, number) for number, file in enumerate(CONVERTED)]
    first = plan(world, wanted)
    assert first.summary()["create"] == len(CONVERTED)
    control = Control(lambda event: None, threading.Event())
    applier = Applier(world, corpus.STACK, NoSecrets(), lambda kind, body: "", control)
    applied = applier.apply(first, plan_json.digest(first), Settings(Allowed(), keep_going=True))
    assert [outcome for outcome in applied.outcomes if outcome.status is not Status.CREATED] == []
    assert [change.address for change in plan(world, wanted).changes if change.action != "noop"] == []


def test_what_converts_has_no_difference_when_it_is_compared_field_by_field(world: World) -> None:
    wanted = [desired(file, number) for number, file in enumerate(CONVERTED)]
    first = plan(world, wanted)
    older = [
        replace(
            change, operations=tuple(replace(each, body=of_another_version(each.body)) for each in change.operations)
        )
        for change in first.changes
    ]
    control = Control(lambda event: None, threading.Event())
    stamped = replace(first, changes=tuple(older))
    Applier(world, corpus.STACK, NoSecrets(), lambda kind, body: "", control).apply(
        stamped, plan_json.digest(stamped), Settings(Allowed(), keep_going=True)
    )
    again = plan(world, wanted)
    assert [(change.address, change.fields) for change in again.changes if change.action != "noop"] == []


def of_another_version(body: dict[str, Any]) -> dict[str, Any]:
    """Stamp a fingerprint that says nothing, so that the field comparison has to judge."""
    return {**body, "labels": {**body["labels"], "reconciler_fingerprint": "v1-" + "0" * 40}}
