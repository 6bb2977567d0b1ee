"""Journals: what survives a crash, and what is still open after one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.stores.folder import FolderStore
from reconciler.stores.nothing import NoStore
from reconciler.vocabulary import errors, ports
from reconciler.vocabulary.kinds import Phase
from tests.unit.stores.test_ledger import RUN
from tests.unit.transport.local import FakeClock

DIGEST = "sha256:" + "d" * 64


def journals(root: Path) -> ports.Journals:
    return FolderStore(root, FakeClock()).journals


@pytest.fixture(params=["folder", "memory"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> ports.Journals:
    clock = FakeClock()
    store: ports.Store = FolderStore(tmp_path, clock) if request.param == "folder" else NoStore(clock)
    return store.journals


def only_file(root: Path) -> Path:
    [path] = (root / "journal").glob("*.jsonl")
    return path


def test_an_apply_goes_from_none_to_open_to_closed(both: ports.Journals) -> None:
    assert both.state(DIGEST) == "none"
    journal = both.open(DIGEST)
    assert both.state(DIGEST) == "open"
    intent = journal.intent("CustomJob/a", "create", "collection", "1-x")
    assert (intent.address, intent.verb, intent.resource, intent.run_key) == (
        "CustomJob/a",
        "create",
        "collection",
        "1-x",
    )
    assert both.open_intents() == (intent,)
    journal.outcome(intent, "created", "resource")
    assert both.open_intents() == ()
    journal.close()
    assert both.state(DIGEST) == "closed"


def test_an_intent_left_open_is_settled_later(both: ports.Journals) -> None:
    left = both.open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    both.settle(left, "created", "resource")
    assert both.open_intents() == ()
    assert both.state(DIGEST) == "open"


def test_an_intent_stays_open_when_its_plan_is_closed(both: ports.Journals) -> None:
    journal = both.open(DIGEST)
    left = journal.intent("CustomJob/a", "create", "c", "1-x")
    journal.close()
    assert both.state(DIGEST) == "closed"
    assert both.open_intents() == (left,)
    both.settle(left, "absent")
    assert both.open_intents() == ()
    assert both.state(DIGEST) == "closed"


def test_an_intent_nobody_holds_cannot_be_settled(both: ports.Journals) -> None:
    with pytest.raises(errors.StoreFailed, match="intent"):
        both.settle(ports.Intent("sha256:none/1", "CustomJob/a", "create", "c", "k", 0.0), "absent")


def test_a_resumed_plan_knows_all_it_meant_to_do(both: ports.Journals) -> None:
    assert both.intents(DIGEST) == ()
    journal = both.open(DIGEST)
    first = journal.intent("CustomJob/a", "create", "c", "1-x")
    journal.outcome(first, "created", "r")
    second = journal.intent("CustomJob/b", "create", "c", "1-y")
    both.open("sha256:other").intent("CustomJob/z", "cancel", "r")
    assert both.intents(DIGEST) == (first, second)
    journal.close()
    assert both.intents(DIGEST) == ()


def test_a_closed_plan_may_be_started_once_more(both: ports.Journals) -> None:
    for _ in range(3):
        both.open(DIGEST).close()
        assert both.state(DIGEST) == "closed"
    both.open(DIGEST)
    assert both.state(DIGEST) == "open"


def test_a_stopped_apply_is_resumed_with_fresh_intents(tmp_path: Path) -> None:
    first = journals(tmp_path).open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    resumed = journals(tmp_path)
    second = resumed.open(DIGEST).intent("CustomJob/b", "create", "c", "1-y")
    assert first.id != second.id
    assert resumed.open_intents() == (first, second)


def test_intents_of_every_open_journal_are_found_oldest_first(tmp_path: Path) -> None:
    clock = FakeClock()
    book = FolderStore(tmp_path, clock).journals
    found = []
    for name in ("zz", "aa", "mm"):
        clock.sleep(1)
        found.append(book.open(name).intent("CustomJob/a", "cancel", "r"))
    assert journals(tmp_path).open_intents() == tuple(found)


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
    "line", [b"", b"{", b"[]", b"7", b"{}", b'{"intent": "x"}', b'{"journal": 1}', b'{"intent": 1, "at": 0}', b"\xff"]
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


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    journals(tmp_path).open(DIGEST)
    (tmp_path / "journal" / "copy of journal.txt").write_text("x")
    with pytest.raises(errors.StoreFailed, match="copy of journal"):
        journals(tmp_path).open_intents()


@pytest.mark.parametrize("digest", ["", "../x", "a/b", "x" * 200, "a\n"])
def test_what_is_no_digest_names_no_file(tmp_path: Path, digest: str) -> None:
    with pytest.raises(errors.StoreFailed, match="not a plan's digest"):
        journals(tmp_path / "store").open(digest)
    assert not (tmp_path / "store").exists()


def test_an_intent_is_on_disk_before_the_call_returns(tmp_path: Path) -> None:
    journals(tmp_path).open(DIGEST).intent("CustomJob/a", "create", "c", "1-x")
    assert only_file(tmp_path).read_bytes().count(b"\n") == 2


def test_threads_share_a_journal(both: ports.Journals) -> None:
    journal = both.open(DIGEST)

    def work(number: int) -> str:
        intent = journal.intent(f"CustomJob/{number}", "create", "c", "k")
        if number % 2:
            journal.outcome(intent, "created", "r")
        return intent.id

    with ThreadPoolExecutor(8) as threads:
        names = list(threads.map(work, range(64)))
    assert len(set(names)) == 64
    assert len(both.open_intents()) == 32


def test_an_intent_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    journal = journals(tmp_path).open(DIGEST)
    path = only_file(tmp_path)
    path.unlink()
    path.symlink_to("/dev/full")
    with pytest.raises(errors.StoreFailed, match="No space left on device"):
        journal.intent("CustomJob/a", "create", "c", "1-x")


def test_no_store_remembers_no_run() -> None:
    store = NoStore(FakeClock())
    store.ledger.started(RUN)
    store.ledger.ended(RUN, Phase.FAILED)
    assert store.ledger.runs() == ()


def test_no_store_locks_nobody_out() -> None:
    store = NoStore(FakeClock())
    with store.lock("apply"), store.lock("apply"):
        assert store.journals.open_intents() == ()
