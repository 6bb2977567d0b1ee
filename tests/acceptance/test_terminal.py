"""At a real terminal the tool asks, colours and moves; on a pipe it writes plain lines and asks nobody."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from reconciler.vocabulary.wire import Request, Response
from tests.support.faults import is_create
from tests.support.stage import Service, Stage, command_line

QUESTION = "Only 'yes' is taken"
CURSOR = re.compile(r"\x1b\[[0-9;?]*[A-HJKhl]")
"""What moves a cursor, clears a line or hides the cursor (ECMA-48, DEC private modes)."""
COLOR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Terminal:
    """A process at a pseudo-terminal of 100 columns; `screen` is everything it wrote."""

    process: subprocess.Popen[bytes]
    master: int
    screen: str = ""
    pieces: list[bytes] = field(default_factory=list)

    def read_until(self, part: str) -> None:
        while part not in self.screen:
            assert self._more(), self.screen

    def type(self, line: str) -> None:
        os.write(self.master, line.encode())

    def end(self) -> int:
        while self._more():
            pass
        return self.process.wait(20)

    def _more(self) -> bool:
        ready, _, _ = select.select([self.master], [], [], 20)
        try:
            piece = os.read(self.master, 65536) if ready else b""
        except OSError:  # the other side is closed (Linux: EIO)
            piece = b""
        self.pieces.append(piece)
        self.screen = b"".join(self.pieces).decode(errors="replace")
        return bool(piece)


@contextmanager
def terminal(
    stage: Stage, *arguments: object, columns: int = 100, variables: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", **(variables or {})}
    process = subprocess.Popen(
        command_line(*arguments), cwd=stage.root, env=environment, stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait(20)
        os.close(master)


@pytest.mark.parametrize("answer", ["no", "y", "Yes", ""])
def test_apply_asks_at_a_terminal_and_takes_nothing_but_yes(stage: Stage, service: Service, answer: str) -> None:
    with terminal(stage, "apply") as seen:
        seen.read_until(QUESTION)
        assert "CustomJob/train" in seen.screen
        seen.type(f"{answer}\n")
        assert seen.end() == 1
    assert "not confirmed" in seen.screen
    assert service.writes == []


def test_yes_applies_with_colour_and_a_moving_display(stage: Stage, service: Service) -> None:
    at_the_service, told = threading.Event(), threading.Event()

    def hold(request: Request) -> Response | None:
        if is_create(request):
            at_the_service.set()
            told.wait(20)
        return None

    service.spoils.append(hold)
    with terminal(stage, "apply") as seen:
        seen.read_until(QUESTION)
        seen.type("yes\n")
        assert at_the_service.wait(20)
        seen.read_until("create …")
        told.set()
        assert seen.end() == 0
    assert CURSOR.search(seen.screen)
    assert COLOR.search(seen.screen)
    assert seen.screen.count("\x1b[?25l") == seen.screen.count("\x1b[?25h") > 0
    assert "Apply complete!" in seen.screen
    assert len(service.writes) == 1


def test_a_machine_s_output_does_not_hide_the_plan_from_the_person_asked(stage: Stage, service: Service) -> None:
    with terminal(stage, "apply", "-o", "json=result.txt") as seen:
        seen.read_until(QUESTION)
        assert "CustomJob/train" in seen.screen
        seen.type("no\n")
        assert seen.end() == 1


def test_yes_given_beforehand_asks_nobody(stage: Stage, service: Service) -> None:
    with terminal(stage, "apply", "--yes") as seen:
        assert seen.end() == 0
    assert QUESTION not in seen.screen


def test_a_plan_without_changes_asks_nobody(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes")
    with terminal(stage, "apply") as seen:
        assert seen.end() == 0
    assert QUESTION not in seen.screen


def test_destroy_asks_too(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes")
    with terminal(stage, "destroy", "--allow-cancel", "1") as seen:
        seen.read_until(QUESTION)
        seen.type("no\n")
        assert seen.end() == 1
    assert len(service.writes) == 1


COLORS = [
    ({}, [], True),
    ({"NO_COLOR": "1"}, [], False),
    ({"NO_COLOR": ""}, [], True),
    ({}, ["--color", "never"], False),
    ({"NO_COLOR": "1"}, ["--color", "always"], True),
]


@pytest.mark.parametrize(("variables", "flags", "colored"), COLORS)
def test_colour_follows_flag_variable_and_terminal(
    stage: Stage, service: Service, variables: dict[str, str], flags: list[str], colored: bool
) -> None:
    with terminal(stage, "plan", *flags, variables=variables) as seen:
        assert seen.end() == 0
    assert bool(COLOR.search(seen.screen)) == colored


def test_no_color_leaves_no_colour_in_the_display_of_an_apply(stage: Stage, service: Service) -> None:
    with terminal(stage, "apply", "--yes", variables={"NO_COLOR": "1"}) as seen:
        assert seen.end() == 0
    assert not COLOR.search(seen.screen.replace("\x1b[0m", ""))


@pytest.mark.parametrize("columns", [0, 1, 20, 5000])
def test_a_terminal_of_any_width_is_written_to(stage: Stage, service: Service, columns: int) -> None:
    with terminal(stage, "apply", "--yes", columns=columns) as seen:
        assert seen.end() == 0
    assert "Traceback" not in seen.screen


def test_a_pipe_gets_no_escape_code_and_progress_stays_on_stderr(stage: Stage, service: Service) -> None:
    done = stage.real("apply", "--yes")
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert "CustomJob/train: created (create)" in done.err
    assert "create …" not in done.out
    assert "\x1b[" in stage.real("plan", "--color", "always").out


def test_an_error_on_a_terminal_keeps_to_no_color(stage: Stage) -> None:
    with terminal(stage, "plan", variables={"NO_COLOR": "1"}) as seen:
        assert seen.end() == 1
    assert not COLOR.search(seen.screen)


def test_a_reader_that_goes_away_is_no_crash(stage: Stage, service: Service) -> None:
    gone = threading.Event()

    def hold(request: Request) -> None:
        gone.wait(20)

    service.spoils.append(hold)
    with subprocess.Popen(
        command_line("plan", "-o", "json"), cwd=stage.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        gone.set()
        assert process.stderr is not None
        told = process.stderr.read().decode()
        assert process.wait(20) == 1
    assert told == ""


CLOSED = [
    ("plan >&-", 0),
    ("plan 2>&-", 0),
    ("plan <&-", 0),
    ("plan - <&-", 1),
    ("apply --yes <&- >&- 2>&-", 0),
    ("apply <&-", 1),
    ("plan >/dev/full", 1),
    ("version >/dev/full", 1),
    ("version -o json >/dev/full", 1),
    ("--help >/dev/full", 1),
    ("validate >/dev/full", 1),
    ("status -o json >/dev/full", 1),
    ("explain CustomJob >/dev/full", 1),
    ("plan 2>/dev/full", 0),
    ("plan nowhere 2>/dev/full", 1),
    ("plan --nothing 2>/dev/full", 1),
    ("apply --yes 2>/dev/full", 0),
]


@pytest.mark.parametrize(("line", "code"), CLOSED, ids=[row[0] for row in CLOSED])
def test_closed_and_full_streams_end_no_run_with_a_crash(stage: Stage, line: str, code: int) -> None:
    stage.stack()
    stage.job()
    shell = ["sh", "-c", f'"$0" -m reconciler {line}', sys.executable]
    done = subprocess.run(shell, cwd=stage.root, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done
    assert "internal" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert not code or "2>" in line or ">&-" in line or done.stderr.strip()
    assert set(stage.actions().values()) == {"noop" if "--yes" in line else "create"}


def test_a_folder_that_is_gone_is_told(stage: Stage) -> None:
    gone = stage.root / "gone"
    gone.mkdir()
    stage.monkeypatch.chdir(gone)
    gone.rmdir()
    done = stage.run("plan")
    assert done.code == 1
    assert "No such file or directory" in done.err
    assert "internal" not in done.err
    stage.monkeypatch.chdir(stage.root)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp437"])
def test_json_on_a_pipe_is_utf_8_whatever_the_locale(stage: Stage, service: Service, encoding: str) -> None:
    stage.job(image="gcr.io/demo/train:1", more="lifecycle: {rerun: {token: 'é→😀'}}\n")
    with_text = (stage.root / "train.yaml").read_text().replace('imageUri: "', 'args: ["é→😀"], imageUri: "')
    stage.write("train.yaml", with_text)
    done = stage.real("plan", "-o", "json", PYTHONIOENCODING=encoding)
    assert done.code == 0
    body = done.json["changes"][0]["operations"][0]["body"]
    assert body["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]["args"] == ["é→😀"]


def test_a_terminal_of_another_encoding_gets_escapes_for_what_it_cannot_show(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes")
    stage.job(image="gcr.io/demo/train:2")
    with terminal(stage, "plan", "--allow-cancel", "1", variables={"PYTHONIOENCODING": "latin-1"}) as seen:
        assert seen.end() == 0
    assert "\\u2192" in seen.screen
