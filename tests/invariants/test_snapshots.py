"""A plan made against a snapshot is the plan made live, byte for byte, for every kind, sample and state of the world."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from reconciler.api.snapshot import SnapshotJobs
from reconciler.core.documents import plan_json, snapshot_json
from reconciler.core.plan.build import Options
from reconciler.core.spec import fingerprint
from reconciler.engine import snapshot
from reconciler.engine.world import World
from reconciler.files import planfile
from reconciler.stores.snapshot import SnapshotStore
from reconciler.vocabulary.model import Desired, DesiredState, Lifecycle, OnChange, Removal, Rerun, Scope
from reconciler.vocabulary.plans import Against, Plan
from reconciler.vocabulary.wire import Response, Transport
from tests.support import samples
from tests.support.samples import Sample
from tests.support.site import ANYTHING, KINDS, Site, calls, desired, reasons
from tests.support.stack import STACK

SAMPLES = samples.all_samples()
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
New = Callable[..., Site]
CHANGED = {
    "CustomJob": ("spec", "jobSpec", "scheduling", "timeout", "7200s"),
    "NasJob": ("spec", "nasJobSpec", "multiTrialAlgorithmSpec", "metric", "metricId", "top_5"),
    "Job": ("spec", "trainingInput", "region", "europe-west4"),
}
PREDICTS = ("spec", "predictionInput", "region", "europe-west4")
"""In place of what is changed in a `Job`, for one that predicts: a job has one of both inputs."""


def written(site: Site, wanted: Sequence[Desired]) -> str:
    """Take a snapshot and return its file's text; only GET is sent and nothing is written."""
    sent, files = len(site.audit.writes), site.files()
    shot = snapshot.take(site.world(), site.stack, wanted)
    assert (len(site.audit.writes), site.files()) == (sent, files)
    assert shot.closed == {}
    return planfile.dump(snapshot_json.to_json(shot.snapshot, "2026-01-01T00:00:00Z", "1.0"))


def blind(site: Site, text: str) -> World:
    """Open a world that has nothing but the text of a snapshot."""
    taken = snapshot_json.from_json(json.loads(text))
    snapshot_json.require(taken, site.stack)
    return World(SnapshotJobs(taken.snapshot), KINDS, SnapshotStore(taken.snapshot, site.clock), site.clock)


def told(plan: Plan, **more: Any) -> str:
    return planfile.dump(plan_json.to_json(replace(plan, **more), "2026-01-01T00:00:00Z", "1.0"))


def respecified(want: Desired) -> Desired:
    """Change what every manifest of the kind may have, and nothing that a snapshot withholds."""
    changed = PREDICTS if "predictionInput" in want.spec else CHANGED[want.kind]
    *_, last, value = changed
    text = json.loads(json.dumps(dict(want.spec)))
    node = text
    for step in changed[1:-2]:
        node = node.setdefault(step, {})
    node[last] = value
    spec: Mapping[str, Any] = text
    label = fingerprint.of(spec, KINDS[want.kind], want.lifecycle.ignore_changes)
    return replace(want, spec=spec, fingerprint=label)


def with_life(**fields: Any) -> Callable[[Desired], Desired]:
    return lambda want: replace(want, lifecycle=replace(want.lifecycle, **fields))


def renamed(want: Desired) -> Desired:
    return replace(want, name=f"{want.name}-anew", formerly=want.name)


WISHES: dict[str, Callable[[tuple[Desired, ...]], tuple[Desired, ...]]] = {
    "as it is": lambda all_: all_,
    "nothing": lambda all_: (),
    "one fewer": lambda all_: all_[1:],
    "other specs": lambda all_: tuple(map(respecified, all_)),
    "other specs, replaced": lambda all_: tuple(map(with_life(on_change=OnChange.REPLACE), map(respecified, all_))),
    "other labels and policies": lambda all_: tuple(
        replace(with_life(on_removal=Removal.DELETE)(want), labels={**want.labels, "edited": "yes"}) for want in all_
    ),
    "cancelled": lambda all_: tuple(map(with_life(desired=DesiredState.CANCELLED), all_)),
    "absent": lambda all_: tuple(map(with_life(desired=DesiredState.ABSENT), all_)),
    "run again": lambda all_: tuple(map(with_life(rerun=Rerun(token="again"), history=1), all_)),
    "renamed": lambda all_: tuple(map(renamed, all_)),
    "new names": lambda all_: tuple(replace(want, name=f"{want.name}-two") for want in all_),
    "ignoring a field": lambda all_: tuple(ignoring(want) for want in all_),
}
"""What a fork may write of the manifests that the snapshot was taken with."""


def ignoring(want: Desired) -> Desired:
    path = ".".join(str(step) for step in CHANGED[want.kind][:-1])
    life: Lifecycle = replace(want.lifecycle, ignore_changes=(*want.lifecycle.ignore_changes, path))
    label = fingerprint.of(want.spec, KINDS[want.kind], life.ignore_changes)
    return replace(want, lifecycle=life, fingerprint=label)


def started(site: Site, sample: Sample, seconds: float = 10) -> None:
    site.converge(sample.desired)
    site.clock.advance(seconds)


def failed(site: Site, sample: Sample) -> None:
    started(site, sample)
    for row in site.rows():
        site.emulator.set_state(row["resource"], "FAILED" if row["kind"] == "Job" else "JOB_STATE_FAILED")


def twice(site: Site, sample: Sample) -> None:
    started(site, sample, 900)
    again = tuple(map(with_life(rerun=Rerun(token="second")), sample.desired))
    site.converge(again)
    site.clock.advance(5)


def forgotten(site: Site, sample: Sample) -> None:
    started(site, sample, 900)
    site.converge(sample.desired)
    for row in site.rows():
        if row["kind"] != "Job":
            site.send("DELETE", row["resource"])


def unrecorded(site: Site, sample: Sample) -> None:
    started(site, sample)
    for name in site.files():
        (site.root / name).unlink()


def replaced(site: Site, sample: Sample) -> None:
    """Let a run be replaced, and nobody look again until both are hidden from lists."""
    started(site, sample)
    wanted = tuple(map(with_life(on_change=OnChange.REPLACE, protect=False), map(respecified, sample.desired)))
    site.converge(wanted)
    site.clock.advance(200 * 86400)


def regranted(site: Site, sample: Sample) -> None:
    """Let somebody take the members of every policy away."""
    started(site, sample)
    for row in site.rows():
        if row["kind"] == "Job":
            site.send("POST", f"{row['resource']}:setIamPolicy", {"policy": {"bindings": []}})


def another_owner(site: Site, sample: Sample) -> None:
    """Let a stack of the same name and another uid have started the same jobs."""
    started(site, sample)
    for row in site.rows():
        kind = KINDS[row["kind"]]
        wanted = {*kind.spec_schema["properties"], *kind.cosmetic} & set(row)
        body = {key: row[key] for key in wanted} | {"labels": {**row["labels"], "reconciler_owner": "0badcafe"}}
        if kind.id_field:
            body[kind.id_field] = f"{row[kind.id_field]}_too"
        site.send("POST", row["resource"].rpartition("/")[0], body)


def moved_out(site: Site, sample: Sample) -> None:
    """Let the stack leave a place that the store remembers."""
    started(site, sample)
    site.world().store.remember_kind_scopes([("CustomJob", Scope("demo-project", "europe-west1"))])


def stripped(site: Site, sample: Sample) -> None:
    """Let somebody take the labels off every job whose labels can be changed."""
    started(site, sample)
    for row in site.rows():
        if row["kind"] == "Job":
            site.send("PATCH", f"{row['resource']}?updateMask=labels", {"labels": {}})


def stripped_unrecorded(site: Site, sample: Sample) -> None:
    """Do so behind an older run, where no store tells of it."""
    twice(site, sample)
    for row in site.rows():
        if row["kind"] == "Job" and row["resource"].endswith("_2"):
            site.send("PATCH", f"{row['resource']}?updateMask=labels", {"labels": {}})
    for name in site.files():
        (site.root / name).unlink()


def stack_renamed(site: Site, sample: Sample) -> None:
    started(site, sample)
    site.stack = replace(site.stack, name="renamed")


STATES: dict[str, Callable[[Site, Sample], None]] = {
    "nothing there": lambda site, sample: None,
    "running": started,
    "ended": lambda site, sample: started(site, sample, 900),
    "long ago, hidden from lists": lambda site, sample: started(site, sample, 200 * 86400),
    "failed": failed,
    "two runs of each": twice,
    "records deleted": forgotten,
    "without its store": unrecorded,
    "replaced long ago": replaced,
    "policies taken away": regranted,
    "another owner of the name": another_owner,
    "a place was left": moved_out,
    "labels lost": stripped,
    "labels lost, and the store": stripped_unrecorded,
    "the stack has another name": stack_renamed,
}


@each_sample
@pytest.mark.parametrize("state", STATES)
def test_a_plan_against_a_fresh_snapshot_is_the_plan_made_live(new_site: New, sample: Sample, state: str) -> None:
    site = new_site(sample.stack)
    STATES[state](site, sample)
    text = written(site, sample.desired)
    for name, wish in WISHES.items():
        wanted = wish(sample.desired)
        live, seen = site.plan(wanted), site.plan(wanted, blind(site, text))
        assert told(seen) == told(live), name
        marked = json.loads(told(seen, against=Against("sha256:ab", "2026-01-01T00:00:00Z")))
        plain = json.loads(told(live))
        assert marked.pop("against") == {"digest": "sha256:ab", "createdAt": "2026-01-01T00:00:00Z"}
        assert plain.pop("against") is None
        assert marked.pop("seal") != plain.pop("seal")
        assert marked == plain


@each_sample
def test_two_snapshots_of_one_state_differ_in_their_time_and_seal_only(new_site: New, sample: Sample) -> None:
    site = new_site(sample.stack)
    started(site, sample)
    first = json.loads(written(site, sample.desired))
    site.clock.advance(1)
    shot = snapshot.take(site.world(page_size=1), site.stack, tuple(reversed(sample.desired)))
    second = snapshot_json.to_json(shot.snapshot, "2026-01-01T00:00:01Z", "1.0")
    assert first.pop("seal") != second.pop("seal")
    assert first.pop("createdAt") != second.pop("createdAt")
    assert first == json.loads(json.dumps(second))


def test_planning_against_a_snapshot_opens_no_connection_and_sends_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = desired(samples.THREE)
    site.converge(wanted)
    text = written(site, wanted)
    site.close()
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a socket was opened"))
    seen = len(site.audit.exchanges)
    assert set(reasons(site.plan(wanted, blind(site, text))).values()) == {"noop up_to_date"}
    assert len(site.audit.exchanges) == seen


def test_a_place_the_snapshot_does_not_cover_blocks_the_plan_and_is_named(site: Site) -> None:
    wanted = desired(samples.CUSTOM)
    site.converge(wanted)
    text = written(site, wanted)
    wider = replace(site.stack, scopes=(*site.stack.scopes, Scope("demo-project", "europe-west4")))
    grown = replace(blind(site, text))
    site.stack = wider
    blocked = site.plan(wanted, grown).blocked
    assert [blocker.rule for blocker in blocked] == ["incomplete"]
    assert "CustomJob in demo-project/europe-west4" in blocked[0].message
    assert "the snapshot does not cover it" in blocked[0].message


def test_a_place_the_stack_left_and_nobody_may_look_at_blocks_alike(site: Site) -> None:
    wanted = desired(samples.CUSTOM)
    moved_out(site, Sample("custom", STACK, wanted))

    def closing(transport: Transport) -> Transport:
        closed = Response(403, {}, b'{"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "Gone."}}')
        return lambda request: closed if "europe-west1" in request.url else transport(request)

    shot = snapshot.take(site.world(closing), site.stack, wanted)
    text = planfile.dump(snapshot_json.to_json(shot.snapshot, "2026-01-01T00:00:00Z", "1.0"))
    live, seen = site.plan(wanted, site.world(closing)), site.plan(wanted, blind(site, text))
    assert [blocker.rule for blocker in live.blocked] == ["incomplete"]
    assert "CustomJob in demo-project/europe-west1" in seen.blocked[0].message
    assert "Gone." in live.blocked[0].message
    assert told(seen) == told(live)


def test_of_another_owners_jobs_no_spec_is_kept(site: Site) -> None:
    wanted = desired(samples.CUSTOM)
    another_owner(site, Sample("custom", STACK, wanted))
    jobs = [job for each in json.loads(written(site, wanted))["scopes"] for job in each["jobs"]]
    told = {job["row"]["labels"]["reconciler_owner"]: "jobSpec" in job["row"] for job in jobs}
    assert told == {STACK.uid: True, "0badcafe": False}


def test_only_runs_that_could_be_compared_carry_a_spec(site: Site) -> None:
    wanted = desired(samples.CUSTOM)
    sample = Sample("custom", STACK, wanted)
    twice(site, sample)
    jobs = [job for each in json.loads(written(site, wanted))["scopes"] for job in each["jobs"]]
    assert [
        (job["full"], "jobSpec" in job["row"]) for job in sorted(jobs, key=lambda job: job["row"]["createTime"])
    ] == [
        (False, False),
        (True, True),
    ]


def test_the_next_live_plan_is_not_touched_by_one_made_against_a_snapshot(site: Site) -> None:
    wanted = desired(samples.THREE)
    site.converge(wanted)
    text = written(site, wanted)
    files = site.files()
    plan = site.plan(desired(samples.swap(samples.THREE, ("--epochs=1", "--epochs=2"))), blind(site, text))
    assert calls(plan)
    assert site.files() == files
    assert calls(site.plan(wanted, options=Options(allowed=ANYTHING))) == []
