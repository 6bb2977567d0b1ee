from pathlib import Path

import pytest

from reconciler.files import positions
from reconciler.vocabulary.model import Place, Problem

TEXT = """\
# a comment
apiVersion: v
spec:
  job_spec:
    pools:
    - name: a
      env: [{name: X, value: "1"}]
    -
---
spec: {jobSpec:
  {a: 1}}
"""


def locate(root: Path, rule: str, document: int, *path: str | int, file: str = "a.yaml") -> tuple[int, int]:
    place = positions.Locator(root).locate(Problem(rule, "", file=file, document=document, path=path))
    assert place is not None
    return place.line, place.column


@pytest.mark.parametrize(
    ("rule", "document", "path", "place"),
    [
        ("wrong-type", 0, ("apiVersion",), (2, 13)),
        ("unknown-field", 0, ("apiVersion",), (2, 1)),
        ("wrong-type", 0, ("spec", "jobSpec", "pools", 0, "env", 0, "value"), (7, 30)),
        ("unknown-field", 0, ("spec", "jobSpec", "pools", 0, "env", 0, "value"), (7, 23)),
        ("wrong-type", 0, ("spec", "jobSpec", "pools", 0, "name"), (6, 13)),
        ("missing-field", 0, ("spec", "jobSpec", "pools", 0, "image"), (6, 7)),
        ("missing-field", 0, ("spec", "jobSpec", "name"), (4, 3)),
        ("missing-field", 0, ("metadata",), (2, 1)),
        ("wrong-type", 0, ("spec", "jobSpec", "pools", 1), (8, 6)),
        ("wrong-type", 1, ("spec", "jobSpec", "a"), (11, 7)),
        ("missing-field", 1, ("spec", "jobSpec", "b"), (10, 8)),
        ("wrong-type", 1, (), (10, 1)),
        ("wrong-type", 7, (), (0, 0)),
    ],
)
def test_a_problem_points_at_its_key_its_value_or_what_holds_it(
    tmp_path: Path, rule: str, document: int, path: tuple[str | int, ...], place: tuple[int, int]
) -> None:
    (tmp_path / "a.yaml").write_text(TEXT)
    assert locate(tmp_path, rule, document, *path) == place


def test_places_of_json_are_found_too(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{\n  "spec": {"a": [1,\n    "x"]}\n}\n')
    assert locate(tmp_path, "wrong-type", 0, "spec", "a", 1, file="a.json") == (3, 5)


def test_what_stands_before_a_syntax_error_has_places(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n---\nb: 2\nc: [")
    assert locate(tmp_path, "unknown-field", 1, "b") == (3, 1)


def test_deep_nesting_costs_no_recursion(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: " + "[" * 100_000)
    assert locate(tmp_path, "unknown-field", 0, "a") == (1, 1)


@pytest.mark.parametrize("file", ["missing.yaml", "../outside.yaml", ""])
def test_a_file_that_cannot_be_read_has_no_lines(tmp_path: Path, file: str) -> None:
    assert locate(tmp_path, "wrong-type", 0, "a", file=file) == (0, 0)


def test_a_stream_is_placed_by_its_text(tmp_path: Path) -> None:
    locator = positions.Locator(tmp_path, {"<stdin>": "\ufeffa: 1\nb: 2\n"})
    assert str(locator.locate(Problem("wrong-type", "", file="<stdin>", path=("b",)))) == "<stdin>:2:4"


def test_a_known_place_stays(tmp_path: Path) -> None:
    assert positions.Locator(tmp_path).locate(Problem("x", "", place=Place("f", 3, 4))) == Place("f", 3, 4)


def test_problems_are_ordered_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("z: 1\na: 2\n")
    problems = [Problem("r", "", file="a.yaml", path=(key,)) for key in ("a", "z")]
    placed = positions.Locator(tmp_path).place_all(problems)
    assert [problem.path for problem in placed] == [("z",), ("a",)]
