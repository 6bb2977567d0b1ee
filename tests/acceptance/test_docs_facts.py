"""What README and docs state is what the program has: commands, flags, exit codes, keys, labels, links, generated parts."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from reconciler.cli import main, surroundings, wiring
from reconciler.cli.terminal import outputs
from reconciler.core.runs import labels
from reconciler.files import schemas
from reconciler.vocabulary import errors
from reconciler.vocabulary.model import Document
from tests.support import docs_pages
from tests.support.checkout import ROOT
from tests.support.docs_pages import PAGES
from tools.pages import fidelity_pages, generate

README = ROOT / "README.md"
DOCS = ROOT / "docs"
OTHER_PROGRAMS = {"--check": "tools/*.py", "--config": "gcloud", "--strict": "mypy"}
OTHER_PROGRAMS |= dict.fromkeys(("--project", "--location", "--write"), "tools/probe/live.py")
OTHER_PROGRAMS |= dict.fromkeys(("--live-project", "--live-location"), "pytest")
OTHER_PROGRAMS |= dict.fromkeys(
    ("--workflow", "--branch", "--status", "--limit", "--json", "--jq", "--name", "--dir"), "gh"
)
OTHER_PROGRAMS |= dict.fromkeys(("--require-hashes", "--no-deps", "--no-build-isolation"), "pip")
OTHER_PROGRAMS |= {"--no-isolation": "build", "--annotate": "git tag", "--universal": "uv", "--generate-hashes": "uv"}
OTHER_PROGRAMS |= dict.fromkeys(("--policy", "--fail-defined", "--input", "--data"), "conftest and OPA")
NOT_BUILT = docs_pages.section(README, "What it does not do yet")


# ---------------------------------------------------------------- the command line


def test_the_table_of_commands_is_the_one_of_the_program() -> None:
    table = docs_pages.rows(docs_pages.section(README, "Commands"))
    assert [(docs_pages.codes(command)[0], text) for command, text in table] == list(main.COMMANDS.items())


def test_commands_and_outputs_said_to_be_missing_are_those_refused_by_name() -> None:
    bullets = re.split(r"^- ", NOT_BUILT, flags=re.MULTILINE)
    listed = {bullet.partition(":")[0]: set(docs_pages.codes(bullet)) for bullet in bullets}
    assert listed["Commands"] == main.LATER
    assert listed["Output forms"] == outputs.LATER


def _flags(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        yield from (*parameter.opts, *parameter.secondary_opts)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from _flags(below)


def _all_flags() -> set[str]:
    commands = [importlib.import_module(f"reconciler.cli.commands.{name}").command for name in main.COMMANDS]
    return {"--help", "--debug", *(flag for command in commands for flag in _flags(command))}


def _mentioned(text: str) -> set[str]:
    return set(re.findall(r"(?<![-\w<!])--[a-z][a-z-]*[a-z]", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_flag_on_a_page_exists(page: Path) -> None:
    text = docs_pages.commands(page)
    if page == README:
        text = text.replace(NOT_BUILT, "")
    assert _mentioned(text) - _all_flags() - OTHER_PROGRAMS.keys() == set()


def test_flags_said_to_be_missing_are_missing() -> None:
    missing = _mentioned(NOT_BUILT)
    assert missing
    assert missing & _all_flags() == set()


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("metadata", "resource", "projects/demo-project/locations/us-central1/customJobs/1"),
        ("lifecycle", "dependsOn", ["CustomJob/other"]),
    ],
)
def test_manifest_keys_said_to_be_missing_are_refused(section: str, key: str, value: Any) -> None:
    assert f"`{section}.{key}`" in NOT_BUILT
    pool = {"machineSpec": {"machineType": "n1-standard-4"}, "containerSpec": {"imageUri": "gcr.io/a/b"}}
    manifest: dict[str, Any] = {
        "apiVersion": "aiplatform.googleapis.com/v1",
        "kind": "CustomJob",
        "metadata": {"name": "a"},
        "lifecycle": {},
        "spec": {"jobSpec": {"workerPoolSpecs": [pool]}},
    }
    manifest[section][key] = value
    workspace = wiring.open_workspace(str(ROOT / "manifests" / "quickstart"), surroundings.of_process())
    checked = workspace.validator.check([Document("a.yaml", 0, 1, manifest)], workspace.stack)
    assert [problem.rule for problem in checked.problems] == ["not-built-yet"]


def _classes(top: type[errors.ReconcilerError]) -> Iterator[type[errors.ReconcilerError]]:
    yield top
    for below in top.__subclasses__():
        yield from _classes(below)


def test_the_table_of_exit_codes_is_complete() -> None:
    listed = {int(code) for code, _ in docs_pages.rows(docs_pages.section(README, "Exit codes"))}
    told_without_an_error = {0, 2, 6, 7, 8, 130, 143}
    assert listed == {error.exit_code for error in _classes(errors.ReconcilerError)} | told_without_an_error


def test_the_help_names_the_exit_codes_of_the_table_but_those_of_signals() -> None:
    told = re.findall(r"[:,] +(\d+) ", " ".join((main.commands.help or "").partition("Exit codes")[2].split()))
    listed = {code for code, _ in docs_pages.rows(docs_pages.section(README, "Exit codes"))}
    assert set(told) == listed - {"130", "143"}


def test_every_environment_variable_that_is_read_is_documented() -> None:
    readers = (*(ROOT / "reconciler" / "cli").rglob("*.py"), ROOT / "reconciler" / "files" / "git.py")
    sources = "".join(path.read_text(encoding="utf-8") for path in readers)
    read = set(re.findall(r'variable\("([A-Z_]+)"\)', sources))
    assert len(read) > 3
    table = docs_pages.rows(docs_pages.section(DOCS / "security.md", "Environment variables"))
    told = {name for cell, _ in table for name in docs_pages.codes(cell)}
    assert read <= told
    assert [name for name in told if name.rstrip("…") not in sources] == []


# ---------------------------------------------------------------- formats


def _keys(node: Mapping[str, Any], root: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the paths of every key below a schema's node; labels and bindings are leaves."""
    for reference in (node, *node.get("allOf", ())):
        if "$ref" in reference:
            node = root["definitions"][reference["$ref"].rpartition("/")[2]]
    if "items" in node and "properties" in node["items"]:
        node, path = node["items"], f"{path}[]"
    if path.endswith(".lifecycle") or not node.get("properties"):
        yield path
        return
    for name, below in node["properties"].items():
        yield from _keys(below, root, f"{path}.{name}" if path else name)


def _documented(header: str) -> set[str]:
    text = (DOCS / "manifests.md").read_text(encoding="utf-8")
    table = text[text.index(f"| {header} |") :].partition("\n\n")[0]
    return {docs_pages.codes(row[0])[0] for row in docs_pages.rows(table)}


def test_every_key_of_the_stack_file_is_documented() -> None:
    schema = schemas.load_schema("reconciler/v1/Stack.json")
    keys = set(_keys(schema, schema)) - {"apiVersion", "kind"}
    assert _documented("key of the stack file") - {"spec.scopes"} == keys


def test_every_key_of_a_manifest_is_documented() -> None:
    keys: set[str] = set()
    for kind in schemas.load_kinds().values():
        for name, node in kind.schema["properties"].items():
            keys |= {"spec"} if name == "spec" else set(_keys(node, kind.schema, name))
    assert _documented("key of a manifest") == keys


def test_the_labels_page_lists_the_labels_we_stamp() -> None:
    table = docs_pages.rows(docs_pages.section(DOCS / "labels.md", "The nine labels"))
    stamped = {value for value in vars(labels).values() if isinstance(value, str) and value.startswith("reconciler_")}
    assert {docs_pages.codes(row[0])[0] for row in table} == stamped
    assert len(table) == 9


def test_the_plan_file_page_lists_every_field() -> None:
    schema = json.loads((ROOT / "schemas" / "reconciler" / "v1" / "Plan.json").read_text(encoding="utf-8"))
    rows = docs_pages.rows((DOCS / "plan-file.md").read_text(encoding="utf-8").partition("## Digest")[0])
    listed = {name for row in rows for name in docs_pages.codes(row[0])}
    change = schema["properties"]["changes"]["items"]
    for reference in (change, *change.get("allOf", ())):
        if "$ref" in reference:
            change = schema["definitions"][reference["$ref"].rpartition("/")[2]]
    assert listed == set(schema["properties"]) | set(change["properties"])


def test_every_guard_is_documented() -> None:
    source = (ROOT / "reconciler" / "core" / "plan" / "guards.py").read_text(encoding="utf-8")
    rules = set(re.findall(r'Blocker\(\s*"(\w+)"', source))
    table = docs_pages.rows(docs_pages.section(DOCS / "decisions.md", "Guards"))
    assert {docs_pages.codes(row[0])[0] for row in table} == rules


# ---------------------------------------------------------------- links and generated parts


def _slug(heading: str) -> str:
    """Spell a heading as GitHub spells its anchor."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "")).strip().lower().replace(" ", "-")


def _anchors(page: Path) -> set[str]:
    return {_slug(found) for found in re.findall(r"^#+ (.+)$", docs_pages.prose(page), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", docs_pages.prose(page)):
        if target.startswith(("https://", "http://")):
            continue
        file, _, anchor = target.partition("#")
        place = (page.parent / file).resolve() if file else page
        if not place.exists() or (anchor and anchor not in _anchors(place)):
            broken.append(target)
    assert broken == []


def _linked(page: Path) -> set[Path]:
    found = re.findall(r"\]\(([^)#\s]+)", docs_pages.prose(page))
    return {(page.parent / target).resolve() for target in found}


def test_the_readme_leads_to_the_contents_and_they_to_every_page_of_docs() -> None:
    contents = DOCS / "README.md"
    records = {page for page in PAGES if page.parent.name == "adr"}
    assert contents in _linked(README)
    assert {page for page in PAGES if page.is_relative_to(DOCS)} - records - {contents} <= _linked(contents)


def test_the_generated_parts_are_up_to_date() -> None:
    pages = generate.generate()
    stale = [page for page, text in pages.items() if (DOCS / page).read_text(encoding="utf-8") != text]
    assert stale == [], "run: python -m tools.pages.generate"


def test_a_page_that_lacks_a_generated_part_is_refused() -> None:
    with pytest.raises(generate.PageError, match="decisions"):
        generate.fill("decisions.md", "no marks", {"decisions": "text"})


def test_a_source_that_nobody_graded_is_refused() -> None:
    with pytest.raises(ValueError, match="hearsay"):
        fidelity_pages.grade("hearsay: somebody said so")


def test_every_kind_has_a_page() -> None:
    assert {path.stem for path in (DOCS / "kinds").glob("*.md")} == set(schemas.load_kinds())
