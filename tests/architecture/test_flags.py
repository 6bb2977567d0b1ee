"""Every command has a module, every flag of it a reader and a sentence in --help."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from reconciler.cli import main
from reconciler.cli.flow import given

CLI = Path(__file__).parents[2] / "reconciler" / "cli"
SHARED = ("flow/apply.py", "flow/approval.py", "flow/given.py", "flow/plan.py")
"""What may read the flags of a command that takes them as one value, beside the command's own module."""
VALUES: dict[str, type[given.Plan | given.Apply | given.Destroy]] = {
    "plan": given.Plan,
    "apply": given.Apply,
    "destroy": given.Destroy,
}
"""The commands that take their flags as one value."""


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
    """Every name loaded and every attribute of `asked` or `self` read in a module, decorators left out."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("asked", "self"):
            found.add(node.attr)
    return found


@pytest.mark.parametrize(
    ("module", "name", "parameter"), PARAMETERS, ids=[f"{row[1]}:{row[2].name}" for row in PARAMETERS]
)
def test_every_flag_is_read(module: str, name: str, parameter: click.Parameter) -> None:
    own = names_read(CLI / "commands" / f"{module}.py")
    shared = set().union(*(names_read(CLI / file) for file in SHARED)) if module in VALUES else set()
    assert parameter.name in own | shared


@pytest.mark.parametrize("name", VALUES)
def test_the_value_of_a_command_holds_its_flags_and_nothing_else(name: str) -> None:
    [command] = [each for _, full, each in ALL if full == name]
    assert {field.name for field in dataclasses.fields(VALUES[name])} == {each.name for each in command.params}


@pytest.mark.parametrize(("module", "name", "command"), ALL, ids=[row[1] for row in ALL])
def test_every_flag_has_a_line_of_help_and_a_spelling_with_two_dashes(
    module: str, name: str, command: click.Command
) -> None:
    assert command.help
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert [option.name for option in options if not any(each.startswith("--") for each in option.opts)] == []


@pytest.mark.parametrize(
    ("name", "parameter"),
    [(name, each) for _, name, each in PARAMETERS if "-o" in each.opts],
    ids=[name for _, name, each in PARAMETERS if "-o" in each.opts],
)
def test_an_output_flag_knows_its_forms_its_help_and_its_completion(name: str, parameter: click.Option) -> None:
    context = click.Context(click.Command(name), resilient_parsing=True)
    forms = [item.value for item in parameter.shell_complete(context, "")]
    assert {"text", "json"} <= set(forms)
    assert (parameter.help or "").endswith(f"Forms: {', '.join(forms)}.")
    assert parameter.callback is not None
    for form in forms:
        assert parameter.callback(context, parameter, (form,)) == ((form, ""),)
    with pytest.raises(click.UsageError, match=f"-o nothing is no output format; there are: {', '.join(forms)}"):
        parameter.callback(context, parameter, ("nothing",))


def test_commands_are_built_or_refused_by_name_and_never_both() -> None:
    assert main.COMMANDS.keys() & main.LATER == set()
    built = {flag for _, _, parameter in PARAMETERS for flag in parameter.opts}
    assert built & main.LATER_FLAGS == set()
    assert {f"--{flag}" for flag in main.ONE_DASH} <= built
