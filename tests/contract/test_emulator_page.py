"""What docs/emulator.md tells of the server is so: its examples run, and its bounds are the code's."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

from reconciler.emulator.control import audit, dump, paths
from reconciler.emulator.serving import server, wsgi
from reconciler.emulator.serving.timeouts import Limits
from tests.contract.test_emulator_durability import serving
from tests.support.checkout import ROOT

PAGE = (ROOT / "docs" / "emulator.md").read_text("utf-8")


def test_the_requests_of_the_page_do_what_it_says(tmp_path: Path) -> None:
    assert shutil.which("curl"), "the examples of the page need curl"
    [script] = re.findall(r"<!-- example: steering -->\n\n```sh\n(.*?)```", PAGE, re.DOTALL)
    with serving(tmp_path, "--clock", "manual") as emulator:
        replaced = "set -eo pipefail\n" + script.replace(":8085/", f":{emulator.port}/")
        done = subprocess.run(
            ["bash", "-c", replaced], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        answers = []
        decoder, text = json.JSONDecoder(), done.stdout.strip()
        while text:
            answer, end = decoder.raw_decode(text)
            answers.append(answer)
            text = text[end:].strip()
        [job] = emulator.rows()
        assert emulator.end(signal.SIGTERM)[0] == 0
    forced, refused, creates, emptied, restored, got, clock, faults, struck, cleared = answers
    assert forced == got == job
    assert (job["state"], job["error"]["message"]) == ("JOB_STATE_FAILED", "out of memory")
    assert (emptied, restored) == ({}, {"jobs": 1})
    assert refused == {"calls": []}
    assert [call["path"].rpartition("/")[2] for call in creates["calls"]] == ["customJobs"]
    assert clock["settable"] is True
    assert (faults["faults"][0]["hits"], struck["error"]["code"], cleared) == (0, 503, {"faults": []})


def test_the_bounds_of_the_page_are_the_codes() -> None:
    table = PAGE[PAGE.index("| what | bound |") :].split("\n\n")[0]
    told = [row.split("|")[2].strip() for row in table.splitlines()[2:]]
    limits = Limits()
    sizes = [f"{wsgi.LARGEST_BODY // 2**20} MB", f"{server.LARGEST_HEADER // 2**10} KB"]
    times = [f"{seconds:.0f} s" for seconds in (limits.request, limits.reply, limits.idle, limits.drain)]
    assert told == [*sizes, str(limits.connections), str(limits.threads), *times]
    assert f"up to {paths.MOST_ENTRIES:,} calls" in PAGE
    assert f"of the last {audit.MOST:,}" in PAGE
    assert f"{dump.MOST:,} in one answer" in PAGE
