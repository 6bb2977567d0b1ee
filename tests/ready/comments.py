"""A stand-in for GitHub's REST API of issue comments: list by pages, create, change. It checks what it is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from reconciler.vocabulary.wire import Request, Response
from tests.support.stage import bound

BOT = "github-actions[bot]"
LONGEST = 65_536
"""Characters of a body; GitHub answers 422 for more."""

_LIST = re.compile(r"/repos/people/jobs/issues/(\d+)/comments")
_ONE = re.compile(r"/repos/people/jobs/issues/comments/(\d+)")


@dataclass
class Comments:
    """The comments of one repository, oldest first as GitHub lists them."""

    token: str
    url: str = ""
    kept: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    forbidden: bool = False

    def say(self, issue: int, body: str, login: str = "somebody") -> dict[str, Any]:
        comment = {"id": 1000 + len(self.kept), "issue": issue, "body": body, "user": {"login": login}}
        self.kept.append(comment)
        return comment

    def bodies(self, issue: int = 7, login: str = BOT) -> list[str]:
        return [each["body"] for each in self.kept if each["issue"] == issue and each["user"]["login"] == login]

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _answer(401, {"message": "Bad credentials"})
        parts = urlsplit(request.url)
        if request.method == "GET" and (found := _LIST.fullmatch(parts.path)):
            return self._page(int(found[1]), parse_qs(parts.query))
        if self.forbidden:
            return _answer(403, {"message": "Resource not accessible by integration"})
        return self._write(request, parts.path)

    def _page(self, issue: int, query: dict[str, list[str]]) -> Response:
        size, number = (int(query.get(name, [default])[0]) for name, default in (("per_page", "30"), ("page", "1")))
        assert size <= 100
        found = [each for each in self.kept if each["issue"] == issue]
        return _answer(200, found[size * (number - 1) : size * number])

    def _write(self, request: Request, path: str) -> Response:
        body = json.loads(request.body)["body"]
        if len(body) > LONGEST:
            return _answer(422, {"message": "Validation Failed"})
        if request.method == "POST" and (found := _LIST.fullmatch(path)):
            return _answer(201, self.say(int(found[1]), body, BOT))
        if request.method == "PATCH" and (found := _ONE.fullmatch(path)):
            [comment] = [each for each in self.kept if each["id"] == int(found[1])]
            comment["body"] = body
            return _answer(200, comment)
        return _answer(404, {"message": "Not Found"})


def _answer(status: int, value: Any) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(value).encode())


@contextmanager
def serving(token: str) -> Iterator[Comments]:
    """Serve comments on loopback for a while."""
    comments = Comments(token)
    with bound(comments) as url:
        comments.url = url
        yield comments
