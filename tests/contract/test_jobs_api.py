"""What the JobsApi port promises, on every backend: the emulator in process, over HTTP, and where asked for the real one.

`pytest tests/contract/test_jobs_api.py --live-project P --live-location L` starts, cancels and deletes small jobs in P."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.api.endpoints import Endpoints
from reconciler.api.jobs import HttpJobs
from reconciler.cli.clock import WallClock
from reconciler.files import schemas
from reconciler.transport import google, hosts
from reconciler.transport.http import HttpTransport, open_session
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import IdForm, Kind, Verb
from reconciler.vocabulary.model import Scope
from reconciler.vocabulary.ports import Clock, Row
from tests.support import service
from tests.support.checkout import ROOT

KINDS = schemas.load_kinds()
BODIES: dict[str, Callable[[Backend], dict[str, Any]]] = {
    "CustomJob": lambda _: service.custom_job(),
    "NasJob": lambda _: service.nas_job(),
    "Job": lambda backend: service.ml_job(f"{backend.mark}_{next(backend.numbers)}"),
}
EMULATED = [pytest.param((wire, name), id=f"{wire}-{name}") for wire in service.WIRES for name in sorted(KINDS)]
LIVE = [pytest.param(("live", "CustomJob"), id="live-CustomJob", marks=pytest.mark.live)]
PATIENCE = 300.0
POLL = 2.0


@dataclass
class Backend:
    """One backend and one kind of job in it. Every job made here carries a label of its own."""

    api: HttpJobs
    kind: Kind
    scope: Scope
    clock: Clock
    mark: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:12]}")
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    made: list[str] = field(default_factory=list)

    @property
    def filter(self) -> str:
        return f"labels.contract={self.mark}" if self.kind.name == "Job" else f'labels.contract="{self.mark}"'

    def body(self, **more: Any) -> dict[str, Any]:
        return BODIES[self.kind.name](self) | {"labels": {"contract": self.mark}} | more

    def create(self) -> str:
        """Start a job and return its name."""
        name = self.name(self.api.create(self.kind, self.scope, self.body()))
        self.made.append(name)
        return name

    def name(self, row: Row) -> str:
        return (
            str(row["name"])
            if self.kind.id_form is IdForm.SERVER
            else f"projects/{self.scope.project}/jobs/{row['jobId']}"
        )

    def missing(self) -> str:
        place = f"projects/{self.scope.project}"
        if self.kind.located:
            place = f"{place}/locations/{self.scope.location}"
        return f"{place}/{self.kind.collection}/1000000000000000001"

    def listed(self, *mask: str) -> list[Row]:
        return [row for page in self.api.list(self.kind, self.scope, self.filter, mask) for row in page]

    def ended(self, name: str) -> Row:
        """Wait until a job has ended."""
        until = self.clock.now() + PATIENCE
        while self.kind.phase(row := self.api.get(self.kind, name)).active:
            assert self.clock.now() < until, row
            self.clock.sleep(POLL)
        return row

    def clean(self) -> None:
        """Leave no job behind that could cost."""
        for name in self.made:
            with contextlib.suppress(errors.NotFound, errors.FailedPrecondition):
                self.api.cancel(self.kind, name)
            with contextlib.suppress(errors.NotFound):
                if self.kind.can(Verb.DELETE):
                    self.ended(name)
                    self.api.delete(self.kind, name)


@contextlib.contextmanager
def emulated(wire: str, kind: Kind) -> Iterator[Backend]:
    scope = Scope("demo", "us-central1" if kind.located else "")
    with service.opened(wire) as found, contextlib.ExitStack() as closing:
        if wire == "http":
            http = closing.enter_context(HttpTransport())
            api = HttpJobs(google.loopback(http), Endpoints(f"http://127.0.0.1:{found.port}"), found.clock, page_size=2)
        else:
            api = HttpJobs(found.emulator, Endpoints("embedded"), found.clock, page_size=2)
        yield Backend(api, kind, scope, found.clock)


@contextlib.contextmanager
def live(kind: Kind, project: str, location: str) -> Iterator[Backend]:
    clock = WallClock()
    allowed = hosts.allowed_hosts({kind.api}, {location}, hosts.GOOGLE)
    with HttpTransport() as http, open_session(2) as session:
        sending = google.authorized(http, google.DefaultCredentials(session), allowed)
        backend = Backend(
            HttpJobs(sending, Endpoints("google"), clock, page_size=2), kind, Scope(project, location), clock
        )
        try:
            yield backend
        finally:
            backend.clean()


@pytest.fixture(params=EMULATED + LIVE)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    place, name = request.param
    if place == "live":
        project, location = (request.config.getoption(option) for option in ("live_project", "live_location"))
        opened = live(KINDS[name], project, location)
    else:
        opened = emulated(place, KINDS[name])
    with opened as found:
        yield found


def test_a_list_is_read_to_its_end_and_shows_no_row_twice(backend: Backend) -> None:
    made = {backend.create() for _ in range(3)}
    rows = backend.listed()
    assert len(rows) == 3
    assert {backend.name(row) for row in rows} == made


def test_a_list_without_jobs_has_no_rows(backend: Backend) -> None:
    assert backend.listed() == []


def test_a_list_shows_only_what_its_filter_means(backend: Backend) -> None:
    backend.create()
    assert list(backend.api.list(backend.kind, backend.scope, "labels.contract=other")) == [()]


def test_a_masked_list_still_tells_whose_rows_they_are(backend: Backend) -> None:
    made = backend.create()
    [row] = backend.listed(*backend.kind.list_mask)
    assert backend.name(row) == made
    assert row["labels"] == {"contract": backend.mark}


def test_a_job_reads_back_what_was_asked_for(backend: Backend) -> None:
    asked = backend.body()
    made = backend.name(backend.api.create(backend.kind, backend.scope, asked))
    backend.made.append(made)
    row = backend.api.get(backend.kind, made)
    assert row["labels"] == asked["labels"]
    assert set(asked) <= set(row)
    assert backend.kind.phase(row).active


@pytest.mark.parametrize("verb", [Verb.GET, Verb.CANCEL, Verb.DELETE])
def test_a_job_that_is_not_there_is_not_found(backend: Backend, verb: Verb) -> None:
    call = getattr(backend.api, verb.value)
    wanted = errors.NotFound if backend.kind.can(verb) else errors.InvalidRequest
    with pytest.raises(wanted):
        call(backend.kind, backend.missing())


def test_a_job_without_what_it_needs_is_refused_and_not_started(backend: Backend) -> None:
    body = {"labels": {"contract": backend.mark}}
    with pytest.raises(errors.InvalidRequest) as refused:
        backend.api.create(backend.kind, backend.scope, body)
    assert (refused.value.status, refused.value.code) == (400, "INVALID_ARGUMENT")
    assert backend.listed() == []


def test_a_field_that_does_not_exist_is_refused_by_its_name(backend: Backend) -> None:
    with pytest.raises(errors.InvalidRequest, match="nonsense"):
        backend.api.create(backend.kind, backend.scope, backend.body(nonsense=1))
    assert backend.listed() == []


def test_a_cancel_may_be_repeated_and_ends_the_job(backend: Backend) -> None:
    name = backend.create()
    backend.api.cancel(backend.kind, name)
    backend.api.cancel(backend.kind, name)
    row = backend.ended(name)
    assert str(row["state"]).removeprefix("JOB_STATE_") == "CANCELLED"
    assert row.get(backend.kind.error_field)


def test_a_job_that_has_ended_cannot_be_cancelled(backend: Backend) -> None:
    name = backend.create()
    backend.api.cancel(backend.kind, name)
    backend.ended(name)
    with pytest.raises(errors.FailedPrecondition):
        backend.api.cancel(backend.kind, name)


def test_a_job_that_has_ended_can_be_deleted_and_is_gone(backend: Backend) -> None:
    name = backend.create()
    if not backend.kind.can(Verb.DELETE):
        with pytest.raises(errors.InvalidRequest, match="has no delete"):
            backend.api.delete(backend.kind, name)
        return
    with pytest.raises(errors.FailedPrecondition):
        backend.api.delete(backend.kind, name)
    backend.api.cancel(backend.kind, name)
    backend.ended(name)
    backend.api.delete(backend.kind, name)
    with pytest.raises(errors.NotFound):
        backend.api.get(backend.kind, name)
    assert backend.listed() == []


def test_labels_are_replaced_under_their_etag_where_there_is_a_patch(backend: Backend) -> None:
    name = backend.create()
    etag = str(backend.api.get(backend.kind, name).get("etag", ""))
    labels = {"contract": backend.mark, "more": "1"}
    if not backend.kind.can(Verb.PATCH):
        with pytest.raises(errors.InvalidRequest, match="has no patch"):
            backend.api.patch_labels(backend.kind, name, labels, etag)
        return
    assert backend.api.patch_labels(backend.kind, name, labels, etag)["labels"] == labels
    with pytest.raises(errors.ApiError):
        backend.api.patch_labels(backend.kind, name, {}, etag)


@pytest.mark.parametrize(
    ("asked", "told"),
    [((), "deselected"), (("--live-project", "some-project"), "[live-CustomJob]")],
    ids=["unasked", "asked"],
)
def test_the_real_service_is_left_alone_unless_a_project_is_named(asked: tuple[str, ...], told: str) -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", __file__, *asked]
    collected = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told in collected
    assert ("[live-CustomJob]" in collected) is bool(asked)
