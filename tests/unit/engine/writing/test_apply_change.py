"""A list may show a run as active that has ended: no cancel of its duplicate may rest on that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.faults.model import Fault, ListLag
from reconciler.vocabulary.plans import Status
from reconciler.vocabulary.wire import Request, Response, Transport
from tests.support import samples
from tests.support.site import Site, calls, desired


def test_a_duplicate_is_not_cancelled_for_a_run_that_only_a_lagging_list_still_shows_active(tmp_path: Path) -> None:
    site = Site(tmp_path)
    wanted = desired(samples.CUSTOM)
    site.converge(wanted)
    [elder] = site.rows()
    site.send("POST", samples.PATHS["CustomJob"], copied(elder))
    site.clock.advance(40)
    site.emulator.inject(Fault(ListLag(25), "list"))
    site.send("POST", f"{elder['name']}:cancel", {})
    site.clock.advance(10)
    assert calls(site.plan(wanted)) == []
    site.converge(wanted)
    site.emulator.clear_faults()
    states = {row["name"]: row["state"] for row in site.rows()}
    assert states.pop(elder["name"]) == "JOB_STATE_CANCELLED"
    assert [*states.values()] == ["JOB_STATE_RUNNING"]
    site.close()


def copied(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("displayName", "jobSpec", "labels")}


WRITES: dict[str, list[tuple[str, str]]] = {
    "patch": [("team: vision", "team: speech")],
    "setIamPolicy": [("user:ann@example.com", "user:bob@example.com")],
    "cancel": [("onRemoval: cancel", "desired: Cancelled")],
}
"""What is changed in a manifest, by the write that follows."""


@pytest.mark.parametrize("verb", WRITES)
def test_a_job_that_lost_our_mark_just_before_a_write_is_left_alone(tmp_path: Path, verb: str) -> None:
    site = Site(tmp_path)
    site.converge(desired(samples.ML))
    [row] = site.rows()
    resource = row["resource"]
    plan = site.plan(desired(samples.swap(samples.ML, *WRITES[verb])))
    assert [call.split()[1] for call in calls(plan)] == [verb]
    sent: list[str] = []

    def taken_over(transport: Transport) -> Transport:
        def send(request: Request) -> Response:
            if request.method == "GET" and request.url.endswith(resource):
                site.send("PATCH", f"{resource}?updateMask=labels", {"labels": {"team": "theirs"}})
            elif request.method != "GET":
                sent.append(request.url)
            return transport(request)

        return send

    done = site.apply(plan, site.world(taken_over))
    assert [outcome.status for outcome in done.outcomes] == [Status.FAILED]
    assert "no longer say" in done.outcomes[0].error
    assert sent == []
    assert [row["labels"] for row in site.rows()] == [{"team": "theirs"}]
    site.close()
