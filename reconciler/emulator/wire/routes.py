"""Which method of which kind a request means. It answers nothing itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.emulator.behaviour import Api
from reconciler.emulator.messages.served import READS, Served
from reconciler.emulator.wire.requests import Call
from reconciler.vocabulary.kinds import Verb

OPERATION = "operation"
"""The reading of an operation, as faults name it."""

_NAME = (
    r"projects/(?P<project>[^/:]+)(?:/locations/(?P<location>[^/:]+))?"
    r"/(?P<collection>[A-Za-z]+)(?:/(?P<job>[^/:]+)(?:/(?P<below>[A-Za-z]+)(?:/(?P<child>[^/:]+))?)?)?"
)
_PATH = re.compile(rf"/(?P<version>[a-z][a-z0-9]*)/{_NAME}(?::(?P<custom>[A-Za-z]+))?")


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

# what may lie below one job
_BELOW = {"operations": _OPERATIONS, "nasTrialDetails": _TRIALS}

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

    `apis` are those that may be meant: the kind's own, or all that have the method in such a location or project.
    `served` is also the kind of the job that operations or trials lie below, None for those of a location.
    """

    parts: PathParts
    apis: tuple[Api, ...]
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
        self._served = tuple(served)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the kinds, sorted."""
        return tuple(sorted(self.of_kinds))

    @property
    def of_kinds(self) -> Mapping[str, Served]:
        """What is served, by the name of the kind."""
        return {served.kind.name: served for served in self._served}

    def find(self, call: Call) -> Route | None:
        """Return what a call means, None for a path or method that is not served."""
        found = _PATH.fullmatch(call.path)
        if found is None:
            return None
        version = found["version"]
        if version == _INTERNAL and "operations" not in (found["collection"], found["below"]):
            return None
        if found["collection"] == "operations":
            return None if found["below"] else self._of_location(found, call.method)
        served = self._of(found, version)
        if served is None:
            return None
        return _of_child(found, served, call.method) if found["below"] else _of_kind(found, served, call.method)

    def job(self, resource: str) -> tuple[Served, PathParts] | None:
        """Return the kind of a job's full resource name and the parts of the name, None where it is none."""
        found = re.fullmatch(_NAME, resource)
        served = self._of(found, _INTERNAL) if found else None
        return (served, _parts(found)) if found and served and found["job"] and not found["below"] else None

    def apis(self, version: str, *, located: bool) -> tuple[Api, ...]:
        """Return the APIs of a version whose jobs lie in locations, or do not, in the order of their names."""
        found = {
            served.kind.api.name: served.behaviour.api
            for served in self._served
            if served.kind.located == located and version in (_INTERNAL, served.kind.api.version)
        }
        return tuple(found[name] for name in sorted(found))

    def _of(self, found: re.Match[str], version: str) -> Served | None:
        """Return the kind of a path's collection; the internal version is that of every API."""
        for served in self._served:
            kind = served.kind
            fits = (kind.located, kind.collection) == (found["location"] is not None, found["collection"])
            if fits and version in (_INTERNAL, kind.api.version):
                return served
        return None

    def _of_location(self, found: re.Match[str], asked: str) -> Route | None:
        """Return the method of an operation of a location or, for APIs without locations, of a project."""
        method, parameters = _OPERATIONS.get((asked, found["job"] is not None, found["custom"] or ""), (None, ()))
        located = found["location"] is not None
        apis = tuple(api for api in self.apis(found["version"], located=located) if method in api.operations)
        parts = PathParts(found["project"], found["location"] or "", "", found["job"] or "")
        return Route(parts, apis, None, None, parameters, method) if apis else None


def _of_kind(found: re.Match[str], served: Served, asked: str) -> Route | None:
    method = _METHODS.get((asked, found["job"] is not None, found["custom"] or ""))
    if method is None or not served.kind.can(method[0]):
        return None
    return Route(_parts(found), (served.behaviour.api,), served, *method)


def _of_child(found: re.Match[str], served: Served, asked: str) -> Route | None:
    if found["below"] not in served.behaviour.children:
        return None
    key = (asked, found["child"] is not None, found["custom"] or "")
    method, parameters = _BELOW[found["below"]].get(key, (None, ()))
    return Route(_parts(found), (served.behaviour.api,), served, None, parameters, method) if method else None


def _parts(found: re.Match[str]) -> PathParts:
    return PathParts(found["project"], found["location"] or "", found["job"] or "", found["child"] or "")
