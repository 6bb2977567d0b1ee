"""Every method of Google's job APIs, by each of Google's own clients, in every case of the matrix.

The emulator is a process of its own and is called over HTTP; tools/pages/client_matrix.py says what must come of it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform_v1, aiplatform_v1beta1

from reconciler.files import schemas
from reconciler.vocabulary.kinds import Kind
from tests.clients.scenes import Scene, Served
from tests.support import google_clients
from tests.support.emulator import emulating
from tests.support.google_clients import Refused, Unsent
from tools.pages import client_matrix
from tools.pages.client_matrix import OPERATIONS, TO_THE_END, TRIALS, Case, Cell, Client

CELLS = list(client_matrix.cells())
ASKED = [pytest.param(cell, id=f"{cell.client}-{cell.name}-{cell.case}") for cell in CELLS if not cell.answer.why_not]

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("emulator")
    with emulating("--clock", "manual", folder=folder) as port:
        clients = {client: google_clients.calling(client, f"http://127.0.0.1:{port}") for client in Client}
        yield Served(port, clients)
        for client in clients.values():
            client.close()


def test_the_table_has_a_row_for_each_described_method_and_no_other() -> None:
    described = {(client_matrix.API[cell.client], cell.collection, cell.method) for cell in CELLS}
    assert sorted(client_matrix.table_rows()) == sorted(described)


WRONG: Mapping[str, Mapping[str, Any]] = {
    "patch": {"updateMask": "state", "body": {"state": "FAILED"}},
    "getIamPolicy": {"options_requestedPolicyVersion": 2},
    "setIamPolicy": {"body": {"policy": {"version": 2}}},
    "testIamPermissions": {"body": {"permissions": ["ml.jobs.*"]}},
}


def ok(scene: Scene) -> Any:
    method, collection = scene.cell.method, scene.cell.collection
    if method == "create":
        made = scene.call("create", parent=scene.place, body=scene.body())
        assert scene.call("get", name=made.get("name") or f"{scene.place}/jobs/{made['jobId']}") == made
        return made
    if method == "list":
        return listed(scene)
    if collection == TRIALS:
        name = f"{scene.searched()}/nasTrialDetails/1"
        assert scene.call("get", name=name)["name"].endswith("/nasTrialDetails/1")
        return None
    if collection in (OPERATIONS, client_matrix.NESTED):
        return operation(scene, scene.deleted())
    name = scene.ended() if method == "delete" else scene.made()
    found = scene.call(method, name=name, **scene.arguments())
    if method in AFTER:
        AFTER[method](scene, name, found)
    return found


def listed(scene: Scene) -> Any:
    collection, rows, parent = scene.cell.collection, [], ""
    if collection in (OPERATIONS, client_matrix.NESTED):
        rows = [scene.deleted()]
        parent = rows[0].partition("/operations/")[0]
    elif collection != TRIALS:
        rows = [scene.made()]
    found = google_clients.json_rows(scene.call("list", parent=parent or scene.parent()))
    names = [row.get("name") or f"{scene.place}/jobs/{row['jobId']}" for row in found]
    assert [_last(name) for name in names] == [_last(row) for row in rows] if rows else names
    return found


def operation(scene: Scene, name: str) -> Any:
    found = scene.call(scene.cell.method, name=name)
    if scene.cell.method == "delete":
        with pytest.raises(Refused) as refused:
            scene.call("get", name=name)
        assert refused.value.told == "404 NOT_FOUND"
        return found
    assert (_last(found["name"]), found["done"]) == (_last(name), True)
    return found


def cancelled(scene: Scene, name: str, found: Any) -> None:
    assert found == {}
    scene.served.control("POST", "clock:advance", {"seconds": 10})
    assert scene.call("get", name=name)["state"].removeprefix("JOB_STATE_") == "CANCELLED"


def gone(scene: Scene, name: str, found: Any) -> None:
    assert found["done"] is True
    with pytest.raises(Refused) as refused:
        scene.call("get", name=name)
    assert refused.value.told == "404 NOT_FOUND"


AFTER: Mapping[str, Callable[[Scene, str, Any], None]] = {
    "cancel": cancelled,
    "delete": gone,
    "patch": lambda scene, name, found: _same(scene.call("get", name=name)["labels"], {"team": "vision"}),
    "setIamPolicy": lambda scene, name, found: _same(scene.call("getIamPolicy", name=name), found),
    "testIamPermissions": lambda scene, name, found: _same(found, {"permissions": ["ml.jobs.get"]}),
}


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _same(found: Any, wanted: Any) -> None:
    assert found == wanted


def missing(scene: Scene) -> Any:
    if scene.cell.method == "list":
        nowhere = f"{scene.place}/nasJobs/1" if scene.cell.collection == TRIALS else scene.place
        nested = f"{scene.place}/customJobs/1" if scene.cell.collection == client_matrix.NESTED else nowhere
        return scene.call("list", parent=nested)
    return scene.call(scene.cell.method, name=scene.missing(), **scene.arguments())


def invalid(scene: Scene) -> Any:
    method = scene.cell.method
    if scene.cell.answer.told == client_matrix.UNSENT:
        before = scene.served.calls()
        with pytest.raises(Unsent) as refused:
            scene.call(method, name="no/name")
        assert scene.served.calls() == before
        raise refused.value
    if method == "create":
        return scene.call(method, parent=scene.place, body={"labels": {"n": "1"}})
    if method == "list":
        return scene.call(method, parent=scene.parent(), pageSize=-1)
    if method == "delete":
        return scene.call(method, name=scene.made())
    if method == "cancel":
        return scene.call(
            method, name=scene.deleted() if scene.cell.collection.endswith("operations") else scene.ended()
        )
    return scene.call(method, name=scene.made(), **WRONG[method])


def paged(scene: Scene) -> list[list[Any]]:
    if scene.cell.collection == OPERATIONS:
        wanted = {scene.deleted() for _ in range(3)}
    elif scene.cell.collection == TRIALS:
        wanted = set()
    else:
        wanted = {scene.made(number) for number in range(3)}
    parent = scene.parent()
    client = scene.served.clients[scene.cell.client]
    found = client.pages(scene.cell.collection, "list", parent=parent, pageSize=2)
    names = [row.get("name") or f"{scene.place}/jobs/{row['jobId']}" for page in found for row in page]
    assert len(names) == len(set(names))
    assert set(names) == (wanted or set(names))
    assert [len(page) for page in found[:-1]] == [2] * (len(found) - 1)
    assert len(found) > 1
    return found


DOES: Mapping[Case, Callable[[Scene], Any]] = {
    Case.OK: ok,
    Case.MISSING: missing,
    Case.INVALID: invalid,
    Case.PAGED: paged,
}


def told(scene: Scene) -> str:
    """Say in the matrix's words what came of a case."""
    try:
        found = DOES[scene.cell.case](scene)
    except Refused as refusal:
        return refusal.told
    except Unsent:
        return client_matrix.UNSENT
    if scene.cell.case is Case.PAGED:
        return TO_THE_END
    return "200, empty" if scene.cell.case is Case.MISSING and found == {} else "200"


@pytest.mark.parametrize("cell", ASKED)
def test_a_client_is_answered_as_the_matrix_says(served: Served, cell: Cell) -> None:
    scene = Scene(served, cell, f"p{next(_numbers)}")
    assert told(scene) == cell.answer.told


def test_every_cell_is_answered_or_says_why_it_cannot_be() -> None:
    assert [cell for cell in CELLS if bool(cell.answer.told) == bool(cell.answer.why_not)] == []


def test_no_method_of_googles_client_for_these_kinds_is_left_out() -> None:
    offered = {name for name in dir(aiplatform_v1.JobServiceClient) if re.search(r"(custom_job|nas|operation)s?", name)}
    offered = {name for name in offered if not name.endswith("_path") and not name.startswith("_")}
    asked = {
        google_clients.vertex_method(cell.collection, cell.method) for cell in CELLS if cell.client is Client.VERTEX
    }
    assert offered == asked


@pytest.mark.parametrize("kind", schemas.load_kinds().values(), ids=lambda kind: kind.name)
def test_every_verb_of_a_kind_is_in_the_matrix_and_no_other(kind: Kind) -> None:
    asked = {cell.method for cell in CELLS if cell.collection.endswith(f".{kind.collection}")}
    assert asked == {verb.value for verb in kind.verbs}


def test_the_beta_of_the_api_is_not_served(served: Served) -> None:
    client = aiplatform_v1beta1.JobServiceClient(
        transport="rest",
        client_options={"api_endpoint": f"http://127.0.0.1:{served.port}"},
        credentials=AnonymousCredentials(),
    )
    with client, pytest.raises(exceptions.NotFound):
        client.get_custom_job(name="projects/p/locations/us-central1/customJobs/1")
