"""Google's own clients behind one way to call them: method and JSON in, JSON or a refusal out. Knows no emulator.

Nothing of a client is changed but the address it calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform_v1
from google.longrunning import operations_pb2
from google.protobuf import json_format
from googleapiclient import discovery, errors

from tools.pages.client_matrix import API, Client


class Refused(Exception):
    """The service answered with an error. `told` is its HTTP status and its code, or that the body was no JSON."""

    def __init__(self, status: int, message: str, body: bytes) -> None:
        super().__init__(message)
        try:
            self.told = f"{status} {json.loads(body)['error']['status']}"
        except ValueError:
            self.told = f"{status}, a page"


class Unsent(Exception):
    """The client itself refused to send."""


class Vertex:
    """google-cloud-aiplatform's JobServiceClient over REST; its methods are found by their names."""

    def __init__(self, url: str) -> None:
        self._client = aiplatform_v1.JobServiceClient(
            transport="rest", client_options={"api_endpoint": url}, credentials=AnonymousCredentials()
        )

    def close(self) -> None:
        self._client.transport.close()

    def call(self, collection: str, method: str, **given: Any) -> Any:
        """Call one method; `given` has parent, name, body, pageSize, pageToken, filter."""
        try:
            with refusals():
                if collection.endswith("operations"):
                    return self._operations(method, given)
                return self._jobs(_noun(collection), method, given)
        except ValueError as wrong:
            raise Unsent(str(wrong)) from wrong

    def pages(self, collection: str, method: str, **given: Any) -> list[list[Any]]:
        """Read every page as the client's own pager does; operations have none, and are paged by hand."""
        if collection.endswith("operations"):
            return by_hand(self, collection, method, given)
        with refusals():
            pager = getattr(self._client, f"list_{_noun(collection)}s")(_request(given))
            return [json_rows(_json(page)) for page in pager.pages]

    def _jobs(self, noun: str, method: str, given: Mapping[str, Any]) -> Any:
        if method == "create":
            kind = getattr(aiplatform_v1, "".join(part.title() for part in noun.split("_")))
            job = kind.from_json(json.dumps(given["body"]))
            return _json(getattr(self._client, f"create_{noun}")(parent=given["parent"], **{noun: job}))
        found = getattr(self._client, _named(noun, method))(_request(given))
        if method == "delete":
            return json_format.MessageToDict(found.operation)
        return _json(next(found.pages) if method == "list" else found)

    def _operations(self, method: str, given: Mapping[str, Any]) -> Any:
        request = {snake(name): value for name, value in given.items()}
        if method == "list":
            request["name"] = request.pop("parent")
        sort = getattr(operations_pb2, f"{method.title()}Operation{'s' if method == 'list' else ''}Request")
        found = getattr(self._client, _named("operation", method))(sort(**request))
        return {} if found is None else json_format.MessageToDict(found)


class Discovery:
    """google-api-python-client over the descriptions it ships, without asking for newer ones."""

    def __init__(self, url: str, api: Client) -> None:
        name, version = API[api].split(".")
        self._service = discovery.build(
            name,
            version,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": url},
            static_discovery=True,
        )

    def close(self) -> None:
        self._service.close()

    def call(self, collection: str, method: str, **given: Any) -> Any:
        """Call one method; `given` has parent or name, body, and the method's own parameters."""
        return self._run(self._request(collection, method, given))

    def pages(self, collection: str, method: str, **given: Any) -> list[list[Any]]:
        """Read every page with the client's own `list_next`."""
        found, request = [], self._request(collection, method, given)
        while request is not None:
            page = self._run(request)
            found.append(json_rows(page))
            request = self._resource(collection).list_next(request, page)
        return found

    def _resource(self, collection: str) -> Any:
        resource = self._service
        for part in collection.split("."):
            resource = getattr(resource, part)()
        return resource

    def _request(self, collection: str, method: str, given: Mapping[str, Any]) -> Any:
        named = dict(given)
        if collection.endswith("operations") and method == "list":
            named["name"] = named.pop("parent")
        if method.endswith(("IamPolicy", "IamPermissions")):
            named["resource"] = named.pop("name")
        try:
            return getattr(self._resource(collection), method)(**named)
        except TypeError as wrong:
            raise Unsent(str(wrong)) from wrong

    def _run(self, request: Any) -> Any:
        try:
            return request.execute()
        except errors.HttpError as refusal:
            raise Refused(refusal.status_code, str(refusal), refusal.content) from refusal


Caller = Vertex | Discovery


def calling(client: Client, url: str) -> Caller:
    """Make the client of a column of the matrix."""
    return Vertex(url) if client is Client.VERTEX else Discovery(url, client)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn the client's exceptions into ours."""
    try:
        yield
    except exceptions.GoogleAPICallError as refusal:
        raise Refused(int(refusal.code or 0), str(refusal), refusal.response.content) from refusal


def by_hand(caller: Caller, collection: str, method: str, given: Mapping[str, Any]) -> list[list[Any]]:
    """Read every page by its token."""
    found, token = [], ""
    while True:
        page = caller.call(collection, method, **given, **({"pageToken": token} if token else {}))
        found.append(json_rows(page))
        token = page.get("nextPageToken", "")
        if not token:
            return found


def json_rows(page: Mapping[str, Any]) -> list[Any]:
    """Return the rows of a list's reply, whatever they are called."""
    return [row for name, rows in page.items() if name != "nextPageToken" for row in rows]


def snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)


def vertex_method(collection: str, method: str) -> str:
    """Name the method of JobServiceClient that stands for one of the API."""
    return _named(_noun(collection), method)


def _named(noun: str, method: str) -> str:
    return f"{method}_{noun}{'s' if method == 'list' else ''}"


def _noun(collection: str) -> str:
    return snake(collection.rpartition(".")[2]).removesuffix("s")


def _request(given: Mapping[str, Any]) -> dict[str, Any]:
    return {snake(name): value for name, value in given.items()}


def _json(found: Any) -> Any:
    """Write a reply as JSON has it: names of enums, int64 as text, nothing that is not set."""
    return {} if found is None else json_format.MessageToDict(type(found).pb(found))
