"""Two applies at once: the second one is told who holds the lock, and nothing is doubled."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request, Response, Transport
from tests.support import samples
from tests.support.faults import is_create
from tests.support.site import Site, desired, is_empty, statuses

WAIT = 30.0
"""Seconds after which a test gives up; none is ever waited for where all is well."""


def test_the_second_of_two_appliers_is_refused(site: Site) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def slowly(transport: Transport) -> Transport:
        def send(request: Request) -> Response:
            if is_create(request):
                reached.set()
                assert go_on.wait(WAIT)
            return transport(request)

        return send

    wanted = desired(samples.CUSTOM)
    plan = site.plan(wanted)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(site.apply, plan, site.world(slowly))
        try:
            assert reached.wait(WAIT)
            for late in (plan, site.plan(desired(samples.THREE))):
                with pytest.raises(errors.LockHeld, match=f"process {os.getpid()}") as held:
                    site.apply(late)
                assert held.value.exit_code == 5
            assert site.audit.writes == []
        finally:
            go_on.set()
        assert statuses(first.result(WAIT)) == ["CustomJob/train create created"]
    assert len(site.audit.writes) == 1
    with pytest.raises(errors.StalePlan):
        site.apply(plan)
    assert is_empty(site.plan(wanted))


def test_a_lock_held_by_another_process_is_respected(site: Site) -> None:
    code = (
        "import sys; from pathlib import Path; from reconciler.stores.folder import FolderStore; "
        "from reconciler.cli.clock import WallClock\n"
        "with FolderStore(Path(sys.argv[1]), WallClock()).lock('apply x'): print('held', flush=True); sys.stdin.read()"
    )
    plan = site.plan(desired(samples.THREE))
    arguments = [sys.executable, "-c", code, str(site.folder)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(errors.LockHeld, match=f"process {other.pid}"):
            site.apply(plan)
        other.kill()
    assert site.audit.writes == []
    assert len(statuses(site.apply(plan))) == 4
