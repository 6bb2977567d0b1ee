"""The comment of a plan on a GitHub pull request: one for each stack and part of one, found by first line and author.

Run by action.yml as `python -I -m reconciler.cli.github.comment`. Knows GitHub's REST API; makes no plan.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.cli import surroundings as outside
from reconciler.cli import wiring
from reconciler.cli.github import action
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import outputs
from reconciler.core.documents import plan_json, seal
from reconciler.core.plan.selection import Selection
from reconciler.renderers import escape
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request, Response, Transport

PAGE = 100
"""Comments of one page; the most GitHub gives (REST API, "List issue comments", 2022-11-28)."""

_MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class Thread:
    """The comments of one pull request. `author` is the login whose comments are ours, `link` the run that makes them."""

    transport: Transport
    api: str
    repository: str
    number: int
    token: str
    author: str
    link: str = ""

    def find(self, mark: str) -> int | None:
        """Return the id of our oldest comment that starts with the mark.

        A mark can be copied by anybody, and an edit by us would lend our name to a comment that others can change.
        """
        for comment in self._comments():
            ours = (comment.get("user") or {}).get("login") == self.author
            if ours and str(comment.get("body") or "").startswith(mark):
                return int(comment["id"])
        return None

    def write(self, body: str, number: int | None) -> None:
        """Post a comment, or change the one of that number."""
        where = f"issues/{self.number}/comments" if number is None else f"issues/comments/{number}"
        self._call("POST" if number is None else "PATCH", where, {"body": body})

    def _comments(self) -> Iterator[Mapping[str, Any]]:
        for page in range(1, _MOST_PAGES + 1):
            found = self._call("GET", f"issues/{self.number}/comments?per_page={PAGE}&page={page}")
            yield from found
            if len(found) < PAGE:
                return

    def _call(self, method: str, where: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {
            "authorization": f"Bearer {self.token}",
            "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
        }
        sent = b"" if body is None else json.dumps(body).encode()
        reply = self.transport(Request(method, f"{self.api}/repos/{self.repository}/{where}", headers, sent))
        if reply.status not in (200, 201):
            raise _refused(method, reply)
        return json.loads(reply.body)


def _refused(method: str, reply: Response) -> errors.ReconcilerError:
    hint = "run again, or set the input comment to off"
    if reply.status in (401, 403, 404):
        hint = "give the job `permissions: {pull-requests: write}`, or set the input comment to off"
    said = reply.body[:300].decode("utf-8", "replace")
    return errors.ReconcilerError(f"GitHub answered {method} of a comment with {reply.status}: {said}", hint)


def body(own: str, markdown: str, link: str) -> str:
    """Put the mark before a text and the run that made it behind."""
    return f"{own}\n{markdown.rstrip()}\n" + (f"\n[This run]({link})\n" if link else "")


def mark(stack: str, uid: str, selection: Any = None) -> str:
    """Return the invisible first line of a stack's comment. Both names are plain by the rules of the stack file.

    `selection` is what a plan file says of the part it is, None where it looks at everything: the comment of a part
    never takes the place of the whole's, nor of another part's. It is anybody's text, so its hash stands for it.
    """
    part = f", part {seal.checksum(selection)}" if selection else ""
    return f"<!-- reconciler plan of {stack} {uid}{part} -->"


def tell(thread: Thread, way: str, plan: Mapping[str, Any], markdown: str) -> str:
    """Comment on a plan and say what was done: nothing, where the plan calls nothing and no comment is there yet."""
    own = mark(str(plan["stack"]["name"]), str(plan["stack"]["uid"]), plan["selection"])
    found = thread.find(own) if way == "update" else None
    changes = sum(count for action, count in plan["summary"].items() if action != "noop")
    if not changes and not plan["blocked"] and found is None:
        return "The plan calls nothing, so there is no comment"
    thread.write(body(own, markdown, thread.link), found)
    return "Commented on the pull request" if found is None else "Brought the comment of the pull request up to date"


def withdraw(thread: Thread, own: str, code: str) -> str:
    """Take the plan of an earlier commit out of the comment, where there is one: this commit has none."""
    found = thread.find(own)
    if found is None:
        return "No plan, so there is no comment"
    sentence = f"**No plan of this commit**: `plan` ended with exit {escape.code(code)}."
    thread.write(body(own, sentence, thread.link), found)
    return "Took the plan of an earlier commit out of the comment"


def run(surroundings: Surroundings | None = None) -> int:
    """Comment on a plan, on the pull request of the event; do nothing for any other event."""
    around = surroundings or outside.of_process()
    with action.commands_off():
        try:
            outputs.say(_run(around))
        except errors.ReconcilerError as problem:
            outputs.report(problem, around.environment.color)
            return problem.exit_code
    return 0


def _run(around: Surroundings) -> str:
    from reconciler.transport.http import HttpTransport
    from reconciler.transport.retry import retrying

    environment = around.environment
    action_input, github = environment.action_input, environment.github
    way, repository = action_input("COMMENT"), github("REPOSITORY")
    if way not in ("update", "new"):
        raise errors.InputError(f"the input comment is {way!r}", "write update, new or off")
    request = json.loads(Path(github("EVENT_PATH")).read_text(encoding="utf-8")).get("pull_request")
    if request is None:
        return "No pull request, so there is no comment"
    if (request["head"]["repo"] or {}).get("full_name") != repository:
        return "A pull request of a fork gets no comment: its token may not write. The plan is in the summary."
    with HttpTransport(proxies=environment.proxies) as http:
        transport = retrying(http, around.clock, around.chance.random)
        thread = Thread(
            transport, github("API_URL"), repository, int(request["number"]), action_input("TOKEN"),
            action_input("COMMENT_AUTHOR"), environment.ci_run,
        )  # fmt: skip
        if not action_input("PLAN_FILE"):
            stack = wiring.open_workspace(action_input("PATH") or ".", around).stack
            part = Selection(tuple(action_input("SELECT").split())).part
            selection = plan_json.selection(part) if part else None
            return withdraw(thread, mark(stack.name, stack.uid, selection), action_input("EXIT_CODE"))
        plan = json.loads(Path(action_input("PLAN_FILE")).read_text(encoding="utf-8"))
        markdown = (Path(action_input("FOLDER")) / "plan.md").read_text(encoding="utf-8")
        return tell(thread, way, plan, markdown)


if __name__ == "__main__":
    sys.exit(run())
