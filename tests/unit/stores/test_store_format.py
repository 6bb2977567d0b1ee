"""The format of a store: written once under the lock, refused by name where it is newer, and what 1.0 wrote is read."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.stores import store_format
from reconciler.stores.no_store import NoStore
from reconciler.vocabulary import errors, ports
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import Removal, Scope
from tests.support.cloud_storage import Thing
from tests.support.loopback import FakeClock
from tests.support.shelf import BucketShelf, FolderShelf, Shelf

WRITTEN_BY_1_0 = Path(__file__).parent / "written_by_1_0"
CLOSED, OPEN = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def format_of(shelf: Shelf) -> bytes:
    if isinstance(shelf, FolderShelf):
        return (shelf.root / "format").read_bytes()
    assert isinstance(shelf, BucketShelf)
    return shelf.cloud.things[f"{shelf.prefix}format"].content


def test_a_store_without_a_format_is_fine_and_stays_so_while_it_is_only_read(shelf: Shelf) -> None:
    shelf.store().require_format()
    assert shelf.kept() == []


def test_whoever_takes_the_lock_says_the_format_once(shelf: Shelf) -> None:
    with shelf.store().lock("apply"):
        assert json.loads(format_of(shelf)) == {"format": 1}
    first = format_of(shelf)
    shelf.store().require_format()
    with shelf.store().lock("apply"):
        assert format_of(shelf) == first
    assert [name for name in shelf.kept() if name != "lock"] == ["format"]


def test_the_format_is_written_over_by_nobody(shelf: Shelf) -> None:
    said = b'{"format": 1, "by": "a later version"}'
    shelf.stray("format", said)
    with shelf.store().lock("apply"):
        assert format_of(shelf) == said


@pytest.mark.parametrize("number", [2, 17, 10**30])
def test_a_newer_format_is_refused_by_name(shelf: Shelf, number: int) -> None:
    shelf.stray("format", json.dumps({"format": number, "since": "2.0"}).encode())
    with pytest.raises(errors.StoreFailed) as caught:
        shelf.store().require_format()
    place = str(shelf.root) if isinstance(shelf, FolderShelf) else "gs://state-of-jobs/team/3fa94c1b/"
    assert caught.value.message == f"the store at {place} has format {number}; this version knows 1"
    assert "newer reconciler" in caught.value.hint


@pytest.mark.parametrize(
    "said",
    [b"", b"1", b"{", b"[1]", b"{}", b'{"format": "2"}', b'{"format": true}', b'{"format": 0}', b'{"format": -1}',
     b'{"format": 1.0}', b"[" * 5000, b" " * 5000 + b'{"format": 1}'],
)  # fmt: skip
def test_a_format_that_nobody_can_read_is_refused(shelf: Shelf, said: bytes) -> None:
    shelf.stray("format", said)
    with pytest.raises(errors.StoreFailed, match="format that this version can read") as caught:
        shelf.store().require_format()
    assert "newer reconciler" in caught.value.hint


def test_the_lock_of_a_store_with_a_newer_format_is_left_alone(shelf: Shelf) -> None:
    shelf.stray("format", b'{"format": 2}')
    with pytest.raises(errors.StoreFailed, match="has format 2"), shelf.store().lock("apply"):
        raise AssertionError("nobody gets here")
    assert shelf.kept() == ["format"]


def test_a_format_that_came_while_the_lock_was_taken_is_refused(bucket: BucketShelf) -> None:
    def later(operation: str, name: str) -> None:
        if operation == "insert" and name.endswith("lock"):
            bucket.stray("format", b'{"format": 2}')

    bucket.cloud.before = later
    with pytest.raises(errors.StoreFailed, match="has format 2"), bucket.store().lock("apply"):
        raise AssertionError("nobody gets here")
    assert bucket.kept() == ["format"]


@pytest.mark.parametrize("how", ["drop after", "503 after", "garbage after", "drop", "503"])
def test_a_lost_reply_to_writing_the_format_writes_it_once(bucket: BucketShelf, how: str) -> None:
    bucket.cloud.fail(how, "insert", "format")
    with bucket.store().lock("apply"):
        pass
    assert json.loads(format_of(bucket)) == {"format": 1}


def test_a_format_whose_metadata_were_lost_is_read(bucket: BucketShelf) -> None:
    with bucket.store().lock("apply"):
        pass
    bucket.cloud.things[f"{bucket.prefix}format"].metadata.clear()
    bucket.store().require_format()
    bucket.cloud.things[f"{bucket.prefix}format"].content = b'{"format": 2}'
    with pytest.raises(errors.StoreFailed, match="has format 2"):
        bucket.store().require_format()


def test_a_former_store_of_a_newer_format_is_refused_too(bucket: BucketShelf) -> None:
    bucket.stray("format", b'{"format": 2}')
    new = BucketShelf(bucket.cloud, prefix="team/0badcafe/", formers=(bucket.prefix,))
    with pytest.raises(errors.StoreFailed, match=r"3fa94c1b/ has format 2"):
        new.store().require_format()


def test_a_link_or_a_pipe_in_place_of_the_format_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text('{"format": 1}')
    shelf = FolderShelf(tmp_path / "store")
    shelf.root.mkdir()
    for make in (lambda path: path.symlink_to(tmp_path / "victim"), os.mkfifo, Path.mkdir):
        make(shelf.root / "format")
        with pytest.raises(errors.StoreFailed, match="format"):
            shelf.store().require_format()
        path = shelf.root / "format"
        path.rmdir() if path.is_dir() else path.unlink()


def test_runners_that_come_at_once_agree_on_one_format(tmp_path: Path) -> None:
    def enter(number: int) -> None:
        shelf = FolderShelf(tmp_path / "store")
        try:
            with shelf.store().lock(f"apply {number}"):
                assert json.loads(format_of(shelf)) == {"format": 1}
        except errors.LockHeld:
            shelf.store().require_format()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(enter, range(16)))
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == ["format", "lock"]


def test_what_keeps_nothing_has_no_format() -> None:
    NoStore(FakeClock()).require_format()


def old_store(place: str, folder: Path) -> Shelf:
    """Lay out what 1.0 wrote, as it lay."""
    if place == "folder":
        shutil.copytree(WRITTEN_BY_1_0 / "folder", folder)
        return FolderShelf(folder)
    shelf = BucketShelf()
    for path in (WRITTEN_BY_1_0 / "bucket").rglob("*"):
        if path.is_file():
            said = json.loads(path.read_text())
            shelf.cloud.things[str(path.relative_to(WRITTEN_BY_1_0 / "bucket"))] = Thing(
                said["content"].encode(), len(shelf.cloud.things) + 1, said["created"], said["metadata"]
            )
    return shelf


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_what_1_0_wrote_is_read_for_ever(place: str, tmp_path: Path) -> None:
    shelf = old_store(place, tmp_path / "store")
    store = shelf.store()
    store.require_format()
    assert [
        (run.kind, run.name, run.number, run.run_key, run.fingerprint, run.token, run.removal, run.phase, run.removals)
        for run in store.ledger.runs()
    ] == [
        ("CustomJob", "train-mnist", 1, f"1-{'a' * 32}", f"v1-{'a' * 40}", "", Removal.ASK, Phase.FAILED, 0),
        ("CustomJob", "train-mnist", 2, f"2-{'b' * 32}", f"v1-{'b' * 40}", "t0a1b2", Removal.ASK, None, 0),
        ("Job", "score", 1, f"1-{'c' * 32}", f"v1-{'c' * 40}", "", Removal.CANCEL, None, 1),
    ]
    assert [run.resource for run in store.ledger.runs()] == [
        "",
        "projects/123456789/locations/us-central1/customJobs/20098",
        "projects/demo-project/jobs/10099",
    ]
    assert store.kind_scopes() == (
        ("CustomJob", Scope("demo-project", "us-central1")),
        ("Job", Scope("example.com:legacy")),
    )
    assert [store.journals.state(digest) for digest in (CLOSED, OPEN, "sha256:3")] == ["closed", "open", "none"]
    assert len(store.journals.intents(OPEN)) == 3
    [left] = store.journals.open_intents()
    assert (left.address, left.verb, left.run_key) == ("CustomJob/other", "create", f"1-{'d' * 32}")


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_what_1_0_left_open_is_gone_on_with(place: str, tmp_path: Path) -> None:
    shelf = old_store(place, tmp_path / "store")
    with shelf.store().lock("apply"):
        store: ports.Store = shelf.store()
        [left] = store.journals.open_intents()
        store.journals.settle(left, "settled")
        journal = store.journals.open(OPEN)
        journal.outcome(journal.intent("CustomJob/other", "create", "c", "1-x"), "created", "r")
        journal.close()
        store.ledger.ended(store.ledger.runs()[1], Phase.SUCCEEDED)
    assert shelf.store().journals.state(OPEN) == "closed"
    assert [run.phase for run in shelf.store().ledger.runs()] == [Phase.FAILED, Phase.SUCCEEDED, None]
    assert json.loads(format_of(shelf)) == {"format": store_format.KNOWN}
