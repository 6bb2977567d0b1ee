"""The benchmarks run and print every row that docs and people count on. How fast anything is, no test asks."""

from __future__ import annotations

import re

import pytest

from bench import emulator, manifests, plan
from reconciler.files import yaml_reader


def rows(printed: str) -> dict[str, list[list[str]]]:
    """The tables that were printed: their rows by their titles."""
    found: dict[str, list[list[str]]] = {}
    for part in re.split(r"^## ", printed, flags=re.MULTILINE)[1:]:
        title, *lines = part.strip().splitlines()
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
        found[title] = cells[2:]
    return found


def test_the_emulators_rates_stand_beside_a_bare_servers(capsys: pytest.CaptureFixture[str]) -> None:
    assert emulator.main(["--short"]) == 0
    found = rows(capsys.readouterr().out)
    rates, paging, commits = found.values()
    assert [(row[0].split(" (")[0], row[1]) for row in rates] == [
        (name, clients) for name in ("get", "list, page of 100", "create") for clients in ("1", "16")
    ]
    assert all(float(cell.replace(",", "")) > 0 for row in rates for cell in row[2:5])
    assert [(row[0], row[1]) for row in paging[1:3]] == [("all", "60"), ("all, readMask=name,labels", "60")]
    assert [(row[1], row[2]) for row in paging[4:]] == [("1", "1"), ("0", "1")]
    assert [row[0] for row in commits] == ["NORMAL", "FULL"]


def test_the_commands_are_timed_from_start_to_exit(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan.main(["--short"]) == 0
    starting, commands = rows(capsys.readouterr().out).values()
    assert [row[0] for row in starting] == ["python -c pass", "reconciler version"]
    assert [row[0].split(" (")[0] for row in commands] == ["validate", "plan", "apply", "plan"]
    assert all(re.fullmatch(r"\d+\.\d{3} \(.*\)", row[1]) for row in commands)


def test_a_manifest_of_the_benchmark_is_what_a_create_of_it_sends() -> None:
    text = manifests.MANIFEST % {"number": 7, "model": 1}
    [document] = yaml_reader.read(text, "train.yaml").documents
    sent = manifests.resource(7)
    assert document.value["metadata"]["name"] == sent["displayName"]
    assert document.value["spec"]["jobSpec"]["scheduling"] == sent["jobSpec"]["scheduling"]
