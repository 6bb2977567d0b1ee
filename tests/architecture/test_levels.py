"""The levels of the packages, as the contracts in pyproject.toml have them and as they must not be softened."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.support.checkout import ROOT

SOURCE = ROOT / "reconciler"
MODULES = sorted(SOURCE.rglob("*.py"))
CONFIGURED = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]


@functools.cache
def imports(path: Path) -> set[str]:
    """Every module a file names in an import, wherever in the file it stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_import_contract_is_kept() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(CONFIGURED['contracts'])} kept, 0 broken" in done.stdout


def test_levels_let_no_import_through_and_homes_none_but_their_own() -> None:
    for contract in CONFIGURED["contracts"]:
        if "ignore_imports" in contract:
            assert contract["source_modules"] == ["reconciler"], contract["name"]
            assert contract["unmatched_ignore_imports_alerting"] == "error", contract["name"]
    strict = [contract["name"] for contract in CONFIGURED["contracts"] if "ignore_imports" not in contract]
    assert strict == [contract["name"] for contract in CONFIGURED["contracts"]][: len(strict)]
    assert len(strict) >= 2


def test_every_package_has_its_level() -> None:
    layers = next(contract["layers"] for contract in CONFIGURED["contracts"] if contract["type"] == "layers")
    named = {part.strip().removeprefix("reconciler.") for layer in layers for part in layer.split("|")}
    assert named == {path.parent.name for path in SOURCE.glob("*/__init__.py")}


def test_every_package_with_rooms_has_its_floors_and_no_room_is_left_out() -> None:
    inside = [contract for contract in CONFIGURED["contracts"] if "containers" in contract]
    assert {name for contract in inside for name in contract["containers"]} == {
        f"reconciler.{package}" for package in ("core", "emulator", "engine", "cli")
    }
    assert all(contract["exhaustive"] for contract in inside)


def test_the_emulator_knows_nothing_of_core_even_through_others() -> None:
    for path in (SOURCE / "emulator").rglob("*.py"):
        own = {name for name in imports(path) if name.startswith("reconciler.")}
        assert {name for name in own if not name.startswith(("reconciler.emulator", "reconciler.vocabulary"))} == set()


def reads_environment(path: Path) -> bool:
    names = {f"{node.value.id}.{node.attr}" for node in ast.walk(ast.parse(path.read_text()))
             if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)}  # fmt: skip
    return bool(names & {"os.environ", "os.getenv", "os.environb"})


def test_the_environment_is_read_in_one_place_and_passed_on_to_git_in_another() -> None:
    assert [path.relative_to(SOURCE).as_posix() for path in MODULES if reads_environment(path)] == [
        "cli/environment.py",
        "files/git.py",
    ]


def mutable_globals(path: Path) -> list[str]:
    """Names bound to a list, dict or set display at module level in lower case: state, where a constant is upper case."""
    found = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.List | ast.Dict | ast.Set):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [
                target.id
                for target in targets
                if isinstance(target, ast.Name) and not target.id.isupper() and target.id != "__all__"
            ]
    return found


def test_no_module_holds_state() -> None:
    assert {str(path): mutable_globals(path) for path in MODULES if mutable_globals(path)} == {}


def test_every_module_opens_with_its_duty() -> None:
    silent = [
        path for path in MODULES if path.name != "__main__.py" and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
