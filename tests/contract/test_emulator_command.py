"""`reconciler emulate --faults FILE`: the file is checked before anything is served, and then it is in force.

The page that describes it is held to the code."""

from __future__ import annotations

import dataclasses
import http.client
import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import main
from reconciler.emulator.faults import broken_replies, model, parse
from reconciler.files import documents, schemas
from tests.support import service
from tests.support.checkout import ROOT
from tests.support.emulator import emulating
from tests.support.service import CUSTOM

KINDS = schemas.load_kinds()
PAGE = (ROOT / "docs" / "emulator.md").read_text("utf-8")


def send(port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, body=None if body is None else json.dumps(body))
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())


def test_the_faults_of_a_file_strike_from_the_first_call_on(tmp_path: Path) -> None:
    tmp_path.joinpath("faults.yaml").write_text(
        "faults:\n"
        "  - {action: drop_after, method: create, nth: 1}\n"
        "  - {action: delay, seconds: 0.2, method: list}\n"
        "  - {action: list_lag, seconds: 30}\n"
    )
    with emulating("--clock", "manual", "--faults", "faults.yaml", folder=tmp_path) as port:
        with pytest.raises(http.client.RemoteDisconnected):
            send(port, "POST", CUSTOM, service.custom_job())
        assert send(port, "POST", CUSTOM, service.custom_job())[0] == 200
        before = send(port, "GET", "/emulator/v1/clock")[1]
        assert send(port, "GET", CUSTOM) == (200, {})
        assert send(port, "GET", "/emulator/v1/clock")[1] == before
        send(port, "POST", "/emulator/v1/clock:advance", {"seconds": 31})
        assert len(send(port, "GET", CUSTOM)[1]["customJobs"]) == 2
        told = send(port, "GET", "/emulator/v1/faults")[1]["faults"]
        assert [(one["seen"], one["hits"]) for one in told] == [(2, 1), (2, 2), (2, 2)]


def test_every_problem_of_a_file_is_told_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("faults:\n  - {action: explode}\n  - action: status\n    cod: 503\n")
    assert main.run(["emulate", "--port", "0", "--faults", str(file)]) == 1
    told = capsys.readouterr().err
    assert f"{file}:2:14: error: faults[0].action: One of status" in told
    assert f"{file}:4:5: error: faults[1].cod: Unknown key `cod`." in told
    assert "`code` is missing" in told


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("faults.json", "[]", "a list `faults` is expected"),
        ("faults.json", "{", "not JSON"),
        ("faults.yaml", "", "0 documents"),
        ("faults.yaml", "faults: []\n---\nfaults: []\n", "2 documents"),
        ("faults.yaml", "faults: [", "faults.yaml:1"),
        ("faults.json", '{"faults": [{"action": "delay", "seconds": 1e999}]}', "faults.json"),
    ],
)
def test_a_file_that_is_no_list_of_faults_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, told: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    assert main.run(["emulate", "--port", "0", "--faults", str(file)]) == 1
    assert told in capsys.readouterr().err


def test_json_says_the_same_as_yaml(tmp_path: Path) -> None:
    value = {"faults": [{"action": "garbage", "method": "get"}]}
    tmp_path.joinpath("faults.json").write_text(json.dumps(value))
    with emulating("--faults", "faults.json", folder=tmp_path) as port:
        told = send(port, "GET", "/emulator/v1/faults")[1]["faults"]
    assert told == [value["faults"][0] | {"seen": 0, "hits": 0}]


def test_the_example_of_the_page_is_a_faults_file(tmp_path: Path) -> None:
    [text] = re.findall(r"<!-- example: faults\.yaml -->\n\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "faults.yaml"
    file.write_text(text)
    reading = documents.read(file, "faults.yaml")
    found, problems = parse.read(reading.documents[0].value, KINDS.keys())
    assert (reading.problems, problems, len(found)) == ((), (), 4)


def test_the_bodies_that_the_page_posts_are_taken() -> None:
    posts = re.findall(r"`POST (/emulator/v1/(?:faults|clock:advance))` with `(\{.*?\})` \|", PAGE)
    assert {path for path, _ in posts} == {"/emulator/v1/faults", "/emulator/v1/clock:advance"}
    with service.opened("in process") as jobs:
        for path, body in posts:
            assert jobs.send("POST", path, json.loads(body)).status == 200


def section(title: str) -> dict[str, str]:
    """The rows of the table below a header row, by their first cell."""
    table = PAGE[PAGE.index(f"| {title} |") :].split("\n\n")[0]
    return {row.split("|")[1].strip(): row for row in table.splitlines()[2:]}


def test_the_page_has_every_action_with_its_keys() -> None:
    rows = section("action")
    assert {name.strip("`") for name in rows} == set(model.NAMES)
    for name, action in model.NAMES.items():
        told = re.findall(r"`(\w+)`", rows[f"`{name}`"].split("|")[3])
        assert told == [field.name for field in dataclasses.fields(action)]
    assert set(broken_replies.BODIES) <= {"envelope", *re.findall(r"`(\w+)`", rows["`status`"])}


def test_the_page_has_every_key_that_chooses_calls() -> None:
    named = {name for cell in section("key") for name in re.findall(r"`(\w+)`", cell)}
    assert named == {"method", "path", "kind", "nth", "every", "probability", "seed"}
