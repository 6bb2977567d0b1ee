"""The lease on a bucket: one holder at a time, judged by the store's clock, and never a write after it was lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from reconciler.stores.lease import LEASE
from reconciler.transport.http import HttpTransport
from reconciler.transport.retry import retrying
from reconciler.vocabulary import errors
from tests.support.cloud_storage import CloudStorage, serving
from tests.support.shelf import RUN, BucketShelf

DIGEST = "sha256:" + "d" * 64

HOLDER = """
import secrets, sys, time
from reconciler.stores.bucket import BucketStore, Drawn
from reconciler.stores.cloud_storage import Bucket
from reconciler.transport.http import HttpTransport
from reconciler.vocabulary import errors

class Clock:
    now = staticmethod(time.time)
    sleep = staticmethod(time.sleep)

with HttpTransport() as http:
    bucket = Bucket(http, Clock(), "state-of-jobs", sys.argv[1])
    store = BucketStore(bucket, bucket, "team/3fa94c1b/", Clock(), Drawn(lambda: secrets.token_hex(8)))
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        with store.lock("apply of plan sha256:1234"):
            print("held", flush=True)
            sys.stdin.read()
        print("left", flush=True)
    except errors.LockHeld as held:
        print("refused", held.message, flush=True)
"""


@contextmanager
def processes(url: str, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Start processes that wait for a line, then take the lock and hold it until their standard input ends."""
    command = [sys.executable, "-c", HOLDER, url]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    try:
        assert [said(each) for each in started] == ["ready"] * count
        yield started
    finally:
        for each in started:
            each.kill()
            each.__exit__(None, None, None)


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def lock_of(shelf: BucketShelf) -> Any:
    return shelf.cloud.things[f"{shelf.prefix}lock"]


def steal(shelf: BucketShelf) -> None:
    """Let another runner hold the lease that this one took for its own."""
    shelf.cloud.put(f"{shelf.prefix}lock", b"", token="theirs", purpose="apply", user="ann", host="h", pid="7")


def test_of_processes_that_race_for_the_lease_exactly_one_wins() -> None:
    with serving(CloudStorage()) as url, processes(url, 3) as racing:
        for each in racing:
            go(each)
        answers = sorted(said(each) for each in racing)
    assert [answer.split()[0] for answer in answers] == ["held", "refused", "refused"]
    assert "apply of plan sha256:1234" in answers[1]


def test_a_killed_holder_is_replaced_only_after_its_lease_ran_out() -> None:
    cloud = CloudStorage()
    shelf = BucketShelf(cloud)
    with serving(cloud) as url, processes(url, 1) as [holder]:
        go(holder)
        assert said(holder) == "held"
        holder.kill()
        holder.wait()
        for passed in (0.0, LEASE - 1, 1.0):
            cloud.time += passed
            with pytest.raises(errors.LockHeld) as caught, shelf.store().lock("apply"):
                pass
            assert f"process {holder.pid}" in caught.value.message
        cloud.time += 2
        with shelf.store().lock("apply"):
            assert lock_of(shelf).metadata["pid"] == str(os.getpid())


def test_a_holder_that_leaves_lets_the_next_one_in() -> None:
    cloud = CloudStorage()
    shelf = BucketShelf(cloud)
    with serving(cloud) as url, processes(url, 1) as [holder]:
        go(holder)
        assert said(holder) == "held"
        assert holder.stdin is not None
        holder.stdin.close()
        assert said(holder) == "left"
    with shelf.store().lock("apply"):
        assert shelf.kept() == ["format", "lock"]
    assert shelf.kept() == ["format"]


def test_the_lease_says_who_holds_it_where_and_in_which_ci_run(bucket: BucketShelf) -> None:
    with bucket.store().lock("apply sha256:1"):
        told = json.loads(lock_of(bucket).content)
        with pytest.raises(errors.LockHeld) as caught, bucket.store().lock("apply"):
            pass
    assert set(told) == {"pid", "host", "user", "purpose", "run", "token", "lease"}
    assert (told["pid"], told["host"], told["run"]) == (str(os.getpid()), os.uname().nodename, RUN)
    words = ("apply sha256:1 of ", f"process {os.getpid()}", "since 2027-01-15T08:00:00+00:00", RUN, "renewed 0 s ago")
    assert all(word in caught.value.message for word in (*words, "gs://state-of-jobs/team/3fa94c1b/lock"))


def test_the_local_clock_decides_nothing(bucket: BucketShelf) -> None:
    with bucket.store().lock("apply"):
        bucket.clock.time += 1_000_000
        with pytest.raises(errors.LockHeld), bucket.store().lock("apply"):
            pass
    bucket.clock.time -= 5_000_000
    with bucket.store().lock("apply"):
        bucket.cloud.time += LEASE + 2
        with bucket.store().lock("another"):
            assert lock_of(bucket).metadata["purpose"] == "another"


def test_a_store_whose_replies_have_no_date_gives_no_lease_away(bucket: BucketShelf) -> None:
    bucket.cloud.dated = False
    with bucket.store().lock("apply"):
        bucket.cloud.time += 10 * LEASE
        with pytest.raises(errors.LockHeld, match="at an unknown time"), bucket.store().lock("apply"):
            pass


@pytest.mark.parametrize(("lease", "ends"), [("", LEASE), ("x", LEASE), ("-5", LEASE), ("nan", LEASE), ("1e9", 3600.0)])
def test_a_lease_that_says_nonsense_ends_all_the_same(bucket: BucketShelf, lease: str, ends: float) -> None:
    bucket.cloud.put(f"{bucket.prefix}lock", b"", token="theirs", lease=lease)
    bucket.cloud.time += ends
    with pytest.raises(errors.LockHeld, match="another process"), bucket.store().lock("apply"):
        pass
    bucket.cloud.time += 2
    with bucket.store().lock("apply"):
        assert lock_of(bucket).metadata["purpose"] == "apply"


def test_one_process_cannot_hold_it_twice(bucket: BucketShelf) -> None:
    store = bucket.store()
    with store.lock("apply"):
        with pytest.raises(errors.LockHeld, match="apply of"), store.lock("apply"):
            pass
        store.assert_held()


def test_the_lease_is_given_back_after_an_exception(bucket: BucketShelf) -> None:
    with pytest.raises(KeyboardInterrupt), bucket.store().lock("apply"):
        raise KeyboardInterrupt
    assert bucket.kept() == ["format"]


def test_a_taker_that_loses_the_expired_lease_to_another_is_refused(bucket: BucketShelf) -> None:
    steal(bucket)
    bucket.cloud.time += LEASE + 2
    taken: list[str] = []

    def other(operation: str, name: str) -> None:
        if operation == "get" and name.endswith("lock") and not taken:
            taken.append(name)
        elif operation == "insert" and taken == [name]:
            taken.append(name)
            bucket.cloud.put(name, b"", token="quicker", purpose="apply", user="bo", host="h", pid="8")

    bucket.cloud.before = other
    with pytest.raises(errors.LockHeld, match="apply of bo"), bucket.store().lock("apply"):
        pass
    assert lock_of(bucket).metadata["token"] == "quicker"


@pytest.mark.parametrize("how", ["drop after", "503 after", "garbage after", "drop", "503"])
def test_a_lost_reply_to_taking_the_lease_takes_it_once(bucket: BucketShelf, how: str) -> None:
    bucket.cloud.fail(how, "insert", "lock")
    store = bucket.store()
    with store.lock("apply"):
        store.assert_held()
    assert bucket.kept() == ["format"]


def test_a_lease_taken_as_the_service_broke_down_is_given_back(bucket: BucketShelf) -> None:
    bucket.cloud.fail("503 after", "insert", "lock")
    bucket.cloud.fail("503", "get", "lock")
    with pytest.raises(errors.StoreFailed), bucket.store().lock("apply"):
        pass
    assert bucket.kept() == []


def test_the_holder_renews_in_the_background_and_stays_the_holder() -> None:
    shelf = BucketShelf(length=0.15)
    name = f"{shelf.prefix}lock"
    store = shelf.store()
    with store.lock("apply"):
        first = lock_of(shelf).generation
        shelf.cloud.time += 5
        assert shelf.cloud.until(lambda: lock_of(shelf).generation >= first + 3)
        assert lock_of(shelf).created == shelf.cloud.time
        assert lock_of(shelf).metadata["started"] == "2027-01-15T08:00:00+00:00"
        store.assert_held()
    renewals = shelf.cloud.seen.count(("insert", name))
    assert shelf.kept() == ["format"]
    assert shelf.cloud.seen.count(("insert", name)) == renewals


@pytest.mark.parametrize("how", ["drop", "503", "403", "429", "garbage", "drop after", "503 after"])
def test_renewals_that_fail_are_tried_again_before_the_lease_ends(how: str) -> None:
    shelf = BucketShelf(length=0.15)
    store = shelf.store()
    with store.lock("apply"):
        first = lock_of(shelf).generation
        shelf.cloud.fail(how, "insert", "lock", times=2)
        assert shelf.cloud.until(lambda: lock_of(shelf).generation >= first + 4)
        store.assert_held()
    assert shelf.kept() == ["format"]


def test_a_renewal_whose_reply_was_lost_is_known_again_as_ours() -> None:
    shelf = BucketShelf(length=0.15)
    store = shelf.store()
    with store.lock("apply"):
        first = lock_of(shelf).generation
        shelf.cloud.fail("drop after", "insert", "lock")
        shelf.cloud.fail("drop", "get", "lock")
        assert shelf.cloud.until(lambda: lock_of(shelf).generation >= first + 3)
        store.assert_held()
    assert shelf.kept() == ["format"]


@pytest.mark.parametrize("removed", [False, True])
def test_a_lease_that_was_lost_is_an_error_before_the_next_write(bucket: BucketShelf, removed: bool) -> None:
    store = bucket.store()
    with store.lock("apply"):
        journal = store.journals.open(DIGEST)
        journal.intent("CustomJob/a", "create", "c", "1-x")
        if removed:
            del bucket.cloud.things[f"{bucket.prefix}lock"]
        else:
            steal(bucket)
        match = "somebody removed it" if removed else "held by apply of ann on h, process 7"
        for _ in range(2):
            with pytest.raises(errors.LockHeld, match=match):
                journal.intent("CustomJob/b", "create", "c", "1-y")
        with pytest.raises(errors.LockHeld, match=match):
            store.assert_held()
    assert [left.address for left in store.journals.open_intents()] == ["CustomJob/a"]
    assert (f"{bucket.prefix}lock" in bucket.cloud.things) is not removed


def test_a_lease_that_ran_out_and_was_not_taken_is_renewed_before_the_next_write(bucket: BucketShelf) -> None:
    store = bucket.store()
    with store.lock("apply"):
        bucket.cloud.time += 10 * LEASE
        store.assert_held()
        assert lock_of(bucket).created == bucket.cloud.time
        with pytest.raises(errors.LockHeld), bucket.store().lock("apply"):
            pass


def test_a_fresh_lease_costs_each_write_one_look(bucket: BucketShelf) -> None:
    store = bucket.store()
    with store.lock("apply"):
        bucket.cloud.time += LEASE / 2
        before = len(bucket.cloud.seen)
        store.assert_held()
        assert bucket.cloud.seen[before:] == [("get", f"{bucket.prefix}lock")]


def test_a_store_that_cannot_be_asked_stops_the_write(bucket: BucketShelf) -> None:
    store = bucket.store()
    with store.lock("apply"):
        journal = store.journals.open(DIGEST)
        bucket.cloud.fail("503", "get", "lock")
        with pytest.raises(errors.StoreFailed, match="503"):
            journal.intent("CustomJob/a", "create", "c", "1-x")
    assert store.journals.open_intents() == ()


def test_a_runner_that_lost_its_lease_does_not_take_it_from_the_next(bucket: BucketShelf) -> None:
    slow = bucket.store()
    with slow.lock("apply"):
        bucket.cloud.time += LEASE + 2
        with bucket.store().lock("next"), pytest.raises(errors.LockHeld):
            slow.assert_held()
        steal(bucket)
    assert lock_of(bucket).metadata["token"] == "theirs"


def test_unlocking_shows_a_live_holder_and_breaks_only_a_dead_one(bucket: BucketShelf) -> None:
    store = bucket.store()
    assert store.holder() is None
    store.break_lock()
    steal(bucket)
    found = store.holder()
    assert found is not None
    assert found.live
    assert "apply of ann" in found.description
    with pytest.raises(errors.LockHeld, match="apply of ann"):
        store.break_lock()
    bucket.cloud.time += LEASE + 2
    found = store.holder()
    assert found is not None
    assert not found.live
    store.break_lock()
    assert store.holder() is None


def test_a_lease_renewed_as_somebody_unlocks_is_not_broken(bucket: BucketShelf) -> None:
    steal(bucket)
    bucket.cloud.time += LEASE + 2

    def renewed(operation: str, name: str) -> None:
        if operation == "delete":
            steal(bucket)

    bucket.cloud.before = renewed
    with pytest.raises(errors.LockHeld):
        bucket.store().break_lock()
    assert bucket.kept() == ["lock"]


def test_the_lease_works_over_http(bucket: BucketShelf) -> None:
    with serving(bucket.cloud) as url, HttpTransport() as http:
        store = bucket.over(http, url)
        with store.lock("apply"):
            store.assert_held()
            with pytest.raises(errors.LockHeld), bucket.over(http, url).lock("apply"):
                pass
    assert bucket.kept() == ["format"]


def test_a_lease_given_back_too_soon_for_the_service_is_given_back_a_little_later(bucket: BucketShelf) -> None:
    bucket.cloud.fail("429", "delete", "lock")
    with bucket.over(retrying(bucket.cloud, bucket.clock, lambda: 0.5)).lock("apply"):
        assert bucket.kept() == ["format", "lock"]
    assert bucket.kept() == ["format"]


def test_a_lease_that_cannot_be_given_back_runs_out_by_itself(bucket: BucketShelf) -> None:
    bucket.cloud.fail("503", "delete", "lock", times=99)
    with bucket.store().lock("apply"):
        pass
    bucket.cloud.time += LEASE + 2
    with bucket.store().lock("next"):
        assert lock_of(bucket).metadata["purpose"] == "next"


def test_a_long_story_about_the_holder_is_cut(bucket: BucketShelf) -> None:
    with bucket.store().lock("x" * 20_000):
        assert len(lock_of(bucket).metadata["purpose"]) == 1000
