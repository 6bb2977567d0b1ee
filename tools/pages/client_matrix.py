"""What Google's own clients are answered, as data: API method × client × case, from Google's API descriptions.

It calls nothing: tests/clients makes every call and holds the emulator to this table; the pages print it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tools.pages.markdown_tables import cell, code, table
from tools.schemas.discovery import read_api

TABLE = Path(__file__).with_name("client_answers.csv")
"""A row for each method, a column for each case: `200`, `400 CODE (how it is brought about)` or `– (why not asked)`."""


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


def cells() -> Iterator[Cell]:
    """Yield every method of the described collections for every client of their API, in every case.

    Raises KeyError for a method in Google's description that the table has no answers for.
    """
    answers = table_rows()
    for client in Client:
        api = read_api(API[client])
        for collection in COLLECTIONS[API[client]]:
            for method in sorted(api.methods(collection)):
                row = answers[API[client], collection, method]
                for case in Case:
                    yield Cell(collection, method, client, case, _answer(row[case]))


def table_rows() -> Mapping[tuple[str, str, str], Mapping[str, str]]:
    """Return the rows of the table by API, collection and method."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return {(row["api"], row["collection"], row["method"]): row for row in csv.DictReader(lines)}


def _answer(text: str) -> Answer:
    """Read `200`, `400 INVALID_ARGUMENT (how)` or `– (why not)`."""
    told, _, how = text.removesuffix(")").partition(" (")
    return Answer(why_not=how) if told == "–" else Answer(told, how)


def parts() -> dict[str, str]:
    """Return the generated part of docs/fidelity.md about clients: what is usual, and every method that differs."""
    rows = table_rows()
    usual = {(listing, case): _usual(rows, listing, case) for listing in (True, False) for case in Case}
    common = ([str(case), cell(usual[True, case]), cell(usual[False, case])] for case in Case)
    others = (
        [code(f"{collection.removeprefix('projects.')}.{method}"), api, str(case), cell(row[case])]
        for (api, collection, method), row in rows.items()
        for case in Case
        if row[case] != usual[method == "list", case]
    )
    return {
        "clients": "\n\n".join(
            (
                table(("case", "`list`", "every other method"), common),
                "The methods that are answered otherwise:",
                table(("method", "API", "case", "answer"), others),
            )
        )
    }


def _usual(rows: Mapping[tuple[str, str, str], Mapping[str, str]], listing: bool, case: Case) -> str:
    """Return the answer that most methods share."""
    answers = Counter(row[case] for (_, _, method), row in rows.items() if (method == "list") is listing)
    return min(answers, key=lambda answer: (-answers[answer], answer))
