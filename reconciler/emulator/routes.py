"""Which method of which kind a request means. It answers nothing itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.emulator.jobs import Served
from reconciler.emulator.requests import Call
from reconciler.vocabulary.kinds import Verb

OPERATION = "operation"
"""The reading of an operation, beside the verbs."""

_PATH = re.compile(
    r"/v1/projects/(?P<project>[^/:]+)(?:/locations/(?P<location>[^/:]+))?"
    r"/(?P<collection>[A-Za-z]+)(?:/(?P<job>[^/:]+))?(?::(?P<custom>[A-Za-z]+))?"
)

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


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a kind, or None for both where an operation is read; `parameters` are those it takes."""

    place: Place
    served: Served | None = None
    verb: Verb | None = None
    parameters: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """The name of the method."""
        return self.verb.value if self.verb else OPERATION

    @property
    def kind(self) -> str:
        """The name of the kind, empty for operations."""
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
        if found is None:
            return None
        if found["collection"] == "operations":
            fits = call.method == "GET" and found["job"] and found["location"] and not found["custom"]
            return Route(_place(found)) if fits else None
        served = self._of(found)
        method = _METHODS.get((call.method, found["job"] is not None, found["custom"] or ""))
        if served is None or method is None or not served.kind.can(method[0]):
            return None
        return Route(_place(found), served, *method)

    def job(self, path: str) -> tuple[Served, Place] | None:
        """Return the kind and place of a job's path, None where it is none."""
        found = _PATH.fullmatch(path)
        served = self._of(found) if found else None
        return (served, _place(found)) if found and served and found["job"] else None

    def _of(self, found: re.Match[str]) -> Served | None:
        return self._served.get((found["location"] is not None, found["collection"]))


def _place(found: re.Match[str]) -> Place:
    return Place(found["project"], found["location"] or "", found["job"] or "")
