"""Bad input: an exit code, what and where and the way out in words, no traceback, nothing called, nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.faults import refusal
from tests.support.stage import JOB, Service, Stage, told

Prepare = Callable[[Stage], object]


def folder_in_place(stage: Stage) -> None:
    (stage.root / "jobs.yaml").mkdir()


def dangling(stage: Stage) -> None:
    (stage.root / "gone.yaml").symlink_to("nowhere.yaml")


def leading_out(stage: Stage) -> None:
    (stage.root / "out.yaml").symlink_to("/etc/hostname")


def text(name: str, content: str) -> Prepare:
    return lambda stage: stage.write(name, content)


def raw(name: str, content: bytes) -> Prepare:
    return lambda stage: (stage.root / name).write_bytes(content)


def with_key(metadata: str = "name: bad", more: str = "") -> Prepare:
    body = JOB.format(name="bad", more=more, replicas=1, image="gcr.io/demo/bad:1")
    return lambda stage: stage.write("bad.yaml", body.replace("{name: bad}", f"{{{metadata}}}"))


MANIFESTS: list[tuple[str, Prepare, list[str]]] = [
    ("a dangling link", dangling, ["gone.yaml", "leads nowhere", "spec.ignore"]),
    ("a link out of the stack", leading_out, ["out.yaml", "outside the stack"]),
    ("no YAML", text("bad.yaml", "a: [1\nb: 2"), ["bad.yaml:2"]),
    ("no JSON", text("bad.json", '{"a": 1,,}'), ["bad.json:1"]),
    ("no UTF-8", raw("bad.yaml", b"kind: \xff\xfe"), ["bad.yaml:1:7", "UTF-8"]),
    ("a NUL byte", raw("bad.yaml", b"kind: a\0b"), ["bad.yaml:1", "NUL"]),
    ("no manifest", text("notes.yaml", "shopping: [milk]\n"), ["notes.yaml:1", "spec.ignore"]),
    ("a gcloud file", text("job.yaml", "workerPoolSpecs: []\n"), ["job.yaml:1", "reconciler convert"]),
    ("an unknown kind", text("bad.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"), ["bad.yaml:2", "Pod"]),
    ("two of one name", lambda s: s.write("z.yaml", s.job().read_text()), ["CustomJob/train", "train.yaml", "z.yaml"]),
    ("a scope outside", with_key("name: bad, location: europe-west4"), ["bad.yaml:3", "europe-west4", "spec.scopes"]),
    ("a key of later work", with_key("name: bad, resource: projects/1/locations/x/y/2"), ["metadata.resource", "not built yet"]),
    ("an order of later work", with_key(more="lifecycle: {dependsOn: [CustomJob/train]}\n"), ["dependsOn", "not built yet"]),
    ("a mistyped key", with_key(more="lifecycle: {onChagne: keep}\n"), ["bad.yaml:4", "lifecycle.onChagne", "onChange"]),
    ("a bad choice", with_key(more="lifecycle: {onChange: never}\n"), ["bad.yaml:4", "lifecycle.onChange", "never"]),
    ("a template's rest", lambda s: s.job("bad", replicas='"${N}"'), ["bad.yaml:8", "${N}"]),
    ("a bad name", with_key("name: Bad_Name"), ["bad.yaml:3", "metadata.name", "Bad_Name"]),
]  # fmt: skip


@pytest.mark.parametrize(("what", "prepare", "parts"), MANIFESTS, ids=[row[0] for row in MANIFESTS])
def test_a_bad_manifest_stops_every_command_before_anything_is_called(
    stage: Stage, service: Service, what: str, prepare: Prepare, parts: list[str]
) -> None:
    prepare(stage)
    before = stage.files()
    for arguments in (["validate"], ["plan", "--out", "a.plan.json"], ["apply", "--yes"], ["status"]):
        done = stage.run(*arguments)
        assert done.code == 1
        told(done, *parts)
    problems = stage.run("validate", "-o", "json").json
    assert problems["valid"] is False
    assert service.requests == []
    assert stage.files() == before


def test_every_problem_is_told_at_once_and_a_sound_job_beside_it_is_left_alone(stage: Stage, service: Service) -> None:
    for number in range(3):
        stage.write(f"bad-{number}.yaml", "kind: [\n")
    stage.job("worse", more="lifecycle: {onChange: never}\n")
    done = stage.run("apply", "--yes")
    told(done, "bad-0.yaml:", "bad-1.yaml:", "bad-2.yaml:", "worse.yaml:4")
    assert service.requests == []


def test_a_folder_named_like_a_manifest_is_walked_and_no_problem(stage: Stage, service: Service) -> None:
    folder_in_place(stage)
    stage.ok("validate")


STACKS: list[tuple[str, str, str, list[str]]] = [
    ("no map", "", "- 1\n", ["reconciler.yaml", "map"]),
    ("two documents", "", "a: 1\n---\nb: 2\n", ["reconciler.yaml", "one document"]),
    ("no YAML", "", "a: [", ["reconciler.yaml:1"]),
    ("no uid", ', uid: "3fa94c1b"', "", ["metadata", "uid", 'Write uid: "']),
    ("a bad uid", "3fa94c1b", "XYZ", ["metadata.uid", "XYZ"]),
    ("an unknown key", "settle", "setle", ["spec.setle", "settle"]),
    ("no bucket", "settle: 10ms", "store: gs://Bucket//x", ["spec.store", "gs://Bucket//x", "gs://BUCKET/PREFIX"]),
    ("a bad former owner", "name: demo", "formerUids: [A1], name: demo", ["metadata.formerUids[0]", "A1"]),
    ("another host", "backend: embedded", "backend: https://example.com", ["spec.backend", "127.0.0.1"]),
    ("a store outside", "settle: 10ms", "store: ../elsewhere", ["spec.store", "outside the stack"]),
    ("globs outside", "settle: 10ms", "manifests: [../*.yaml]", ["spec.manifests", "outside the stack"]),
]


@pytest.mark.parametrize(("what", "old", "new", "parts"), STACKS, ids=[row[0] for row in STACKS])
def test_a_bad_stack_file_is_refused_by_every_command(
    stage: Stage, what: str, old: str, new: str, parts: list[str]
) -> None:
    stage.stack()
    stage.job()
    file = stage.root / "reconciler.yaml"
    file.write_text(file.read_text().replace(old, new) if old else new)
    before = stage.files()
    for arguments in (
        ["validate"],
        ["plan"],
        ["apply", "--yes"],
        ["destroy", "--yes"],
        ["status"],
        ["iam", "get", "Job/a"],
    ):
        done = stage.run(*arguments)
        assert done.code == 1
        told(done, *parts)
    found = stage.run("validate", "-o", "json")
    assert found.json["valid"] is False
    assert found.json["problems"][0]["file"] == "reconciler.yaml"
    assert stage.files() == before


COMMAND_LINES: list[tuple[list[str], list[str]]] = [
    (["plan", "train.yaml"], ["train.yaml", "is a file", "--select"]),
    (["destroy", "train.yaml", "--yes"], ["train.yaml", "is a file", "--select"]),
    (["plan", "nowhere"], ["nowhere", "does not exist"]),
    (["apply", "nowhere.plan.json"], ["nowhere.plan.json", "does not exist"]),
    (["show", "nowhere.plan.json"], ["nowhere.plan.json", "cannot be read", "No such file", "--out"]),
    (["show", "."], ["cannot be read", "directory"]),
    (["validate", "nowhere.yaml"], ["nowhere.yaml", "does not exist"]),
    (["plan", "/"], ["reconciler.yaml", "reconciler init"]),
    (["plan", "-o", "mermaid"], ["mermaid", "not built yet", "markdown"]),
    (["plan", "-o", "sarif"], ["sarif", "belongs to validate", "json"]),
    (["apply", "-o", "html"], ["html", "belongs to plans", "json"]),
    (["apply", "-o", "gitlab"], ["gitlab", "belongs to validate and to plans"]),
    (["validate", "-o", "markdown"], ["markdown", "belongs to plans"]),
    (["plan", "-o", "xml"], ["xml", "no output format", "json", "markdown", "text"]),
    (["apply", "--executor", "x"], ["--executor", "not built yet"]),
    (["apply", "--executor=x"], ["--executor", "not built yet"]),
    (["plan", "--changed-since", "main"], ["--changed-since", "Git"]),
    (["plan", "--against", "nowhere.json"], ["nowhere.json", "No such file"]),
    (["snapshot"], ["--out"]),
    (["apply", "--rate", "0"], ["--rate", "600,60"]),
    (["emulate", "--faults", "nowhere.yaml"], ["nowhere.yaml", "No such file"]),
    *[([name], [name, "not built yet"]) for name in ("wait", "get", "query", "cancel", "delete")],
    *[([name], [name, "not built yet"]) for name in ("import", "export")],
    (["plam"], ["plam"]),
    (["plan", "--rerun", "CustomJob/other"], ["--rerun", "CustomJob/other", "CustomJob/train"]),
    (["plan", "--rerun", "CustomJob/train", "--exclude", "*"], ["--rerun", "--exclude"]),
    (["plan", "--select", ""], ["--select", "empty"]),
    (["plan", "--exclude", ""], ["--exclude", "empty"]),
    (["apply", "--yes", "--expect-digest", ""], ["--expect-digest", "empty"]),
    (["apply", "--yes", "--timeout", "3h"], ["--timeout", "--wait"]),
    (["destroy", "-", "--yes"], ["stream"]),
    (["show", "a.plan.json", "--verify", "-o", "json"], ["--verify", "-o"]),
    (["status", "CustomJob/other"], ["CustomJob/other", "CustomJob/train"]),
    (["iam", "get", "CustomJob/train"], ["CustomJob", "Job"]),
    (["iam", "get", "Job/none"], ["Job/none", "no address of this stack"]),
    (["iam", "set", "Job/none", "nowhere.json"], ["nowhere.json", "No such file"]),
    (["iam", "set", "Job/none", "train.yaml"], ["train.yaml", "etag"]),
    (["explain", "CustomJobs"], ["CustomJobs", "Did you mean CustomJob?"]),
    (["explain", "CustomJob.spec.jobSpec.schedulling"], ["schedulling", "did you mean scheduling?"]),
    (["explain", "CustomJob.spec.x"], ["there are:", "jobSpec"]),
    (["convert", "nowhere.yaml"], ["nowhere.yaml", "No such file"]),
    (["convert", "train.yaml", "--kind", "Pod"], ["Pod", "CustomJob"]),
    (["convert", "train.yaml", "--set", "region"], ["--set", "region", "PATH=VALUE"]),
    (["convert", "train.yaml", "--set", "=1"], ["--set", "PATH=VALUE"]),
    (["convert", "train.yaml", "--set", "a=[1"], ["--set", "a"]),
    (["init", "."], ["reconciler.yaml", "nothing was written"]),
    (["init", "train.yaml"], ["train.yaml"]),
    (["emulate", "--port", "70000"], ["--port", "70000"]),
    (["emulate", "--port", "0", "--db", "train.yaml"], ["train.yaml"]),
    (["plan", "--out", "nowhere/a.plan.json"], ["nowhere/a.plan.json", "cannot be written"]),
    (["plan", "--out", "train.yaml/a.plan.json"], ["train.yaml/a.plan.json", "cannot be written"]),
    (["plan", "--out", "."], ["cannot be written"]),
    (["plan", "-o", "json=nowhere/a.json"], ["nowhere/a.json", "cannot be written"]),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "parts"), COMMAND_LINES, ids=[" ".join(row[0]) for row in COMMAND_LINES])
def test_a_command_line_that_cannot_be_honoured_is_refused_with_1(
    stage: Stage, service: Service, arguments: list[str], parts: list[str]
) -> None:
    before = stage.files()
    done = stage.run(*arguments)
    assert done.code == 1
    told(done, *parts)
    assert service.writes == []
    assert stage.files() == before


def test_no_stack_upwards_is_told_with_the_way_to_one(stage: Stage) -> None:
    for arguments in (["validate"], ["plan"], ["apply", "--yes"], ["destroy", "--yes"], ["status"]):
        done = stage.run(*arguments)
        assert done.code == 1
        told(done, "reconciler.yaml", "reconciler init")


STREAMS: list[tuple[str, bytes, list[str]]] = [
    ("nothing", b"", ["stream", "pipefail"]),
    ("blanks and comments", b"# nothing\n---\n", ["stream", "pipefail"]),
    ("no UTF-8", b"kind: \xff\n", ["UTF-8", "0xff"]),
    ("a NUL", b"kind: a\0\n", ["NUL"]),
    ("no YAML", b"a: [", ["<stdin>:1"]),
    ("no manifest", b"shopping: [milk]", ["<stdin>:1"]),
]


@pytest.mark.parametrize(("what", "stream", "parts"), STREAMS, ids=[row[0] for row in STREAMS])
@pytest.mark.parametrize("command", [["plan"], ["validate"], ["apply", "--yes"]])
def test_a_stream_that_holds_no_manifests_is_an_error(
    stage: Stage, service: Service, command: list[str], what: str, stream: bytes, parts: list[str]
) -> None:
    done = stage.run(command[0], "-", *command[1:], stdin=stream)
    assert done.code == 1
    told(done, *parts)
    assert service.requests == []


def test_an_endless_stream_is_refused_within_bounds(stage: Stage, service: Service) -> None:
    stage.monkeypatch.setattr("reconciler.files.manifests.MAX_STREAM", 4096)
    done = stage.run("plan", "-", stdin=b"# more\n" * 10_000)
    assert done.code == 1
    told(done, "stream", "longer")


ENVIRONMENT: list[tuple[dict[str, str], int, list[str]]] = [
    ({"RECONCILER_BACKEND": "https://example.com"}, 1, ["example.com"]),
    ({"RECONCILER_BACKEND": "http://example.com:8080"}, 1, ["example.com:8080"]),
    ({"RECONCILER_BACKEND": "nonsense"}, 1, ["nonsense"]),
    ({"RECONCILER_BACKEND": ""}, 0, ["http://127.0.0.1"]),
    ({"RECONCILER_BACKEND": "embedded"}, 0, ["backend embedded"]),
    ({"RECONCILER_STORE": "gs://Bucket"}, 1, ["gs://Bucket", "gs://BUCKET/PREFIX"]),
    ({"RECONCILER_STORE": "s3://bucket"}, 1, ["s3://bucket", "gs://BUCKET/PREFIX"]),
    ({"RECONCILER_STORE": "gs://bucket"}, 1, ["no Google credentials", "gcloud auth application-default login"]),
    ({"RECONCILER_STORE": ""}, 0, ["http://127.0.0.1"]),
    ({"RECONCILER_STORE": "none"}, 0, ["http://127.0.0.1"]),
    ({"RECONCILER_STORE": "train.yaml"}, 1, ["train.yaml"]),
    ({"RECONCILER_BACKEND": "google"}, 1, ["no Google credentials", "gcloud auth application-default login"]),
    ({"RECONCILER_BACKEND": "google", "CI": "true"}, 1, [".reconciler", "store: none", "CI"]),
    ({"RECONCILER_BACKEND": "google", "CI": "true", "RECONCILER_STORE": "none"}, 1, ["no Google credentials"]),
    ({"RECONCILER_BACKEND": "google", "CI": ""}, 1, ["no Google credentials"]),
    ({"GOOGLE_CLOUD_UNIVERSE_DOMAIN": "evil.example/x", "RECONCILER_BACKEND": "google"}, 1, ["evil.example/x"]),
]


@pytest.mark.parametrize(("variables", "code", "parts"), ENVIRONMENT, ids=[str(row[0]) for row in ENVIRONMENT])
def test_variables_override_the_stack_file_and_empty_ones_do_not(
    stage: Stage, service: Service, tmp_path: Path, variables: dict[str, str], code: int, parts: list[str]
) -> None:
    stage.monkeypatch.setenv("NO_GCE_CHECK", "true")
    stage.monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "no-gcloud"))
    for name, value in variables.items():
        stage.monkeypatch.setenv(name, value)
    before = stage.files()
    done = stage.run("plan")
    assert done.code == code
    told(done, *parts)
    assert stage.files() == before


def test_a_backend_from_the_environment_may_end_in_a_slash(stage: Stage, service: Service) -> None:
    stage.stack()
    stage.monkeypatch.setenv("RECONCILER_BACKEND", service.url + "/")
    done = stage.ok("plan")
    assert f"backend {service.url}\n" in done.out
    assert all("//v1" not in request.url for request in service.requests)


def test_a_token_goes_to_a_loopback_backend_only_where_it_was_given(stage: Stage, service: Service) -> None:
    stage.ok("plan")
    assert all("authorization" not in request.headers for request in service.requests)
    service.requests.clear()
    stage.monkeypatch.setenv("RECONCILER_TOKEN", "abc")
    stage.ok("plan")
    assert {request.headers["authorization"] for request in service.requests} == {"Bearer abc"}


def test_a_file_where_the_store_belongs_is_told(stage: Stage) -> None:
    stage.stack()
    stage.job()
    stage.write(".reconciler", "not a folder")
    for arguments in (["apply", "--yes"], ["destroy", "--yes"]):
        done = stage.run(*arguments)
        assert done.code == 1
        told(done, ".reconciler")


def test_an_embedded_database_that_is_none_is_told(stage: Stage) -> None:
    stage.stack()
    stage.job()
    stage.write(".reconciler/emulator.db", "not a database, and long enough to be taken for one" * 100)
    for arguments in (["plan"], ["apply", "--yes"]):
        done = stage.run(*arguments)
        assert done.code == 1
        told(done, "emulator.db")


def test_nobody_to_ask_is_an_error_that_names_yes_and_the_plan_was_shown(stage: Stage, service: Service) -> None:
    done = stage.run("apply")
    assert done.code == 1
    told(done, "--yes", "CustomJob/train")
    assert service.writes == []
    assert stage.run("destroy", "--allow-empty").code == 0


def test_a_machine_on_stdout_leaves_the_plan_to_people_on_stderr(stage: Stage, service: Service) -> None:
    done = stage.run("apply", "-o", "json")
    assert (done.code, done.out) == (1, "")
    assert "CustomJob/train" in done.err
    done = stage.run("apply", "-o", "json=result.json", "--yes")
    assert "CustomJob/train" in done.out
    assert json.loads((stage.root / "result.json").read_text())["summary"]["created"] == 1


@pytest.mark.parametrize("device", ["/dev/null", "/dev/stdout"])
def test_a_device_is_written_to_and_stays_one(stage: Stage, service: Service, device: str) -> None:
    before = Path(device).is_symlink(), Path(device).is_file()
    done = stage.real("plan", "-o", f"json={device}", "-o", "text=a.txt")
    assert done.code == 0
    assert (Path(device).is_symlink(), Path(device).is_file()) == before
    assert ('"formatVersion"' in done.out) == device.endswith("stdout")


def test_output_through_a_link_changes_the_file_it_names(stage: Stage, service: Service) -> None:
    stage.write("real.txt", "old")
    (stage.root / "link.txt").symlink_to("real.txt")
    stage.ok("plan", "-o", "json=link.txt")
    assert (stage.root / "link.txt").is_symlink()
    assert '"formatVersion"' in (stage.root / "real.txt").read_text()


def test_control_characters_of_a_file_reach_no_terminal(stage: Stage, service: Service) -> None:
    stage.write("evil\x1b[2J.yaml", "a\x1b[31m: [")
    (stage.root / "job.yaml").write_text(JOB.format(name="x", more="", replicas=1, image="gcr.io/a\\e[31mb"))
    for command in (["validate"], ["plan"], ["convert", "evil\x1b[2J.yaml"]):
        done = stage.run(*command)
        assert "\x1b" not in done.out + done.err


def test_the_service_s_error_is_shown_with_its_control_characters_written_out(stage: Stage, service: Service) -> None:
    service.spoil("GET", "customJobs", refusal(403, "PERMISSION_DENIED", "No \x1b[2J\x07 way."))
    done = stage.run("plan")
    assert done.code == 1
    assert "\x1b" not in done.err
    told(done, "way.")


def test_debug_shows_where_an_error_came_from_and_nothing_else_does(stage: Stage) -> None:
    plain = stage.real("plan")
    assert plain.code == 1
    assert "Traceback" not in plain.err
    for arguments in (["--debug", "plan"], ["plan", "--debug"]):
        assert "Traceback" in stage.real(*arguments).err


EMPTY = [("apply", "", "--yes"), ("plan", ""), ("plan", "--out", ""), ("destroy", "", "--yes", "--allow-cancel", "1")]


@pytest.mark.parametrize("arguments", EMPTY, ids=" ".join)
def test_an_empty_argument_is_no_name_of_the_folder_one_stands_in(
    stage: Stage, service: Service, arguments: tuple[str, ...]
) -> None:
    stage.ok("apply", "--yes")
    service.requests.clear()
    done = stage.run(*arguments)
    assert done.code == 1
    told(done, "is empty, as if a variable were not set")
    assert service.requests == []


@pytest.mark.parametrize("digits", [10, 400, 5000])
def test_a_duration_longer_than_anyone_waits_is_refused(stage: Stage, service: Service, digits: int) -> None:
    done = stage.run("apply", "--yes", "--wait", "--timeout", "9" * digits + "s")
    assert done.code == 1
    told(done, "is no duration")
    assert service.requests == []
