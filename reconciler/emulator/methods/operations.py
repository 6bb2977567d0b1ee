"""Long-running operations as every Google API has them: get, list, wait, cancel, delete. It starts none.

An operation lives under its location, or project for APIs without locations; the job it was about may list it too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.emulator.messages import parse
from reconciler.emulator.state.database import State
from reconciler.emulator.wire import filters, page_tokens, replies
from reconciler.emulator.wire.filters import Compare
from reconciler.emulator.wire.page_tokens import Sizes
from reconciler.emulator.wire.replies import Refusal
from reconciler.emulator.wire.requests import Call

SIZES = Sizes(100, 1000)
"""Rows on a page of operations (unverified: no page states them)."""

REPLY: Mapping[str, None] = {"name": None, "metadata": None, "done": None, "error": None, "response": None}
"""The fields of an operation (discovery aiplatform v1 rev 20261106: GoogleLongrunningOperation)."""

_DURATION = re.compile(r"(-?)[0-9]{1,12}(?:\.[0-9]{1,9})?s")


def _time(path: str) -> str:
    """Return SQL for the microseconds of a timestamp with 0 to 6 digits in an operation's JSON."""
    text = f"json_extract(found.body, '{path}')"
    whole = f"CAST(strftime('%s', substr({text}, 1, 19)) AS INTEGER) * 1000000"
    return f"({whole} + CAST(substr(substr(rtrim({text}, 'Z'), 21) || '000000', 1, 6) AS INTEGER))"


_FIELDS: Mapping[str, Compare] = {
    # unverified: discovery speaks of "the standard list filter" and names no field
    "name": filters.as_text("json_extract(found.body, '$.name')"),
    "done": filters.as_bool("COALESCE(json_extract(found.body, '$.done'), 0) = 1"),
    "metadata.generic_metadata.create_time": filters.as_time(_time("$.metadata.genericMetadata.createTime")),
    "metadata.generic_metadata.update_time": filters.as_time(_time("$.metadata.genericMetadata.updateTime")),
}


def nested(resource: str, operation: Mapping[str, Any]) -> str:
    """Return the name under which a resource lists an operation, which has a name of its own too."""
    return f"{resource}/operations/{operation['name'].rpartition('/')[2]}"


class OperationMethods:
    """The methods over the stored operations; every one runs inside a transaction of the state.

    `parent` is what the operations are listed under: a location, a project or a job.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def get(self, parent: str, operation: str) -> dict[str, Any]:
        """Answer one operation under its own name, however it was asked for."""
        found = self._state.operation(f"{parent}/operations/{operation}")
        if found is not None and "metadata" not in found:
            found = self._state.operation(found["name"])
        if found is None:
            raise Refusal("NOT_FOUND", f"Operation {parent}/operations/{operation} was not found.")
        return dict(found)

    def list(self, parent: str, call: Call) -> dict[str, Any]:
        """Answer one page of operations by name; `{}` where there are none."""
        if call.query.get("returnPartialSuccess", "false").lower() not in ("false", ""):
            # discovery aiplatform v1 rev 20261106: UNIMPLEMENTED unless a service says otherwise
            raise Refusal("UNIMPLEMENTED", "The field `return_partial_success` is not supported.")
        text = call.query.get("filter", "")
        where, values = filters.compiled(text, _FIELDS)
        page = page_tokens.asked(call.query, SIZES, f"{parent}/operations", text)
        after = page.after[1] if page.after else ""
        rows = self._state.operations(f"{parent}/operations/", where, values, after, page.size + 1)
        found: dict[str, Any] = {"operations": [body for _, body in rows[: page.size]]} if rows else {}
        if len(rows) > page.size:
            found["nextPageToken"] = page.token((0, rows[page.size - 1][0]))
        return found

    def wait(self, parent: str, operation: str, call: Call) -> dict[str, Any]:
        """Answer an operation, which is done by the time anybody waits for it."""
        timeout = call.query.get("timeout", "")
        found = _DURATION.fullmatch(timeout)
        if timeout and found is None:
            raise replies.invalid_json([("timeout", parse.illegal_duration("timeout", "timeout"))])
        if found is not None and found[1]:
            raise Refusal("INVALID_ARGUMENT", f"The timeout must not be negative, got {timeout}.")
        return self.get(parent, operation)

    def cancel(self, parent: str, operation: str) -> dict[str, Any]:
        """Refuse to cancel: no operation of jobs can be (recorded: GoogleCloudPlatform/vertex-ai-samples#18)."""
        name = self.get(parent, operation)["name"]
        raise Refusal("FAILED_PRECONDITION", f"Operation {name} is not cancellable.")

    def delete(self, parent: str, operation: str) -> dict[str, Any]:
        """Drop the record of an operation, and with it what a job lists of it."""
        self._state.remove_operation(self.get(parent, operation)["name"])
        return {}
