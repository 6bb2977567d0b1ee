"""Which method of which kind a request means. It answers nothing itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.emulator.messages.served import READS, Served
from reconciler.emulator.wire.requests import Call
from reconciler.vocabulary.kinds import Verb

OPERATION = "operation"
"""The reading of an operation, beside the verbs."""

_PATH = re.compile(
    r"/(?P<version>v1|ui)/projects/(?P<project>[^/:]+)(?:/locations/(?P<location>[^/:]+))?"
    r"/(?P<collection>[A-Za-z]+)(?:/(?P<job>[^/:]+)(?:/(?P<below>[A-Za-z]+)(?:/(?P<child>[^/:]+))?)?)?"
    r"(?::(?P<custom>[A-Za-z]+))?"
)


class Beside(StrEnum):
    """The methods of what is no job: operations and trials."""

    GET_OPERATION = OPERATION
    LIST_OPERATIONS = "operations.list"
    WAIT_OPERATION = "operations.wait"
    CANCEL_OPERATION = "operations.cancel"
    DELETE_OPERATION = "operations.delete"
    LIST_TRIALS = "nasTrialDetails.list"
    GET_TRIAL = "nasTrialDetails.get"


_INTERNAL = "ui"
"""Operations have a second path (service config aiplatform_v1.yaml), and Google's Python client takes that one over REST:
google-cloud-aiplatform 2.7.0 lists it first for every method of operations."""

_PAGED = ("pageSize", "pageToken")

# (HTTP method, path names one, custom verb): method and parameters; discovery aiplatform v1 rev 20261106
_OPERATIONS: Mapping[tuple[str, bool, str], tuple[Beside, tuple[str, ...]]] = {
    ("GET", False, ""): (Beside.LIST_OPERATIONS, ("filter", *_PAGED, "returnPartialSuccess")),
    ("GET", True, ""): (Beside.GET_OPERATION, ()),
    ("POST", True, "wait"): (Beside.WAIT_OPERATION, ("timeout",)),
    ("POST", True, "cancel"): (Beside.CANCEL_OPERATION, ()),
    ("DELETE", True, ""): (Beside.DELETE_OPERATION, ()),
}
_TRIALS: Mapping[tuple[str, bool, str], tuple[Beside, tuple[str, ...]]] = {
    ("GET", False, ""): (Beside.LIST_TRIALS, _PAGED),
    ("GET", True, ""): (Beside.GET_TRIAL, ()),
}

# what lies below one job, by the collection of the job: nasJobs list no operations (discovery aiplatform v1)
_BELOW = {("customJobs", "operations"): _OPERATIONS, ("nasJobs", "nasTrialDetails"): _TRIALS}

# discovery ml v1 rev 20251213: an API without locations neither waits for operations nor deletes them
_NEED_LOCATION = (Beside.WAIT_OPERATION, Beside.DELETE_OPERATION)

# (HTTP method, path names a job, custom verb): what it means and which parameters it takes
_METHODS: Mapping[tuple[str, bool, str], tuple[Verb, tuple[str, ...]]] = {
    ("POST", False, ""): (Verb.CREATE, ()),
    ("GET", False, ""): (Verb.LIST, ("filter", "pageSize", "pageToken", "readMask")),
    ("GET", True, ""): (Verb.GET, ()),
    ("DELETE", True, ""): (Verb.DELETE, ()),
    ("PATCH", True, ""): (Verb.PATCH, ("updateMask",)),
    ("POST", True, "cancel"): (Verb.CANCEL, ()),
    ("GET", True, "getIamPolicy"): (Verb.GET_IAM_POLICY, ("options.requestedPolicyVersion",)),
    ("POST", True, "setIamPolicy"): (Verb.SET_IAM_POLICY, ()),
    ("POST", True, "testIamPermissions"): (Verb.TEST_IAM_PERMISSIONS, ()),
}


@dataclass(frozen=True, slots=True)
class Place:
    """The parts of a path, still encoded; empty where the path has none."""

    project: str
    location: str
    job: str
    child: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a kind, or `beside` one of what is no job; `parameters` are those it takes.

    `served` is also the kind of the job that operations or trials lie below, None for those of a location.
    """

    place: Place
    served: Served | None = None
    verb: Verb | None = None
    parameters: tuple[str, ...] = ()
    beside: Beside | None = None

    @property
    def method(self) -> str:
        """The name of the method."""
        return self.verb.value if self.verb else self.beside.value if self.beside else ""

    @property
    def writes(self) -> bool:
        """True where a call that succeeds has changed something."""
        return self.beside is Beside.DELETE_OPERATION or (self.verb is not None and self.verb not in READS)

    @property
    def kind(self) -> str:
        """The name of the kind, empty for the operations of a location."""
        return self.served.kind.name if self.served else ""


class Routes:
    """The paths of all kinds that are served."""

    def __init__(self, served: Iterable[Served]) -> None:
        self._served = {(one.kind.located, one.kind.collection): one for one in served}

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the kinds, sorted."""
        return tuple(sorted(served.kind.name for served in self._served.values()))

    @property
    def of_kinds(self) -> Mapping[str, Served]:
        """What is served, by the name of the kind."""
        return {served.kind.name: served for served in self._served.values()}

    def find(self, call: Call) -> Route | None:
        """Return what a call means, None for a path or method that is not served."""
        found = _PATH.fullmatch(call.path)
        if found is None or (
            found["version"] == _INTERNAL and "operations" not in (found["collection"], found["below"])
        ):
            return None
        asked = (call.method, found["child"] is not None, found["custom"] or "")
        if found["collection"] == "operations":
            return None if found["below"] else _of_location(found, call.method)
        served = self._of(found)
        if found["below"]:
            method, parameters = _BELOW.get((found["collection"], found["below"]), {}).get(asked, (None, ()))
            fits = served is not None and method is not None
            return Route(_place(found), served, None, parameters, method) if fits else None
        return self._of_kind(found, served, call.method)

    def _of_kind(self, found: re.Match[str], served: Served | None, asked: str) -> Route | None:
        method = _METHODS.get((asked, found["job"] is not None, found["custom"] or ""))
        if served is None or method is None or not served.kind.can(method[0]):
            return None
        return Route(_place(found), served, *method)

    def job(self, path: str) -> tuple[Served, Place] | None:
        """Return the kind and place of a job's path, None where it is none."""
        found = _PATH.fullmatch(path)
        served = self._of(found) if found else None
        return (served, _place(found)) if found and served and found["job"] and not found["below"] else None

    def _of(self, found: re.Match[str]) -> Served | None:
        return self._served.get((found["location"] is not None, found["collection"]))


def _place(found: re.Match[str]) -> Place:
    return Place(found["project"], found["location"] or "", found["job"] or "", found["child"] or "")


def _of_location(found: re.Match[str], asked: str) -> Route | None:
    """Return the method of an operation of a location or, for APIs without locations, of a project."""
    method, parameters = _OPERATIONS.get((asked, found["job"] is not None, found["custom"] or ""), (None, ()))
    if method is None or (not found["location"] and method in _NEED_LOCATION):
        return None
    place = Place(found["project"], found["location"] or "", "", found["job"] or "")
    return Route(place, None, None, parameters, method)
