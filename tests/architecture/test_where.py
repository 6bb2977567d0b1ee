"""CONTRIBUTING.md says where a behaviour stands: each row is proved by what stands in the file, and nowhere else."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.support import docs_pages
from tests.support.checkout import ROOT

SOURCE = ROOT / "reconciler"
ASKED = (
    "the 30 % limit", "look-up after a lost reply", "the text of a plan", "machine and accelerator pairs", "`--rate`",
    "page token bound to its filter", "redaction", "the seal's check", "exit code order", '"runs after 3 s"', "lock expiry",
    "run key", "label set", "429 for hardware", "symlink out of a stack", "comment on a pull request", "fmt of comments",
    "settle", "rerun count", "protect",
)  # fmt: skip
"""What a reader who knows only names of folders and files has to find."""


@dataclass(frozen=True)
class Row:
    question: str
    file: str
    proof: str
    """What the behaviour is: the name of a function or class where it is one, else a piece of the file's text."""


def rows() -> list[Row]:
    text = docs_pages.section(ROOT / "CONTRIBUTING.md", "Where does X stand?")
    return [Row(question, file.strip("`"), proof.strip("`")) for question, file, proof in docs_pages.rows(text)]


@cache
def files() -> dict[str, str]:
    """Every file of the package that a person writes, by its path in the package."""
    found = (path for path in SOURCE.rglob("*") if path.suffix in {".py", ".json", ".jinja", ".css", ".js", ".yaml"})
    return {path.relative_to(SOURCE).as_posix(): path.read_text(encoding="utf-8") for path in sorted(found)}


@cache
def definitions(file: str) -> frozenset[str]:
    """The names of the functions and classes that a module defines."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    tree = ast.parse(files()[file]) if file.endswith(".py") else ast.Module([], [])
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def stands_in(proof: str) -> list[str]:
    if re.fullmatch(r"\w+", proof):
        return [file for file in files() if proof in definitions(file)]
    return [file for file, text in files().items() if proof in text]


def test_the_table_answers_every_question_once() -> None:
    assert sorted(row.question for row in rows()) == sorted(ASKED)


@pytest.mark.parametrize("question", ASKED)
def test_what_is_asked_for_stands_in_that_file_and_in_no_other(question: str) -> None:
    (row,) = [row for row in rows() if row.question == question]
    assert stands_in(row.proof) == [row.file]


@pytest.mark.parametrize("question", ASKED)
def test_no_more_than_two_folders_lie_between_the_package_and_the_file(question: str) -> None:
    (row,) = [row for row in rows() if row.question == question]
    assert len(Path(row.file).parents) - 1 in (1, 2), row.file


def test_a_proof_that_stands_nowhere_or_twice_proves_nothing() -> None:
    assert stands_in("no_such_function") == []
    assert len(stands_in("run")) > 1
    assert len(stands_in("from __future__ import annotations")) > 1
