"""The job methods of every kind: create, get, patch, cancel, delete. What a kind is and does comes in as data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Protocol

from reconciler.emulator.behaviour import Behaviour, Step
from reconciler.emulator.messages import defaults, parse, shapes, validation
from reconciler.emulator.messages.served import Served
from reconciler.emulator.methods import nas_trials, operations
from reconciler.emulator.state import lifecycle, random_lives
from reconciler.emulator.state.database import State
from reconciler.emulator.state.lifecycle import Timings
from reconciler.emulator.state.rows import Job, Key
from reconciler.emulator.wire import replies
from reconciler.emulator.wire.replies import Refusal
from reconciler.emulator.wire.requests import Call
from reconciler.vocabulary.kinds import IdForm

_TRIES = 100
_LAST = ("labels", "encryptionSpec")  # replies have their fields in the order of the proto's numbers (recorded)


class Runner(Protocol):
    """Whoever runs jobs for real: their lives have no steps of the clock, it moves them."""

    def takes(self, body: Mapping[str, Any]) -> bool:
        """Say whether a job would be run."""

    def claim(self, key: Key, body: Mapping[str, Any]) -> None:
        """Take a job that is being created, inside the transaction that creates it."""

    def holds(self, key: Key) -> bool:
        """Say whether a job is run and has not ended."""


class JobMethods:
    """The methods over the stored jobs; every one runs inside a transaction of the state."""

    runner: Runner | None = None

    def __init__(self, state: State, ids: Callable[[], str], timings: Timings) -> None:
        self._state = state
        self._ids = ids
        self._timings = timings
        self._random_lives = random_lives.RandomLives(timings.seed) if timings.seed is not None else None

    def create(self, served: Served, scope: Key, call: Call, now: int) -> Any:
        """Check, fill in and store a job; answer the job itself."""
        body = self._parse(served, call.json())
        self._check(served, scope, body)
        body.pop("etag", None)
        at = self._state.next_created(now)
        filled = defaults.fill(served.shapes.root, body, served.behaviour.rules)
        behaviour = served.behaviour
        made = {
            name: value for given, more in behaviour.created.items() if given in body for name, value in more.items()
        }
        runs = self.runner is not None and self.runner.takes(filled)
        steps = () if runs else self._life(served, scope, filled)
        life = lifecycle.begin(behaviour.first_state, made, steps, self._timings, at)
        job = self._add(served, scope, filled, life)
        if runs and self.runner is not None:
            self.runner.claim(job.key, filled)
        return self.show(served, job, call)

    def _life(self, served: Served, scope: Key, body: Mapping[str, Any]) -> tuple[Step, ...]:
        """Return what lies ahead of a new job; with a seed, what it draws for the next job that says just this."""
        if self._random_lives is None:
            return served.behaviour.timeline
        return self._random_lives.life(served.behaviour, body, scope.location)

    def forget(self) -> None:
        """Draw for the next jobs as for the first ones."""
        if self._random_lives is not None:
            self._random_lives.forget()

    def _end_by_cancel(self, served: Served, job: Job) -> tuple[Step, ...]:
        if self._random_lives is None:
            return served.behaviour.cancel
        return self._random_lives.cancel(served.behaviour, job.body)

    def _check(self, served: Served, scope: Key, body: Mapping[str, Any]) -> None:
        """Refuse what the job logic refuses: first every field at once, then a machine that cannot be had."""
        behaviour, root = served.behaviour, served.shapes.root
        violations = validation.semantic(root, body, behaviour.rules, behaviour.resource, scope.location)
        if violations:
            raise replies.invalid_fields(behaviour.api.style, violations)
        text = validation.accelerators(root, body, behaviour.rules)
        if text:
            raise Refusal("INVALID_ARGUMENT", text)

    def _add(self, served: Served, scope: Key, body: Mapping[str, Any], life: lifecycle.Life) -> Job:
        if served.kind.id_form is IdForm.CLIENT:
            job = Job(replace(scope, job=body[served.kind.id_field]), body, life)
            if not self._state.add(job):
                field = f"{served.behaviour.resource}.{shapes.snake(served.kind.id_field)}"
                text = "A job with this id already exists."
                raise Refusal("ALREADY_EXISTS", f"Field: {field} Error: {text}", [(field, text)])
            return job
        for _ in range(_TRIES):
            job = Job(replace(scope, job=self._ids()), body, life)
            if self._state.add(job):
                return job
        raise replies.unavailable()

    def get(self, served: Served, key: Key, call: Call) -> Any:
        """Answer one job in full."""
        return self.show(served, self.found(served, key), call)

    def cancel(self, served: Served, key: Key, call: Call, now: int, ends: str = "") -> Any:
        """Take the request; its effect comes later (recorded). A finished job is refused.

        With `ends`, SUCCEEDED or FAILED, the job ends so at the time at which it would have been cancelled.
        """
        self._no_content(call)
        job = self.found(served, key)
        if served.is_terminal(job):
            if not served.behaviour.late_cancel:
                return {}
            raise self._wrong_state(served, job, served.behaviour.late_cancel)
        steps = _lost(served, ends) if ends else self._end_by_cancel(served, job)
        life = lifecycle.cancel(job.life, steps, self._timings, now)
        if not ends and self.runner is not None and self.runner.holds(key):
            life = replace(life, ahead=tuple(each for each in life.ahead if not each[1].ends))  # the processes end it
        self._state.save(replace(job, life=life))
        return {}

    def delete(self, served: Served, key: Key, call: Call, now: int) -> Any:
        """Delete a finished job; answer an operation that is already done, named at location level (recorded)."""
        self._no_content(call)
        job = self.found(served, key)
        if served.behaviour.live_delete and not served.is_terminal(job):
            raise self._wrong_state(served, job, served.behaviour.live_delete)
        self._state.remove(job)
        time = lifecycle.timestamp(now, served.behaviour.digits)
        prefix = f"type.googleapis.com/{served.behaviour.api.package}"
        for _ in range(_TRIES):
            name = f"{key.parent}/operations/{self._ids()}"
            operation = {
                "name": name,
                "metadata": {
                    "@type": f"{prefix}.DeleteOperationMetadata",
                    "genericMetadata": {"createTime": time, "updateTime": time},
                },
                "done": True,
                "response": {"@type": "type.googleapis.com/google.protobuf.Empty"},
            }
            if self._state.add_operation(name, operation):
                self._state.add_operation(operations.nested(served.resource_name(key), operation), {"name": name})
                return _unfinished(operation) if served.behaviour.polled_delete else operation
        raise replies.unavailable()

    def patch(self, served: Served, key: Key, call: Call) -> Any:
        """Replace the labels; an etag named in the mask guards against a lost update."""
        paths = [path.strip() for path in call.query.get("updateMask", "").split(",") if path.strip()]
        if not paths:
            raise Refusal("INVALID_ARGUMENT", "Field: update_mask Error: The update mask is required.")
        for path in paths:
            if path not in ("labels", "etag"):
                raise Refusal("INVALID_ARGUMENT", f"Field: update_mask Error: `{path}` cannot be updated.")
        body = self._parse(served, call.json())
        job = self.found(served, key)
        if "etag" in paths and body.get("etag", "") != served.etag(job):
            raise Refusal(
                served.behaviour.stale_etag,
                f"The etag `{body.get('etag', '')}` does not match the job's `{served.etag(job)}`.",
            )
        if "labels" in paths:
            job = self._relabel(served, job, body.get("labels", {}))
        return self.show(served, job, call)

    def _relabel(self, served: Served, job: Job, labels: Mapping[str, str]) -> Job:
        violations = validation.label_rules(labels, served.behaviour.rules, served.behaviour.resource)
        if violations:
            raise replies.invalid_fields(served.behaviour.api.style, violations)
        body = {name: value for name, value in job.body.items() if name != "labels"}
        if labels:
            body["labels"] = dict(labels)
        changed = replace(job, body=body, version=job.version + 1)
        self._state.save(changed, relabel=True)
        return changed

    def set_state(self, served: Served, key: Key, state: str, error: Any, now: int) -> Any:
        """Put a job into a state at once and stop its timeline: the control path of tests."""
        job = self.found(served, key)
        given = None if error is None else {served.kind.error_field: error}
        try:
            life = lifecycle.force(job.life, served.behaviour, state, now, given)
        except LookupError as unknown:
            raise Refusal("INVALID_ARGUMENT", str(unknown.args[0])) from unknown
        changed = replace(job, life=life, version=job.version + 1)
        self._state.save(changed)
        return self.show(served, changed)

    def found(self, served: Served, key: Key) -> Job:
        """Read a job; raises Refusal (404) where there is none."""
        if served.behaviour.numeric_ids and not key.job.isdecimal():
            field = f"{served.behaviour.resource}.name"
            raise replies.invalid_fields(served.behaviour.api.style, [(field, f"`{key.job}` is no number.")])
        job = self._state.find(key)
        if job is None:
            raise Refusal("NOT_FOUND", served.behaviour.missing)
        return job

    def show(self, served: Served, job: Job, call: Call | None = None, omits: Collection[str] = ()) -> dict[str, Any]:
        """Write a job as its resource, enums as names or, where the call asks, as numbers; lists leave fields out."""
        kind, behaviour, life = served.kind, served.behaviour, job.life
        body = dict(job.body)
        numbers = call is not None and call.numbers
        if numbers:
            body = parse.number_enums(served.shapes.root, body)
        last = {name: body.pop(name) for name in _LAST if name in body}
        has_name = kind.id_form is IdForm.SERVER
        shown: dict[str, Any] = {"name": served.resource_name(job.key)} if has_name else {kind.id_field: job.key.job}
        shown |= body
        stated: dict[str, Any] = {kind.state_field: behaviour.state_numbers[life.state] if numbers else life.state}
        timed = _times(life, behaviour)
        shown |= timed | stated if behaviour.api.times_first else stated | timed
        outputs = sorted(life.fields.items(), key=lambda field: field[0] != kind.error_field)
        shown |= {name: value for name, value in outputs if name not in omits}
        if nas_trials.OUTPUT in shown:
            shown[nas_trials.OUTPUT] = nas_trials.output_of(job, life.updated, numbers=numbers)
        shown |= last
        if kind.etag:
            shown["etag"] = served.etag(job)
        return shown

    def _parse(self, served: Served, value: Any) -> dict[str, Any]:
        behaviour = served.behaviour
        body, violations = parse.read(served.shapes.root, value, behaviour.resource, behaviour.api.package)
        violations = violations or validation.unions(served.shapes.root, body, behaviour.rules, behaviour.resource)
        if violations:
            raise replies.invalid_json(violations)
        return body

    def _no_content(self, call: Call) -> None:
        """Refuse fields in the body of a method whose request message has none."""
        value = call.json()
        if not isinstance(value, dict):
            raise Refusal("INVALID_ARGUMENT", "Invalid JSON payload received. Expected an object.")
        if value:
            raise replies.invalid_json([("", parse.unknown_name(next(iter(value))))])

    def _wrong_state(self, served: Served, job: Job, text: str) -> Refusal:
        told = text.replace("{name}", served.resource_name(job.key)).replace("{state}", job.life.state)
        return Refusal("FAILED_PRECONDITION", told)


def _times(life: lifecycle.Life, behaviour: Behaviour) -> dict[str, Any]:
    times = {"createTime": life.created, "startTime": life.started, "endTime": life.ended}
    if behaviour.has_update_time:
        times["updateTime"] = life.updated
    return {name: lifecycle.timestamp(at, behaviour.digits) for name, at in times.items() if at is not None}


def _unfinished(operation: Mapping[str, Any]) -> dict[str, Any]:
    """Return an operation as it is before it is done: false is a missing key (proto3 JSON)."""
    return {name: value for name, value in operation.items() if name not in ("done", "response")}


def _lost(served: Served, ends: str) -> tuple[Step, ...]:
    """Return the steps of a cancel that came too late: the last one is the job's own end."""
    *before, last = served.behaviour.cancel
    error = served.error(13, "Internal error encountered.")  # recorded: python-aiplatform#5004
    ended = {served.kind.error_field: error} if ends == "FAILED" else {}
    return (*before, Step(last.after, served.state(ends), starts=True, ends=True, fields=ended))
