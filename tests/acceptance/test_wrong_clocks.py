"""Runners whose clocks are hours apart: an apply that was killed once its create was lost doubles nothing afterwards."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

from reconciler.cli import main
from reconciler.emulator.faults.model import Fault, ListLag
from reconciler.vocabulary.wire import Request, Response
from tests.support.faults import is_create
from tests.support.jumpy import HOURS, JumpyClock
from tests.support.mortal import Death
from tests.support.stage import STACK, Service, Stage

LAG = 20.0
"""Seconds for which lists do not show a new job; `settle` is 30 s."""


@dataclass
class LastBreath(JumpyClock):
    """The clock of a process that is killed as soon as it sleeps."""

    def sleep(self, seconds: float) -> None:
        raise Death


def run(stage: Stage, clock: JumpyClock, *arguments: str) -> int:
    return main.run(list(arguments), replace(stage.surroundings(), clock=clock))


def lose_creates(service: Service) -> None:
    """Carry every create out, and answer as if it had failed."""

    def lose(request: Request) -> Response | None:
        if not is_create(request):
            return None
        assert service.emulator(request).status == 200
        return Response(503, {"content-type": "application/json"}, b"{}")

    service.spoils.append(lose)


@pytest.fixture
def killed(request: pytest.FixtureRequest, stage: Stage, service: Service) -> float:
    """Leave behind what an apply leaves that was killed after its create; return how wrong its clock was."""
    wrong: float = request.param
    stage.write("reconciler.yaml", STACK.format(backend=service.url, more="").replace("10ms", "30s"))
    service.emulator.inject(Fault(ListLag(LAG), "list"))
    lose_creates(service)
    with pytest.raises(Death):
        run(stage, LastBreath(stage.clock, wrong), "apply", "--yes")
    service.spoils.clear()
    [journal] = (stage.root / ".reconciler" / "journal").glob("*.jsonl")
    assert [json.loads(line).get("verb") for line in journal.read_text().splitlines()] == [None, "create"]
    return wrong


@pytest.mark.parametrize("killed", [0.0, HOURS, -HOURS], indirect=True, ids=["right", "ahead", "behind"])
@pytest.mark.parametrize("wrong", [0.0, HOURS, -HOURS], ids=["right", "ahead", "behind"])
def test_the_next_apply_waits_for_lists_and_starts_nothing_twice(
    stage: Stage, service: Service, killed: float, wrong: float
) -> None:
    began = stage.clock.now()
    assert run(stage, JumpyClock(stage.clock, wrong), "apply", "--yes") == 0
    assert sum(map(is_create, service.requests)) == 1
    assert stage.clock.now() - began >= LAG
    assert run(stage, JumpyClock(stage.clock, -wrong), "plan", "--detailed-exitcode") == 0
    service.emulator.clear_faults()
    assert len(service.rows()) == 1
