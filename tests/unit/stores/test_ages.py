"""How long ago an intent was written: the store's own clock says, and nobody asks what a runner's machine believes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.stores import disk
from reconciler.stores.folder import FolderStore
from reconciler.stores.no_store import NoStore
from reconciler.vocabulary import ports
from tests.support.jumpy import HOURS, JumpyClock
from tests.support.loopback import FakeClock
from tests.support.shelf import BucketShelf

DIGEST = "sha256:" + "d" * 64
WRONG = pytest.mark.parametrize("ahead", [0.0, HOURS, -HOURS, 40 * 365 * 24 * 3600.0])


def leave(store: ports.Store) -> ports.Intent:
    return store.journals.open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")


def age_of(store: ports.Store) -> float | None:
    [left] = store.journals.open_intents()
    return left.age


@WRONG
def test_in_a_bucket_the_age_is_between_the_object_and_the_reply(bucket: BucketShelf, ahead: float) -> None:
    bucket.clock.ahead = ahead
    leave(bucket.store())
    bucket.cloud.time += 10
    bucket.clock.ahead = -ahead
    assert age_of(bucket.store()) == pytest.approx(10.0, abs=1.0)


def test_a_reply_without_a_date_tells_no_age(bucket: BucketShelf) -> None:
    leave(bucket.store())
    bucket.cloud.dated = False
    assert age_of(bucket.store()) is None


def folder(root: Path, ahead: float = 0.0) -> FolderStore:
    return FolderStore(root, JumpyClock(FakeClock(), ahead))


def write_back(root: Path, seconds: float) -> None:
    [path] = (root / "journal").glob("*.jsonl")
    os.utime(path, (0, path.stat().st_mtime - seconds))


@WRONG
@pytest.mark.parametrize("old", [0.0, 40.0, -7200.0, 1.6e9])
def test_in_a_folder_the_age_is_between_the_file_and_one_written_now(tmp_path: Path, ahead: float, old: float) -> None:
    leave(folder(tmp_path, ahead))
    write_back(tmp_path, old)
    assert age_of(folder(tmp_path, -ahead)) == pytest.approx(old, abs=5.0)


def test_an_intent_counts_as_no_older_than_the_last_line_of_its_file(tmp_path: Path) -> None:
    leave(folder(tmp_path))
    write_back(tmp_path, 3600.0)
    journal = folder(tmp_path).journals.open(DIGEST)
    journal.outcome(journal.intent("CustomJob/b", "create", "c", "1-y"), "created")
    assert age_of(folder(tmp_path)) == pytest.approx(0.0, abs=5.0)


def test_looking_leaves_no_file_behind(tmp_path: Path) -> None:
    leave(folder(tmp_path))
    before = sorted(path for path in tmp_path.rglob("*"))
    assert age_of(folder(tmp_path)) is not None
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_nobody_writes_where_nothing_is_open(tmp_path: Path) -> None:
    asked: list[Path] = []

    def time_now(directory: Path) -> float:
        asked.append(directory)
        return 0.0

    FolderStore(tmp_path, FakeClock()).journals.open(DIGEST)
    assert FolderStore(tmp_path, FakeClock(), time_now).journals.open_intents() == ()
    assert asked == []


def test_a_folder_that_cannot_be_written_tells_no_age(tmp_path: Path) -> None:
    leave(folder(tmp_path))
    assert age_of(FolderStore(tmp_path, FakeClock(), lambda directory: None)) is None
    assert disk.time_now(tmp_path / "missing") is None
    assert disk.time_now(Path("/proc")) is None  # a file system that nobody writes to, not even its owner


PROGRAM = """
import os, sys, time
from pathlib import Path
time.time = lambda: 7.0
if sys.argv[2] == "without":
    vars(os).pop("O_TMPFILE", None)
from reconciler.stores import disk
print(disk.time_now(Path(sys.argv[1])), os.listdir(sys.argv[1]))
"""
"""The machine is told another time, and a system may have no files without a name."""


@pytest.mark.parametrize("nameless", ["with", "without"])
def test_the_time_of_a_file_written_now_is_what_its_file_system_says(tmp_path: Path, nameless: str) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), nameless]
    said, _, left = subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition(" ")
    assert left.strip() == "[]"
    (tmp_path / "beside").write_text("x")
    assert float(said) == pytest.approx((tmp_path / "beside").stat().st_mtime, abs=30.0)


@WRONG
def test_without_a_store_the_age_is_what_passed_for_this_process(ahead: float) -> None:
    clock = JumpyClock(FakeClock(), ahead)
    store = NoStore(clock)
    leave(store)
    clock.sleep(12.0)
    assert age_of(store) == pytest.approx(12.0)


def test_an_intent_just_written_has_no_age_yet(tmp_path: Path) -> None:
    assert leave(folder(tmp_path)).age is None
