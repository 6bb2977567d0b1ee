"""`reconciler fmt` on files, folders and streams: what it writes, what it leaves alone, and what it says."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.support.stage import Stage, told

UGLY = """\
# yaml-language-server: $schema=job.json
kind: "CustomJob"
apiVersion: aiplatform.googleapis.com/v1
metadata: {'name': train} # the name
spec:
    job_spec:
        workerPoolSpecs:
        - replicaCount: 1
          machineSpec: {machineType: n1-standard-4}
          containerSpec: {imageUri: "gcr.io/demo/train:1"}
"""
LIST = """{"kind": "List", "apiVersion": "v1", "items": [{"kind": "CustomJob", "metadata": {"name": "gone"},
 "lifecycle": {"desired": "Absent"}, "apiVersion": "aiplatform.googleapis.com/v1"}]}"""
PRETTY = """\
# yaml-language-server: $schema=job.json
apiVersion: aiplatform.googleapis.com/v1
kind: CustomJob
metadata: {name: train} # the name
spec:
  jobSpec:
    workerPoolSpecs:
      - containerSpec: {imageUri: "gcr.io/demo/train:1"}
        machineSpec: {machineType: n1-standard-4}
        replicaCount: 1
"""


def test_a_stack_is_formatted_and_plans_the_same(stage: Stage) -> None:
    stage.stack()
    stage.write("jobs/train.yaml", UGLY)
    stage.write("jobs/list.json", LIST)
    stage.write("notes/.hidden.yaml", UGLY)
    before = stage.run("plan", "-o", "json").json
    assert stage.ok("fmt").out == "jobs/list.json\njobs/train.yaml\n"
    assert (stage.root / "jobs/train.yaml").read_text() == PRETTY
    assert (stage.root / "notes/.hidden.yaml").read_text() == UGLY
    after = stage.run("plan", "-o", "json").json
    assert [change["operations"] for change in after["changes"]] == [each["operations"] for each in before["changes"]]
    assert stage.ok("fmt") == stage.ok("fmt", "--check")
    assert stage.ok("fmt").out == ""


def test_check_writes_nothing_and_names_the_files(stage: Stage) -> None:
    stage.stack()
    stage.write("a.yaml", UGLY)
    stage.write("b.yaml", PRETTY.replace("name: train", "name: other"))
    files = stage.files()
    done = stage.run("fmt", "--check")
    assert (done.code, done.out, done.err) == (1, "a.yaml\n", "")
    assert stage.files() == files


def test_a_diff_shows_what_changes_and_steers_no_terminal(stage: Stage) -> None:
    stage.write("a.yaml", UGLY.replace("the name", "the \u202e name") + "\r\n")
    done = stage.run("fmt", "--check", "--diff", "--color=never", "a.yaml")
    assert done.code == 1
    assert done.out.startswith("--- a/a.yaml\n+++ b/a.yaml\n@@ ")
    assert '\n-kind: "CustomJob"\n' in done.out
    assert "\n+kind: CustomJob\n" in done.out
    assert "the \\u202e name" in done.out
    assert "\n-\\r\n" in done.out


def test_a_stream_goes_to_stdout(stage: Stage) -> None:
    assert stage.ok("fmt", "-", stdin=UGLY).out == PRETTY
    assert stage.ok("fmt", "-", stdin=PRETTY).out == PRETTY
    done = stage.run("fmt", "--check", "-", stdin=UGLY)
    assert (done.code, done.out) == (1, "")
    assert stage.run("fmt", "--check", "-", stdin=PRETTY).code == 0
    assert stage.ok("fmt", "-", stdin='{"kind":"CustomJob"}').out == '{\n  "kind": "CustomJob"\n}\n'


@pytest.mark.parametrize(
    ("text", "rule"), [(b"kind: [", "yaml-syntax"), (b"\xff", "not-utf8"), (b"5", "not-a-manifest")]
)
def test_a_bad_stream_prints_nothing(stage: Stage, text: bytes, rule: str) -> None:
    done = stage.run("fmt", "-", stdin=text)
    assert (done.code, done.out) == (1, "")
    told(done, rule, "<stdin>")


def test_a_file_with_errors_is_not_touched_and_the_others_are(stage: Stage) -> None:
    stage.stack()
    broken = UGLY + "    job_spec: {}\n"
    stage.write("jobs/bad.yaml", broken)
    stage.write("jobs/good.yaml", UGLY)
    done = stage.run("fmt", "jobs")
    assert (done.code, done.out) == (1, "jobs/good.yaml\n")
    told(done, "jobs/bad.yaml:11:5: error", "duplicate-key")
    assert (stage.root / "jobs/bad.yaml").read_text() == broken


def test_a_folder_of_a_stack_is_all_that_is_formatted(stage: Stage) -> None:
    stage.stack()
    stage.write("a/x.yaml", UGLY)
    stage.write("b/x.yaml", UGLY)
    assert stage.ok("fmt", "b").out == "b/x.yaml\n"
    assert (stage.root / "a/x.yaml").read_text() == UGLY


def test_mode_and_line_ends_are_kept(stage: Stage) -> None:
    path = stage.root / "a.yaml"
    path.write_bytes(UGLY.replace("\n", "\r\n").encode())
    path.chmod(0o664)
    before = os.umask(0o077)
    try:
        stage.ok("fmt", "a.yaml")
    finally:
        os.umask(before)
    assert path.read_bytes() == PRETTY.replace("\n", "\r\n").encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o664
    assert stage.root.joinpath("a.yaml") in set(stage.root.iterdir()) == {path}


def test_a_link_inside_the_stack_stays_a_link(stage: Stage) -> None:
    stage.stack()
    stage.write("real.yaml", UGLY)
    link = stage.root / "jobs.yaml"
    link.symlink_to("real.yaml")
    assert stage.ok("fmt").out == "jobs.yaml\n"
    assert link.is_symlink()
    assert (stage.root / "real.yaml").read_text() == PRETTY


def test_a_link_out_of_the_stack_is_refused(stage: Stage, tmp_path: Path) -> None:
    stage.stack()
    outside = tmp_path / "outside.yaml"
    outside.write_text(UGLY)
    (stage.root / "link.yaml").symlink_to(outside)
    told(stage.run("fmt", "link.yaml"), "leads out of")
    told(stage.run("fmt"), "link-outside")
    assert stage.run("fmt").code == 1
    assert outside.read_text() == UGLY


def test_a_file_that_cannot_be_written_keeps_its_text(stage: Stage) -> None:
    stage.write("a.yaml", UGLY)
    stage.monkeypatch.setattr("pathlib.Path.replace", lambda self, target: (_ for _ in ()).throw(OSError(28, "full")))
    done = stage.run("fmt", "a.yaml")
    assert done.code == 1
    told(done, "cannot be written")
    assert {name: text.decode() for name, text in stage.files().items()} == {"a.yaml": UGLY}


def test_the_stack_file_is_left_alone_and_told(stage: Stage) -> None:
    stage.stack()
    files = stage.files()
    told(stage.ok("fmt", "reconciler.yaml"), "a stack file is no manifest")
    assert stage.files() == files


@pytest.mark.parametrize(
    ("given", "said"), [(("-", "a.yaml"), "no other path can be given"), (("nowhere",), "does not exist")]
)
def test_bad_paths_are_refused(stage: Stage, given: tuple[str, ...], said: str) -> None:
    done = stage.run("fmt", *given)
    assert done.code == 1
    told(done, said)


def test_a_new_stack_is_canonical(stage: Stage) -> None:
    stage.ok("init", ".")
    assert stage.ok("fmt", "--check").out == ""
