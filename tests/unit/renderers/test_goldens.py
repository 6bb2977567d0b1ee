"""Every output looks as somebody has read it; tests/unit/renderers/goldens.py says how the files are written anew."""

from __future__ import annotations

import pytest

from tests.unit.renderers.goldens import FOLDER, GOLDENS


@pytest.mark.parametrize("name", sorted(GOLDENS))
def test_an_output_is_the_golden_that_was_read(name: str) -> None:
    assert GOLDENS[name]() == (FOLDER / name).read_text(encoding="utf-8")


def test_every_golden_file_belongs_to_an_output() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(GOLDENS)
