from pathlib import Path

import pytest

from reconciler.files import stack
from reconciler.vocabulary import errors


def test_the_root_is_found_upwards(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text("a: 1")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert stack.find_root(inner) == tmp_path


def test_the_nearest_stack_is_the_root(tmp_path: Path) -> None:
    inner = tmp_path / "a"
    inner.mkdir()
    (tmp_path / "reconciler.yaml").write_text("a: 1")
    (inner / "reconciler.yaml").write_text("a: 1")
    assert stack.find_root(inner) == inner


def test_without_a_stack_the_error_names_init(tmp_path: Path) -> None:
    with pytest.raises(errors.InputError) as raised:
        stack.find_root(tmp_path)
    assert "reconciler init" in raised.value.hint


@pytest.mark.parametrize(
    ("content", "rules"),
    [
        (b"", ["stack-file"]),
        (b"a: 1\n---\nb: 2", ["stack-file"]),
        (b"- a", ["stack-file"]),
        (b"a: 1\na: 2\nb: .nan", ["duplicate-key", "bad-value"]),
        (b"\xff", ["not-utf8"]),
        (b"a: [", ["yaml-syntax"]),
    ],
)
def test_every_problem_of_a_stack_file_is_told(tmp_path: Path, content: bytes, rules: list[str]) -> None:
    (tmp_path / "reconciler.yaml").write_bytes(content)
    with pytest.raises(errors.InputError) as raised:
        stack.read(tmp_path)
    assert [problem.rule for problem in raised.value.problems] == rules


def test_a_stack_file_is_one_document(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text("---\na: 1\n---\n")
    assert stack.read(tmp_path).value == {"a": 1}
