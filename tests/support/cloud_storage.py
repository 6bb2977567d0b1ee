"""A strict stand-in for the Cloud Storage JSON API: one bucket, generations, preconditions, pages, and faults on demand.

It is a Transport by itself, and `serving` puts it behind HTTP. Whatever it does not know it refuses with a 400.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request, Response

BUCKET = "state-of-jobs"
_BUCKET_PATH = re.compile(r"/storage/v1/b/([^/]+)/o")
_OBJECT_PATH = re.compile(r"/storage/v1/b/([^/]+)/o/([^/]+)")
_UPLOAD_PATH = re.compile(r"/upload/storage/v1/b/([^/]+)/o")
_WRITABLE = {"name", "contentType", "metadata", "cacheControl"}
_OURS = {"fields", "prettyPrint", "alt", "projection"}
_TAKEN = {
    "list": {"prefix", "pageToken", "maxResults"},
    "get": {"ifGenerationMatch", "generation"},
    "read": {"ifGenerationMatch", "generation"},
    "insert": {"uploadType", "ifGenerationMatch", "name"},
    "delete": {"ifGenerationMatch", "generation"},
}


class Dropped(Exception):
    """The connection is cut without a reply."""


class Refused(Exception):
    """An error reply."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass
class Fault:
    """What goes wrong `times` times with one operation on names that contain `name`, after `skip` that go well.

    `how` is a status, `drop` or `garbage`; with ` after` behind it the work is done first.
    """

    how: str
    operation: str
    name: str = ""
    times: int = 1
    skip: int = 0


@dataclass
class Thing:
    """One object."""

    content: bytes
    generation: int
    created: float
    metadata: dict[str, str]
    content_type: str = ""


@dataclass
class CloudStorage:
    """One bucket. `time` is the store's clock; `token` is what callers have to show, where there is one."""

    page_size: int = 1000
    time: float = 1_800_000_000.25
    token: str = ""
    bucket: str = BUCKET
    dated: bool = True
    things: dict[str, Thing] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[str, str], None] = lambda operation, name: None
    changed: threading.Condition = field(default_factory=threading.Condition)
    generations: int = 1_700_000_000_000_000
    guard: Any = field(default_factory=threading.RLock)

    def __call__(self, request: Request) -> Response:
        """Answer in process."""
        try:
            return self.handle(request)
        except Dropped as cut:
            raise errors.TransportFailed("the connection was cut", sent=True) from cut

    def handle(self, request: Request) -> Response:
        """Answer, or raise Dropped."""
        try:
            operation, name, query, part = self._understand(request)
            self.before(operation, name)
            with self.guard:
                self.seen.append((operation, name))
                fault = self._fault(operation, name)
                if fault and not fault.how.endswith(" after"):
                    return self._spoil(fault)
                status, body = getattr(self, f"_{operation}")(name, query, part)
            with self.changed:
                self.changed.notify_all()
            if fault:
                return self._spoil(fault)
        except Refused as no:
            return self._reply(no.status, {"error": {"code": no.status, "message": no.message}})
        if isinstance(body, bytes):
            return self._reply(status, body)
        return self._reply(status, _only(body, query.get("fields", "")) if body else b"")

    def fail(self, how: str, operation: str, name: str = "", times: int = 1, skip: int = 0) -> None:
        """Let something go wrong."""
        self.faults.append(Fault(how, operation, name, times, skip))

    def put(self, name: str, content: bytes = b"", /, **metadata: str) -> None:
        """Put an object there as people do."""
        self.things[name] = Thing(content, self._next(), self.time, metadata)

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of what is there."""
        with self.guard:
            return sorted(name for name in self.things if name.startswith(prefix))

    def until(self, ready: Callable[[], bool], seconds: float = 10.0) -> bool:
        """Wait until something holds that requests bring about."""
        with self.changed:
            return self.changed.wait_for(ready, seconds)

    def _understand(self, request: Request) -> tuple[str, str, dict[str, str], tuple[Any, bytes]]:
        parts = urlsplit(request.url)
        given = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        if any(len(values) > 1 for values in given.values()):
            raise Refused(400, "a parameter is given twice")
        query = {name: values[0] for name, values in given.items()}
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            raise Refused(401, "Invalid Credentials")
        part: tuple[Any, bytes] = ({}, b"")
        if found := _UPLOAD_PATH.fullmatch(parts.path):
            operation, name = "insert", ""
            if request.method != "POST" or query.get("uploadType") != "multipart":
                raise Refused(400, "only multipart uploads are known")
            part = _multipart(request)
            name = part[0].get("name", query.get("name", ""))
        elif found := _OBJECT_PATH.fullmatch(parts.path):
            name = unquote(found[2])
            media = "read" if query.get("alt") == "media" else "get"
            operation = {"GET": media, "DELETE": "delete"}.get(request.method, "")
        elif found := _BUCKET_PATH.fullmatch(parts.path):
            operation, name = ("list" if request.method == "GET" else ""), query.get("prefix", "")
        else:
            raise Refused(404, "Not Found")
        if unquote(found[1]) != self.bucket:
            raise Refused(404, "The specified bucket does not exist.")
        unknown = set(query) - _OURS - _TAKEN.get(operation, set())
        if not operation or unknown:
            raise Refused(400, f"unknown method or parameters {sorted(unknown)}")
        return operation, name, query, part

    def _list(self, prefix: str, query: Mapping[str, str], part: object) -> tuple[int, Any]:
        names = self.names(prefix)
        start = 0
        if "pageToken" in query:
            asked, _, after = base64.urlsafe_b64decode(query["pageToken"]).decode().partition("\0")
            if asked != prefix:
                raise Refused(400, "the page token is of another list")
            start = sum(name <= after for name in names)
        size = min(self.page_size, int(query.get("maxResults", 1000)))
        page = names[start : start + size]
        body: dict[str, Any] = {"kind": "storage#objects"}
        if page:
            body["items"] = [self._resource(name) for name in page]
        if len(names) > start + size:
            body["nextPageToken"] = base64.urlsafe_b64encode(f"{prefix}\0{page[-1]}".encode()).decode()
        return 200, body

    def _get(self, name: str, query: Mapping[str, str], part: object) -> tuple[int, Any]:
        self._there(name, query)
        return 200, self._resource(name)

    def _read(self, name: str, query: Mapping[str, str], part: object) -> tuple[int, Any]:
        return 200, self._there(name, query).content

    def _insert(self, name: str, query: Mapping[str, str], part: tuple[Any, bytes]) -> tuple[int, Any]:
        resource, content = part
        if not name or len(name.encode()) > 1024 or set(resource) - _WRITABLE:
            raise Refused(400, f"a resource with a name and these fields alone is taken: {sorted(_WRITABLE)}")
        metadata = resource.get("metadata", {})
        if not all(isinstance(value, str) for value in metadata.values()) or len(json.dumps(metadata)) > 8192:
            raise Refused(400, "metadata are texts, 8 KiB of them at most")
        self._precondition(name, query)
        kind = resource.get("contentType", "application/octet-stream")
        self.things[name] = Thing(content, self._next(), self.time, dict(metadata), kind)
        return 200, self._resource(name)

    def _delete(self, name: str, query: Mapping[str, str], part: object) -> tuple[int, Any]:
        self._there(name, query)
        del self.things[name]
        return 204, b""

    def _there(self, name: str, query: Mapping[str, str]) -> Thing:
        if name not in self.things:
            raise Refused(404, f"No such object: {self.bucket}/{name}")
        self._precondition(name, query)
        return self.things[name]

    def _precondition(self, name: str, query: Mapping[str, str]) -> None:
        if "ifGenerationMatch" not in query:
            return
        if not re.fullmatch(r"[0-9]+", query["ifGenerationMatch"]):
            raise Refused(400, "ifGenerationMatch is a number")
        there = self.things[name].generation if name in self.things else 0
        if there != int(query["ifGenerationMatch"]):
            raise Refused(412, "At least one of the pre-conditions you specified did not hold.")

    def _resource(self, name: str) -> dict[str, Any]:
        thing = self.things[name]
        at = datetime.fromtimestamp(thing.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        found: dict[str, Any] = {
            "kind": "storage#object",
            "id": f"{self.bucket}/{name}/{thing.generation}",
            "name": name,
            "bucket": self.bucket,
            "generation": str(thing.generation),
            "metageneration": "1",
            "contentType": thing.content_type,
            "size": str(len(thing.content)),
            "md5Hash": base64.b64encode(hashlib.md5(thing.content, usedforsecurity=False).digest()).decode(),
            "timeCreated": at,
            "updated": at,
        }
        return found | ({"metadata": dict(thing.metadata)} if thing.metadata else {})

    def _next(self) -> int:
        self.generations += 1
        return self.generations

    def _fault(self, operation: str, name: str) -> Fault | None:
        for fault in self.faults:
            if fault.operation == operation and fault.name in name and fault.times > 0:
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault
        return None

    def _spoil(self, fault: Fault) -> Response:
        if fault.how.startswith("drop"):
            raise Dropped
        if fault.how.startswith("garbage"):
            return self._reply(200, b"<html>")
        status = int(fault.how.split()[0])
        return self._reply(status, {"error": {"code": status, "message": "made to fail"}})

    def _reply(self, status: int, body: Any) -> Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        date = format_datetime(datetime.fromtimestamp(int(self.time), UTC), usegmt=True)
        return Response(status, {"date": date} if self.dated else {}, content)


def _multipart(request: Request) -> tuple[Any, bytes]:
    """Split a multipart/related body of a JSON resource and a content."""
    kind = request.headers.get("content-type", "")
    found = re.fullmatch(r"multipart/related;\s*boundary=\"?([^\";]+)\"?", kind)
    if not found:
        raise Refused(400, f"{kind!r} is no multipart/related with a boundary")
    mark = found[1].strip("'").encode()
    body = request.body if request.body.startswith(b"\r\n") else b"\r\n" + request.body
    pieces = body.split(b"\r\n--" + mark)
    if len(pieces) != 4 or pieces[0] or pieces[3].strip() != b"--":
        raise Refused(400, "a body of two parts is expected")
    (first, resource), (_, content) = (piece.split(b"\r\n\r\n", 1) for piece in pieces[1:3])
    if b"application/json" not in first:
        raise Refused(400, "the first part is the resource")
    return json.loads(resource), content


def _only(body: dict[str, Any], fields: str) -> dict[str, Any]:
    """Keep what `fields` names: `a,b` or `items(a,b),c`."""
    if not fields:
        return body
    inner = re.search(r"items\(([^)]*)\)", fields)
    wanted = set(re.sub(r"\([^)]*\)", "", fields).split(","))
    kept = {key: value for key, value in body.items() if key in wanted}
    if inner and "items" in kept:
        names = set(inner[1].split(","))
        kept["items"] = [{key: value for key, value in item.items() if key in names} for item in kept["items"]]
    return kept


@contextmanager
def serving(cloud: CloudStorage) -> Iterator[str]:
    """Serve over HTTP on this machine; yields the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet

        def answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, f"http://storage{self.path}", headers, self.rfile.read(length))
            try:
                reply = cloud.handle(request)
            except Dropped:
                self.close_connection = True
                return
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json; charset=UTF-8")
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *arguments: object) -> None:
            """Keep the tests' output clean."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
