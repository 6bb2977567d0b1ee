"""A plan file that is not as it was written, or not this stack's, is refused with 3 and nothing is called."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.stage import Service, Stage, told


@pytest.fixture
def planned(stage: Stage, service: Service) -> dict[str, Any]:
    """A saved plan's content; the file is a.plan.json."""
    stage.ok("plan", "--out", "a.plan.json")
    content: dict[str, Any] = json.loads((stage.root / "a.plan.json").read_text())
    return content


def edit(**changes: Any) -> Callable[[dict[str, Any]], str]:
    return lambda plan: json.dumps(plan | changes)


def deep(_plan: dict[str, Any]) -> str:
    return '{"formatVersion":' * 100_000


def nested(plan: dict[str, Any]) -> str:
    return json.dumps(plan | {"blocked": "HERE"}).replace('"HERE"', "[" * 900 + "]" * 900)


def another_image(plan: dict[str, Any]) -> str:
    return json.dumps(plan).replace("gcr.io/demo/train:1", "gcr.io/demo/miner:1")


PLANS: list[tuple[str, Callable[[dict[str, Any]], str], list[str]]] = [
    ("another version", edit(formatVersion="2.0"), ["'2.0'", "'1.1'", "plan again"]),
    ("the version before", edit(formatVersion="1.0"), ["'1.0'", "'1.1'", "plan again"]),
    ("no version", lambda plan: json.dumps({"changes": []}), ["not a plan file", "--out"]),
    ("an unknown field", edit(extra=1), ["extra", "1.1"]),
    ("a missing field", lambda plan: json.dumps({k: v for k, v in plan.items() if k != "seal"}), ["seal"]),
    ("an edited recipe", another_image, ["edited", "plan again"]),
    ("an edited date", edit(createdAt="2020-01-01T00:00:00Z"), ["edited"]),
    ("a lifted block", edit(blocked=[{"rule": "empty", "message": "", "needs": {}}]), ["edited"]),
    ("a number JSON lacks", edit(digest=float("inf")), ["not a plan file"]),
    ("a number too large", lambda plan: json.dumps(plan).replace('"blocked": []', '"blocked": [1e999]'), ["plan"]),
    ("half of it", lambda plan: json.dumps(plan)[:400], ["not a plan file", "--out"]),
    ("nothing", lambda plan: "", ["not a plan file"]),
    ("no JSON", lambda plan: "kind: CustomJob\n", ["not a plan file", "--select"]),
    ("a list", lambda plan: "[]", ["not a plan file"]),
    ("a key twice", lambda plan: '{"formatVersion": "1.1", "formatVersion": "1.1"}', ["twice"]),
    ("a hole without ground", deep, ["not a plan file"]),
    ("a deep hole", nested, ["plan"]),
    ("half a character", lambda plan: json.dumps(plan).replace("missing", "\\ud800"), ["plan"]),
]


@pytest.mark.parametrize(("what", "spoil", "parts"), PLANS, ids=[row[0] for row in PLANS])
def test_a_plan_file_that_is_not_as_written_is_refused_with_3(
    stage: Stage,
    service: Service,
    planned: dict[str, Any],
    what: str,
    spoil: Callable[[dict[str, Any]], str],
    parts: list[str],
) -> None:
    stage.write("a.plan.json", spoil(planned))
    service.requests.clear()
    before = stage.files()
    for arguments in (["show", "a.plan.json"], ["show", "--verify", "a.plan.json"], ["apply", "a.plan.json", "--yes"]):
        done = stage.run(*arguments)
        assert (done.code, done.out) == (3, "")
        told(done, *parts)
    assert service.requests == []
    assert stage.files() == before


def test_a_plan_file_that_is_no_text_is_refused_with_3(stage: Stage) -> None:
    (stage.root / "a.plan.json").write_bytes(b"\x80\x81\x82")
    done = stage.run("show", "a.plan.json")
    assert done.code == 3
    told(done, "not a plan file")


def test_an_endless_plan_file_is_refused_within_bounds(stage: Stage) -> None:
    stage.monkeypatch.setattr("reconciler.files.planfile.LARGEST", 4096)
    done = stage.run("show", "/dev/zero")
    assert done.code == 3
    told(done, "/dev/zero", "larger than any plan")


OTHER_STACKS = [
    ("another uid", "3fa94c1b", "00000000", ["00000000", "3fa94c1b"]),
    ("another name", "name: demo", "name: other", ["other", "demo"]),
    ("another backend", "backend: http", "backend: embedded # http", ["embedded", "127.0.0.1"]),
]


@pytest.mark.parametrize(("what", "old", "new", "parts"), OTHER_STACKS, ids=[row[0] for row in OTHER_STACKS])
def test_a_plan_of_another_stack_is_refused_with_3(
    stage: Stage, service: Service, planned: dict[str, Any], what: str, old: str, new: str, parts: list[str]
) -> None:
    file = stage.root / "reconciler.yaml"
    file.write_text(file.read_text().replace(old, new))
    service.requests.clear()
    done = stage.run("apply", "a.plan.json")
    assert done.code == 3
    told(done, *parts)
    assert service.requests == []
