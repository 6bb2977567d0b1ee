"""A site for each test, closed behind it: fixtures that folders of tests take into their conftest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from reconciler.vocabulary.model import Stack
from tests.support.site import Site
from tests.support.stack import STACK

MEMORY = "/dev/shm"
"""A folder in memory: stores sync every line, which is slow on a disk, and no test cuts the power."""


@pytest.fixture
def new_site() -> Iterator[Callable[..., Site]]:
    """Return what opens a further site in a folder of its own."""
    opened: list[Site] = []
    with TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:

        def build(stack: Stack = STACK) -> Site:
            root = Path(folder, f"site-{len(opened)}")
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
