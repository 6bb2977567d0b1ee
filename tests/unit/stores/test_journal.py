"""Journals: what survives a crash, and what is still open after one."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.stores.folder import FolderStore
from reconciler.stores.no_store import NoStore
from reconciler.vocabulary import errors, ports
from reconciler.vocabulary.kinds import Phase
from tests.support.loopback import FakeClock
from tests.support.shelf import BucketShelf, Shelf
from tests.unit.stores.test_ledger import RUN

DIGEST = "sha256:" + "d" * 64


def journals(root: Path) -> ports.Journals:
    return FolderStore(root, FakeClock()).journals


@pytest.fixture(params=["folder", "bucket", "memory"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> ports.Journals:
    stores: dict[str, ports.Store] = {
        "folder": FolderStore(tmp_path, FakeClock()),
        "bucket": BucketShelf().store(),
        "memory": NoStore(FakeClock()),
    }
    return stores[request.param].journals


def only_file(root: Path) -> Path:
    [path] = (root / "journal").glob("*.jsonl")
    return path


def test_an_apply_goes_from_none_to_open_to_closed(any_store: ports.Journals) -> None:
    assert any_store.state(DIGEST) == "none"
    journal = any_store.open(DIGEST)
    assert any_store.state(DIGEST) == "open"
    intent = journal.intent("CustomJob/a", "create", "collection", "1-x")
    assert (intent.address, intent.verb, intent.resource, intent.run_key) == (
        "CustomJob/a",
        "create",
        "collection",
        "1-x",
    )
    assert any_store.open_intents() == (intent,)
    journal.outcome(intent, "created", "resource")
    assert any_store.open_intents() == ()
    journal.close()
    assert any_store.state(DIGEST) == "closed"


def test_an_intent_left_open_is_settled_later(any_store: ports.Journals) -> None:
    left = any_store.open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    any_store.settle(left, "created", "resource")
    assert any_store.open_intents() == ()
    assert any_store.state(DIGEST) == "open"


def test_an_intent_stays_open_when_its_plan_is_closed(any_store: ports.Journals) -> None:
    journal = any_store.open(DIGEST)
    left = journal.intent("CustomJob/a", "create", "c", "1-x")
    journal.close()
    assert any_store.state(DIGEST) == "closed"
    assert any_store.open_intents() == (left,)
    any_store.settle(left, "absent")
    assert any_store.open_intents() == ()
    assert any_store.state(DIGEST) == "closed"


def test_an_intent_nobody_holds_cannot_be_settled(any_store: ports.Journals) -> None:
    with pytest.raises(errors.StoreFailed, match="intent"):
        any_store.settle(ports.Intent("sha256:none/1", "CustomJob/a", "create", "c", "k", 0.0), "absent")


def test_a_resumed_plan_knows_all_it_meant_to_do(any_store: ports.Journals) -> None:
    assert any_store.intents(DIGEST) == ()
    journal = any_store.open(DIGEST)
    first = journal.intent("CustomJob/a", "create", "c", "1-x")
    journal.outcome(first, "created", "r")
    second = journal.intent("CustomJob/b", "create", "c", "1-y")
    any_store.open("sha256:other").intent("CustomJob/z", "cancel", "r")
    assert any_store.intents(DIGEST) == (first, second)
    journal.close()
    assert any_store.intents(DIGEST) == ()


def test_a_closed_plan_may_be_started_once_more(any_store: ports.Journals) -> None:
    for _ in range(3):
        any_store.open(DIGEST).close()
        assert any_store.state(DIGEST) == "closed"
    any_store.open(DIGEST)
    assert any_store.state(DIGEST) == "open"


def test_a_stopped_apply_is_resumed_with_fresh_intents(shelf: Shelf) -> None:
    first = shelf.store().journals.open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    resumed = shelf.store().journals
    second = resumed.open(DIGEST).intent("CustomJob/b", "create", "c", "1-y")
    assert first.id != second.id
    assert resumed.open_intents() == (first, second)


def test_intents_of_every_open_journal_are_found_oldest_first(shelf: Shelf) -> None:
    book = shelf.store().journals
    found = []
    for name in ("zz", "aa", "mm"):
        shelf.clock.sleep(1)
        found.append(book.open(name).intent("CustomJob/a", "cancel", "r"))
    assert shelf.store().journals.open_intents() == tuple(found)


def test_closed_journals_are_kept_but_no_longer_read(tmp_path: Path) -> None:
    journals(tmp_path).open(DIGEST).close()
    [kept] = (tmp_path / "journal" / "closed").iterdir()
    kept.write_bytes(b"damaged")
    assert journals(tmp_path).open_intents() == ()
    assert journals(tmp_path).state(DIGEST) == "closed"


def test_a_crash_between_the_closing_line_and_the_move_is_a_closed_plan(tmp_path: Path) -> None:
    journals(tmp_path).open(DIGEST)
    with only_file(tmp_path).open("ab") as file:
        file.write(b'{"closed": 1}\n')
    assert journals(tmp_path).state(DIGEST) == "closed"
    journals(tmp_path).open(DIGEST)
    assert journals(tmp_path).state(DIGEST) == "open"


def test_a_journal_torn_at_any_byte_is_read_and_gone_on_with(tmp_path: Path) -> None:
    journal = journals(tmp_path / "whole").open(DIGEST)
    first = journal.intent("CustomJob/a", "create", "c", "1-x")
    journal.outcome(first, "created", "r")
    journal.intent("CustomJob/b", "create", "c", "1-y")
    whole = only_file(tmp_path / "whole").read_bytes()
    lines = [end + 1 for end, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        root = tmp_path / str(cut)
        (root / "journal").mkdir(parents=True)
        (root / "journal" / only_file(tmp_path / "whole").name).write_bytes(whole[:cut])
        book = journals(root)
        written = sum(end <= cut for end in lines)
        assert [one.address for one in book.open_intents()] == [[], [], ["CustomJob/a"], [], ["CustomJob/b"]][written]
        assert book.state(DIGEST) == "open"
        third = book.open(DIGEST).intent("CustomJob/c", "create", "c", "1-z")
        assert book.open_intents()[-1] == third
        assert only_file(root).read_bytes().startswith(whole[: lines[0]])


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"7", b'{"intent": "x"}', b'{"journal": 1}', b'{"intent": 1, "at": 0}', b"\xff"]
)
def test_a_damaged_line_inside_is_named_and_never_skipped(tmp_path: Path, line: bytes) -> None:
    journal = journals(tmp_path).open(DIGEST)
    path = only_file(tmp_path)
    with path.open("ab") as file:
        file.write(line + b"\n")
    journal.intent("CustomJob/a", "create", "c", "1-x")
    with pytest.raises(errors.StoreFailed, match=rf"{path.name}:2: .*damaged"):
        journals(tmp_path).open_intents()


def test_a_header_of_another_version_is_refused(tmp_path: Path) -> None:
    journals(tmp_path).open(DIGEST)
    only_file(tmp_path).write_bytes(b'{"journal": 2}\n')
    with pytest.raises(errors.StoreFailed, match=":1"):
        journals(tmp_path).state(DIGEST)


def test_files_beside_a_journal_that_are_not_named_as_ours_are_passed_over(tmp_path: Path) -> None:
    left = journals(tmp_path).open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    (tmp_path / "journal" / "copy of journal.txt").write_text("x")
    (tmp_path / "journal" / "later").mkdir()
    assert journals(tmp_path).open_intents() == (left,)


@pytest.mark.parametrize("line", [b"{}", b'{"note": "started by ann", "at": 7}', b'{"tagged": {"intent": 1}}'])
def test_a_line_of_a_sort_that_is_not_known_is_passed_over(tmp_path: Path, line: bytes) -> None:
    first = journals(tmp_path).open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    with only_file(tmp_path).open("ab") as file:
        file.write(line + b"\n")
    second = journals(tmp_path).open(DIGEST).intent("CustomJob/b", "create", "c", "1-y")
    assert journals(tmp_path).open_intents() == (first, second)
    assert journals(tmp_path).state(DIGEST) == "open"


def test_fields_of_lines_that_are_not_known_are_passed_over(tmp_path: Path) -> None:
    journal = journals(tmp_path).open(DIGEST)
    ended, left = (journal.intent(f"CustomJob/{name}", "create", "c", f"1-{name}") for name in ("a", "b"))
    journal.outcome(ended, "created", "r")
    lines = [json.loads(line) for line in only_file(tmp_path).read_text().splitlines()]
    only_file(tmp_path).write_text("".join(json.dumps({**line, "later": [1]}) + "\n" for line in lines))
    assert journals(tmp_path).open_intents() == (left,)
    assert journals(tmp_path).intents(DIGEST) == (ended, left)


@pytest.mark.parametrize("digest", ["", "../x", "a/b", "x" * 200, "a\n"])
def test_what_is_no_digest_names_no_file(shelf: Shelf, digest: str) -> None:
    with pytest.raises(errors.StoreFailed, match="not a plan's digest"):
        shelf.store().journals.open(digest)
    assert shelf.kept() == []


def test_an_intent_is_on_disk_before_the_call_returns(tmp_path: Path) -> None:
    journals(tmp_path).open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    assert only_file(tmp_path).read_bytes().count(b"\n") == 2


def test_threads_share_a_journal(any_store: ports.Journals) -> None:
    journal = any_store.open(DIGEST)

    def work(number: int) -> str:
        intent = journal.intent(f"CustomJob/{number}", "create", "c", "k")
        if number % 2:
            journal.outcome(intent, "created", "r")
        return intent.id

    with ThreadPoolExecutor(8) as threads:
        names = list(threads.map(work, range(64)))
    assert len(set(names)) == 64
    assert len(any_store.open_intents()) == 32


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Let the system refuse this process every byte beyond a size, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_intent_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    journal = journals(tmp_path).open(DIGEST)
    with no_file_beyond(only_file(tmp_path).stat().st_size), pytest.raises(errors.StoreFailed, match="File too large"):
        journal.intent("CustomJob/a", "create", "c", "1-x")


def test_a_link_in_place_of_a_journal_is_not_followed(tmp_path: Path) -> None:
    journal = journals(tmp_path).open(DIGEST)
    path, victim = only_file(tmp_path), tmp_path / "victim"
    victim.write_bytes(b"no line end")
    path.unlink()
    path.symlink_to(victim)
    with pytest.raises(errors.StoreFailed, match="symbolic links"):
        journal.intent("CustomJob/a", "create", "c", "1-x")
    assert victim.read_bytes() == b"no line end"


@pytest.mark.parametrize("at", ["NaN", "Infinity", "1e999"])
def test_an_intent_at_no_time_at_all_is_damage(tmp_path: Path, at: str) -> None:
    journals(tmp_path).open(DIGEST)
    line = {"intent": "x/1", "address": "CustomJob/a", "verb": "create", "resource": "c", "runKey": "1-x", "at": "AT"}
    with only_file(tmp_path).open("a") as file:
        file.write(json.dumps(line).replace('"AT"', at) + "\n")
    with pytest.raises(errors.StoreFailed, match="damaged"):
        journals(tmp_path).open_intents()


def test_no_store_remembers_no_run() -> None:
    store = NoStore(FakeClock())
    store.ledger.started(RUN)
    store.ledger.ended(RUN, Phase.FAILED)
    assert store.ledger.runs() == ()


def test_no_store_locks_nobody_out() -> None:
    store = NoStore(FakeClock())
    with store.lock("apply"), store.lock("apply"):
        assert store.journals.open_intents() == ()
