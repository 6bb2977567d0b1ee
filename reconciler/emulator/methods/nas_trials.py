"""The trials of a search job, worked out from its body, its id and the times of its life; nothing of them is stored.

It knows no HTTP and moves no job: who asks says what the time is."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.emulator.state import lifecycle
from reconciler.emulator.state.rows import Job

OUTPUT = "nasJobOutput"
"""The output field of a job that holds its trials."""

MOST = 1000
"""Search trials that are worked out for one job (chosen); a job that asks for more shows so many."""

_RUN = round(599.7 * lifecycle.MICROSECONDS)
"""How long a search takes where its life does not say it, in microseconds (chosen: the preset from startTime on)."""

_LEAD = 222
"""The part of a search's time that passes before its first trial, as a divisor (chosen: the preset's way to RUNNING)."""

_NEVER_RAN = (5, 7, 8)
"""Codes of errors for which a job does not get to run: no image, no permission, no quota or capacity."""

STATES: Mapping[str, int] = {
    "STATE_UNSPECIFIED": 0,
    "REQUESTED": 1,
    "ACTIVE": 2,
    "STOPPING": 3,
    "SUCCEEDED": 4,
    "INFEASIBLE": 5,
}
"""Numbers of a trial's states (discovery aiplatform v1 rev 20261106: order of NasTrial.state)."""


@dataclass(frozen=True, slots=True)
class _Spec:
    """What a job asks of its trials."""

    most: int
    parallel: int
    failed: int
    trained: int
    frequency: int
    metric: str
    minimize: bool

    @staticmethod
    def of(job: Job) -> _Spec | None:
        """Read a job's spec, None for a job that has no search trials."""
        algorithm = job.body.get("nasJobSpec", {}).get("multiTrialAlgorithmSpec", {})
        search, train, metric = (algorithm.get(name, {}) for name in ("searchTrialSpec", "trainTrialSpec", "metric"))
        most = min(search.get("maxTrialCount", 0), MOST)
        if most < 1:
            return None
        return _Spec(
            most=most,
            parallel=min(max(search.get("maxParallelTrialCount", 1), 1), most),
            failed=max(search.get("maxFailedTrialCount", 0), 0),
            trained=min(max(train.get("maxParallelTrialCount", 0), 0), most),
            frequency=max(train.get("frequency", 0), 0),
            metric=metric.get("metricId", ""),
            minimize=metric.get("goal") == "MINIMIZE",
        )


@dataclass(frozen=True, slots=True)
class _Trial:
    """One planned trial: `number` from 1 on, start and end in steps of one trial's length."""

    number: int
    start: int
    end: int
    of: int = 0
    """The search trial that a train trial trains, 0 for a search trial."""


def trials_of(job: Job, now: int) -> tuple[Mapping[str, Any], ...]:
    """Return the trials started by `now` (microseconds) in order of their start, one mapping a search trial.

    Each has `id`, `parameters`, `searchTrial` and, once it was chosen for training, `trainTrial`: a NasTrialDetail
    but for its name. At no time are more ACTIVE than the spec's limits allow. Equal arguments, equal trials.
    """
    spec = _Spec.of(job)
    if spec is None or _is_waiting(job):
        return ()
    window = _Window.of(job, now)
    searched, trained = _plan(job, spec)
    steps = max(trial.end for trial in (*searched, *trained))
    bad = _infeasible(spec, window)
    shown = {trial.of: _show(job, spec, window, trial, steps) for trial in trained if trial.of not in bad}
    found = []
    for trial in searched:
        search = _show(job, spec, window, trial, steps, "INFEASIBLE" if trial.number in bad else "SUCCEEDED")
        if search is None:
            continue
        made: dict[str, Any] = {"id": str(trial.number), "parameters": _parameters(job, trial.number)}
        made["searchTrial"] = search
        train = shown.get(trial.number)
        found.append(made if train is None else made | {"trainTrial": train})
    return tuple(found)


def top_of(job: Job, now: int) -> tuple[Mapping[str, Any], ...]:
    """Return the trials that have a measurement, best first: those that nasTrialDetails lists (proto: "top NasTrials").

    That every measured trial counts as one, and their order, is unverified.
    """
    spec = _Spec.of(job)
    measured = [trial for trial in trials_of(job, now) if trial["searchTrial"].get("state") == "SUCCEEDED"]
    if spec is None or not measured:
        return ()
    return tuple(sorted(measured, key=lambda trial: _rank(job, spec, int(trial["id"]))))


def output_of(job: Job, now: int, *, numbers: bool = False) -> dict[str, Any]:
    """Return the `nasJobOutput` of a finished job: every search trial and every train trial that was started.

    States are names or, on demand, numbers.
    """
    trials = trials_of(job, now)
    trained = sorted(
        (trial["trainTrial"] for trial in trials if "trainTrial" in trial), key=lambda trial: int(trial["id"])
    )
    stages = {"searchTrials": [trial["searchTrial"] for trial in trials], "trainTrials": trained}
    if numbers:
        stages = {name: [numbered(trial) for trial in stage] for name, stage in stages.items()}
    return {"multiTrialJobOutput": {name: stage for name, stage in stages.items() if stage}}


def numbered(trial: Mapping[str, Any]) -> dict[str, Any]:
    """Give one NasTrial its state as a number, as `$alt=json;enum-encoding=int` asks for."""
    return {**trial, "state": STATES[trial["state"]]}


@dataclass(frozen=True, slots=True)
class _Window:
    """When trials run: from `start` in microseconds, `length` for all of them; nothing happens after `now`."""

    start: int
    length: int
    now: int
    ended: bool
    failed: bool
    stopped: bool

    @staticmethod
    def of(job: Job, now: int) -> _Window:
        """Work the window out: a life says when it ends, but for one that is cancelled or has no end ahead."""
        life = job.life
        start = life.started if life.started is not None else life.created
        ending = next(((at, step.state) for at, step in life.ahead if step.ends), None)
        at, state = (life.ended, life.state) if life.ended is not None else ending or (None, life.state)
        whole = at is not None and state.endswith(("SUCCEEDED", "FAILED"))
        length = max(at - start, 0) if at is not None and whole else _RUN
        lead = length // _LEAD
        until = now if life.ended is None else min(now, life.ended)
        return _Window(
            start + lead, length - lead, until, life.ended is not None, state.endswith("FAILED") and whole, not whole
        )

    def at(self, step: int, steps: int) -> int:
        """Return the time of a step."""
        return self.start + self.length * step // steps


def _plan(job: Job, spec: _Spec) -> tuple[Sequence[_Trial], Sequence[_Trial]]:
    """Lay the search trials side by side, as many as may run at once, and the best of each batch into the train stage."""
    searched = [_Trial(n + 1, n // spec.parallel, n // spec.parallel + 1) for n in range(spec.most)]
    return searched, list(_trained(job, spec, searched)) if spec.trained and spec.frequency else []


def _trained(job: Job, spec: _Spec, searched: Sequence[_Trial]) -> Iterator[_Trial]:
    """Choose after every `frequency` search trials the best that were not trained yet (proto: TrainTrialSpec)."""
    waiting: list[tuple[tuple[float, int], _Trial]] = []
    number, free = 0, 0
    for first in range(0, spec.most - spec.frequency + 1, spec.frequency):
        batch = searched[first : first + spec.frequency]
        for trial in batch:
            heapq.heappush(waiting, (_rank(job, spec, trial.number), trial))
        chosen = [heapq.heappop(waiting)[1] for _ in range(min(spec.trained, len(waiting)))]
        start = max(free, batch[-1].end)
        free = start + 1
        for trial in chosen:
            number += 1
            yield _Trial(number, start, free, of=trial.number)


def _is_waiting(job: Job) -> bool:
    """Say whether no trial can have started: a job that never ran, or has a start time but waits again (recorded)."""
    error = job.life.fields.get("error")
    code = error.get("code") if isinstance(error, Mapping) else None
    waits = job.life.state.endswith(("QUEUED", "PENDING", "EXPIRED")) or code in _NEVER_RAN
    return waits or (job.life.started is None and not job.life.state.endswith("SUCCEEDED"))


def _infeasible(spec: _Spec, window: _Window) -> frozenset[int]:
    """Return which trials fail: none of a search that goes well, one more than allowed of one that fails."""
    count = min(spec.failed + 1, spec.most) if window.failed else 0
    return frozenset(range(spec.most - count + 1, spec.most + 1))


def _show(
    job: Job, spec: _Spec, window: _Window, trial: _Trial, steps: int, ends: str = "SUCCEEDED"
) -> dict[str, Any] | None:
    """Write one NasTrial as it stands, None where it has not started; `ends` is the state it ends in."""
    start, end = window.at(trial.start, steps), window.at(trial.end, steps)
    if start > window.now or (window.ended and window.stopped and start == window.now):
        return None
    done = end <= window.now
    state = ends if done else "STOPPING" if window.ended else "ACTIVE"
    shown: dict[str, Any] = {"id": str(trial.number), "state": state}
    if state == "SUCCEEDED":
        shown["finalMeasurement"] = _measured(job, spec, trial, end - start)
    shown["startTime"] = lifecycle.timestamp(start, 6)
    return shown | ({"endTime": lifecycle.timestamp(end, 6)} if done else {})


def _measured(job: Job, spec: _Spec, trial: _Trial, length: int) -> dict[str, Any]:
    seconds, rest = divmod(length, lifecycle.MICROSECONDS)
    made: dict[str, Any] = {"elapsedDuration": f"{seconds}.{rest:06d}s" if rest else f"{seconds}s", "stepCount": "1"}
    value = _value(job, trial.of or trial.number)
    return made | ({"metrics": [{"metricId": spec.metric, "value": value}]} if spec.metric else {})


def _rank(job: Job, spec: _Spec, number: int) -> tuple[float, int]:
    value = _value(job, number)
    return (value if spec.minimize else -value, number)


def _value(job: Job, number: int) -> float:
    """Draw a metric from 0 to 1; id of the job and number of the trial decide it."""
    return _drawn(job, number) % 10_000 / 10_000


def _parameters(job: Job, number: int) -> str:
    """Write what a trial was given: text of JSON, as the service has it; the architecture itself is made up."""
    return json.dumps({"architecture": f"{_drawn(job, number):016x}", "trial": number}, separators=(",", ":"))


def _drawn(job: Job, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{job.key.job} {number}".encode()).digest()[:8], "big")
