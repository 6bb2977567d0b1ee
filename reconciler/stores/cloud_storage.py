"""Objects of one Cloud Storage bucket through its JSON API, each write under a precondition. Knows no lock or ledger.

Methods, fields and preconditions as in discovery storage v1 rev 20261009.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from reconciler.stores import refusals
from reconciler.vocabulary import errors
from reconciler.vocabulary.ports import Clock
from reconciler.vocabulary.wire import Request, Response, Transport

GOOGLE = "https://storage.googleapis.com"
ATTEMPTS = 5
"""How often a write is sent whose fate a look could tell; a lost reply is looked up before each."""

CARRIED = 4096
"""Bytes of content that metadata carry too; all of them may be 8 KiB (Cloud Storage docs, "Quotas and limits")."""

_CONTENT = "content"

_ABSENT = 0
"""The generation of an object that does not exist, as preconditions name it."""

_FIELDS = "name,generation,metadata,timeCreated,md5Hash"


@dataclass(frozen=True, slots=True)
class Stored:
    """An object without its content. `created` is in seconds since the epoch, by the store's clock.

    `age` is how long ago this generation was written, also by the store's clock; None where its reply had no date.
    """

    name: str
    generation: int
    metadata: Mapping[str, str]
    created: float
    age: float | None
    md5: str

    @property
    def content(self) -> bytes | None:
        """What `carrying` put into the metadata; None where it has to be read."""
        found = self.metadata.get(_CONTENT)
        return None if found is None else found.encode()


def carrying(content: bytes) -> dict[str, str]:
    """Return metadata that carry a small content too, so that a listing answers without a further read."""
    return {_CONTENT: content.decode()} if len(content) <= CARRIED and content.isascii() else {}


class Bucket:
    """One bucket over a Transport that repeats reads. Thread-safe where its transport is.

    Every method raises errors.StoreFailed naming bucket or object and the way out, errors.BackendRefused where the
    transport sends nothing. `attempts` is how often a write is sent at most.
    """

    def __init__(
        self, transport: Transport, clock: Clock, name: str, base: str = GOOGLE, attempts: int = ATTEMPTS
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._name = name
        self._base = base.rstrip("/")
        self._attempts = attempts

    def url(self, name: str) -> str:
        """Name an object, for people."""
        return f"gs://{self._name}/{name}"

    def insert(
        self, name: str, metadata: Mapping[str, str], content: bytes, generation: int = _ABSENT
    ) -> Stored | None:
        """Write an object whose generation is still `generation`, 0 for none; None where it is another one.

        A write whose reply was lost is never taken for either: what is there now is compared with what was sent.
        """
        what = f"cannot write {self.url(name)}"
        request = self._insertion(name, metadata, content, generation)
        for attempt in range(1, self._attempts + 1):
            reply, reason = self._try(request)
            if reply is not None and reply.status == 412:
                return self._ours(name, metadata, content) if attempt > 1 else None
            if reply is not None and not _ambiguous(reply):
                if not 200 <= reply.status <= 299:
                    raise refusals.refused(reply, what, self._name)
                with suppress(errors.StoreFailed):
                    return self._stored(self._good(reply, what), reply, what)
            found = self.head(name)
            if (found.generation if found else _ABSENT) != generation:
                return self._ours(name, metadata, content)
            if attempt < self._attempts:
                self._clock.sleep(2.0 ** (attempt - 1))
        raise errors.StoreFailed(f"{what}: {reason}", "the service is failing; run again in a moment")

    def head(self, name: str) -> Stored | None:
        """Return what is known of an object without its content; None where it does not exist."""
        what = f"cannot look at {self.url(name)}"
        reply = self._read(self._object(name, {"fields": _FIELDS}), what)
        return None if _missing(reply) else self._stored(self._good(reply, what), reply, what)

    def read(self, name: str) -> bytes:
        """Return an object's content."""
        what = f"cannot read {self.url(name)}"
        reply = self._read(self._object(name, {"alt": "media"}), what)
        if not 200 <= reply.status <= 299:
            raise refusals.refused(reply, what, self._name)
        return reply.body

    def listing(self, prefix: str) -> Iterator[Stored]:
        """Yield every object whose name starts with the prefix, by name. Folders drawn in a console are left out."""
        what = f"cannot list {self.url(prefix)}"
        query = {"prefix": prefix, "fields": f"items({_FIELDS}),nextPageToken"}
        tokens: set[str] = set()
        token = ""
        while True:
            reply = self._read(self._collection({**query, "pageToken": token} if token else query), what)
            page = self._good(reply, what)
            items = page.get("items", [])
            if not isinstance(items, list):
                raise refusals.unreadable(what)
            for item in items:
                stored = self._stored(item, reply, what)
                if not stored.name.endswith("/"):
                    yield stored
            token = page.get("nextPageToken", "")
            if not token:
                return
            if not isinstance(token, str) or token in tokens:
                raise refusals.unreadable(what)
            tokens.add(token)

    def delete(self, name: str, generation: int) -> bool:
        """Delete an object of this very generation; False where it is another one or already gone."""
        what = f"cannot delete {self.url(name)}"
        request = Request("DELETE", self._object(name, {"ifGenerationMatch": str(generation)}))
        reason = ""
        for attempt in range(1, self._attempts + 1):
            reply, reason = self._try(request)
            if reply is not None and (reply.status == 412 or _missing(reply)):
                return attempt > 1 and self.head(name) is None
            if reply is not None and not _ambiguous(reply):
                if not 200 <= reply.status <= 299:
                    raise refusals.refused(reply, what, self._name)
                return True
            if attempt < self._attempts:
                self._clock.sleep(2.0 ** (attempt - 1))
        raise errors.StoreFailed(f"{what}: {reason}", "the service is failing; run again in a moment")

    def _ours(self, name: str, metadata: Mapping[str, str], content: bytes) -> Stored | None:
        """Return the object if it is what we sent: then a reply was lost, and not the race."""
        found = self.head(name)
        same = found is not None and found.md5 == _md5(content) and found.metadata == metadata
        return found if same else None

    def _insertion(self, name: str, metadata: Mapping[str, str], content: bytes, generation: int) -> Request:
        """Build a multipart upload: the resource, then the content (Cloud Storage docs, "Uploads and downloads")."""
        resource = {"name": name, "contentType": "application/json", "cacheControl": "no-store", "metadata": metadata}
        boundary = "part-" + hashlib.sha256(content).hexdigest()
        parts = (("application/json; charset=UTF-8", json.dumps(resource).encode()), ("application/json", content))
        body = b"".join(
            f"--{boundary}\r\ncontent-type: {kind}\r\n\r\n".encode() + part + b"\r\n" for kind, part in parts
        )
        query = {"uploadType": "multipart", "ifGenerationMatch": str(generation), "fields": _FIELDS}
        url = f"{self._base}/upload/storage/v1/b/{quote(self._name, safe='')}/o?{urlencode(query)}"
        headers = {"content-type": f"multipart/related; boundary={boundary}"}
        return Request("POST", url, headers, body + f"--{boundary}--\r\n".encode())

    def _collection(self, query: Mapping[str, str]) -> str:
        return f"{self._base}/storage/v1/b/{quote(self._name, safe='')}/o?{urlencode(query)}"

    def _object(self, name: str, query: Mapping[str, str]) -> str:
        path = f"{self._base}/storage/v1/b/{quote(self._name, safe='')}/o/{quote(name, safe='')}"
        return f"{path}?{urlencode(query)}"

    def _try(self, request: Request) -> tuple[Response | None, str]:
        """Send a write once; where no reply could be read, say why."""
        try:
            reply = self._transport(request)
        except errors.TransportFailed as lost:
            return None, lost.message
        return reply, f"the service answered {reply.status}"

    def _read(self, url: str, what: str) -> Response:
        try:
            return self._transport(Request("GET", url))
        except errors.TransportFailed as lost:
            raise errors.StoreFailed(f"{what}: {lost.message}", lost.hint) from lost

    def _good(self, reply: Response, what: str) -> dict[str, Any]:
        if not 200 <= reply.status <= 299:
            raise refusals.refused(reply, what, self._name)
        try:
            value = json.loads(reply.body)
        except (ValueError, RecursionError) as broken:
            raise refusals.unreadable(what) from broken
        if not isinstance(value, dict):
            raise refusals.unreadable(what)
        return value

    def _stored(self, item: Any, reply: Response, what: str) -> Stored:
        try:
            metadata = {str(key): str(value) for key, value in (item.get("metadata") or {}).items()}
            created = datetime.fromisoformat(item["timeCreated"]).timestamp()
            at = _date(reply)
            age = None if at is None else at - created
            md5 = str(item.get("md5Hash", ""))
            return Stored(str(item["name"]), int(item["generation"]), metadata, created, age, md5)
        except (AttributeError, KeyError, TypeError, ValueError) as broken:
            raise refusals.unreadable(what) from broken


def _ambiguous(reply: Response) -> bool:
    """A write may have been carried out: 408 and 5xx say nothing about it."""
    return reply.status == 408 or reply.status >= 500


def _missing(reply: Response) -> bool:
    """Say whether the object is missing. A bucket that is missing answers 404 too, and proves nothing."""
    return reply.status == 404 and not refusals.no_bucket(reply)


def _date(reply: Response) -> float | None:
    try:
        return parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
    except ValueError:
        return None


def _md5(content: bytes) -> str:
    """Return the hash as the service shows it (Object.md5Hash: base64 of the MD5, RFC 4648 section 4)."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
