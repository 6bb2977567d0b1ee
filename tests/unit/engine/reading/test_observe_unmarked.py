"""Jobs that something else than their labels names as runs: what is read of them, and what is written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.plan.build import Options
from reconciler.engine.reading import observe, rows
from reconciler.engine.world import World
from reconciler.stores.no_store import NoStore
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind, Phase
from reconciler.vocabulary.model import Desired, Run, Scope
from reconciler.vocabulary.wire import Request, Response, Transport
from tests.support import samples
from tests.support.faults import is_list
from tests.support.site import KINDS, Site, calls, desired, is_active, reasons

ML = samples.swap(
    samples.ML, ('iamPolicy: {bindings: [{role: roles/ml.jobOwner, members: ["user:ann@example.com"]}]}\n', "")
)
WANTED = desired(ML)
FIRST = "projects/demo-project/jobs/legacy_3fa94c1b_1"
SECOND = "projects/demo-project/jobs/legacy_3fa94c1b_2"


def relabel(site: Site, resource: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    labels = site.send("GET", resource).get("labels", {})
    site.send("PATCH", f"{resource}?updateMask=labels", {"labels": change(labels)})


def strip(site: Site, resource: str) -> None:
    relabel(site, resource, lambda labels: {})


def runs(site: Site, wanted: tuple[Desired, ...] = WANTED, world: World | None = None) -> list[Run]:
    return list(observe.observe(world or site.world(), site.stack, wanted, ("Job",)).runs)


def without_store(site: Site) -> World:
    return site.world(store=NoStore(site.clock))


def phases(site: Site) -> list[Phase | None]:
    return [old.phase for old in site.world().store.ledger.runs()]


def test_the_ledger_says_who_a_job_is_that_lost_its_labels(site: Site) -> None:
    site.converge(WANTED)
    [before] = runs(site)
    strip(site, FIRST)
    [after] = runs(site)
    assert after == replace(before, row=after.row, marked=False)


def test_an_id_says_only_name_and_number(site: Site) -> None:
    site.converge(WANTED)
    strip(site, FIRST)
    [found] = runs(site, world=without_store(site))
    assert (found.name, found.number, found.owner, found.marked) == ("legacy", 1, site.stack.uid, False)
    assert (found.fingerprint, found.run_key, found.token, found.removal) == ("", "", "", None)


@pytest.mark.parametrize("label", ["reconciler_owner", "reconciler_run"])
def test_a_job_without_owner_or_run_key_is_unmarked_once_whatever_lists_show_of_it(site: Site, label: str) -> None:
    site.converge(WANTED)
    relabel(site, FIRST, lambda labels: {key: value for key, value in labels.items() if key != label})
    found = [run for run in runs(site) if site.stack.owns(run.owner)]
    assert [(run.resource, run.number, run.marked) for run in found] == [(FIRST, 1, False)]


def test_a_job_that_carries_another_run_key_of_ours_is_not_the_run_that_the_ledger_names(site: Site) -> None:
    site.converge(WANTED)
    other = "7-" + "0" * 32
    relabel(site, FIRST, lambda labels: {**labels, "reconciler_run": other})
    assert [(run.run_key, run.marked) for run in runs(site)] == [(other, True)]
    site.converge(WANTED)
    assert sorted(map(str, phases(site))) == ["ENDED_UNKNOWN", "None"]


def test_a_twin_with_its_key_does_not_stand_for_the_job_that_the_ledger_names(site: Site) -> None:
    site.converge(WANTED)
    row = site.send("GET", FIRST)
    body = {"jobId": "twin", "trainingInput": row["trainingInput"], "labels": row["labels"]}
    site.clock.advance(1)
    site.send("POST", samples.PATHS["Job"], body)
    strip(site, FIRST)
    assert sorted((run.resource.rpartition("/")[2], run.marked) for run in runs(site)) == [
        ("legacy_3fa94c1b_1", False),
        ("twin", True),
    ]
    site.emulator.set_state("projects/demo-project/jobs/twin", "FAILED")
    site.converge(WANTED)
    assert phases(site) == [None]


def test_a_run_whose_owner_label_somebody_changed_is_unmarked_and_blocks_nothing(site: Site) -> None:
    site.converge(WANTED)
    relabel(site, FIRST, lambda labels: {**labels, "reconciler_owner": "00000000"})
    for world in (site.world(), without_store(site)):
        plan = site.plan(WANTED, world)
        assert (reasons(plan), plan.blocked) == ({"Job/legacy": "noop unmarked"}, ())


def test_a_run_of_a_uid_that_the_stack_no_longer_names_stays_foreign_and_its_end_is_not_recorded(site: Site) -> None:
    site.converge(WANTED)
    site.stack = replace(site.stack, uid="0a0a0a0a")
    plan = site.plan(WANTED)
    assert [blocker.rule for blocker in plan.blocked] == ["foreign_owner"]
    site.apply(replace(plan, blocked=(), changes=()))
    assert phases(site) == [None]


def test_labels_that_get_lost_between_a_list_and_a_get_do_not_make_a_job_gone(site: Site) -> None:
    """Of two active runs of an address each is looked at again."""
    site.converge(WANTED)
    row = site.send("GET", FIRST)
    site.clock.advance(1)
    labels = {**row["labels"], "reconciler_run": "2-" + "0" * 32}
    site.send("POST", samples.PATHS["Job"], {"jobId": "other", "trainingInput": row["trainingInput"], "labels": labels})

    def stripping(transport: Transport) -> Transport:
        def send(request: Request) -> Response:
            if request.method == "GET" and request.url.endswith("_1"):
                strip(site, FIRST)
            return transport(request)

        return send

    found = runs(site, world=site.world(stripping))
    assert sorted((run.number, run.marked) for run in found) == [(1, False), (2, True)]


def test_what_is_known_by_the_ledger_is_written_down_neither_as_ended_nor_anew(site: Site) -> None:
    site.converge(WANTED)
    strip(site, FIRST)
    files = site.files()
    site.emulator.set_state(FIRST, "SUCCEEDED")
    site.converge(desired(samples.swap(ML, ("onRemoval: cancel", "onRemoval: keep"))))
    assert phases(site) == [None]
    assert [name for name in site.files() if "ledger" in name] == [name for name in files if "ledger" in name]
    site.clock.advance(1)
    site.converge(())
    assert phases(site) == [None]


def test_behind_older_runs_the_next_id_is_looked_at_where_a_create_might_follow(site: Site) -> None:
    site.converge(WANTED)
    site.emulator.set_state(FIRST, "FAILED")
    world = without_store(site)
    site.apply(site.plan(desired(samples.edited(ML)), world), world)
    strip(site, SECOND)
    for wanted in (WANTED, desired(samples.edited(ML)), desired(samples.swap(ML, ("gcr.io/a/b", "gcr.io/a/b:3")))):
        plan = site.plan(wanted, without_store(site))
        assert reasons(plan) == {"Job/legacy": "noop unmarked"} or calls(plan) == []
        assert not any("create" in call for call in calls(plan))


def test_no_id_is_looked_at_beside_an_active_or_succeeded_run_of_the_same_spec(site: Site) -> None:
    site.converge(WANTED)
    for state in ("RUNNING", "SUCCEEDED"):
        site.emulator.set_state(FIRST, state)
        before = len(site.audit.exchanges)
        runs(site)
        assert [each.path for each in site.audit.exchanges[before:] if each.path.endswith("_2")] == []
    before = len(site.audit.exchanges)
    runs(site, desired(samples.swap(ML, ("onRemoval: cancel", "onRemoval: cancel, rerun: {token: t1}"))))
    assert [each.path for each in site.audit.exchanges[before:] if each.path.endswith("_2")]


def test_a_renamed_manifest_finds_the_ids_of_its_old_name(site: Site) -> None:
    site.converge(WANTED)
    strip(site, FIRST)
    renamed = desired(samples.swap(ML, ("name: legacy", "name: anew, formerly: legacy")))
    plan = site.plan(renamed, without_store(site))
    assert reasons(plan) == {"Job/anew": "noop unmarked"}


def test_a_renamed_manifest_finds_the_id_that_counts_on_from_its_old_name(site: Site) -> None:
    """The run of the new name has the number after that of the old one, and both lost their labels."""
    site.converge(WANTED)
    row = site.send("GET", FIRST)
    strip(site, FIRST)
    second = FIRST.replace("legacy_", "anew_").removesuffix("_1") + "_2"
    job = second.rpartition("/")[2]
    site.send("POST", samples.PATHS["Job"], {"jobId": job, "trainingInput": row["trainingInput"]})
    site.emulator.set_state(FIRST.removeprefix("/v1/"), "SUCCEEDED")
    renamed = desired(samples.swap(samples.edited(ML), ("name: legacy", "name: anew, formerly: legacy")))
    plan = site.plan(renamed, without_store(site))
    assert (calls(plan), reasons(plan)) == ([], {"Job/anew": "noop unmarked"})


def test_an_active_one_holds_back_what_a_newer_finished_run_would_start(site: Site) -> None:
    site.converge(WANTED)
    row = site.send("GET", FIRST)
    strip(site, FIRST)
    site.clock.advance(1)
    labels = {**row["labels"], "reconciler_run": "2-" + "0" * 32}
    site.send("POST", samples.PATHS["Job"], {"jobId": "other", "trainingInput": row["trainingInput"], "labels": labels})
    site.emulator.set_state("projects/demo-project/jobs/other", "FAILED")
    plan = site.plan(desired(samples.edited(ML)))
    assert (calls(plan), reasons(plan)) == ([], {"Job/legacy": "noop unmarked"})


def test_guards_count_it_neither_as_a_run_nor_as_one_that_is_left(site: Site) -> None:
    both = desired(ML + "---\n" + samples.CUSTOM)
    site.converge(both)
    strip(site, FIRST)
    plan = site.plan(
        desired(samples.swap(samples.CUSTOM, ("{onChange", "{desired: Absent, onChange"))), options=Options()
    )
    assert [blocker.rule for blocker in plan.blocked] == ["empty"]
    assert "none of the 1 runs" in plan.blocked[0].message


def test_no_label_and_no_policy_of_an_unmarked_job_is_changed(site: Site) -> None:
    wanted = desired(samples.ML)
    site.converge(wanted)
    strip(site, FIRST)
    site.send("POST", f"{FIRST}:setIamPolicy", {"policy": {"bindings": []}})
    for world in (site.world(), without_store(site)):
        plan = site.plan(desired(samples.swap(samples.ML, ("team: vision", "team: speech"))), world)
        assert calls(plan) == []
        assert reasons(plan) == {"Job/legacy": "noop unmarked"}
    assert is_active(site.rows()[0])


# ---------------------------------------------------------------- two lists united


class Gappy:
    """vocabulary.ports.JobsApi whose lists say what they lack, by a word of their filter."""

    def __init__(self, world: World, gaps: dict[str, str]) -> None:
        self._api, self._gaps = world.api, gaps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def list(self, kind: Kind, scope: Scope, label_filter: str, mask: Any = ()) -> Any:
        yield from self._api.list(kind, scope, label_filter, mask)
        for word, gap in self._gaps.items():
            if word in label_filter:
                raise errors.ListIncomplete(gap)


@pytest.mark.parametrize(
    ("gaps", "lacking"),
    [
        ({}, ""),
        ({"owner": "a shard"}, "a shard"),
        ({"stack": "a shard"}, "a shard"),
        ({"owner": "a shard", "stack": "a shard"}, "a shard"),
        ({"owner": "one", "stack": "two"}, "one; two"),
    ],
)
def test_what_either_list_lacks_is_lacking_and_each_run_counts_once(
    site: Site, gaps: dict[str, str], lacking: str
) -> None:
    site.converge(WANTED)
    world = site.world()
    read, count = rows.list_runs(
        replace(world, api=Gappy(world, gaps)), site.stack, KINDS["Job"], Scope("demo-project")
    )
    assert ([run.resource for run in read], count.runs, count.lacking) == ([FIRST], 1, lacking)


def test_a_run_that_one_of_the_lists_shows_ended_has_ended(site: Site) -> None:
    site.converge(WANTED)

    def late(transport: Transport) -> Transport:
        def send(request: Request) -> Response:
            reply = transport(request)
            if is_list(request) and "reconciler_owner" in request.url:
                page = json.loads(reply.body)
                ended = [{**row, "state": "SUCCEEDED"} for row in page.get("jobs", ())]
                return replace(reply, body=json.dumps({**page, "jobs": ended}).encode())
            return reply

        return send

    read, _ = rows.list_runs(site.world(late), site.stack, KINDS["Job"], Scope("demo-project"))
    assert [run.phase for run in read] == [Phase.SUCCEEDED]
