"""The places every law of stores is tried on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shelf import BucketShelf, FolderShelf, Shelf


@pytest.fixture(params=["folder", "bucket"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return FolderShelf(tmp_path / "store") if request.param == "folder" else BucketShelf()


@pytest.fixture
def bucket() -> BucketShelf:
    return BucketShelf()
