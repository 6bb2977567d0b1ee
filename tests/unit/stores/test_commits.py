"""The commit that was applied last is remembered, and one alone."""

from __future__ import annotations

from reconciler.stores.no_store import NoStore
from tests.support.loopback import FakeClock
from tests.support.shelf import Shelf

FIRST, SECOND = "a" * 40, "b" * 64


def test_the_last_commit_is_remembered_by_whoever_asks_next(shelf: Shelf) -> None:
    assert shelf.store().applied_commit() == ""
    for commit in (FIRST, SECOND, FIRST):
        shelf.store().remember_commit(commit)
        assert shelf.store().applied_commit() == commit
        assert len([name for name in shelf.kept() if name.startswith("commits/")]) == 1


def test_the_same_commit_once_more_costs_no_write(shelf: Shelf) -> None:
    shelf.store().remember_commit(FIRST)
    before = shelf.kept()
    shelf.clock.sleep(5)
    shelf.store().remember_commit(FIRST)
    assert shelf.kept() == before


def test_what_is_no_commit_is_not_remembered(shelf: Shelf) -> None:
    for text in ("", "HEAD", FIRST[:-1], FIRST + "~", "../x"):
        shelf.store().remember_commit(text)
    assert shelf.store().applied_commit() == ""


def test_without_a_store_nothing_is_remembered() -> None:
    store = NoStore(FakeClock())
    store.remember_commit(FIRST)
    assert store.applied_commit() == ""
