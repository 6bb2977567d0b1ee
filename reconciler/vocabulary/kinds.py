"""What a kind of job, and the API it belongs to, declare about themselves.

Values only: they are compiled from schemas/ and read by everyone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """Our life cycle; every API state maps to one of these."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    ENDED_UNKNOWN = "ENDED_UNKNOWN"

    @property
    def active(self) -> bool:
        """True while the run may cost money."""
        return self in (Phase.PENDING, Phase.RUNNING, Phase.STOPPING)


class Verb(StrEnum):
    """The API methods a kind may have."""

    CREATE = "create"
    GET = "get"
    LIST = "list"
    CANCEL = "cancel"
    DELETE = "delete"
    PATCH = "patch"
    GET_IAM_POLICY = "getIamPolicy"
    SET_IAM_POLICY = "setIamPolicy"
    TEST_IAM_PERMISSIONS = "testIamPermissions"


class IdForm(StrEnum):
    """Who chooses the last segment of a job's resource name."""

    SERVER = "server"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Api:
    """One API with kinds of jobs, as data. `name` is what manifests call their apiVersion.

    `located` says whether its jobs lie in a location. Hosts are patterns with `{location}` and `{universe}`; where
    `region_host` is empty, `global_host` serves every location. `multi_regions` have hosts of a form of their own.
    """

    name: str
    located: bool
    global_host: str
    region_host: str
    multi_region_host: str
    multi_regions: tuple[str, ...]

    @property
    def service(self) -> str:
        """The short name of the service, such as `aiplatform`."""
        return self.name.partition(".")[0]

    @property
    def version(self) -> str:
        """The version, as paths begin with it."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job, as data.

    `schema` is the published draft-07 schema of a whole manifest; its `properties.spec` guides normalisation, the
    `x-` keys on a property carry facts that JSON Schema has no word for (see schemas/kinds/README.md).
    `list_mask` names the fields that identify and place a run. `output_only` are top-level fields of the resource.
    """

    name: str
    api: Api
    collection: str
    id_form: IdForm
    id_field: str
    list_field: str
    list_mask: tuple[str, ...]
    verbs: frozenset[Verb]
    state_field: str
    states: Mapping[str, Phase]
    error_field: str
    output_only: tuple[str, ...]
    cosmetic: tuple[str, ...]
    etag: bool
    console_url: str
    schema: Mapping[str, Any]

    @property
    def api_version(self) -> str:
        """The apiVersion of its manifests, such as `aiplatform.googleapis.com/v1`."""
        return self.api.name

    @property
    def located(self) -> bool:
        """True where its jobs lie in a location."""
        return self.api.located

    @property
    def spec_schema(self) -> Mapping[str, Any]:
        """The schema of the manifest's `spec`; `$ref`s in it point into `schema`."""
        spec: Mapping[str, Any] = self.schema["properties"]["spec"]
        return spec

    def phase(self, row: Mapping[str, Any]) -> Phase:
        """Map a resource's state; an unknown one counts as RUNNING until the job has an endTime."""
        known = self.states.get(str(row.get(self.state_field, "")))
        if known is not None:
            return known
        return Phase.ENDED_UNKNOWN if row.get("endTime") else Phase.RUNNING

    def can(self, verb: Verb) -> bool:
        """Say whether the API has this method for the kind."""
        return verb in self.verbs


Kinds = Mapping[str, Kind]
"""Kinds by name, such as "CustomJob"."""
