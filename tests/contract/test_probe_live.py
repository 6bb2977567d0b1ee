"""tools/probe/live.py against the emulator: what it asks, what it writes down, and that it leaves nothing behind."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import switches
from reconciler.emulator.faults import model
from reconciler.emulator.faults.model import Fault, Status
from tests.support import service
from tests.support.service import CUSTOM, NAS, Service
from tools.pages import doubts
from tools.probe import live, probes

WRITES = {"POST", "DELETE", "PATCH"}


@pytest.fixture
def jobs() -> Iterator[Service]:
    with service.opened("http") as found:
        yield found


def probed(jobs: Service, folder: Path, *flags: str) -> tuple[int, dict[str, Any], str]:
    """Probe the emulator; return the exit code, the report and the table."""
    files = ("--report", str(folder / "report.json"), "--table", str(folder / "table.md"))
    place = ("--project", "demo", "--endpoint", f"http://127.0.0.1:{jobs.port}")
    ended = live.run([*place, *files, *flags], jobs.clock)
    return ended, json.loads((folder / "report.json").read_text()), (folder / "table.md").read_text()


def seen(report: dict[str, Any], name: str) -> list[tuple[int, str]]:
    return [
        (each["status"], each["code"]) for each in report["observations"] if each["probe"] == name and each["status"]
    ]


def notes(report: dict[str, Any], name: str) -> list[str]:
    return [each["note"] for each in report["observations"] if each["probe"] == name and each["note"]]


def test_without_write_nothing_but_reads_is_asked(jobs: Service, tmp_path: Path) -> None:
    jobs.create(CUSTOM, service.custom_job())
    ended, report, _ = probed(jobs, tmp_path)
    assert ended == 0
    asked = {call.method for call in jobs.emulator.audit()[1:]}
    assert asked == {"GET"}
    assert {each["probe"] for each in report["observations"]} == {one.name for one in probes.PROBES if not one.writes}


def test_what_is_read_is_written_down_as_it_was_answered(jobs: Service, tmp_path: Path) -> None:
    for _ in range(120):
        jobs.create(CUSTOM, service.custom_job())
    _, report, table = probed(jobs, tmp_path)
    assert seen(report, "missing") == [(404, "NOT_FOUND")] * 3
    assert "no pageSize: 100 rows on the page" in notes(report, "pages")
    assert "CustomJob: 120 rows, sorted by updateTime, latest first: True" in notes(report, "order")
    assert seen(report, "unknown") == [(400, "INVALID_ARGUMENT")]
    assert seen(report, "filter")[-1] == (400, "INVALID_ARGUMENT")
    assert "| default page size | 100 | not the service (" in table
    assert "The NasJob does not exist." in table
    assert " R (" not in table


def test_with_write_a_jobs_whole_life_is_seen_and_nothing_is_left(jobs: Service, tmp_path: Path) -> None:
    ended, report, _ = probed(jobs, tmp_path, "--write", "--yes")
    assert (ended, report["left"]) == (0, [])
    assert "operation done in the reply: True" in notes(report, "life")
    assert any("JOB_STATE_CANCELLED" in note for note in notes(report, "life"))
    assert seen(report, "states")[-1] == (200, "")
    assert [note.partition(":")[0] for note in notes(report, "states")] == ["sleep 60", "true", "false"]
    assert "operation done in the reply: True" in notes(report, "nas-create")
    assert "unknown field: 400 INVALID_ARGUMENT" in notes(report, "refusals")
    assert "both members of a oneof: 400 INVALID_ARGUMENT" in notes(report, "refusals")
    assert '"bootDiskSizeGb": 150' in notes(report, "echo")[0]
    assert jobs.rows(CUSTOM, "customJobs") == jobs.rows(NAS, "nasJobs") == []


def test_a_job_that_cannot_be_ended_is_told(jobs: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs.emulator.inject(Fault(Status(500), method="delete"))
    ended, report, _ = probed(jobs, tmp_path, "--write", "--yes", "--only", "echo")
    assert ended == 2
    assert len(report["left"]) == 1
    assert f"LEFT BEHIND, end it by hand: {report['left'][0]}" in capsys.readouterr().err


@pytest.mark.parametrize("typed", ["", "no\n", "demo2\n"])
def test_without_the_projects_name_typed_nothing_is_sent(
    jobs: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    flags = ["--project", "demo", "--endpoint", f"http://127.0.0.1:{jobs.port}", "--write"]
    assert live.run([*flags, "--report", str(tmp_path / "r"), "--table", str(tmp_path / "t")], jobs.clock) == 1
    assert jobs.emulator.audit() == ()


def test_a_budget_that_is_too_small_stops_before_the_first_call(
    jobs: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--project", "demo", "--endpoint", f"http://127.0.0.1:{jobs.port}", "--write", "--yes", "--budget", "0.1"]
    assert live.run(flags, jobs.clock) == 1
    assert "the budget is 0.10" in capsys.readouterr().out
    assert jobs.emulator.audit() == ()


def test_no_endpoint_but_one_on_this_machine_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--report", str(tmp_path / "r"), "--table", str(tmp_path / "t")]
    assert live.run(["--project", "demo", "--endpoint", "http://example.com", *files]) == 1
    assert "is not on this machine" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_every_probe_that_an_open_question_names_exists_and_every_read_is_named() -> None:
    named = {doubt.probe for doubt in doubts.DOUBTS if doubt.probe}
    assert named <= {probe.name for probe in probes.PROBES}
    assert {probe.name for probe in probes.PROBES if not probe.writes} - named == set()


def test_every_switch_belongs_to_an_open_question_and_every_question_has_an_answer() -> None:
    switched = {doubt.switch for doubt in doubts.DOUBTS if doubt.switch}
    assert switched == {switch.name for switch in switches.SWITCHES}
    assert {doubt.fault for doubt in doubts.DOUBTS if doubt.fault} <= set(model.NAMES)
    assert [each for each in doubts.DOUBTS if bool(each.switch or each.fault) == bool(each.why_none)] == []
