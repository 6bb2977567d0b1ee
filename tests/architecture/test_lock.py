"""The lock holds what pyproject.toml asks for, and nothing in it can be exchanged for something else of the same name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tools import lanes

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PROJECT["dependency-groups"]
RUN = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")
DEV = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
WHAT_RUNNING_NEEDS = [*PROJECT["project"]["dependencies"], *GROUPS["build"]]
ENTRY = re.compile(
    r"^(?P<named>[^\s#][^\n\\]*?)(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n(?:    #.*\n)*", re.MULTILINE
)


def group(name: str) -> list[str]:
    """Everything that a dependency group asks for, the groups that it includes among it."""
    parts: list[Any] = GROUPS[name]
    return [wanted for part in parts for wanted in ([part] if isinstance(part, str) else group(part["include-group"]))]


@pytest.mark.parametrize(
    ("lock", "asked"), [(RUN, WHAT_RUNNING_NEEDS), (DEV, [*WHAT_RUNNING_NEEDS, *group("dev")])], ids=["run", "dev"]
)
def test_the_lock_holds_every_dependency_at_a_version_that_its_bound_allows(lock: str, asked: list[str]) -> None:
    held = lanes.versions(lock)
    wanted = [Requirement(text) for text in asked]
    assert [each.name for each in wanted if each.name.lower() not in held] == []
    refused = [
        f"{each} but {held[each.name.lower()]}"
        for each in wanted
        if not each.specifier.contains(held[each.name.lower()])
    ]
    assert refused == [], "run `make lock`, or mend the bound"


@pytest.mark.parametrize("lock", [RUN, DEV], ids=["run", "dev"])
def test_every_package_of_the_lock_has_its_hashes_and_no_home_but_the_index_of_the_machine(lock: str) -> None:
    left = ENTRY.sub("", lock)
    assert [line for line in left.splitlines() if not line.startswith("#")] == []
    assert len(ENTRY.findall(lock)) > 20
    assert [word for word in ("://", "--index-url", "--find-links", " @ ") if word in lock] == []


def test_both_locks_have_one_version_of_a_package() -> None:
    assert lanes.versions(RUN).items() <= lanes.versions(DEV).items()


def test_the_lock_holds_what_builds_the_package() -> None:
    assert set(PROJECT["build-system"]["requires"]) <= set(GROUPS["build"])


@pytest.mark.parametrize("text", PROJECT["project"]["dependencies"])
def test_every_library_of_the_product_has_a_lower_bound_that_the_oldest_lane_can_take(text: str) -> None:
    (bound,) = Requirement(text).specifier
    assert bound.operator == ">="


# ---------------------------------------------------------------- lanes


def test_a_resolution_is_read_with_the_markers_of_this_machine() -> None:
    lines = (
        "# by hand",
        "a==1.0 \\",
        "    --hash=sha256:00",
        "    # via b",
        "b==2 ; sys_platform == 'beos'",
        "c==3 ; os_name != 'x'",
    )
    assert lanes.versions("\n".join(lines)) == {"a": "1.0", "c": "3"}


def test_what_moved_against_the_lock_is_named_with_both_versions() -> None:
    assert lanes.moved({"a": "1", "b": "1", "gone": "1"}, {"a": "1", "b": "2", "new": "3"}) == (
        "b 1 -> 2",
        "new none -> 3",
    )


def test_the_oldest_lane_knows_which_tests_use_programs_that_need_newer_libraries(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    (tests / "support").mkdir(parents=True)
    (tests / "test_ours.py").write_text("from google.auth import credentials\nfrom tests.support import plain\n")
    (tests / "support" / "plain.py").write_text("import json\n")
    (tests / "test_theirs.py").write_text("import json\nfrom google.cloud import storage\n")
    (tests / "support" / "clients.py").write_text("from googleapiclient import discovery\n")
    (tests / "test_through_a_helper.py").write_text("from tests.support.clients import get\n")
    (tests / "test_through_a_package.py").write_text("from tests.support import clients, plain\n")
    assert [path.name for path in lanes.tests_of_others(tmp_path)] == [
        "test_theirs.py",
        "test_through_a_helper.py",
        "test_through_a_package.py",
    ]
