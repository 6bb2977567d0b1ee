"""What a checkout lacks blocks the removals that would follow; what came before the last commit blocks every call."""

from __future__ import annotations

import pytest

from reconciler.core.plan import guards
from reconciler.vocabulary.model import Lacking, Scope, Source
from reconciler.vocabulary.plans import Action, Blocker, Change, Lineage

HERE = Scope("demo", "us-central1")


def change(name: str, action: Action, *, written: bool = False) -> Change:
    return Change(f"CustomJob/{name}", HERE, action, "removed", Source("a.yaml", 1) if written else None)


ONE = Lacking("one.yaml", frozenset({"CustomJob/one", "CustomJob/former"}))


@pytest.mark.parametrize(
    ("changes", "files", "blocked"),
    [
        ([change("one", Action.CANCEL)], [ONE], 1),
        ([change("one", Action.DELETE)], [ONE], 1),
        ([change("former", Action.CANCEL)], [ONE], 1),
        ([change("one", Action.NOOP)], [ONE], 0),
        ([change("two", Action.CANCEL)], [ONE], 0),
        ([change("one", Action.CANCEL, written=True)], [ONE], 0),
        ([change("two", Action.CANCEL)], [Lacking("library", None)], 1),
        ([change("two", Action.CANCEL)], [Lacking("", None)], 1),
        ([change("two", Action.CREATE, written=True)], [Lacking("", None)], 0),
        ([change("one", Action.CANCEL)], [ONE, Lacking("library", None)], 2),
        ([change("one", Action.CANCEL)], [], 0),
    ],
)
def test_only_a_removal_that_follows_from_a_lacking_file_is_blocked(
    changes: list[Change], files: list[Lacking], blocked: int
) -> None:
    found = guards.lacking(changes, files)
    assert [blocker.rule for blocker in found] == ["incomplete_checkout"] * blocked
    assert not any(guards.permitted(blocker, guards.Allowed(9, 9, empty=True, older=True)) for blocker in found)


@pytest.mark.parametrize("lineage", Lineage)
@pytest.mark.parametrize("action", Action)
def test_an_older_commit_calls_nothing_and_an_unknown_one_ends_nothing(lineage: Lineage, action: Action) -> None:
    found = guards.older([change("one", action, written=True)], "a" * 40, "b" * 40, lineage)
    ends = action in (Action.CANCEL, Action.DELETE, Action.REPLACE)
    wanted = (lineage is Lineage.OLDER and action is not Action.NOOP) or (lineage is Lineage.UNKNOWN and ends)
    assert bool(found) is wanted
    for blocker in found:
        assert blocker.rule == "older_revision"
        assert "b" * 12 in blocker.message
        assert not guards.permitted(blocker, guards.Allowed(9, 9, empty=True))
        assert guards.permitted(blocker, guards.Allowed(older=True))


def test_a_checkout_without_a_commit_is_told_as_such() -> None:
    (found,) = guards.older([change("one", Action.CANCEL)], "", "b" * 40, Lineage.UNKNOWN)
    assert isinstance(found, Blocker)
    assert "here is none" in found.message
