"""A simulated stack: service, stores and manifests that outlive every process, and the processes themselves."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from reconciler.api.endpoints import Endpoints
from reconciler.api.jobs import HttpJobs
from reconciler.core.documents import plan_json
from reconciler.core.plan import build
from reconciler.core.plan.build import Options, Revision
from reconciler.core.plan.observed import Observed
from reconciler.emulator import app
from reconciler.engine import plan as planner
from reconciler.engine import schedule
from reconciler.engine.events import Control
from reconciler.engine.world import World, at_once
from reconciler.engine.writing.apply import Applier, Settings
from reconciler.stores.bucket import BucketStore, Drawn
from reconciler.stores.cloud_storage import Bucket
from reconciler.stores.folder import FolderStore
from reconciler.stores.no_store import NoStore
from reconciler.transport.rate import Budget, Pace, paced
from reconciler.transport.retry import retrying
from reconciler.vocabulary import errors, ports
from reconciler.vocabulary.model import Desired, Stack
from reconciler.vocabulary.plans import Action, Applied, Lineage, Plan
from reconciler.vocabulary.wire import Request, Response, Transport
from tests.simulation import truth, weather, wishes
from tests.simulation.baton import Baton, Turnstile
from tests.simulation.clocks import FileTimes, RunnerClock
from tests.simulation.life import Fate, Life
from tests.simulation.policies import Policies
from tests.simulation.service import KNOWN, Service, behaviours
from tests.simulation.wishes import STACK, Wish
from tests.support.cloud_storage import BUCKET, CloudStorage
from tests.support.site import ANYTHING, CHECK, KnownSecrets
from tests.support.store import WrittenStore

START = 1_750_000_000.0
MOST = 3
"""Runners of one schedule."""
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Hands:
    """vocabulary.ports.Executor whose hands take turns. They look at what they like, and write in an order nobody knows."""

    baton: Baton

    def each(self, work: Callable[[Item], Result], graph: ports.Graph[Item], width: int) -> list[Result]:
        done: dict[int, Result] = {}
        for level in schedule.levels(graph):
            items = [graph.items[at] for at in level]
            alone = len(items) < 2 or width < 2
            results = [work(item) for item in items] if alone else self.baton.spread(work, items, width)
            done |= dict(zip(level, results, strict=True))
        return [done[at] for at in range(len(graph.items))]


@dataclass(frozen=True)
class Parts:
    """What a process is built of. A planted bug is another part in one of these places."""

    api: Callable[[ports.JobsApi], ports.JobsApi] = lambda api: api
    store: Callable[[ports.Store], ports.Store] = lambda store: store
    plan: Callable[[Plan], Plan] = lambda plan: plan
    applier: type[Applier] = Applier
    clocked: Callable[[ports.Store, ports.Clock], ports.Store] = lambda store, clock: store


@dataclass
class Process:
    """What the truth knows of a process at work: since when it looks, what it is about to do and why."""

    runner: int
    since: float
    planned: float = field(init=False)
    commit: str = ""
    reasons: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.planned = self.since


def lineage(commit: str, applied: str) -> Lineage:
    """Say how a commit stands to another in a history of one line."""
    if not applied:
        return Lineage.FIRST
    if commit == applied:
        return Lineage.SAME
    return Lineage.NEWER if commit > applied else Lineage.OLDER


def method_is_create(request: Request, job: str) -> bool:
    """Say whether a request starts a job."""
    return request.method == "POST" and not job


class Site:
    """Everything that survives a process.

    `mode` is the store: folder, bucket, none, or split: a folder for each runner. `budget` paces requests, None does not.
    """

    def __init__(self, folder: Path, seed: int, mode: str, parts: Parts) -> None:
        self.folder = folder
        self.mode = mode
        self.parts = parts
        self.baton = Baton(random.Random(f"turns {seed}"), START)
        ids = app.random_ids(random.Random(f"ids {seed}"))
        self.baton.alarm = self._deliver
        self.current: Life | None = None
        self.service = Service(KNOWN, ":memory:", self.baton, ids, behaviours=behaviours(), sleep=self._delay)
        self.cloud = CloudStorage(page_size=7)
        self._draws = random.Random(f"draws {seed}")
        self.truth = truth.Truth(self.service)
        self.service.before = lambda: self._now_seen("clone")
        self.wishes: dict[tuple[str, str], Wish] = {}
        self.policies = Policies(self.truth, alone=mode == "folder")
        self.gone: dict[tuple[str, str], float] = {}
        self.planned: list[tuple[Plan, tuple[Desired, ...]]] = []
        self.commits: list[dict[tuple[str, str], Wish]] = []
        self.in_git = True
        self.newest = ("", math.inf)
        self.kinds: tuple[str, ...] = ()
        self.name = STACK.name
        self.told: list[str] = []
        self.page_size = 100
        self.hands = 1
        self.budget: Budget | None = None
        self.seen: Counter[str] = Counter()
        self.creates = 0
        self.late: dict[int, float] = {}
        self.waiting: list[tuple[float, Request, Process]] = []
        self.cells: Counter[weather.Cell] = Counter()
        self.clock_cells: Counter[weather.Cell] = Counter()
        self.times = FileTimes(self.baton.now)
        self._clocks = [self._clock(seed, runner) for runner in range(MOST)]

    def close(self) -> None:
        """Close the emulator."""
        self.service.close()

    @property
    def stack(self) -> Stack:
        """The stack file."""
        return replace(STACK, name=self.name, kinds=self.kinds)

    @property
    def shared(self) -> bool:
        """True where all runners have one lock and one ledger."""
        return self.mode in ("folder", "bucket")

    def tell(self, text: str) -> None:
        """Write a line of the trace."""
        self.told.append(f"{self.baton.now() - START:9.3f} {text}")

    def desired(self) -> tuple[Desired, ...]:
        """Read the manifests as they are now."""
        return tuple(wishes.desired(self.wishes[key]) for key in sorted(self.wishes))

    def root(self, runner: int) -> Path:
        """Where a runner's folder store lies."""
        return self.folder / (f"store-{runner}" if self.mode == "split" else "store")

    def life(self, runner: int, fate: Fate) -> Life:
        """Start a process of a runner that is in the schedule now."""
        clock = self._clocks[runner]
        clock.start()
        return Life(self.baton, fate, self.root(runner), lambda text: self.tell(f"r{runner} {text}"), clock, self.times)

    def _clock(self, seed: int, runner: int) -> RunnerClock:
        def struck(cell: weather.Cell, seconds: float) -> None:
            self.clock_cells[cell] += 1
            self.tell(f"r{runner} clock {cell[1]} {seconds:+.0f} s")

        return RunnerClock(random.Random(f"clock {seed} {runner}"), struck)

    def store(self, runner: int, life: Life | None) -> ports.Store:
        """Open a runner's store as a new process does."""
        clock: ports.Clock = life or self.baton
        if self.mode == "none":
            return NoStore(clock)
        if self.mode == "bucket":
            return self._bucket(clock, life)
        found = FolderStore(self.root(runner), clock, self.times.of_a_file_written_now)
        return WrittenStore(found, life) if life else found

    def _bucket(self, clock: ports.Clock, life: Life | None) -> ports.Store:
        wire: Transport = life.wire(self._dated) if life else self._peek
        steady = Bucket(retrying(wire, clock, lambda: 0.5), clock, BUCKET, "http://storage")
        quick = Bucket(wire, clock, BUCKET, "http://storage", attempts=1)
        drawn = Drawn(lambda: f"{self._draws.getrandbits(64):016x}", guard=lambda: Turnstile(self.baton))
        return BucketStore(steady, quick, "team/", clock, drawn)

    def _peek(self, request: Request) -> Response:
        """Look into the bucket as its owner does, past all faults."""
        faults, self.cloud.faults = self.cloud.faults, []
        try:
            return self._dated(request)
        finally:
            self.cloud.faults = faults

    def _dated(self, request: Request) -> Response:
        self.cloud.time = self.baton.now() + 50_000_000
        return self.cloud(request)

    def world(self, runner: int, life: Life, process: Process) -> World:
        """Connect as a new process does."""
        wire = life.wire(self._watched(life, process))
        turn = at_once
        if self.budget is not None:
            pace = Pace(life, self.budget)
            wire, turn = paced(wire, pace), pace.wait
        steady = retrying(wire, life, lambda: 0.5)
        api = self.parts.api(HttpJobs(steady, Endpoints("embedded"), life, self.page_size))
        store = self.parts.clocked(self.parts.store(self.store(runner, life)), life)
        return World(api, KNOWN, store, life, workers=self.hands, turn=turn, executor=Hands(self.baton))

    def commit(self) -> str:
        """Commit the manifests as they are, if they changed, and return the commit. History has one line."""
        if not self.commits or self.commits[-1] != self.wishes:
            self.commits.append(dict(self.wishes))
        return f"{len(self.commits):040x}"

    def at(self, commit: str) -> tuple[Desired, ...]:
        """Read the manifests as they were at a commit."""
        then = self.commits[int(commit, 16) - 1]
        return tuple(wishes.desired(then[key]) for key in sorted(then))

    def plan(self, world: World, wanted: tuple[Desired, ...], commit: str) -> Plan:
        """Plan with everything allowed, but to go back to an older commit."""
        asking = self.policies.asking()
        applied = world.store.applied_commit()
        known = Revision(commit, dirty=False, applied=applied, lineage=lineage(commit, applied))
        revision = known if self.in_git else Revision()
        planned = planner.plan(world, self.stack, wanted, Options(allowed=ANYTHING), revision)
        self._hold_asking(wanted, planned.observed, asking & self.policies.asking())
        made = planned.plan
        self.seen["told as unmarked"] += sum(change.reason == "unmarked" for change in made.changes)
        bent = self.parts.plan(made)
        self.planned.append((bent, wanted))
        return bent

    def _hold_asking(self, wanted: tuple[Desired, ...], observed: Observed, asking: frozenset[tuple[str, str]]) -> None:
        """Law: without a number on the command line no removal cancels what was last recorded to be asked for."""
        plan = build.build(self.stack, KNOWN, wanted, observed, Options(), Revision(), self.stack.backend)
        cancels = [
            (change.address, operation.resource)
            for change in plan.changes
            for operation in change.operations
            if (operation.verb, operation.reason) == ("cancel", "removed")
            and (change.address.partition("/")[0], operation.resource.rpartition("/")[2]) in asking
        ]
        asked = sum(each.needs.get("cancel", 0) for each in plan.blocked if each.rule == "unwritten_cancel")
        self.seen["removals asked for"] += len(cancels)
        if self.shared and len(cancels) > asked:
            self.truth.broken(f"{cancels} are last recorded ask, and only {asked} cancels ask")

    def apply(self, world: World, plan: Plan, process: Process, life: Life, *, saved: bool) -> Applied:
        """Apply a plan."""
        process.since, process.commit = self.baton.now(), plan.revision
        process.reasons = {
            f"{operation.resource.rpartition('/')[2]}": operation.reason
            for change in plan.changes
            for operation in change.operations
        }
        if saved and plan.stack != self.name:
            raise errors.StalePlan(f"the plan is for stack {plan.stack}, this is {self.name}")
        stack = replace(self.stack, name=plan.stack)  # as it was when this process began
        control = Control(lambda event: None, life.stop)
        applier = self.parts.applier(
            world, stack, KnownSecrets(), CHECK, control, lambda applied: lineage(plan.revision, applied)
        )
        wanted = next(wanted for made, wanted in self.planned if made is plan)
        complete = self.shared and "fault row missed" not in self.seen
        with self.policies.applying(wanted, process.planned - STACK.settle, complete=complete):
            return applier.apply(plan, plan_json.digest(plan), Settings(ANYTHING, saved=saved, parallelism=self.hands))

    def _watched(self, life: Life, process: Process) -> Transport:
        """Send to the service, and hold every write that was carried out to the laws."""

        def send(request: Request) -> Response:
            self.current = life
            if request.method == "GET":
                return self.service(request)
            kind, job, verb = truth.place_of(request.url)
            if (kind, job) in self.truth.foreign or process.planned > self.truth.stripped.get((kind, job), math.inf):
                self.truth.broken(f"a foreign job was written to: {request.method} {kind}/{job}")
            if method_is_create(request, job) and self._postpone(request, process):
                raise errors.TransportFailed("nobody answered in time")
            try:
                reply = self.service(request)
            except errors.ReconcilerError:
                self._look(request.method, kind, job, verb, process)
                raise
            self._look(request.method, kind, job, verb, process)
            return reply

        return send

    def _hold_forward(self, process: Process) -> None:
        """Law: an apply that began after a newer commit was written from calls nothing."""
        newest, at = self.newest
        if not process.commit:
            return
        if process.commit > newest:
            self.newest = process.commit, self.baton.now()
        elif self.shared and process.commit < newest and process.since > at:
            self.truth.broken(f"commit {process.commit[-3:]} was applied after commit {newest[-3:]}")

    def _postpone(self, request: Request, process: Process) -> bool:
        """Say whether a create is one of the late ones; if so it is carried out in a while."""
        self.creates += 1
        if self.creates not in self.late:
            return False
        self.waiting.append((self.baton.now() + self.late[self.creates], request, process))
        self.cells[weather.LATE] += 1
        return True

    def _deliver(self, until: float) -> None:
        """Carry out what is late, each at its time."""
        due = sorted((each for each in self.waiting if each[0] <= until), key=lambda each: each[0])
        self.waiting = [each for each in self.waiting if each not in due]
        for at, request, process in due:
            self.baton.wait_until(at)
            done = self.service.quietly("POST", request.url.partition("/v1/")[2], json.loads(request.body))
            self.tell(f"late: {request.url.rpartition('/')[2]} {'carried out' if done else 'refused'}")
            for new in self.truth.look(self.baton.now(), "tool"):
                self._hold_create(new, process)

    def _look(self, method: str, kind: str, job: str, verb: str, process: Process) -> None:
        if self.service.last_commit():
            self._committed(method, kind, job, verb, process)

    def _committed(self, method: str, kind: str, job: str, verb: str, process: Process) -> None:
        self._hold_forward(process)
        found = self.truth.jobs.get((kind, job))
        if method == "DELETE" and found is not None:
            found.causes.add("deleted by the tool")
            self._hold_removal(found, "delete", process)
        elif verb == "cancel" and found is not None:
            reason = process.reasons.get(job, "unplanned")
            self.truth.look(self.baton.now(), "time")
            self._hold_cancel(found, reason, process)
            found.causes.add(f"tool: {reason}")
        for new in self.truth.look(self.baton.now(), "tool"):
            if method == "POST" and not job:
                self._hold_create(new, process)

    def _hold_cancel(self, job: truth.Job, reason: str, process: Process) -> None:
        if reason == "duplicate":
            self.seen["duplicates healed"] += 1
            wish = self.wishes.get((job.kind, job.name))
            names = {job.name, wish.formerly if wish and wish.formerly else job.name}
            others = [each for each in self.truth.of(job.kind, *names) if each is not job and each.image == job.image]
            older = [each for each in others if each.order < job.order]
            if not older and any(each.active for each in others):
                self.truth.broken(f"the oldest run of {job.kind}/{job.name} {job.key} was cancelled as a duplicate")
            if others and all(each.ended is not None and each.ended < process.since for each in others):
                self.truth.broken(f"the only run of {job.kind}/{job.name} {job.key} was cancelled as a duplicate")
        self._hold_removal(job, "cancel", process)

    def _hold_removal(self, job: truth.Job, verb: str, process: Process) -> None:
        since = self.gone.get((job.kind, job.name))
        if process.commit and (job.kind, job.name) in self.commits[int(process.commit, 16) - 1]:
            return  # the commit that it works from names the job
        if self.shared and since is not None and process.planned >= since:
            why = self.policies.forbids(job, verb)
            if why:
                self.truth.broken(f"{verb} of {job.kind}/{job.name}, which no manifest names: {why}")

    def _hold_create(self, job: truth.Job, process: Process) -> None:
        same = [each for each in self.truth.of(job.kind, job.name) if each is not job]
        active = [each for each in same if each.active and "clone" not in each.by]
        touched = any("unseen" in each.causes for each in self.truth.duplicates(job))
        made = [each for each in self.truth.duplicates(job) if each.by == "tool"]
        if self.shared and active:
            told = ", ".join(f"{each.key[:6]} of {each.image[-2:]} {each.state}" for each in active)
            self.truth.broken(f"two active runs of {job.kind}/{job.name} at once: {job.key[:6]} beside {told}")
        if self.shared and len(made) > 1 and not touched:
            self.truth.broken(f"the run {job.kind}/{job.name} {job.key} was created {len(made)} times")
        old = [each for each in active if each.image == job.image and each.made < process.since - STACK.settle]
        if old and "fault row missed" not in self.seen:
            age = process.since - old[0].made
            self.truth.broken(f"{job.kind}/{job.name} was created beside a run that was there for {age:.0f} s")

    def _now_seen(self, by: str) -> None:
        self.truth.look(self.baton.now(), by)

    def _delay(self, seconds: float) -> None:
        if self.current is not None:
            self.current.sleep(seconds)

    def blow(self, gusts: list[weather.StoreGust]) -> None:
        """Let a bucket fail."""
        for gust in gusts:
            self.cloud.fail(gust.how, gust.operation, times=gust.times, skip=gust.skip)
            self.tell(f"fault {gust}")

    def calm(self, gusts: list[weather.StoreGust]) -> None:
        """Count what struck a bucket, and let it work again."""
        for gust, fault in zip(gusts, self.cloud.faults, strict=True):
            self.cells[gust.cell] += gust.times - fault.times
        self.cloud.faults = []

    def is_empty(self, plan: Plan) -> bool:
        """True where a plan would call nothing and nothing blocks it."""
        return not plan.blocked and all(change.action is Action.NOOP for change in plan.changes)

    def faults(self, gusts: list[weather.Gust]) -> Counter[weather.Cell]:
        """Count what struck."""
        return weather.hits(gusts, self.service.faults())
