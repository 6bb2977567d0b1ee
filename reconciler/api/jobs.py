"""The job methods of any kind over a Transport. Knows paths and replies; ownership and retries are others' business."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.api import envelopes, operations
from reconciler.api.endpoints import Endpoints, check_name, last_segment, location_of
from reconciler.core.runs.names import collection
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind, Verb
from reconciler.vocabulary.model import Scope
from reconciler.vocabulary.ports import Clock, Row
from reconciler.vocabulary.wire import Request, Transport

PAGE_SIZE = 100
"""Rows asked for at once: the maximum of ml (discovery rev 20251213); Vertex states none (AIP-158: capped silently)."""

NAMES_A_PAGE = 1000
"""Rows of a page that holds names only; a service that wants fewer cuts it down silently (AIP-158)."""

MOST_READINGS = 10
"""How often a list is read again for rows that moved."""

MOST_EMPTY_PAGES = 1000
"""Pages without a row in a sequence before a list counts as endless. AIP-158 allows any number."""

MOST_NAMED = 5
"""Places without an answer that an error names."""

POLICY_VERSION = 3
"""The IAM policy version that shows conditional bindings; an older one hides them and a write would drop them."""


class HttpJobs:
    """vocabulary.ports.JobsApi over HTTP. Thread-safe where its transport is.

    Every method raises errors.ApiError or errors.TransportFailed, and errors.InvalidRequest before anything is sent
    where the kind has no such method or the resource's name is none of the kind's.
    """

    def __init__(self, transport: Transport, endpoints: Endpoints, clock: Clock, page_size: int = PAGE_SIZE) -> None:
        self._transport = transport
        self._endpoints = endpoints
        self._clock = clock
        self._page_size = page_size

    def list(self, kind: Kind, scope: Scope, label_filter: str, mask: Sequence[str] = ()) -> Iterator[tuple[Row, ...]]:
        """Yield every page to the end, empty ones too, no row twice. A refused mask is dropped.

        Rows move while a long list is read (recorded: the order is by updateTime, which every change of state renews),
        and one that moved ahead of the page being read would never be seen. So a list of several pages is read again,
        by name only, until that shows nothing new.

        Raises errors.ListIncomplete after the last page where a reply names places that could not be reached.
        """
        query: dict[str, str | int] = {"pageSize": self._page_size}
        if label_filter:
            query["filter"] = label_filter
        seen: set[str] = set()
        masked = query | ({"readMask": ",".join(mask)} if mask else {})
        pages = self._pages(kind, scope, masked)
        try:
            first = next(pages)
        except errors.InvalidRequest:
            # Either the mask or the filter is at fault: without the mask the second would fail again.
            if not mask:
                raise
            mask = ()
            pages = self._pages(kind, scope, query)
            first = next(pages)
        yield _unseen(kind, scope, first, seen)
        many = False
        for page in pages:
            many = True
            yield _unseen(kind, scope, page, seen)
        if many:
            yield from self._missed(kind, scope, query, seen, by_name=bool(mask))

    def _missed(
        self, kind: Kind, scope: Scope, query: Mapping[str, str | int], seen: set[str], *, by_name: bool
    ) -> Iterator[tuple[Row, ...]]:
        """Yield the rows that moved past the reader, until a whole reading of the list shows none."""
        quick = {**query, "pageSize": NAMES_A_PAGE, "readMask": "name"} if by_name else query
        for _ in range(MOST_READINGS):
            found = [row for page in self._pages(kind, scope, quick) for row in _unseen(kind, scope, page, seen)]
            if not found:
                return
            yield tuple(self._still_there(kind, found)) if by_name else tuple(found)
        raise errors.ApiError(
            f"list {collection(kind, scope)}: it changes faster than it can be read", "try again when less is starting"
        )

    def _still_there(self, kind: Kind, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            try:
                yield self.get(kind, row["name"])
            except errors.NotFound:
                continue

    def get(self, kind: Kind, resource: str) -> Row:
        """Read one job in full."""
        row = _sound(self._call(kind, Verb.GET, "GET", resource), f"get {resource}")
        named = row.get("name") or row.get(kind.id_field)
        if not isinstance(named, str) or last_segment(named) != last_segment(resource):
            raise errors.TransportFailed(f"get {resource}: the reply is another job's, or none")
        return row

    def create(self, kind: Kind, scope: Scope, body: Mapping[str, Any]) -> Row:
        """Start a job. Sent once: after errors.ServerFailed or errors.TransportFailed (`sent`) it may exist."""
        _require(kind, Verb.CREATE)
        url = self._endpoints.collection_url(kind, scope)
        what = f"create in {collection(kind, scope)}"
        row = _sound(self._exchange("POST", url, what, body, once=True), what)
        _require_own_name(kind, scope, row, what)
        return row

    def cancel(self, kind: Kind, resource: str) -> None:
        """Ask a job to stop. A good status is all there is to the reply."""
        _require(kind, Verb.CANCEL)
        url = self._endpoints.resource_url(kind, resource, "cancel")
        envelopes.expect_success(self._transport(Request("POST", url, _ACCEPT)), f"cancel {resource}")

    def delete(self, kind: Kind, resource: str) -> None:
        """Delete a job's record and wait for the operation; its location-level name is polled as given."""
        operation = self._call(kind, Verb.DELETE, "DELETE", resource)

        def poll(name: str) -> Row:
            url = self._endpoints.operation_url(kind, resource, name)
            return self._exchange("GET", url, f"get {name}")

        operations.finish(operation, poll, self._clock, f"delete {resource}")

    def patch_labels(self, kind: Kind, resource: str, labels: Mapping[str, str], etag: str) -> Row:
        """Replace the labels of a job whose etag is still `etag`.

        The API replaces the whole map, and guards only where the etag stands in mask and body (discovery ml v1).
        Raises errors.FailedPrecondition, nothing sent, where the kind has etags and none is given.
        """
        if kind.etag and not etag:
            raise errors.FailedPrecondition(
                f"{resource}: its labels cannot be changed safely without its etag", "read the job again"
            )
        body = {"labels": dict(labels)} | ({"etag": etag} if kind.etag else {})
        return self._call(kind, Verb.PATCH, "PATCH", resource, body, query={"updateMask": ",".join(body)})

    def get_iam_policy(self, kind: Kind, resource: str) -> Row:
        """Read the job's policy with its etag and its conditions."""
        query = {"options.requestedPolicyVersion": POLICY_VERSION}
        return self._call(kind, Verb.GET_IAM_POLICY, "GET", resource, query=query, custom=True)

    def set_iam_policy(self, kind: Kind, resource: str, policy: Row) -> Row:
        """Write the whole policy; its etag guards against a lost update."""
        return self._call(kind, Verb.SET_IAM_POLICY, "POST", resource, {"policy": dict(policy)}, custom=True)

    def test_iam_permissions(self, kind: Kind, resource: str, permissions: Sequence[str]) -> tuple[str, ...]:
        """Return the permissions of those asked that the caller has."""
        body = {"permissions": list(permissions)}
        reply = self._call(kind, Verb.TEST_IAM_PERMISSIONS, "POST", resource, body, custom=True)
        held = reply.get("permissions", [])
        if not isinstance(held, list):
            raise errors.TransportFailed(f"testIamPermissions {resource}: the reply's permissions are no list")
        return tuple(name for name in permissions if name in held)

    def _pages(self, kind: Kind, scope: Scope, query: Mapping[str, str | int]) -> Iterator[tuple[Row, ...]]:
        _require(kind, Verb.LIST)
        what = f"list {collection(kind, scope)}"
        tokens: set[str] = set()
        lacking: set[str] = set()
        token, empty = "", 0
        while True:
            asked = {**query, "pageToken": token} if token else query
            reply = self._exchange("GET", self._endpoints.collection_url(kind, scope, asked), what)
            rows = _rows(reply, kind, what)
            lacking |= _unreachable(reply, what)
            yield rows
            token = _next_token(reply, what)
            if not token:
                _require_whole(lacking, what)
                return
            empty = 0 if rows else empty + 1
            if token in tokens or empty >= MOST_EMPTY_PAGES:
                raise errors.ApiError(
                    f"{what}: the list does not end: its pages repeat", "try again; if it stays, report it"
                )
            tokens.add(token)

    def _call(
        self,
        kind: Kind,
        verb: Verb,
        method: str,
        resource: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str | int] | None = None,
        custom: bool = False,
    ) -> dict[str, Any]:
        _require(kind, verb)
        url = self._endpoints.resource_url(kind, resource, verb.value if custom else "", query)
        return self._exchange(method, url, f"{verb.value} {resource}", body)

    def _exchange(
        self, method: str, url: str, what: str, body: Mapping[str, Any] | None = None, *, once: bool = False
    ) -> dict[str, Any]:
        if body is None:
            return envelopes.decode(self._transport(Request(method, url, _ACCEPT)), what)
        content = json.dumps(body, allow_nan=False, separators=(",", ":")).encode("ascii")
        return envelopes.decode(self._transport(Request(method, url, _ACCEPT | _JSON, content, once)), what)


_ACCEPT = {"accept": "application/json"}
_JSON = {"content-type": "application/json"}


def _require(kind: Kind, verb: Verb) -> None:
    if not kind.can(verb):
        raise errors.InvalidRequest(f"the API of {kind.name} has no {verb.value}", "nothing was sent")


def _rows(reply: Mapping[str, Any], kind: Kind, what: str) -> tuple[Row, ...]:
    rows = reply.get(kind.list_field, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise errors.TransportFailed(f"{what}: `{kind.list_field}` of the reply is no list of resources")
    return tuple(_sound(row, what) for row in rows)


def _sound(row: dict[str, Any], what: str) -> dict[str, Any]:
    """Return a resource whose labels are texts. Raises errors.TransportFailed: anything else is no reply of the API."""
    labels = row.get("labels") or {}
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise errors.TransportFailed(f"{what}: `labels` of the reply is no map of texts")
    return row


def _require_own_name(kind: Kind, scope: Scope, row: Row, what: str) -> None:
    """Raise errors.TransportFailed where a new job's name is none: it would be recorded, and asked for ever after.

    The project is not compared: names may hold its number.
    """
    name = row.get("name")
    if not isinstance(name, str) or not name:
        return  # ml jobs carry their id alone
    try:
        check_name(kind, name)
    except errors.InvalidRequest as wrong:
        raise errors.TransportFailed(f"{what}: the reply is no job: {wrong.message}") from wrong
    if location_of(name) != scope.location:
        raise errors.TransportFailed(f"{what}: the reply is a job elsewhere, {name}")


def _unreachable(reply: Mapping[str, Any], what: str) -> set[str]:
    """Return what a list says it could not reach (AIP-217, `unreachable`).

    The replies of our kinds do not declare the field today (discovery aiplatform v1 rev 20261106), as lists of other
    services and of operations do; a service that begins to leave places out says so there.
    """
    names = reply.get("unreachable") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise errors.TransportFailed(f"{what}: `unreachable` of the reply is no list of texts")
    return set(names)


def _require_whole(lacking: set[str], what: str) -> None:
    if lacking:
        named = sorted(lacking)
        more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        raise errors.ListIncomplete(
            f"{what}: the reply says that it could not reach {', '.join(named[:MOST_NAMED])}{more}",
            "try again when the service reaches it",
        )


def _next_token(reply: Mapping[str, Any], what: str) -> str:
    token = reply.get("nextPageToken", "")
    if not isinstance(token, str):
        raise errors.TransportFailed(f"{what}: `nextPageToken` of the reply is no text")
    return token


def _unseen(kind: Kind, scope: Scope, rows: tuple[Row, ...], seen: set[str]) -> tuple[Row, ...]:
    """Leave out rows that an earlier page showed: lists are sorted by update time, so rows move while pages are read.

    ml jobs carry no `name`, only their id.
    """
    fresh: list[Row] = []
    for row in rows:
        key = row.get("name") or row.get(kind.id_field)
        if not isinstance(key, str) or not key:
            raise errors.TransportFailed(f"list {collection(kind, scope)}: a row of the reply has no name")
        key = last_segment(key)
        if key not in seen:
            seen.add(key)
            fresh.append(row)
    return tuple(fresh)
