"""A site for each test, closed behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.vocabulary.model import Stack
from tests.invariants.site import STACK, Site


@pytest.fixture
def new_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Return what opens a further site in a folder of its own."""
    opened: list[Site] = []

    def build(stack: Stack = STACK) -> Site:
        root = tmp_path / f"site-{len(opened)}"
        root.mkdir()
        opened.append(Site(root, stack))
        return opened[-1]

    yield build
    for each in opened:
        each.close()


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    """Return a site with the plain stack of the samples."""
    return new_site()
