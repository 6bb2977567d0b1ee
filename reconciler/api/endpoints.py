"""Resource names and the URLs they are read under. Knows no HTTP and no credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from reconciler.core.runs.names import collection
from reconciler.transport import hosts
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.model import Scope

EMBEDDED = "embedded"
GOOGLE = "google"

_SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._:~-]*")
"""Domain-scoped project ids hold a colon (example.com:demo); a leading dot would let `..` climb out of the path."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a backend answers: `embedded`, `google`, or the URL of a server on this machine."""

    backend: str
    universe: str = hosts.GOOGLE

    def base(self, kind: Kind, location: str) -> str:
        """Return scheme, host and API version without a trailing slash, such as `https://ml.googleapis.com/v1`."""
        version = kind.api.version
        if self.backend == GOOGLE:
            return f"https://{hosts.host_of(kind.api, location, self.universe)}/{version}"
        if self.backend == EMBEDDED:
            return f"http://{EMBEDDED}/{version}"
        return f"{self.backend.rstrip('/')}/{version}"

    def collection_url(self, kind: Kind, scope: Scope, query: Mapping[str, str | int] | None = None) -> str:
        """Build the URL that lists and creates the kind's jobs in a scope."""
        return _join(self.base(kind, scope.location), collection(kind, scope), "", query)

    def resource_url(
        self, kind: Kind, resource: str, verb: str = "", query: Mapping[str, str | int] | None = None
    ) -> str:
        """Build the URL of a job, or of a custom method on it such as `cancel`.

        Raises errors.InvalidRequest where `resource` is no name of this kind: nothing else may be asked for.
        """
        check_name(kind, resource)
        return _join(self.base(kind, location_of(resource)), resource, verb, query)

    def operation_url(self, kind: Kind, resource: str, operation: str) -> str:
        """Build the URL of an operation, by its name as the API gave it, on the host that serves `resource`."""
        return _join(self.base(kind, location_of(resource)), operation, "", None)


def check_name(kind: Kind, resource: str) -> None:
    """Raise errors.InvalidRequest unless `resource` is the full name of a job of this kind."""
    parts = resource.split("/")
    shape = (
        ["projects", "", "locations", "", kind.collection, ""]
        if kind.located
        else ["projects", "", kind.collection, ""]
    )
    fits = len(parts) == len(shape) and all(want in ("", part) for want, part in zip(shape, parts, strict=True))
    if not fits or ":" in parts[-1] or not all(_SEGMENT.fullmatch(part) for part in parts):
        form = "/".join(part or "…" for part in shape)
        raise errors.InvalidRequest(f"{resource!r} does not name a {kind.name}", f"its form is {form}")


def location_of(resource: str) -> str:
    """Read the location from a resource's name; empty for names without one."""
    parts = resource.split("/")
    return parts[3] if len(parts) > 3 and parts[2] == "locations" else ""


def last_segment(resource: str) -> str:
    """Return the id at the end of a resource's name."""
    return resource.rpartition("/")[2]


def _join(base: str, name: str, verb: str, query: Mapping[str, str | int] | None) -> str:
    if not all(_SEGMENT.fullmatch(part) for part in name.split("/")):
        raise errors.InvalidRequest(f"{name!r} is not a resource name", "it has the form projects/PROJECT/…")
    url = f"{base}/{quote(name, safe='/:~')}{':' if verb else ''}{verb}"
    return f"{url}?{urlencode(query, quote_via=quote)}" if query else url
