"""How long an open intent is waited for: as its age by the store's clock says, and in full where that makes no sense."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from reconciler.engine.reading import settle
from reconciler.engine.world import World
from reconciler.stores.folder import FolderStore
from reconciler.stores.no_store import NoStore
from reconciler.vocabulary import ports
from reconciler.vocabulary.ports import Intent
from reconciler.vocabulary.wire import Request, Response, Transport
from tests.support import samples
from tests.support.jumpy import HOURS, JumpyClock
from tests.support.site import Site, desired
from tests.support.stack import STACK
from tests.support.store import Front

DIGEST = "sha256:" + "a" * 64
DAY = 24 * 3600.0
WHOLE = STACK.settle
SLOW = 12.0
"""Seconds that a list takes."""


@dataclass(frozen=True)
class Aged:
    """vocabulary.ports.Journals whose intents are as old as `age` says when they are read."""

    journals: ports.Journals
    age: Callable[[], float | None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journals, name)

    def open(self, digest: str) -> ports.Journal:
        return self.journals.open(digest)

    def open_intents(self) -> tuple[Intent, ...]:
        return tuple(replace(each, age=self.age()) for each in self.journals.open_intents())


def left_behind(site: Site) -> None:
    """Leave an intent of a create whose process is gone."""
    site.world().store.journals.open(DIGEST).intent(
        "CustomJob/x", "create", samples.PATHS["CustomJob"], "1-" + "0" * 32
    )


def aged(site: Site, age: Callable[[], float | None], wrap: Callable[[Transport], Transport] | None = None) -> World:
    front = Front(site.world().store)
    front.journals = Aged(front.journals, age)
    return site.world(wrap, store=front) if wrap else site.world(store=front)


def waited(site: Site, world: World) -> float:
    """Plan, and say how long that took."""
    before = site.clock.now()
    site.plan(desired(samples.CUSTOM), world)
    return site.clock.now() - before


@pytest.mark.parametrize(
    ("age", "waits"),
    [
        (0.0, WHOLE),
        (0.25, WHOLE - 0.25),
        (10.0, WHOLE - 10.0),
        (WHOLE - 0.5, 0.5),
        (WHOLE, 0.0),
        (WHOLE + 1, 0.0),
        (5 * HOURS, 0.0),
        (30 * DAY, 0.0),
        (30 * DAY + 1, WHOLE),
        (50 * 365 * DAY, WHOLE),
        (float("inf"), WHOLE),
        (float("nan"), WHOLE),
        (-0.25, WHOLE),
        (-10.0, WHOLE),
        (-5 * HOURS, WHOLE),
        (None, WHOLE),
    ],
    ids=str,
)
@pytest.mark.parametrize("set_by", [0.0, HOURS, -HOURS], ids=["right", "ahead", "behind"])
def test_an_intent_is_waited_for_as_its_age_says(site: Site, age: float | None, waits: float, set_by: float) -> None:
    left_behind(site)
    began = site.clock.now()
    sensible = age is not None and age <= 30 * DAY
    world = aged(site, lambda: age if age is None or not sensible else age + site.clock.now() - began)
    assert waited(site, replace(world, clock=JumpyClock(site.clock, set_by))) == pytest.approx(waits)


@pytest.mark.parametrize("set_by", [0.0, HOURS, -HOURS], ids=["right", "ahead", "behind"])
def test_an_age_counts_as_it_was_when_the_lists_were_asked_for(site: Site, set_by: float) -> None:
    """A list that was asked for early has not seen what came while it took its time."""
    left_behind(site)
    began = site.clock.now()

    def slow(transport: Transport) -> Transport:
        def send(request: Request) -> Response:
            reply = transport(request)
            if "/customJobs?" in request.url and site.clock.now() - began < SLOW:
                site.clock.sleep(SLOW)
            return reply

        return send

    world = aged(site, lambda: WHOLE - 5 + site.clock.now() - began, slow)
    took = waited(site, replace(world, clock=JumpyClock(site.clock, set_by)))
    assert took == pytest.approx(SLOW)  # at the second time of asking it was old enough, at the first 5 s too young
    assert sum(each.path.endswith("/customJobs") for each in site.audit.exchanges) == 4  # by uid and by name


@pytest.mark.parametrize("set_by", [HOURS, -HOURS], ids=["ahead", "behind"])
def test_without_a_store_the_time_that_passed_counts(site: Site, set_by: float) -> None:
    clock = JumpyClock(site.clock, set_by)
    store = NoStore(clock)
    store.journals.open(DIGEST).intent("CustomJob/x", "create", "c", "1-" + "0" * 32)
    clock.sleep(10.0)
    assert waited(site, replace(site.world(store=store), clock=clock)) == pytest.approx(WHOLE - 10.0)


@pytest.mark.parametrize("set_by", [0.0, HOURS, -HOURS], ids=["right", "ahead", "behind"])
@pytest.mark.parametrize(("old", "waits"), [(0.0, True), (WHOLE + 5, False), (-HOURS, True), (1e9, True)])
def test_in_a_folder_the_time_of_the_file_counts(site: Site, old: float, set_by: float, *, waits: bool) -> None:
    writer = JumpyClock(site.clock, set_by)
    FolderStore(site.folder, writer).journals.open(DIGEST).intent("CustomJob/x", "create", "c", "1-" + "0" * 32)
    [path] = (site.folder / "journal").glob("*.jsonl")
    os.utime(path, (0, path.stat().st_mtime - old))
    took = waited(site, replace(site.world(), clock=JumpyClock(site.clock, -set_by)))
    assert took == (pytest.approx(WHOLE, abs=1.0) if waits else 0.0)


def test_an_age_that_makes_no_sense_counts_as_none() -> None:
    assert [settle.believed(age) for age in (None, -1.0, settle.OLDEST + 1)] == [0.0, 0.0, 0.0]
    assert settle.believed(settle.OLDEST) == settle.OLDEST
