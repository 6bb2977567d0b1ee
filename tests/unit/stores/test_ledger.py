"""The ledger: what it remembers, and what it refuses."""

from __future__ import annotations

import itertools
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.stores.folder import FolderStore
from reconciler.vocabulary import errors, ports
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import LedgerRun, Removal
from tests.support.loopback import FakeClock
from tests.support.shelf import Shelf

FINGERPRINT = "v1-" + "a" * 40
RUN = LedgerRun(
    kind="CustomJob",
    name="train-mnist",
    number=2,
    run_key="2-" + "b" * 32,
    fingerprint=FINGERPRINT,
    token="",
    removal=Removal.ASK,
    phase=None,
    resource="projects/1/locations/us-central1/customJobs/123",
)


def test_a_store_that_is_only_read_makes_no_folder(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store", FakeClock())
    assert (store.ledger.runs(), store.journals.open_intents(), store.kind_scopes(), store.holder()) == (
        (),
        (),
        (),
        None,
    )
    assert not (tmp_path / "store").exists()


def ledger(root: Path) -> ports.Ledger:
    return FolderStore(root, FakeClock()).ledger


def files(root: Path) -> list[Path]:
    return sorted(path for path in (root / "ledger").rglob("*") if path.is_file() and not path.name.startswith("."))


def test_a_store_that_was_never_written_is_empty_and_stays_so(shelf: Shelf) -> None:
    store = shelf.store()
    assert store.ledger.runs() == ()
    assert store.journals.open_intents() == ()
    assert store.journals.state("sha256:a") == "none"
    assert shelf.kept() == []


def test_a_started_run_comes_back_whole(shelf: Shelf) -> None:
    shelf.store().ledger.started(RUN)
    assert shelf.store().ledger.runs() == (RUN,)


def test_an_ended_run_comes_back_without_its_resource(shelf: Shelf) -> None:
    shelf.store().ledger.started(RUN)
    shelf.store().ledger.ended(RUN, Phase.FAILED)
    assert shelf.store().ledger.runs() == (replace(RUN, phase=Phase.FAILED, resource=""),)


def test_a_run_first_heard_of_at_its_end_is_kept(shelf: Shelf) -> None:
    shelf.store().ledger.ended(RUN, Phase.SUCCEEDED)
    assert shelf.store().ledger.runs() == (replace(RUN, phase=Phase.SUCCEEDED, resource=""),)


def test_the_first_outcome_and_the_first_start_stay(shelf: Shelf) -> None:
    book = shelf.store().ledger
    book.started(RUN)
    book.started(replace(RUN, removal=Removal.DELETE, resource="other"))
    assert book.runs() == (RUN,)
    book.ended(RUN, Phase.CANCELLED)
    book.ended(replace(RUN, removal=Removal.KEEP), Phase.SUCCEEDED)
    assert [run.phase for run in book.runs()] == [Phase.CANCELLED]
    assert len(shelf.kept()) == 2


def test_the_policy_recorded_last_counts_and_the_start_stays(shelf: Shelf) -> None:
    shelf.store().ledger.started(RUN)
    for policy in (Removal.KEEP, Removal.DELETE, Removal.CANCEL, Removal.DELETE):
        [held] = shelf.store().ledger.runs()
        shelf.store().ledger.removal_changed(held, policy)
        [now] = shelf.store().ledger.runs()
        assert now == replace(RUN, removal=policy, removals=held.removals + 1)
    shelf.store().ledger.ended(now, Phase.FAILED)
    [ended] = shelf.store().ledger.runs()
    assert (ended.removal, ended.removals, ended.phase) == (Removal.DELETE, 4, Phase.FAILED)
    assert len(shelf.kept()) == 6


def test_the_tenth_change_of_a_policy_comes_after_the_second(shelf: Shelf) -> None:
    shelf.store().ledger.started(RUN)
    for number in range(12):
        policy = Removal.KEEP if number % 2 else Removal.DELETE
        shelf.store().ledger.removal_changed(replace(RUN, removals=number), policy)
    [held] = shelf.store().ledger.runs()
    assert (held.removal, held.removals) == (Removal.KEEP, 12)


@pytest.mark.parametrize("order", list(itertools.permutations((Removal.DELETE, Removal.ASK, Removal.CANCEL))), ids=str)
def test_of_policies_written_at_once_the_safest_counts(shelf: Shelf, order: tuple[Removal, ...]) -> None:
    shelf.store().ledger.started(RUN)
    for policy in order:
        shelf.store().ledger.removal_changed(RUN, policy)
    [held] = shelf.store().ledger.runs()
    assert (held.removal, held.removals) == (Removal.ASK, 1)
    shelf.store().ledger.removal_changed(held, Removal.DELETE)
    [held] = shelf.store().ledger.runs()
    assert (held.removal, held.removals) == (Removal.DELETE, 2)


def test_a_policy_written_twice_is_one_record(shelf: Shelf) -> None:
    shelf.store().ledger.started(RUN)
    for _ in range(2):
        shelf.store().ledger.removal_changed(RUN, Removal.KEEP)
    assert len(shelf.kept()) == 2


def test_a_listing_that_missed_the_start_still_tells_the_run(tmp_path: Path) -> None:
    ledger(tmp_path).started(RUN)
    ledger(tmp_path).removal_changed(RUN, Removal.KEEP)
    next(path for path in files(tmp_path) if ".started" in path.name).unlink()
    assert ledger(tmp_path).runs() == (replace(RUN, removal=Removal.KEEP, removals=1),)


def test_finished_runs_are_listed_without_being_opened(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.started(RUN)
    book.ended(RUN, Phase.SUCCEEDED)
    for path in files(tmp_path):
        path.write_bytes(b"nobody reads this")
    assert [run.phase for run in book.runs()] == [Phase.SUCCEEDED]


def test_runs_are_ordered_by_kind_name_and_number(shelf: Shelf) -> None:
    runs = [
        replace(RUN, kind=kind, name=name, number=number, run_key=f"{number}-{'c' * 32}", token="t0", phase=None)
        for kind in ("CustomJob", "NasJob")
        for name in ("a", "a-b", "b")
        for number in (1, 2, 10)
    ]
    for run in reversed(runs):
        shelf.store().ledger.started(run)
    assert shelf.store().ledger.runs() == tuple(runs)


def test_the_longest_labels_still_make_a_file_name(shelf: Shelf) -> None:
    long = replace(
        RUN,
        kind="K" * 32,
        name="n" * 63,
        number=2**31,
        run_key=f"{2**31}-{'f' * 52}",
        fingerprint="f" * 63,
        token="t" * 63,
        removal=Removal.CANCEL,
    )
    shelf.store().ledger.started(long)
    shelf.store().ledger.removal_changed(replace(long, removals=10**9 - 2), Removal.DELETE)
    shelf.store().ledger.ended(long, Phase.ENDED_UNKNOWN)
    assert max(len(os.fsencode(name.rpartition("/")[2])) for name in shelf.kept()) <= 255
    last = replace(long, removal=Removal.DELETE, removals=10**9 - 1)
    assert shelf.store().ledger.runs() == (replace(last, phase=Phase.ENDED_UNKNOWN, resource=""),)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../../escape"},
        {"name": ""},
        {"kind": "a/b"},
        {"run_key": ""},
        {"run_key": ".."},
        {"fingerprint": "a~b"},
        {"token": "ü"},
        {"token": "a/b"},
        {"token": "t" * 200},
    ],
    ids=str,
)
def test_what_could_not_be_read_back_is_not_written(shelf: Shelf, change: dict[str, Any]) -> None:
    with pytest.raises(errors.StoreFailed):
        shelf.store().ledger.started(replace(RUN, **change))
    assert shelf.kept() == []


@pytest.mark.parametrize(
    "name",
    [
        "CustomJob/train-mnist/2-b.started",
        "CustomJob/train-mnist/2-b.started~2~v1-a~",
        "CustomJob/train-mnist/2-b.started~2~v1 a~~ask",
        "CustomJob/train-mnist/2-b.ended~2~v1-a~~ask",
        "CustomJob/train-mnist/2-b.started~two~v1-a~~ask",
        "CustomJob/train-mnist/2-b.started~2~v1-a~~perhaps",
        "CustomJob/train-mnist/2-b.ended~2~v1-a~~ask~DONE",
        "CustomJob/train-mnist/2-b.ended~2~v1-a~~ask~RUNNING",
        "CustomJob/train-mnist/2-b.started~3~v1-a~~ask",
        "CustomJob/train-mnist/2-b.started~-2~v1-a~~ask",
        "CustomJob/train-mnist/2-b.removal-1-keep~2~v1-a~~ask",
        "CustomJob/train-mnist/2-b.removal-0-keep~2~v1-a~~keep",
        "CustomJob/train-mnist/2-b.removal-01-keep~2~v1-a~~keep",
        "CustomJob/train-mnist/2-b.removal-1-stay~2~v1-a~~keep",
        "CustomJob/train-mnist/2-b.removal-keep~2~v1-a~~keep",
        "CustomJob/2-b.started~2~v1-a~~ask",
    ],
)
def test_a_file_that_looks_like_ours_and_contradicts_itself_is_named(tmp_path: Path, name: str) -> None:
    ledger(tmp_path).started(RUN)
    path = tmp_path / "ledger" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    with pytest.raises(errors.StoreFailed) as caught:
        ledger(tmp_path).runs()
    assert name.rpartition("/")[2].split("~")[0] in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "name",
    [
        "CustomJob/train-mnist/notes.txt",
        "CustomJob/train-mnist/notes.txt~",
        "CustomJob/train-mnist/2-b.tagged~2~v1-a~~ask",
        f"CustomJob/train-mnist/{RUN.run_key}.tagged~2~{FINGERPRINT}~~ask",
        f"CustomJob/train-mnist/{RUN.run_key}.tagged",
        "stray~x",
        "README",
    ],
)
def test_words_that_are_not_known_and_files_of_others_are_passed_over(shelf: Shelf, name: str) -> None:
    shelf.store().ledger.started(RUN)
    shelf.stray(f"ledger/{name}", b"{}")
    assert shelf.store().ledger.runs() == (RUN,)


def test_attributes_behind_those_that_are_known_are_passed_over(tmp_path: Path) -> None:
    ledger(tmp_path).started(RUN)
    ledger(tmp_path).removal_changed(RUN, Removal.KEEP)
    for path in files(tmp_path):
        path.rename(path.with_name(f"{path.name}~later~x"))
    assert ledger(tmp_path).runs() == (replace(RUN, removal=Removal.KEEP, removals=1),)
    ledger(tmp_path).ended(RUN, Phase.FAILED)
    [path] = (path for path in files(tmp_path) if ".ended" in path.name)
    path.rename(path.with_name(f"{path.name}~later~x"))
    [run] = ledger(tmp_path).runs()
    assert (run.phase, run.removal) == (Phase.FAILED, Removal.KEEP)


@pytest.mark.parametrize("kind", ["CustomJob", "CustomJob/train-mnist/2-b.started~2~v1-a~~ask"])
def test_a_link_that_may_hide_runs_is_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "store" / "ledger" / kind
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(errors.StoreFailed, match=kind.rpartition("/")[2].split("~")[0]):
        ledger(tmp_path / "store").runs()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"resource": 7}', b"\xff", b"[" * 100_000])
def test_a_damaged_start_is_named(tmp_path: Path, content: bytes) -> None:
    ledger(tmp_path).started(RUN)
    files(tmp_path)[0].write_bytes(content)
    with pytest.raises(errors.StoreFailed, match="train-mnist"):
        ledger(tmp_path).runs()


def test_two_outcomes_of_one_run_are_a_question_for_people(tmp_path: Path) -> None:
    ledger(tmp_path).ended(RUN, Phase.FAILED)
    [path] = files(tmp_path)
    path.with_name(path.name.replace("FAILED", "SUCCEEDED")).write_text("{}")
    with pytest.raises(errors.StoreFailed, match="FAILED"):
        ledger(tmp_path).runs()


def test_what_a_dying_writer_left_is_passed_over(tmp_path: Path) -> None:
    ledger(tmp_path).started(RUN)
    (files(tmp_path)[0].parent / ".new-x1y2").write_text('{"res')
    assert ledger(tmp_path).runs() == (RUN,)


def test_only_this_user_may_read_the_store(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "a" / "store", FakeClock())
    store.ledger.started(RUN)
    store.journals.open("sha256:a").intent("CustomJob/x", "create", "c", "k")
    with store.lock("apply"):
        modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "a").rglob("*") if path.is_file()}
        folders = {path.stat().st_mode & 0o777 for path in (tmp_path / "a").rglob("*") if path.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})


def test_ledgers_that_write_at_once_agree_on_one_outcome(shelf: Shelf) -> None:
    phases = [Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.EXPIRED] * 8

    def write(phase: Phase) -> None:
        own = shelf.store().ledger
        own.started(RUN)
        own.ended(RUN, phase)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, phases))
    assert len(shelf.kept()) == 2
    assert len(shelf.store().ledger.runs()) == 1


def test_a_store_that_is_no_folder_is_named(tmp_path: Path) -> None:
    root = tmp_path / "store"
    root.write_text("a file")
    with pytest.raises(errors.StoreFailed, match=str(root)):
        ledger(root).started(RUN)
    with pytest.raises(errors.StoreFailed, match=str(root)):
        ledger(root).runs()


def test_a_full_disk_is_named_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "ledger").symlink_to("/dev/full")
    with pytest.raises(errors.StoreFailed, match="ledger") as caught:
        ledger(tmp_path).started(RUN)
    assert "disk" in caught.value.hint


def test_the_content_of_a_start_is_json_for_people(tmp_path: Path) -> None:
    ledger(tmp_path).started(RUN)
    assert json.loads(files(tmp_path)[0].read_text()) == {"resource": RUN.resource, "at": FakeClock().now()}
