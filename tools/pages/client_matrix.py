"""What Google's own clients are answered, as data: API method × client × case, from Google's API descriptions.

It calls nothing: tests/clients makes every call and holds the emulator to this table; the pages print it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tools.pages.markdown_tables import cell, table
from tools.schemas.discovery import read_api


class Case(StrEnum):
    """The four questions that every method is asked."""

    OK = "ok"
    MISSING = "missing"
    INVALID = "invalid"
    PAGED = "paged"


class Client(StrEnum):
    """The clients; each is unchanged but for its endpoint."""

    VERTEX = "JobServiceClient"
    DISCOVERY = "googleapiclient aiplatform"
    ML = "googleapiclient ml"


API = {Client.VERTEX: "aiplatform.v1", Client.DISCOVERY: "aiplatform.v1", Client.ML: "ml.v1"}

JOBS, NESTED, TRIALS, OPERATIONS, ML_JOBS, ML_OPERATIONS = (
    "projects.locations.customJobs",
    "projects.locations.customJobs.operations",
    "projects.locations.nasJobs.nasTrialDetails",
    "projects.locations.operations",
    "projects.jobs",
    "projects.operations",
)
COLLECTIONS: Mapping[str, tuple[str, ...]] = {
    "aiplatform.v1": (JOBS, NESTED, "projects.locations.nasJobs", TRIALS, OPERATIONS),
    "ml.v1": (ML_JOBS, ML_OPERATIONS),
}

UNSENT = "the client refuses"
"""A name of another form than the method's never leaves the client (its own patterns)."""

TO_THE_END = "200, to the end"
NO_PAGES = "answers one message, never a page"
NO_PARENT = "names no job, and projects are not checked"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a case is answered: a status in words, or, where it cannot exist, why."""

    told: str = ""
    how: str = ""
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One method of one client in one case."""

    collection: str
    method: str
    client: Client
    case: Case
    answer: Answer

    @property
    def name(self) -> str:
        """The method as discovery writes it, without `projects.`."""
        return f"{self.collection.removeprefix('projects.')}.{self.method}"


_OK = Answer("200")
_MISSING = Answer("404 NOT_FOUND")
_UNSENT = Answer(UNSENT, "a name of another form")
_EMPTY = Answer("200, empty", "nothing was ever made")
_NO_PAGES = Answer(why_not=NO_PAGES)
_PAGES = Answer(TO_THE_END, "three rows or more, two a page")
_BAD_SIZE = Answer("400 INVALID_ARGUMENT", "a page size below 0")

_LIST = (_OK, _EMPTY, _BAD_SIZE, _PAGES)
_GET = (_OK, _MISSING, _UNSENT, _NO_PAGES)

_JOBS: Mapping[str, tuple[Answer, Answer, Answer, Answer]] = {
    "create": (
        _OK,
        Answer(why_not=NO_PARENT),
        Answer("400 INVALID_ARGUMENT", "a job without its required fields"),
        _NO_PAGES,
    ),
    "get": _GET,
    "list": _LIST,
    "cancel": (_OK, _MISSING, Answer("400 FAILED_PRECONDITION", "a job that has ended"), _NO_PAGES),
    "delete": (_OK, _MISSING, Answer("400 FAILED_PRECONDITION", "a job that is active"), _NO_PAGES),
}
_POLICY = "a policy version that does not exist"
_ANSWERS: Mapping[str, Mapping[str, tuple[Answer, Answer, Answer, Answer]]] = {
    JOBS: _JOBS,
    "projects.locations.nasJobs": _JOBS,
    TRIALS: {"get": _GET, "list": (_OK, Answer("404 NOT_FOUND", "a NasJob that is not there"), _BAD_SIZE, _PAGES)},
    OPERATIONS: {
        "get": _GET,
        "list": _LIST,
        "wait": _GET,
        "cancel": (
            Answer(why_not="a delete's operation cannot be cancelled"),
            _MISSING,
            Answer("400 FAILED_PRECONDITION", "the operation of a delete"),
            _NO_PAGES,
        ),
        "delete": _GET,
    },
    ML_JOBS: {name: answers for name, answers in _JOBS.items() if name != "delete"}
    | {
        "patch": (_OK, _MISSING, Answer("400 INVALID_ARGUMENT", "a mask that names `state`"), _NO_PAGES),
        "getIamPolicy": (_OK, _MISSING, Answer("400 INVALID_ARGUMENT", _POLICY), _NO_PAGES),
        "setIamPolicy": (_OK, _MISSING, Answer("400 INVALID_ARGUMENT", _POLICY), _NO_PAGES),
        "testIamPermissions": (
            _OK,
            Answer("200, empty", "documented: an empty set and not 404"),
            Answer("400 INVALID_ARGUMENT", "a permission with a wildcard"),
            _NO_PAGES,
        ),
    },
}
_NESTED = {
    **_ANSWERS[OPERATIONS],
    "list": (_OK, _EMPTY, _BAD_SIZE, Answer(why_not="a job has one operation at most, its delete")),
}
_NONE = Answer(why_not="no method of jobs starts an operation")
_ML_OPERATIONS = {
    "get": (_NONE, _MISSING, _UNSENT, _NO_PAGES),
    "list": (_NONE, _EMPTY, _BAD_SIZE, _NONE),
    "cancel": (_NONE, _MISSING, _UNSENT, _NO_PAGES),
}


def cells() -> Iterator[Cell]:
    """Yield every method of the described collections for every client of their API, in every case.

    Raises KeyError for a method in Google's description that the table has no answers for.
    """
    answers = {**_ANSWERS, NESTED: _NESTED, ML_OPERATIONS: _ML_OPERATIONS}
    for client in Client:
        api = read_api(API[client])
        for collection in COLLECTIONS[API[client]]:
            for method in sorted(api.methods(collection)):
                for case, answer in zip(Case, answers[collection][method], strict=True):
                    yield Cell(collection, method, client, case, answer)


def parts() -> dict[str, str]:
    """Return the generated parts of docs/fidelity.md about clients."""
    return {"clients": "\n\n".join(_client(client) for client in Client)}


def _client(client: Client) -> str:
    rows: dict[str, list[str]] = {}
    for each in cells():
        if each.client is client:
            rows.setdefault(each.name, []).append(_shown(each.answer))
    lines = ([f"`{name}`", *shown] for name, shown in rows.items())
    return f"### {client}\n\n{table(('method', *(str(case) for case in Case)), lines)}"


def _shown(answer: Answer) -> str:
    if answer.why_not:
        return f"– ({cell(answer.why_not)})"
    return cell(f"{answer.told} ({answer.how})" if answer.how else answer.told)
