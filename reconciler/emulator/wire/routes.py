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
"""The reading of an operation, as faults name it."""

_PATH = re.compile(
    r"/(?P<version>v1|ui)/projects/(?P<project>[^/:]+)(?:/locations/(?P<location>[^/:]+))?"
    r"/(?P<collection>[A-Za-z]+)(?:/(?P<job>[^/:]+)(?:/(?P<below>[A-Za-z]+)(?:/(?P<child>[^/:]+))?)?)?"
    r"(?::(?P<custom>[A-Za-z]+))?"
)


class ChildVerb(StrEnum):
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
_OPERATIONS: Mapping[tuple[str, bool, str], tuple[ChildVerb, tuple[str, ...]]] = {
    ("GET", False, ""): (ChildVerb.LIST_OPERATIONS, ("filter", *_PAGED, "returnPartialSuccess")),
    ("GET", True, ""): (ChildVerb.GET_OPERATION, ()),
    ("POST", True, "wait"): (ChildVerb.WAIT_OPERATION, ("timeout",)),
    ("POST", True, "cancel"): (ChildVerb.CANCEL_OPERATION, ()),
    ("DELETE", True, ""): (ChildVerb.DELETE_OPERATION, ()),
}
_TRIALS: Mapping[tuple[str, bool, str], tuple[ChildVerb, tuple[str, ...]]] = {
    ("GET", False, ""): (ChildVerb.LIST_TRIALS, _PAGED),
    ("GET", True, ""): (ChildVerb.GET_TRIAL, ()),
}

# what lies below one job, by the collection of the job: nasJobs list no operations (discovery aiplatform v1)
_BELOW = {("customJobs", "operations"): _OPERATIONS, ("nasJobs", "nasTrialDetails"): _TRIALS}

# discovery ml v1 rev 20251213: an API without locations neither waits for operations nor deletes them
_NEED_LOCATION = (ChildVerb.WAIT_OPERATION, ChildVerb.DELETE_OPERATION)

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
class PathParts:
    """The parts of a path, still encoded; empty where the path has none."""

    project: str
    location: str
    job: str
    child: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a kind, or `child_verb` one of what is no job; `parameters` are those it takes.

    `served` is also the kind of the job that operations or trials lie below, None for those of a location.
    """

    parts: PathParts
    served: Served | None = None
    verb: Verb | None = None
    parameters: tuple[str, ...] = ()
    child_verb: ChildVerb | None = None

    @property
    def method(self) -> str:
        """The name of the method."""
        return self.verb.value if self.verb else self.child_verb.value if self.child_verb else ""

    @property
    def writes(self) -> bool:
        """True where a call that succeeds has changed something."""
        return self.child_verb is ChildVerb.DELETE_OPERATION or (self.verb is not None and self.verb not in READS)

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
            return Route(_parts(found), served, None, parameters, method) if fits else None
        return self._of_kind(found, served, call.method)

    def _of_kind(self, found: re.Match[str], served: Served | None, asked: str) -> Route | None:
        method = _METHODS.get((asked, found["job"] is not None, found["custom"] or ""))
        if served is None or method is None or not served.kind.can(method[0]):
            return None
        return Route(_parts(found), served, *method)

    def job(self, path: str) -> tuple[Served, PathParts] | None:
        """Return the kind and the parts of a job's path, None where it is none."""
        found = _PATH.fullmatch(path)
        served = self._of(found) if found else None
        return (served, _parts(found)) if found and served and found["job"] and not found["below"] else None

    def _of(self, found: re.Match[str]) -> Served | None:
        return self._served.get((found["location"] is not None, found["collection"]))


def _parts(found: re.Match[str]) -> PathParts:
    return PathParts(found["project"], found["location"] or "", found["job"] or "", found["child"] or "")


def _of_location(found: re.Match[str], asked: str) -> Route | None:
    """Return the method of an operation of a location or, for APIs without locations, of a project."""
    method, parameters = _OPERATIONS.get((asked, found["job"] is not None, found["custom"] or ""), (None, ()))
    if method is None or (not found["location"] and method in _NEED_LOCATION):
        return None
    parts = PathParts(found["project"], found["location"] or "", "", found["job"] or "")
    return Route(parts, None, None, parameters, method)
