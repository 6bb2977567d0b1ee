"""What a stack ever touched is remembered."""

from __future__ import annotations

import pytest

from reconciler.stores.no_store import NoStore
from reconciler.vocabulary import errors, ports
from reconciler.vocabulary.model import Scope
from tests.support.loopback import FakeClock
from tests.support.shelf import Shelf

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


@pytest.mark.parametrize(
    "name",
    ["scopes/readme", "scopes/CustomJob/p~1", "scopes/CustomJob/p/q/r~1", "scopes/CustomJob/P/us~1", "scopes/x~2"],
)
def test_what_is_no_place_is_named(shelf: Shelf, name: str) -> None:
    shelf.stray(name, b"{}")
    with pytest.raises(errors.StoreFailed, match=name.rpartition("/")[2].split("~")[0]):
        shelf.store().kind_scopes()


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
