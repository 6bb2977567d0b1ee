"""The ways people walk: from init to an empty plan, selection, reruns, destroy, status, IAM, explain, convert."""

from __future__ import annotations

import http.client
import json
import re
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import reconciler
from reconciler.files import schemas
from reconciler.vocabulary.wire import Request
from tests.support.checkout import ROOT
from tests.support.stage import CUSTOM, JOB, ML_JOB, PROJECT, Service, Stage, command_line

ML_JOBS = f"/v1/projects/{PROJECT}/jobs"


def plan_schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((schemas.schema_root() / "reconciler/v1/Plan.json").read_text())
    return found


def test_a_new_stack_goes_from_init_to_an_empty_plan(stage: Stage) -> None:
    done = stage.ok("init")
    wrote = {line.removeprefix("wrote ") for line in done.out.splitlines()}
    assert wrote == {
        ".github/workflows/jobs.yaml", ".gitignore", ".pre-commit-config.yaml", ".reconciler-schema.json",
        "jobs/hello.yaml", "reconciler.yaml",
    }  # fmt: skip
    assert "0 errors, 0 warnings" in stage.ok("validate").out
    told = stage.ok("plan", "--out", "a.plan.json")
    digest = stage.ok("show", "a.plan.json", "--verify").out.strip()
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
    assert digest in told.out
    assert f"reconciler apply a.plan.json --expect-digest {digest}" in told.err
    applied = stage.ok("apply", "a.plan.json", "--expect-digest", digest)
    assert "1 created" in applied.out
    assert "backend embedded" in applied.err
    assert stage.run("plan", "--detailed-exitcode").code == 0
    again = stage.run("apply", "a.plan.json")
    assert again.code == 3
    assert "applied to its end before" in again.err


def test_init_keeps_what_is_there_and_draws_another_owner_each_time(stage: Stage) -> None:
    stage.write("one/.gitignore", "mine\n")
    for name in ("one", "Two Words", "3"):
        stage.ok("init", name)
    assert (stage.root / "one/.gitignore").read_text() == "mine\n"
    texts = [(stage.root / name / "reconciler.yaml").read_text() for name in ("one", "Two Words", "3")]
    assert len({uid for text in texts for uid in re.findall(r'uid: "([0-9a-f]{8})"', text)}) == 3
    for name in ("one", "Two Words", "3"):
        stage.ok("validate", name)
        stage.ok("plan", name)


def test_the_same_live_state_gives_the_same_plan_but_for_date_and_seal(stage: Stage, service: Service) -> None:
    plans = []
    for name in ("a.plan.json", "b.plan.json"):
        stage.ok("plan", "--out", name)
        content = json.loads((stage.root / name).read_text())
        plans.append({key: value for key, value in content.items() if key not in ("createdAt", "seal")})
    assert plans[0] == plans[1]


def test_a_plan_file_is_private_canonical_and_as_its_schema_says(stage: Stage, service: Service) -> None:
    stage.write("score.yaml", ML_JOB)
    stage.ok("apply", "--yes")
    stage.job(replicas=2)
    (stage.root / "score.yaml").unlink()
    stage.write("new.yaml", ML_JOB.replace("score", "fresh"))
    file = stage.root / "a.plan.json"
    stage.run("plan", "--out", "a.plan.json")
    file.chmod(0o644)
    for flag in (["-out=a.plan.json"], ["-out", "a.plan.json"]):
        assert stage.run("plan", *flag, "--allow-cancel", "2").code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = json.loads(file.read_text(encoding="utf-8"))
    assert file.read_text(encoding="utf-8") == json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    jsonschema.Draft7Validator(plan_schema()).validate(content)
    assert {change["action"] for change in content["changes"]} == {"create", "replace", "cancel"}


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_a_saved_plan_shows_as_it_did_when_it_was_made(stage: Stage, service: Service, form: str) -> None:
    made = stage.ok("plan", "--out", "a.plan.json", "-o", form)
    shown = stage.ok("show", "a.plan.json", "-o", form)
    assert shown.out == made.out
    assert "CustomJob/train" in shown.out
    if form == "json":
        assert shown.out == (stage.root / "a.plan.json").read_text()
    stage.ok("show", "a.plan.json", "-o", f"{form}=shown.txt", "-o", "text=other.txt")
    assert (stage.root / "shown.txt").read_text() == shown.out


LOOKING = [
    ["validate"], ["plan"], ["plan", "-o", "json"], ["status"], ["status", "CustomJob/train"], ["explain"], ["version"]
]  # fmt: skip


def test_planning_and_looking_leave_no_trace(stage: Stage, service: Service) -> None:
    stage.write("score.yaml", ML_JOB)
    for more in ([], [["iam", "get", "Job/score"], ["iam", "test", "Job/score", "ml.jobs.get"]]):
        before, sent = stage.files(), len(service.writes)
        for command in [*LOOKING, *more]:
            stage.ok(*command)
        assert stage.files() == before
        assert all(":testIamPermissions" in request.url for request in service.writes[sent:])
        stage.ok("apply", "--yes")


def test_planning_with_the_embedded_emulator_makes_no_file_before_the_first_apply(stage: Stage) -> None:
    stage.stack()
    stage.job()
    before = stage.files()
    for command in LOOKING:
        stage.ok(*command)
    assert stage.run("iam", "get", "Job/score").code == 1
    assert stage.files() == before


def test_a_stack_is_found_from_below_and_by_path(stage: Stage, service: Service) -> None:
    (stage.root / "deep" / "er").mkdir(parents=True)
    stage.monkeypatch.chdir(stage.root / "deep" / "er")
    assert stage.actions() == {"CustomJob/train": "create"}
    stage.monkeypatch.chdir("/")
    assert stage.actions(str(stage.root)) == {"CustomJob/train": "create"}
    stage.ok("apply", stage.root, "-auto-approve")
    assert len(service.writes) == 1


def test_a_stream_is_the_whole_desired_set(stage: Stage, service: Service) -> None:
    stream = JOB.format(name="piped", more="", replicas=1, image="gcr.io/demo/train:1")
    stage.ok("validate", "-", stdin=stream)
    done = stage.ok("plan", "-", "-o", "json", stdin=stream)
    assert [change["address"] for change in done.json["changes"]] == ["CustomJob/piped"]
    assert done.json["changes"][0]["source"]["file"] == "<stdin>"
    stage.ok("apply", "-", "--yes", stdin="\ufeff" + stream)
    assert len(service.writes) == 1
    assert stage.run("plan", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": []})).code == 1


def test_selection_narrows_plan_and_apply(stage: Stage, service: Service) -> None:
    stage.job("serve")
    stage.job("tune")
    assert set(stage.actions("--select", "CustomJob/t*")) == {"CustomJob/train", "CustomJob/tune"}
    assert set(stage.actions("--select", "*/t*", "--exclude", "*/tune")) == {"CustomJob/train"}
    assert set(stage.actions("--exclude", "*/tune", "--exclude", "*/serve")) == {"CustomJob/train"}
    stage.ok("apply", "--yes", "--select", "CustomJob/serve")
    assert [row["labels"]["reconciler_name"] for row in service.rows()] == ["serve"]


def test_a_rerun_starts_a_finished_job_once_more(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes", "--wait", "--timeout", "2h")
    assert stage.actions() == {"CustomJob/train": "noop"}
    assert stage.actions("--rerun", "CustomJob/train") == {"CustomJob/train": "create"}
    stage.ok("apply", "--yes", "--rerun", "CustomJob/train")
    assert len(service.rows()) == 2
    assert stage.actions() == {"CustomJob/train": "noop"}


def test_destroy_needs_its_numbers_and_then_cancels_and_deletes(stage: Stage, service: Service) -> None:
    stage.job("other")
    stage.ok("apply", "--yes")
    blocked = stage.run("destroy", "--yes")
    assert blocked.code == 4
    assert "--allow-cancel 2" in blocked.err
    assert stage.run("destroy", "--yes", "--allow-cancel", "1").code == 4
    stage.ok("destroy", "--yes", "--allow-cancel", "2")
    assert {row["state"] for row in service.rows()} == {"JOB_STATE_CANCELLED"}
    needs = stage.run("destroy", "--yes", "--delete")
    assert needs.code == 4
    assert "--allow-delete 2" in needs.err
    stage.ok("destroy", "--yes", "--delete", "--allow-delete", "2")
    assert service.rows() == []
    stage.ok("destroy", "--yes", "--delete")


def test_destroy_keeps_what_a_manifest_protects_though_its_run_started_without(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes")
    stage.job(more="lifecycle: {protect: true}\n")
    stage.ok("destroy", "--yes", "--delete", "--allow-cancel", "1", "--allow-delete", "1")
    assert len(service.rows()) == 1
    assert service.rows()[0]["state"] in ("JOB_STATE_QUEUED", "JOB_STATE_PENDING", "JOB_STATE_RUNNING")


def test_a_result_file_inside_the_stack_is_no_manifest(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes", "-o", "json=result.json")
    stage.ok("validate", "-o", "json=problems.json")
    stage.ok("validate")


def test_status_tells_phase_decision_and_backend(stage: Stage, service: Service) -> None:
    assert "CustomJob/train" in stage.ok("status").out
    stage.ok("apply", "--yes")
    stage.job("other")
    text = stage.ok("status").out
    assert f"backend {service.url}" in text
    assert re.search(r"CustomJob/train +PENDING +1 ", text)
    assert re.search(r"CustomJob/other +- .* missing", text)
    told = stage.ok("status", "-o", "json").json
    assert told["backend"] == service.url
    assert [each["address"] for each in told["addresses"]] == ["CustomJob/other", "CustomJob/train"]
    assert told["addresses"][1]["runs"][0]["phase"] == "PENDING"


def test_status_of_one_address_tells_why(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes")
    resource = service.rows()[0]["name"]
    service.emulator.set_state(resource, "JOB_STATE_FAILED", {"code": 3, "message": "out of memory"})
    text = stage.ok("status", "CustomJob/train").out
    for part in (
        "ended_kept",
        "train.yaml:1",
        "v1-",
        "Ledger 1",
        resource,
        "console.cloud.google.com",
        "out of memory",
    ):
        assert part in text


def test_status_shows_a_renamed_run_under_its_new_name_and_nobody_elses(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes")
    (stage.root / "train.yaml").unlink()
    stage.write(
        "trained.yaml", JOB.format(name="trained, formerly: train", more="", replicas=1, image="gcr.io/demo/train:1")
    )
    [row] = service.rows()
    alien = {**row["labels"], "reconciler_owner": "0badcafe", "reconciler_name": "trained"}
    body = {"displayName": "x", "jobSpec": row["jobSpec"], "labels": alien}
    service.emulator(Request("POST", f"{service.url}{CUSTOM}", {}, json.dumps(body).encode()))
    [told] = stage.ok("status", "-o", "json").json["addresses"]
    assert told["address"] == "CustomJob/trained"
    assert [run["resource"] for run in told["runs"]] == [row["name"]]
    assert "Ledger 1" in stage.ok("status", "CustomJob/trained").out


def test_status_watches_until_nothing_is_active(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes")
    out = stage.ok("status", "--watch").out
    assert out.index("PENDING") < out.index("RUNNING") < out.index("SUCCEEDED")


def test_an_iam_policy_is_read_written_and_tested_and_a_lost_update_refused(stage: Stage, service: Service) -> None:
    stage.write("score.yaml", ML_JOB)
    stage.ok("apply", "--yes")
    policy = stage.ok("iam", "get", "Job/score").json
    policy["bindings"] = [{"role": "roles/ml.jobOwner", "members": ["user:a@example.com"]}]
    stage.write("policy.txt", json.dumps(policy))
    assert stage.ok("iam", "set", "Job/score", "policy.txt").json["bindings"] == policy["bindings"]
    lost = stage.run("iam", "set", "Job/score", "policy.txt")
    assert lost.code == 1
    assert "concurrent policy changes" in lost.err
    assert stage.ok("iam", "get", "Job/score").json["bindings"] == policy["bindings"]
    tested = stage.ok("iam", "test", "Job/score", "ml.jobs.get", "ml.jobs.fly")
    assert tested.out.split() == ["ml.jobs.get"]


def test_every_command_that_names_an_address_finds_a_renamed_run(stage: Stage, service: Service) -> None:
    stage.write("score.yaml", ML_JOB)
    stage.ok("apply", "--yes")
    policy = stage.ok("iam", "get", "Job/score").json
    stage.write("score.yaml", ML_JOB.replace("{name: score}", "{name: scored, formerly: score}"))
    assert stage.ok("iam", "get", "Job/scored").json == policy
    assert "Job/scored" in stage.ok("status", "Job/scored").out
    for command in (["iam", "get"], ["status"]):
        done = stage.run(*command, "Job/score")
        assert done.code == 1
        assert "its runs belong to Job/scored" in done.err


def test_explain_describes_kinds_and_fields_and_prints_the_published_schema(stage: Stage) -> None:
    listed = stage.ok("explain").out
    for kind in schemas.load_kinds().values():
        assert f"{kind.name} " in listed
        assert kind.api_version in listed
        published = schemas.schema_root() / kind.api_version / f"{kind.name}.json"
        assert stage.ok("explain", kind.name, "--schema").out == published.read_text()
        assert "spec" in stage.ok("explain", kind.name).out
    assert "7 days" in stage.ok("explain", "CustomJob.spec.jobSpec.scheduling.timeout").out
    assert "7 days" in stage.ok("explain", "CustomJob.spec.job_spec.scheduling.timeout").out
    assert "machineType" in stage.ok("explain", "CustomJob.spec.jobSpec.workerPoolSpecs[0].machineSpec").out
    below = stage.ok("explain", "CustomJob.spec.jobSpec.scheduling", "--schema").json
    assert "timeout" in below["properties"]


def test_convert_prints_manifests_and_tells_on_stderr_what_it_changed(stage: Stage, service: Service) -> None:
    stage.write("reconciler.yaml", (stage.root / "reconciler.yaml").read_text() + '  ignore: ["gcloud/**"]\n')
    stage.write(
        "gcloud/tune.yaml",
        "workerPoolSpecs:\n  machineSpec: {machineType: n1-standard-4}\n  replicaCount: '2'\n"
        "  containerSpec: {imageUri: gcr.io/demo/tune:1}\n",
    )
    done = stage.ok("convert", "gcloud/tune.yaml")
    assert "gcloud/tune.yaml" in done.err
    stage.ok("validate", "-", stdin=done.out)
    stage.write("tune.yaml", done.out)
    assert stage.actions() == {"CustomJob/train": "create", "CustomJob/tune": "create"}
    stage.ok("apply", "--yes")
    assert set(stage.actions().values()) == {"noop"}
    both = stage.ok("convert", "gcloud/tune.yaml", "gcloud/tune.yaml").out
    assert both.count("apiVersion:") == 2
    assert "\n---\n" in both


def test_version_is_told_in_three_ways(stage: Stage) -> None:
    for arguments in (["version"], ["--version"]):
        assert stage.ok(*arguments).out == f"reconciler {reconciler.__version__}\n"
    assert stage.ok("version", "-o", "json").json == {"name": "reconciler", "version": reconciler.__version__}


def test_help_is_there_for_every_command(stage: Stage) -> None:
    listed = stage.ok("--help").out.split("Commands:")[1]
    for name in re.findall(r"^  ([a-z]+) ", listed, re.MULTILINE):
        assert stage.ok(name, "--help").out.startswith(f"Usage: reconciler {name}")
        assert stage.ok(name, "-h").out


def test_wait_stands_before_a_plan_file(stage: Stage, service: Service) -> None:
    stage.ok("plan", "--out", "a.plan.json")
    stage.ok("apply", "--wait", "a.plan.json", "--timeout", "2h")
    assert service.rows()[0]["state"] == "JOB_STATE_SUCCEEDED"


def test_apply_as_json_is_one_document_on_stdout(stage: Stage, service: Service) -> None:
    done = stage.ok("apply", "--yes", "-o", "json")
    assert set(done.json) == {"planDigest", "summary", "outcomes"}
    assert set(done.json["summary"]) == {
        "created", "updated", "replaced", "cancelled", "deleted", "skipped", "deferred", "uncertain", "failed"
    }  # fmt: skip
    assert set(done.json["outcomes"][0]) == {"address", "operation", "status", "resource", "error"}
    assert stage.ok("apply", "--yes", "-o", "json").json["outcomes"] == []


def test_validate_reports_one_file_of_a_stack_and_every_stack_named(stage: Stage, service: Service) -> None:
    bad = stage.job("bad", more="lifecycle: {onChange: never}\n")
    assert stage.run("validate", "train.yaml").code == 0
    assert stage.run("validate", bad).code == 1
    assert stage.run("validate", "train.yaml", "bad.yaml").code == 1
    assert stage.run("validate", "reconciler.yaml").code == 1, "a default that changed is judged with all it changes"
    done = stage.run("validate", "-o", "json=problems.txt")
    assert (done.code, done.out) == (1, "")
    [problem] = json.loads((stage.root / "problems.txt").read_text())["problems"]
    assert (problem["file"], problem["line"], problem["path"]) == ("bad.yaml", 4, "lifecycle.onChange")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_emulator_serves_as_a_process_until_it_is_told_to_stop(stage: Stage, number: signal.Signals) -> None:
    """SIGINT is how people end it, SIGTERM how programs do: both exit 0."""
    with subprocess.Popen(
        command_line("emulate", "--port", "0", "--db", "jobs.db"), cwd=stage.root, text=True, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stderr is not None
            told = process.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:(\d+)", told)
            assert found, told
            port = int(found[1])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", ML_JOBS)
            assert connection.getresponse().status == 200
            connection.close()
            stage.stack(f"http://127.0.0.1:{port}")
            stage.job()
            stage.ok("apply", "--yes")
        finally:
            process.send_signal(number)
            process.communicate(timeout=15)
    assert process.returncode == 0
    assert Path(stage.root, "jobs.db").stat().st_size > 0


def test_the_quickstart_of_the_repository_walks_its_main_path(stage: Stage) -> None:
    quickstart = ROOT / "manifests" / "quickstart"
    for path in quickstart.rglob("*.yaml"):
        stage.write(path.relative_to(quickstart).as_posix(), path.read_text())
    stage.ok("validate")
    stage.ok("apply", "--yes", "--wait=running")
    assert set(stage.actions().values()) == {"noop"}
    train = stage.root / "jobs" / "train.yaml"
    train.write_text(train.read_text().replace("trainer:1.4.0", "trainer:1.5.0"))
    assert stage.run("apply", "--yes").code == 4
    replaced = stage.ok("apply", "--yes", "--allow-cancel", "1", "-o", "json").json
    assert replaced["summary"]["replaced"] == 1
    (stage.root / "jobs" / "search.yaml").unlink()
    assert stage.ok("apply", "--yes", "-o", "json").json["summary"]["cancelled"] == 1
    assert stage.run("plan", "--detailed-exitcode").code == 0
