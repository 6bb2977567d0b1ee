"""What a stack ever touched is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.stores.no_store import NoStore
from reconciler.vocabulary import errors, ports
from reconciler.vocabulary.model import Scope
from tests.support.loopback import FakeClock
from tests.support.shelf import BucketShelf, FolderShelf, Shelf

PLACES: tuple[ports.KindScope, ...] = (
    ("CustomJob", Scope("demo-project", "europe-west4")),
    ("CustomJob", Scope("demo-project", "us-central1")),
    ("Job", Scope("demo-project")),
    ("Job", Scope("example.com:legacy")),
)


def test_places_are_remembered_once_and_ordered(shelf: Shelf) -> None:
    assert shelf.store().kind_scopes() == ()
    shelf.store().remember_kind_scopes(reversed(PLACES[1:]))
    shelf.store().remember_kind_scopes(PLACES)
    assert shelf.store().kind_scopes() == PLACES
    assert len([name for name in shelf.kept() if name.startswith("scopes/")]) == len(PLACES)


def test_places_that_are_known_cost_no_write(shelf: Shelf) -> None:
    shelf.store().remember_kind_scopes(PLACES)
    before = shelf.kept()
    shelf.clock.sleep(5)
    shelf.store().remember_kind_scopes(PLACES[:2])
    assert shelf.kept() == before


def test_a_place_is_forgotten_and_can_be_remembered_again(shelf: Shelf) -> None:
    shelf.store().remember_kind_scopes(PLACES)
    shelf.store().forget_kind_scopes([PLACES[0], PLACES[3], ("CustomJob", Scope("never", "seen"))])
    assert shelf.store().kind_scopes() == PLACES[1:3]
    shelf.store().forget_kind_scopes(PLACES)
    assert (shelf.store().kind_scopes(), shelf.kept()) == ((), [])
    shelf.store().remember_kind_scopes(PLACES)
    assert shelf.store().kind_scopes() == PLACES


@pytest.mark.parametrize("name", ["p~1", "p/q/r~1", "P/us~1", "p/us~2", "p/us"])
def test_a_file_that_looks_like_a_place_and_is_none_is_named(tmp_path: Path, name: str) -> None:
    shelf = FolderShelf(tmp_path)
    shelf.stray(f"scopes/CustomJob/{name}", b"{}")
    with pytest.raises(errors.StoreFailed, match=name.rpartition("/")[2].split("~")[0]):
        shelf.store().kind_scopes()


@pytest.mark.parametrize(
    ("name", "said"), [("p", "1"), ("p/q/r", "1"), ("P/us", "1"), ("p/us", "2"), ("p/us", "")], ids=str
)
def test_an_object_that_looks_like_a_place_and_is_none_is_named(bucket: BucketShelf, name: str, said: str) -> None:
    bucket.cloud.put(f"{bucket.prefix}scopes/CustomJob/{name}", b"{}", format=said)
    with pytest.raises(errors.StoreFailed, match=name.rpartition("/")[2]):
        bucket.store().kind_scopes()


@pytest.mark.parametrize("name", ["scopes/readme", "scopes/readme~", "scopes/CustomJob/notes.txt", "scopes/x~2"])
def test_what_does_not_look_like_a_place_is_passed_over_and_stays(shelf: Shelf, name: str) -> None:
    shelf.store().remember_kind_scopes(PLACES)
    shelf.stray(name, b"{}")
    assert shelf.store().kind_scopes() == PLACES
    shelf.store().forget_kind_scopes(PLACES)
    assert shelf.kept() == [name]


def test_more_that_a_later_version_says_of_a_place_is_passed_over(tmp_path: Path, bucket: BucketShelf) -> None:
    folder = FolderShelf(tmp_path)
    folder.stray("scopes/CustomJob/p/us~1~later", b"{}")
    bucket.cloud.put(f"{bucket.prefix}scopes/CustomJob/p/us", b"{}", format="1", later="x")
    place = ("CustomJob", Scope("p", "us"))
    for store in (folder.store(), bucket.store()):
        assert store.kind_scopes() == (place,)
        store.forget_kind_scopes([place])
        assert store.kind_scopes() == ()


@pytest.mark.parametrize("place", [("Custom/Job", Scope("p", "l")), ("K", Scope("../p", "l")), ("K", Scope("", "l"))])
def test_what_could_not_be_read_back_is_not_remembered(shelf: Shelf, place: ports.KindScope) -> None:
    with pytest.raises(errors.StoreFailed, match="cannot be remembered"):
        shelf.store().remember_kind_scopes([place])
    assert shelf.kept() == []


def test_without_a_store_no_place_is_remembered() -> None:
    store = NoStore(FakeClock())
    store.remember_kind_scopes(PLACES)
    store.forget_kind_scopes(PLACES)
    store.assert_held()
    store.break_lock()
    assert (store.kind_scopes(), store.holder()) == ((), None)
