"""Laws of plan and apply over every kind and sample: plan writes nothing, is a function, and apply settles it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.documents import plan_json
from reconciler.core.plan.address import Destroy
from reconciler.core.plan.build import Options
from reconciler.vocabulary.model import DesiredState, Removal
from reconciler.vocabulary.plans import Status
from reconciler.vocabulary.wire import Request, Response, Transport
from tests.support import samples
from tests.support.samples import Sample
from tests.support.site import ANYTHING, Site, calls, desired, is_active, is_empty

SAMPLES = samples.all_samples()
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
New = Callable[..., Site]


def present(sample: Sample) -> list[str]:
    """Return the addresses that a sample wants to run, in order."""
    return sorted(want.address for want in sample.desired if want.lifecycle.desired is DesiredState.PRESENT)


def edited(sample: Sample) -> Any:
    """Want other labels and another policy of removal, and leave one manifest out."""
    kept = sample.desired[:-1] if len(sample.desired) > 1 else sample.desired
    return tuple(replace(want, labels={**want.labels, "edited": "yes"}) for want in kept)


@each_sample
def test_a_plan_sends_get_only_and_writes_nothing(new_site: New, sample: Sample) -> None:
    site = new_site(sample.stack)
    plans = [site.plan(sample.desired)]
    assert (site.audit.writes, site.files()) == ([], {})
    site.converge(sample.desired)
    sent, files = len(site.audit.writes), site.files()
    for wanted, options in (
        (sample.desired, None),
        (edited(sample), None),
        ((), None),
        ((), Options(allowed=ANYTHING, destroy=Destroy(records=True))),
        (sample.desired, Options(rerun=tuple(present(sample)))),
    ):
        plans.append(site.plan(wanted, options=options))
    assert len(plans) == 6
    assert len(site.audit.writes) == sent
    assert site.files() == files


@each_sample
@pytest.mark.parametrize("stage", ["nothing there", "all there", "edited", "removed"])
def test_two_plans_differ_in_their_time_and_seal_only(new_site: New, sample: Sample, stage: str) -> None:
    site = new_site(sample.stack)
    if stage != "nothing there":
        site.converge(sample.desired)
    wanted = {"edited": edited(sample), "removed": ()}.get(stage, sample.desired)
    ways = [
        site.world(),
        site.world(page_size=1),
        site.world(shuffling(1)),
        site.world(shuffling(2), page_size=1),
        site.world(),
    ]
    documents = []
    for number, world in enumerate(ways):
        wants = wanted if number < 4 else tuple(reversed(wanted))
        documents.append(plan_json.to_json(site.plan(wants, world), f"2026-01-0{number + 1}T00:00:00Z", "1.0"))
    texts = {json.dumps({k: v for k, v in each.items() if k not in ("createdAt", "seal")}) for each in documents}
    assert len(texts) == 1
    assert len({each["seal"] for each in documents}) == len(documents)


def shuffling(seed: int) -> Callable[[Transport], Transport]:
    """Answer the rows of every page in another order: lists are sorted by update time, which moves."""

    def wrap(transport: Transport) -> Transport:
        def send(request: Request) -> Response:
            reply = transport(request)
            page = json.loads(reply.body)
            for rows in page.values() if request.method == "GET" else ():
                if isinstance(rows, list) and rows and "labels" in rows[0]:
                    random.Random(seed).shuffle(rows)
            return replace(reply, body=json.dumps(page).encode())

        return send

    return wrap


@each_sample
def test_a_plan_after_apply_is_empty_while_runs_run_and_when_they_ended(new_site: New, sample: Sample) -> None:
    site = new_site(sample.stack)
    site.converge(sample.desired)
    for seconds in (0, 2, 10, 700, 200 * 86400):
        site.clock.advance(seconds)
        assert calls(site.plan(sample.desired)) == []
        assert is_empty(site.plan(sample.desired))


@each_sample
def test_applying_twice_writes_once(new_site: New, sample: Sample) -> None:
    site = new_site(sample.stack)
    applied = site.converge(sample.desired)
    assert sorted(each.address for each in applied.outcomes if each.status is Status.CREATED) == present(sample)
    assert len([each for each in site.audit.writes if each.is_create]) == len(present(sample))
    sent = len(site.audit.writes)
    assert site.converge(sample.desired).outcomes == ()
    assert len(site.audit.writes) == sent


@each_sample
def test_a_change_beside_the_spec_settles_and_starts_nothing(new_site: New, sample: Sample) -> None:
    site = new_site(sample.stack)
    site.converge(sample.desired)
    before = [row["resource"] for row in site.rows()]
    wanted = tuple(replace(want, labels={**want.labels, "edited": "yes"}) for want in sample.desired)
    site.converge(wanted)
    assert is_empty(site.plan(wanted))
    assert [row["resource"] for row in site.rows()] == before


@pytest.mark.parametrize("kind", samples.KIND_TEXTS)
def test_a_changed_spec_is_replaced_once(site: Site, kind: str) -> None:
    text = samples.KIND_TEXTS[kind]
    site.converge(desired(text))
    site.clock.advance(10)
    site.converge(desired(samples.edited(text)))
    assert is_empty(site.plan(desired(samples.edited(text))))
    assert [is_active(row) for row in site.rows()] == [False, True]
    assert site.audit.crowds == []


@each_sample
def test_destroy_leaves_active_only_what_is_kept_and_is_done_then(new_site: New, sample: Sample) -> None:
    site = new_site(sample.stack)
    site.converge(sample.desired)
    options = Options(allowed=ANYTHING, destroy=Destroy())
    site.converge((), options)
    kept = {want.name for want in sample.desired if want.lifecycle.protect or want.lifecycle.on_removal is Removal.KEEP}
    assert {row["labels"]["reconciler_name"] for row in site.rows() if is_active(row)} == kept
    sent = len(site.audit.writes)
    site.converge((), options)
    assert len(site.audit.writes) == sent


def test_policy_drift_is_repaired_as_often_as_it_happens(site: Site) -> None:
    wanted = desired(samples.ML)
    site.converge(wanted)
    [job] = site.rows()
    for _ in range(3):
        site.send("POST", f"{job['resource']}:setIamPolicy", {"policy": {"bindings": []}})
        assert calls(site.plan(wanted)) == ["Job/legacy setIamPolicy policy_changed"]
        site.converge(wanted)
        assert is_empty(site.plan(wanted))


def test_labels_changed_to_and_fro_are_patched_every_time(site: Site) -> None:
    there = desired(samples.ML)
    other = desired(samples.swap(samples.ML, ("team: vision", "team: speech")))
    site.converge(there)
    for wanted in (other, there, other, there):
        site.converge(wanted)
        assert is_empty(site.plan(wanted))
    assert len(site.rows()) == 1
