"""One seed: a stack, a schedule of runners, faults, deaths and people, then quiet, one more apply, and the laws."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.transport.rate import Budget
from reconciler.vocabulary import errors
from reconciler.vocabulary.plans import Plan
from tests.simulation import laws, weather
from tests.simulation.baton import Endless
from tests.simulation.life import Death, Fate, Life
from tests.simulation.people import People
from tests.simulation.service import PLACES
from tests.simulation.site import Parts, Process, Site
from tests.simulation.wishes import STACK, Wish

NAMES = ("alpha", "beta", "delta", "gamma", "omega", "sigma")
MODES = {"folder": 6, "bucket": 3, "none": 3, "split": 3}
STORIES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("fail", "fail"), ("delete", "delete")),
    (("clone", "clone"), ("succeed",)),
    (("clone", "clone"), ("fail", "fail", "delete", "delete")),
    (("hijack",), ("hijack",)),
    (("wait",), ("edit", "edit", "remove")),
    (("relabel", "relabel manifest"), ("absent", "cancel wanted")),
    (("rename", "cancel"), ("delete", "token")),
    ((), ("relabel manifest", "policy")),
    (("safer", "safer", "looser"), ("unname", "unname")),
    (("looser", "safer", "safer"), ("unname", "looser", "unname")),
)
"""What people do after the first round and after the second; a story is drawn for each seed."""
MARKS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("rename stack",), ("rename stack", "edit")),
    (("strip",), ("strip", "strip")),
    (("strip", "edit"), ("token", "rename stack")),
)
"""What people of every third seed do to the marks of jobs, beside its story."""
ALWAYS = ("edit", "absent", "absent", "remove", "relabel manifest", "relabel manifest", "policy", "policy")
"""What people do after the first round whatever the story: two of these, so that there is more to do than creates."""
STALE = ("edit", "edit", "edit")
"""What people do while a reviewed plan lies around."""
ATTEMPTS = 3
"""How often a killed runner comes back in one round."""


@dataclass
class Result:
    """What came of a seed: the laws broken, how often each cell struck, deaths, and the trace."""

    seed: int
    mode: str
    problems: list[str]
    cells: Counter[weather.Cell]
    kills: int
    seen: Counter[str]
    trace: list[str] = field(repr=False)


def simulate(seed: int, folder: Path, parts: Parts | None = None) -> Result:
    """Run a seed. `folder` is a place of this seed alone, gone afterwards."""
    one = _Seed(seed, folder, parts or Parts())
    try:
        return one.run()
    finally:
        one.site.close()
        shutil.rmtree(folder, ignore_errors=True)


class _Seed:
    def __init__(self, seed: int, folder: Path, parts: Parts) -> None:
        self.seed = seed
        self.chance = random.Random(f"seed {seed}")
        [mode] = self.chance.choices(tuple(MODES), tuple(MODES.values()))
        self.site = Site(folder, seed, mode, parts)
        self.people = People(self.site, random.Random(f"people {seed}"), self.chance.choice((0.0, 0.01, 0.03)))
        self.old = random.Random(f"old commits {seed}")
        self.site.in_git = self.old.random() < 0.5
        self.kills = 0
        self.cells: Counter[weather.Cell] = Counter()
        self.saved: dict[int, tuple[Plan, float]] = {}

    def run(self) -> Result:
        site = self.site
        self._settle_in()
        try:
            self._schedule()
        except Endless as endless:
            site.truth.broken(f"it does not end: {endless}")
        self._quiet()
        self.cells += site.clock_cells
        return Result(self.seed, site.mode, site.truth.problems, self.cells, self.kills, site.seen, site.told)

    def _schedule(self) -> None:
        site, chance = self.site, self.chance
        site.baton.between = self.people.between
        runners = chance.choice((1, 2, 2, 3))
        story = chance.choice(STORIES)
        marks = MARKS[self.seed // 3 % len(MARKS)] if self.seed % 3 == 0 else ()
        for number in range(chance.choice((2, 2, 2, 3))):
            self._round(number, runners)
            self._old_commit()
            for deed in story[number] if number < len(story) else ():
                self.people.do(deed)
            for deed in marks[number] if number < len(marks) else ():
                self.people.do(deed)
            for deed in chance.sample(ALWAYS, 2 if number == 0 else 0):
                self.people.do(deed)
            for _ in range(chance.choice((0, 0, 1))):
                self.people.act()
            site.baton.advance(chance.choice((0.0, 5.0, 40.0, 40.0, 700.0)))
        self.cells += site.cells
        for _ in range(5):
            if self.kills and weather.calls_hit(self.cells) >= 3:
                break
            self._more()

    def _settle_in(self) -> None:
        site, chance = self.site, self.chance
        kinds = ["CustomJob", "CustomJob", "CustomJob", "Job", "Job"]
        kinds += ["NasJob"] if chance.random() < 0.2 else []
        for name, kind in zip(NAMES, kinds, strict=False):
            removal = chance.choice(("cancel", "keep", "delete") if kind != "Job" else ("cancel", "keep", "keep"))
            wish = Wish(kind, name, removal=removal)
            if chance.random() < 0.15:
                wish = Wish(kind, name, removal=removal, rerun="failed")
            elif kind != "Job" and chance.random() < 0.3:
                wish = Wish(kind, name, removal=removal, history="1")
            elif kind == "Job" and chance.random() < 0.4:
                wish = Wish(kind, name, removal=removal, member="ann")
            site.wishes[wish.address] = wish
        site.kinds = tuple(dict.fromkeys(wish.kind for wish in site.wishes.values()))
        site.budget = chance.choice((None, None, None, Budget(60, 3)))
        site.page_size = chance.choice((2, 3, 100))
        site.hands = chance.choice((1, 2, 3))
        self._strangers()
        site.tell(f"store {site.mode}, pages of {site.page_size}, {site.hands} hand(s)")
        for wish in site.wishes.values():
            site.tell(f"manifest {wish}")

    def _strangers(self) -> None:
        """Jobs of others: without labels, of another stack, and a child that inherited ours."""
        pools = {"workerPoolSpecs": [{"machineSpec": {"machineType": "n1-standard-4"}, "replicaCount": "1"}]}
        pools["workerPoolSpecs"][0]["containerSpec"] = {"imageUri": "gcr.io/a/b:1"}
        ours = {"reconciler_stack": STACK.name, "reconciler_owner": STACK.uid, "reconciler_name": "alpha"}
        ours |= {"reconciler_kind": "nasjob", "reconciler_run": "1-" + "0" * 32}
        other = {"reconciler_kind": "customjob", "reconciler_stack": "other", "reconciler_owner": "0a0a0a0a"}
        for labels in ({}, {**ours, **other}, ours):
            body = {"displayName": "alpha", "jobSpec": pools, "labels": labels}
            assert self.site.service.quietly("POST", PLACES["CustomJob"], body) is not None
        self.site.truth.foreign = {(job.kind, job.id) for job in self.site.truth.look(self.site.baton.now(), "others")}

    # ------------------------------------------------------------ schedules

    def _round(self, number: int, runners: int) -> None:
        self.site.tell(f"round {number} of {runners} runner(s)")
        gusts = weather.draw(self.chance, first=number == 0)
        hidden = self.chance.random() < 0.15
        gusts += [weather.lag(25.0)] if hidden else []
        self._blow(gusts)
        more = weather.draw_store(self.chance) if self.site.mode == "bucket" else []
        self.site.blow(more)
        if self.chance.random() < 0.2:
            self.site.late = {self.site.creates + self.chance.randint(1, 4): self.chance.uniform(0.5, 3.0)}
        stale = runners > 1 and self.chance.random() < 0.15
        bodies: dict[str, Callable[[], None]] = {}
        for runner in range(runners):
            plan = [self._fate(sure=number == 0 and runner == 0)]
            plan += [self._fate(sure=False) for _ in range(ATTEMPTS - 1)]
            delay = self.chance.choice((0.0, 0.0, 2.0, 20.0))
            if hidden and runner == 0:
                plan[0] = Fate(self.chance.randint(1, 5), "send", "after")
            way = "at once" if hidden else ""
            deeds: tuple[str, ...] = ()
            if stale:
                way, delay, deeds = ("later", 0.0, ()) if runner == 0 else ("at once", 10.0, STALE)
            bodies[f"r{runner}"] = self._runner(runner, plan, delay, way, deeds)
        self.site.baton.run(bodies)
        self.cells += self.site.faults(gusts)
        self.site.service.clear_faults()
        self.site.calm(more)
        self.site.late = {}

    def _old_commit(self) -> None:
        """Start the apply of an old commit again now and then, as a person does with a CI run."""
        commits = len(self.site.commits)
        if not (self.site.shared and self.site.in_git) or commits < 2 or self.old.random() < 0.5:
            return
        commit = f"{self.old.randint(1, commits - 1):040x}"
        self.site.seen["runs of old commits"] += 1
        self.site.baton.run({"r0": lambda: self._process(0, Fate(), "at once", 0.0, commit)})

    def _blow(self, gusts: list[weather.Gust]) -> None:
        self.site.service.inject(*(gust.fault for gust in gusts))
        for gust in gusts:
            self.site.seen[f"fault {gust.cell[1]}"] += 1
            self.site.tell(f"fault {gust.fault}")

    def _fate(self, *, sure: bool) -> Fate:
        how = self.chance.choice(("before", "after", "after", "torn"))
        if not sure and self.chance.random() < 0.6:
            interrupt = self.chance.randint(1, 40) if self.chance.random() < 0.1 else 0
            return Fate(interrupt=interrupt)
        if self.chance.random() < 0.4:
            return Fate(self.chance.randint(1, 5), "send", how)
        return Fate(self.chance.randint(1, 60 if not sure else 25), "any", how)

    def _more(self) -> None:
        """Go on until there were a kill and three faults."""
        extra = [weather.gust(self.chance, "list", certain=True) for _ in range(3)]
        self._blow(extra)
        self.site.baton.advance(70.0)
        fates = [Fate(self.chance.randint(1, 3)), Fate(self.chance.randint(4, 12)), Fate()]
        self.site.baton.run({"r0": self._runner(0, fates, 0.0, "at once", ())})
        self.cells += self.site.faults(extra)
        self.site.service.clear_faults()

    def _runner(
        self, runner: int, fates: list[Fate], delay: float, first: str, deeds: tuple[str, ...]
    ) -> Callable[[], None]:
        """Return the body of one runner: it starts late, after people did their `deeds`, and comes back once killed."""
        pauses = [self.chance.choice((0.0, 2.0, 15.0, 45.0)) for _ in fates]
        ways = self.chance.choices(("at once", "later", "again"), (6, 2, 2), k=len(fates))
        ways[0] = first or ways[0]
        pauses[0] = {"later": 45.0, "at once": 2.0}.get(first, pauses[0])

        def body() -> None:
            self.site.baton.turn(delay)
            for deed in deeds:
                self.people.do(deed)
            for fate, pause, way in zip(fates, pauses, ways, strict=True):
                try:
                    self._process(runner, fate, way, pause)
                except Death:
                    self.kills += 1
                    self.site.baton.turn(pause)
                else:
                    return

        return body

    def _process(self, runner: int, fate: Fate, way: str, pause: float, commit: str = "") -> None:
        """Live through one process; what it can explain ends it, anything else breaks a law.

        It works from the manifests of today where no old commit is given.
        """
        site = self.site
        life = site.life(runner, fate)
        process = Process(runner, site.baton.now())
        site.tell(f"r{runner} starts ({way}) {fate}")
        try:
            self._work(runner, life, process, way, pause, commit)
        except errors.ReconcilerError as problem:
            site.seen["older commits blocked"] += "older_revision" in problem.message
            site.tell(f"r{runner} ends: {type(problem).__name__}{_sentence(problem)}")
        except Exception as crash:  # noqa: BLE001 the law is that there is none
            site.truth.broken(f"a process broke down: {type(crash).__name__}: {crash}")
        finally:
            life.dead = True

    def _work(self, runner: int, life: Life, process: Process, way: str, pause: float, commit: str) -> None:
        site = self.site
        saved = way == "again" and runner in self.saved
        world = site.world(runner, life, process)
        if saved:
            plan, process.planned = self.saved[runner]
        else:
            made_of = commit or site.commit()
            plan = site.plan(world, site.at(made_of), made_of)
            self.saved[runner] = plan, process.planned
            site.tell(f"r{runner} plans {_said(plan)}")
            if way == "later":
                life.sleep(pause)
                saved = True
                world = site.world(runner, life, process)
        applied = site.apply(world, plan, process, life, saved=saved)
        told = [f"{each.address} {each.operation} {each.status.value}" for each in applied.outcomes]
        site.tell(f"r{runner} applied {told} left {list(applied.unstarted)}")

    # ------------------------------------------------------------ the end

    def _quiet(self) -> None:
        """No faults, nobody acts, one runner: one apply makes all well and a second finds nothing to do."""
        site = self.site
        site.service.clear_faults()
        site.baton.between = lambda: None
        site.baton.advance(65.0)
        site.tell("quiet")
        self.saved = {}
        try:
            site.baton.run({"r0": self._last})
        except Endless as endless:
            site.truth.broken(f"it does not end: {endless}")
        laws.hold(site, self.people.edited)

    def _last(self) -> None:
        self._process(0, Fate(), "at once", 0.0)
        plan = self._next_plan()
        if plan is not None and _only_history(plan):
            # Twins that this one apply cancelled: their records are deleted by the next, as every old record is.
            self.site.seen["a second apply for history"] += 1
            self._process(0, Fate(), "at once", 0.0)
            plan = self._next_plan()
        if plan is not None and not self.site.is_empty(plan):
            self.site.truth.broken(f"the next plan is not empty: {_said(plan)}")

    def _next_plan(self) -> Plan | None:
        """Plan once jobs have come to run: one that moves while a list is read may be missed without a ledger."""
        self.site.baton.advance(20.0)
        life = self.site.life(0, Fate())
        process = Process(0, self.site.baton.now())
        try:
            plan = self.site.plan(self.site.world(0, life, process), self.site.desired(), self.site.commit())
        except errors.ReconcilerError as problem:
            self.site.truth.broken(f"the last plan failed: {type(problem).__name__} {problem}")
            return None
        self.site.tell(f"last plan {_said(plan)}")
        return plan


def _only_history(plan: Plan) -> bool:
    operations = [each for change in plan.changes for each in change.operations]
    return bool(operations) and all(each.reason == "history" for each in operations) and not plan.blocked


def _said(plan: Plan) -> str:
    changes = [f"{each.address} {each.action.value} {each.reason}" for each in plan.changes]
    return f"{changes} blocked {[each.rule for each in plan.blocked]}"


def _sentence(problem: errors.ReconcilerError) -> str:
    """Tell what is the same on every machine: a lock names its holder's host and process."""
    return "" if isinstance(problem, errors.LockHeld) else f" {problem.message[:200]}"
