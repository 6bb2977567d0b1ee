"""Jobs change state while a long list is read, and move to its front: no reader may lose one of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reconciler.api.endpoints import Endpoints
from reconciler.api.jobs import HttpJobs
from reconciler.emulator import app
from reconciler.emulator.state.clocks import ManualClock
from reconciler.files import schemas
from reconciler.vocabulary.kinds import Kinds
from reconciler.vocabulary.model import Scope
from reconciler.vocabulary.wire import Request, Response
from tests.support import service

KINDS: Kinds = schemas.load_kinds()
BODIES: dict[str, Callable[[int], dict[str, Any]]] = {
    "CustomJob": lambda number: service.custom_job(displayName=f"job {number}"),
    "Job": lambda number: {"jobId": f"job_{number}", "trainingInput": {"region": "us-central1", "args": ["x"]}},
}
ENDED = {"CustomJob": "JOB_STATE_FAILED", "Job": "FAILED"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def emulator(clock: ManualClock) -> Iterator[app.Emulator]:
    opened = app.Emulator(KINDS, ":memory:", clock, app.random_ids(random.Random(3)))
    yield opened
    opened.close()


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("victim", [0, 4, 17, 29])
def test_a_job_that_moves_between_two_pages_is_in_the_list(
    emulator: app.Emulator, clock: ManualClock, name: str, victim: int
) -> None:
    kind = KINDS[name]
    scope = Scope("demo", "us-central1" if kind.located else "")
    jobs = HttpJobs(emulator, Endpoints("embedded"), ManualClock(), page_size=10)
    made = []
    for number in range(30):
        made.append(jobs.create(kind, scope, BODIES[name](number)))
        clock.advance(10)  # each runs before the next is made: the list is ordered as they were made
    key = kind.id_field or "name"
    moving = made[victim][key] if key == "name" else f"projects/demo/jobs/{made[victim][key]}"
    read = []

    def moved(request: Request) -> Response:
        reply = emulator(request)
        read.append(request.url)
        if len(read) == 1:
            clock.advance(1)
            emulator.set_state(moving, ENDED[name])
        return reply

    reader = HttpJobs(moved, Endpoints("embedded"), ManualClock(), page_size=10)
    rows = [row for page in reader.list(kind, scope, "", kind.list_mask) for row in page]
    assert sorted(row[key] for row in rows) == sorted(row[key] for row in made)
