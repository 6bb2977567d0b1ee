"""Every command has a module, every flag of it a reader and a sentence in --help."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from reconciler.cli import main
from tests.support.checkout import ROOT

CLI = ROOT / "reconciler" / "cli"
DEFINED_IN_FLAGS = ("flow/apply.py", "terminal/flags.py", "flow/plan.py")
"""What a flag shared by commands may be read by, beside the command's own module."""


def leaves(name: str, command: click.Command) -> Iterator[tuple[str, str, click.Command]]:
    """Yield (module, full name, command) for a command, or for each of a group."""
    if isinstance(command, click.Group):
        for sub in command.commands.values():
            yield name, f"{name} {sub.name}", sub
    else:
        yield name, name, command


ALL = [
    leaf for name in main.COMMANDS for leaf in leaves(name, import_module(f"reconciler.cli.commands.{name}").command)
]
PARAMETERS = [(module, name, parameter) for module, name, command in ALL for parameter in command.params]


def names_read(path: Path) -> set[str]:
    """Every name loaded and every text used as a key in a module, decorators left out."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        if isinstance(node, ast.Subscript | ast.Call):
            keys = [node.slice] if isinstance(node, ast.Subscript) else node.args[:1]
            found |= {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    return found


@pytest.mark.parametrize(
    ("module", "name", "parameter"), PARAMETERS, ids=[f"{row[1]}:{row[2].name}" for row in PARAMETERS]
)
def test_every_flag_is_read(module: str, name: str, parameter: click.Parameter) -> None:
    own = names_read(CLI / "commands" / f"{module}.py")
    shared = set().union(*(names_read(CLI / file) for file in DEFINED_IN_FLAGS))
    uses_shared = "given" in own or "flags" in own
    assert parameter.name in own or (uses_shared and parameter.name in shared)


@pytest.mark.parametrize(("module", "name", "command"), ALL, ids=[row[1] for row in ALL])
def test_every_flag_has_a_line_of_help_and_a_spelling_with_two_dashes(
    module: str, name: str, command: click.Command
) -> None:
    assert command.help
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert [option.name for option in options if not any(each.startswith("--") for each in option.opts)] == []


def test_commands_are_built_or_refused_by_name_and_never_both() -> None:
    assert main.COMMANDS.keys() & main.LATER == set()
    built = {flag for _, _, parameter in PARAMETERS for flag in parameter.opts}
    assert built & main.LATER_FLAGS == set()
    assert {f"--{flag}" for flag in main.ONE_DASH} <= built
