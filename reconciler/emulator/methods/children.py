"""What lies below jobs and locations: operations, and the trials of searches. It changes no job.

Which path means what it leaves to the routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.emulator.messages.served import Served
from reconciler.emulator.methods import lists, nas_trials, operations
from reconciler.emulator.methods.jobs import JobMethods
from reconciler.emulator.methods.operations import OperationMethods
from reconciler.emulator.state.database import State
from reconciler.emulator.state.rows import Key
from reconciler.emulator.wire import page_tokens, requests
from reconciler.emulator.wire.field_masks import Known
from reconciler.emulator.wire.replies import Refusal
from reconciler.emulator.wire.requests import Call
from reconciler.emulator.wire.routes import ChildVerb, Route
from reconciler.vocabulary.kinds import Verb

# discovery aiplatform v1 rev 20261106: GoogleCloudAiplatformV1NasTrialDetail
_TRIAL: Mapping[str, None] = {"name": None, "parameters": None, "searchTrial": None, "trainTrial": None}

# discovery ml v1 rev 20251213: GoogleIamV1__Policy
_POLICY: Mapping[str, None] = {"version": None, "bindings": None, "auditConfigs": None, "etag": None}


class ChildMethods:
    """The methods of operations and trials; every one runs inside a transaction of the state."""

    def __init__(self, state: State, jobs: JobMethods) -> None:
        self._jobs = jobs
        self._operations = OperationMethods(state)

    def answer(self, route: Route, key: Key, call: Call, now: int) -> Any:
        """Answer one call; `key` is the job, or the location or project alone, that the path begins with."""
        parent = _parent(route.served, key)
        name = requests.segment(route.parts.child)
        answers: Mapping[ChildVerb, Callable[[], Any]] = {
            ChildVerb.GET_OPERATION: lambda: self._operations.get(parent, name),
            ChildVerb.LIST_OPERATIONS: lambda: self._operations.list(parent, call),
            ChildVerb.WAIT_OPERATION: lambda: self._operations.wait(parent, name, call),
            ChildVerb.CANCEL_OPERATION: lambda: self._operations.cancel(parent, name),
            ChildVerb.DELETE_OPERATION: lambda: self._operations.delete(parent, name),
        }
        if route.child_verb is not None and route.child_verb in answers:
            return answers[route.child_verb]()
        return self._trials(route, key, parent, call, now)

    def _trials(self, route: Route, key: Key, parent: str, call: Call, now: int) -> Any:
        assert route.served is not None  # trials lie below a job
        job = self._jobs.found(route.served, key)
        collection = f"{parent}/nasTrialDetails"
        if route.child_verb is ChildVerb.GET_TRIAL:
            asked = requests.segment(route.parts.child)
            for trial in nas_trials.trials_of(job, now):
                if trial["id"] == asked:
                    return _trial(collection, trial, call)
            raise Refusal("NOT_FOUND", "The NasTrialDetail does not exist.")  # unverified: as for NasJob
        page = page_tokens.asked(call.query, lists.sizes_of(route.served.behaviour), collection)
        first = page.after[0] if page.after else 0
        trials = nas_trials.top_of(job, now)
        rows = [_trial(collection, trial, call) for trial in trials[first : first + page.size]]
        found: dict[str, Any] = {"nasTrialDetails": rows} if rows else {}
        if first + page.size < len(trials):
            found["nextPageToken"] = page.token((first + page.size, rows[-1]["name"].rpartition("/")[2]))
        return found


def _parent(served: Served | None, key: Key) -> str:
    if served is not None:
        return served.resource_name(key)
    return key.parent


def _trial(collection: str, trial: Mapping[str, Any], call: Call) -> dict[str, Any]:
    shown = {name: value for name, value in trial.items() if name != "id"}
    for name in ("searchTrial", "trainTrial") if call.numbers else ():
        if name in shown:
            shown[name] = nas_trials.numbered(shown[name])
    return {"name": f"{collection}/{trial['id']}", **shown}


def reply_of(route: Route) -> Known:
    """Return what the reply of a method may hold, for the parameter `fields`."""
    if route.child_verb is not None:
        return _child_reply(route.child_verb)
    assert route.served is not None  # a route is a method of a kind or of a child
    kind, root = route.served.kind, route.served.shapes.root
    replies: Mapping[Verb | None, Known] = {
        Verb.LIST: {kind.list_field: root, "nextPageToken": None, "unreachable": None},
        Verb.DELETE: operations.REPLY,
        Verb.CANCEL: {},
        Verb.GET_IAM_POLICY: _POLICY,
        Verb.SET_IAM_POLICY: _POLICY,
        Verb.TEST_IAM_PERMISSIONS: {"permissions": None},
    }
    return replies.get(route.verb, root)


def _child_reply(method: ChildVerb) -> Known:
    replies: Mapping[ChildVerb, Known] = {
        ChildVerb.LIST_OPERATIONS: {"operations": operations.REPLY, "nextPageToken": None, "unreachable": None},
        ChildVerb.CANCEL_OPERATION: {},
        ChildVerb.DELETE_OPERATION: {},
        ChildVerb.LIST_TRIALS: {"nasTrialDetails": _TRIAL, "nextPageToken": None},
        ChildVerb.GET_TRIAL: _TRIAL,
    }
    return replies.get(method, operations.REPLY)
