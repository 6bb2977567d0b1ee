"""A trusted job takes a snapshot; whoever has no credentials plans against it. The snapshot holds no secret."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import textwrap
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from reconciler.emulator.state.clocks import ManualClock
from reconciler.files import schemas
from reconciler.stores.folder import FolderStore
from reconciler.vocabulary.wire import Request
from tests.support.checkout import ROOT
from tests.support.faults import refusal
from tests.support.stage import JOB, ML_JOB, Done, Service, Stage, told

SECRET = "s3cr3t-of-the-house"
"""A value that nothing else could contain by chance."""
FILE = "live.snapshot.json"


def read(stage: Stage, file: str = FILE) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((stage.root / file).read_text())
    return found


def sealed(document: dict[str, Any]) -> str:
    """Forge: write digest and seal anew over an altered snapshot, as a third party could without our code."""

    def digest(value: Any) -> str:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        return "sha256:" + hashlib.sha256(text).hexdigest()

    covered = ("stack", "backend", "scopes", "unlisted", "ledger", "places")
    document["digest"] = digest({key: document[key] for key in covered})
    document["seal"] = digest({key: value for key, value in document.items() if key != "seal"})
    return json.dumps(document)


@pytest.fixture
def taken(stage: Stage, service: Service) -> dict[str, Any]:
    """The content of a snapshot of one running job."""
    stage.ok("apply", "--yes")
    stage.ok("snapshot", "--out", FILE)
    service.requests.clear()
    return read(stage)


# ---------------------------------------------------------------- taking one


def test_a_snapshot_is_taken_with_get_alone_and_writes_one_private_file(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes")
    service.requests.clear()
    before = stage.files()
    done = stage.ok("snapshot", "--out", FILE)
    assert {request.method for request in service.requests} == {"GET"}
    assert {name: content for name, content in stage.files().items() if name != FILE} == before
    assert stat.S_IMODE((stage.root / FILE).stat().st_mode) == 0o600
    assert done.out == f"Snapshot: {read(stage)['digest']}\n"
    assert "Saved 1 runs of" in done.err
    assert stage.ok("validate").code == 0


def test_a_snapshot_is_taken_while_somebody_else_holds_the_lock(stage: Stage, service: Service) -> None:
    stage.ok("apply", "--yes")
    with FolderStore(stage.root / ".reconciler", stage.clock).lock("an apply"):
        assert stage.run("apply", "--yes").code == 5
        stage.ok("snapshot", "--out", FILE)


def test_a_snapshot_fits_its_published_schema(stage: Stage, service: Service) -> None:
    stage.write("score.yaml", ML_JOB)
    stage.ok("apply", "--yes")
    stage.clock.advance(200 * 86400)
    stage.ok("snapshot", "--out", FILE)
    content = read(stage)
    assert [run["kind"] for run in content["unlisted"]] == ["Job"]
    schema = schemas.load_schema("reconciler/v1/Snapshot.json")
    assert [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(content)] == []
    assert set(content) == set(schema["properties"])


def test_kinds_that_nobody_uses_and_nobody_may_list_are_left_out_and_block_only_who_wants_them(
    stage: Stage, service: Service
) -> None:
    stage.ok("apply", "--yes")
    service.spoil("GET", "/v1/projects/demo-project/jobs", refusal(403, "PERMISSION_DENIED", "No."))
    done = stage.ok("snapshot", "--out", FILE)
    assert "Left out: Job in demo-project: " in done.err
    assert stage.ok("plan", "--against", FILE).code == 0
    stage.write("score.yaml", ML_JOB)
    blocked = stage.run("plan", "--against", FILE)
    assert blocked.code == 4
    told(blocked, "incomplete", "Job in demo-project", "the snapshot does not cover it")


def test_a_list_that_has_to_be_there_and_fails_fails_the_snapshot(stage: Stage, service: Service) -> None:
    service.spoil("GET", "customJobs", refusal(403, "PERMISSION_DENIED", "No."))
    assert stage.run("snapshot", "--out", FILE).code == 1
    assert not (stage.root / FILE).exists()


# ---------------------------------------------------------------- no secret in it

POOL = "jobSpec: {workerPoolSpecs: [{machineSpec: {machineType: n1-standard-4}, CONTAINER}]}"
CONTAINER = 'containerSpec: {imageUri: "gcr.io/a/b", ENV}'
PACKAGE = 'pythonPackageSpec: {executorImageUri: "gcr.io/a/b", packageUris: ["gs://a/b"], pythonModule: m, ENV}'
NAS = """nasJobSpec:
    searchSpaceSpec: "{}"
    multiTrialAlgorithmSpec:
      multiTrialAlgorithm: REINFORCEMENT_LEARNING
      metric: {metricId: top_1, goal: MAXIMIZE}
      searchTrialSpec:
        maxTrialCount: 2
        maxParallelTrialCount: 1
        searchTrialJobSpec: {SEARCH}
      trainTrialSpec:
        maxParallelTrialCount: 1
        frequency: 1
        trainTrialJobSpec: {TRAIN}"""
PLAIN = "workerPoolSpecs: [{machineSpec: {machineType: n1-standard-4}, containerSpec: {imageUri: gcr.io/a/b}}]"


def nas(**places: str) -> str:
    text = NAS
    for place in ("SEARCH", "TRAIN"):
        inner = POOL.removeprefix("jobSpec: {").removesuffix("}").replace("CONTAINER", CONTAINER)
        text = text.replace(place, inner.replace("ENV", places[place]) if place in places else PLAIN)
    return text


LITERAL = f"env: [{{name: MODE, value: {SECRET}}}]"
NAMED = "env: [{name: MODE, valueFrom: {env: RECONCILER_SECRET_HOUSE}}]"
VERTEX = "aiplatform.googleapis.com/v1"
ML = "ml.googleapis.com/v1"
TRAINING = "trainingInput: {region: us-central1, scaleTier: CUSTOM, masterType: n1-standard-8, ARGS, ROLES}"
STANDING: list[tuple[str, str, str, str]] = [
    *[
        (f"{kind} of a {where} of CustomJob", VERTEX, "CustomJob", POOL.replace("CONTAINER", spec.replace("ENV", env)))
        for kind, env in (("a literal", LITERAL), ("a named value", NAMED))
        for where, spec in (("container", CONTAINER), ("Python package", PACKAGE))
    ],
    *[
        (f"{kind} in {place.lower()} trials of NasJob", VERTEX, "NasJob", nas(**{place: env}))
        for kind, env in (("a literal", LITERAL), ("a named value", NAMED))
        for place in ("SEARCH", "TRAIN")
    ],
    (
        "an argument of CustomJob",
        VERTEX,
        "CustomJob",
        POOL.replace("CONTAINER", CONTAINER.replace("ENV", f"args: [--api-key={SECRET}]")),
    ),
    (
        "an argument after its flag",
        VERTEX,
        "CustomJob",
        POOL.replace("CONTAINER", CONTAINER.replace("ENV", f'args: ["--password", "{SECRET}"]')),
    ),
    (
        "an argument of an ml job",
        ML,
        "Job",
        TRAINING.replace("ARGS", f'args: ["--token={SECRET}"]').replace(
            "ROLES", "masterConfig: {imageUri: gcr.io/a/b}"
        ),
    ),
    (
        "an argument of an ml worker",
        ML,
        "Job",
        TRAINING.replace("ARGS", "packageUris: [gs://a/b], pythonModule: m").replace(
            "ROLES", f'masterConfig: {{imageUri: gcr.io/a/b, containerArgs: ["--db-password", "{SECRET}"]}}'
        ),
    ),
]


@pytest.mark.parametrize(("what", "version", "kind", "spec"), STANDING, ids=[row[0] for row in STANDING])
def test_no_value_that_may_be_a_secret_stands_in_a_snapshot_wherever_it_stands_in_a_job(
    stage: Stage, service: Service, what: str, version: str, kind: str, spec: str
) -> None:
    stage.monkeypatch.setenv("RECONCILER_SECRET_HOUSE", SECRET)
    manifest = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: keeper}}\nspec:\n  {spec}\n"
    (stage.root / "train.yaml").unlink()
    stage.write("keeper.yaml", manifest)
    stage.ok("apply", "--yes")
    assert any(SECRET.encode() in request.body for request in service.writes)
    stage.ok("snapshot", "--out", FILE)
    text = (stage.root / FILE).read_text()
    assert SECRET not in text
    assert "(sensitive)" in text
    assert stage.ok("plan", "--against", FILE, "-o", "json").json["summary"]["noop"] == 1


def test_a_value_of_a_past_manifest_and_one_an_error_quotes_are_withheld_too(stage: Stage, service: Service) -> None:
    stage.monkeypatch.setenv("RECONCILER_SECRET_HOUSE", SECRET)
    text = JOB.format(name="train", more="", replicas=1, image="gcr.io/demo/train:1")
    stage.write("train.yaml", text.replace('{imageUri: "', f'{{{NAMED}, imageUri: "'))
    stage.ok("apply", "--yes")
    [row] = service.rows()
    stage.job()
    failed = {"code": 9, "message": f"The replica exited with MODE={SECRET[:14]}", "details": [SECRET]}

    def quote(request: Request, reply: Any) -> None:
        del request
        body = reply.body.replace(b'"JOB_STATE_PENDING"', b'"JOB_STATE_FAILED","error":' + json.dumps(failed).encode())
        object.__setattr__(reply, "body", body)

    service.after.append(quote)
    stage.ok("snapshot", "--out", FILE)
    held = (stage.root / FILE).read_text()
    assert "The replica exited with" in held
    assert row["name"] in held
    for part in (SECRET, SECRET[:14], "s3cr3t"):
        assert part not in held


# ---------------------------------------------------------------- planning against one


def test_planning_needs_no_credentials_no_network_and_no_store(stage: Stage, service: Service) -> None:
    """The backend is google: the trusted job reached it, here by way of the environment; the fork cannot reach anything."""
    stage.stack("google", "store: gs://nobody-has-this-bucket\n")
    stage.monkeypatch.setenv("RECONCILER_BACKEND", service.url)
    stage.monkeypatch.setenv("RECONCILER_STORE", ".reconciler")
    stage.ok("apply", "--yes")
    stage.ok("snapshot", "--out", FILE)
    content = read(stage)
    content["backend"] = "google"
    stage.write(FILE, sealed(content))
    for name in ("RECONCILER_BACKEND", "RECONCILER_STORE"):
        stage.monkeypatch.delenv(name)
    stage.monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    stage.monkeypatch.setenv("CI", "true")
    stage.monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a socket was opened"))
    service.requests.clear()
    before = stage.files()
    done = stage.ok("plan", "--against", FILE, "-o", "json")
    assert done.json["backend"] == "google"
    assert [change["reason"] for change in done.json["changes"]] == ["up_to_date"]
    stage.job(replicas=2)
    changed = stage.run("plan", "--against", FILE, "-o", "json", "--allow-cancel", "1")
    assert [field["after"] for field in changed.json["changes"][0]["fields"]] == ["2"]
    assert service.requests == []
    assert {name: content for name, content in stage.files().items() if name != "train.yaml"} == {
        name: content for name, content in before.items() if name != "train.yaml"
    }


def test_a_real_process_without_a_network_plans_against_a_snapshot(
    stage: Stage, service: Service, taken: dict[str, Any]
) -> None:
    guard = """
        import socket

        class Refused(socket.socket):
            def __init__(self, *_, **__):
                raise SystemExit("a socket was opened")

        socket.socket = Refused
    """
    (stage.root / ".guard").mkdir()
    stage.write(".guard/sitecustomize.py", textwrap.dedent(guard))
    path = os.pathsep.join([str(stage.root / ".guard"), str(ROOT)])
    live = stage.real("plan", PYTHONPATH=path)
    assert "a socket was opened" in live.err
    blind = stage.real("plan", "--against", FILE, PYTHONPATH=path)
    assert (blind.code, service.requests) == (0, [])
    assert taken["digest"] in blind.out


def test_every_form_of_the_plan_says_what_it_was_made_against(
    stage: Stage, service: Service, taken: dict[str, Any]
) -> None:
    stage.clock.advance(2 * 3600)
    stage.job("second")
    for form in ("text", "markdown", "html"):
        done = stage.ok("plan", "--against", FILE, "-o", form)
        assert f"Made against a snapshot of {taken['createdAt']}, 2 h old ({taken['digest']}), not live." in done.out
    done = stage.ok("plan", "--against", FILE, "-o", "json")
    assert done.json["against"] == {"digest": taken["digest"], "createdAt": taken["createdAt"]}


def test_its_digest_is_the_live_plans_and_apply_refuses_it(stage: Stage, service: Service, taken: Any) -> None:
    stage.job("second")
    blind = stage.ok("plan", "--against", FILE, "--out", "blind.plan.json")
    assert "it can be shown but not applied" in blind.err
    stage.ok("plan", "--out", "live.plan.json")
    assert read(stage, "blind.plan.json")["digest"] == read(stage, "live.plan.json")["digest"]
    assert stage.ok("show", "--verify", "blind.plan.json").out == stage.ok("show", "--verify", "live.plan.json").out
    service.requests.clear()
    done = stage.run("apply", "blind.plan.json", "--yes")
    assert done.code == 3
    told(done, "made against a snapshot", "plan with credentials")
    unmarked = read(stage, "blind.plan.json")
    del unmarked["against"]
    stage.write("unmarked.plan.json", json.dumps(unmarked))
    assert stage.run("apply", "unmarked.plan.json", "--yes").code == 3
    assert service.requests == []
    stage.ok("apply", "live.plan.json", "--expect-digest", read(stage, "blind.plan.json")["digest"])


def test_a_snapshot_may_be_too_old(stage: Stage, service: Service, taken: Any) -> None:
    stage.clock.advance(3600)
    assert stage.ok("plan", "--against", FILE, "--max-age", "2h").code == 0
    done = stage.run("plan", "--against", FILE, "--max-age", "30m")
    assert done.code == 3
    told(done, "the snapshot is 36", "--max-age allows 1800 s", "take a snapshot again")
    alone = stage.run("plan", "--max-age", "30m")
    assert alone.code == 1
    told(alone, "--against", "not given")
    stage.clock = ManualClock(stage.clock.now() - 7200)
    assert stage.run("plan", "--against", FILE, "--max-age", "30m").code == 3


OTHERS = [
    ("another uid", '"3fa94c1b"', '"00000000"', ["00000000", "3fa94c1b"]),
    ("another name", "name: demo", "name: other", ["other", "demo"]),
    ("another backend", "backend: http", "backend: embedded # http", ["embedded", "127.0.0.1"]),
    ("runs taken over", 'uid: "3fa94c1b"', 'uid: "3fa94c1b", formerUids: ["00000000"]', ["formerUids", "00000000"]),
]


@pytest.mark.parametrize(("what", "old", "new", "parts"), OTHERS, ids=[row[0] for row in OTHERS])
def test_a_snapshot_of_another_stack_is_refused_with_3(
    stage: Stage, service: Service, taken: Any, what: str, old: str, new: str, parts: list[str]
) -> None:
    file = stage.root / "reconciler.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    done = stage.run("plan", "--against", FILE)
    assert (done.code, done.out) == (3, "")
    told(done, *parts)
    assert service.requests == []


# ---------------------------------------------------------------- withheld values


def with_env(stage: Stage, *env: str, image: str = "gcr.io/demo/train:1", more: str = "") -> None:
    text = JOB.format(name="train", more=more, replicas=1, image=image)
    stage.write("train.yaml", text.replace('{imageUri: "', f'{{env: [{", ".join(env)}], imageUri: "'))


MODE, PASS = "{name: MODE, value: fast}", "{name: PASS, valueFrom: {env: RECONCILER_SECRET_HOUSE}}"
AT = "spec.jobSpec.workerPoolSpecs[0].containerSpec"
NOT_COMPARED = "not compared, the snapshot withholds the live value: "
WITHHELD: list[tuple[str, dict[str, Any], str, list[dict[str, Any]], list[str]]] = [
    ("nothing", {"env": (MODE, PASS)}, "up_to_date", [], []),
    (
        "a withheld value",
        {"env": ("{name: MODE, value: slow}", PASS)},
        "spec_changed",
        [{"path": f"{AT}.env[0].value", "before": "(sensitive)", "after": "slow"}],
        [],
    ),
    (
        "a withheld value that is a secret by its name",
        {"env": (MODE, "{name: API_TOKEN, value: b}", PASS), "base": (MODE, "{name: API_TOKEN, value: a}", PASS)},
        "spec_changed",
        [
            {"path": f"{AT}.env[0].value", "before": "(sensitive)", "after": "fast"},
            {"path": f"{AT}.env[1].value", "before": "(sensitive)", "after": "(sensitive)"},
        ],
        [],
    ),
    (
        "something else",
        {"env": (MODE, PASS), "image": "gcr.io/demo/train:2"},
        "spec_changed",
        [{"path": f"{AT}.imageUri", "before": "gcr.io/demo/train:1", "after": "gcr.io/demo/train:2"}],
        [],
    ),
    (
        "something else and a withheld value",
        {"env": ("{name: MODE, value: slow}", PASS), "image": "gcr.io/demo/train:2"},
        "spec_changed",
        [{"path": f"{AT}.imageUri", "before": "gcr.io/demo/train:1", "after": "gcr.io/demo/train:2"}],
        [f"{NOT_COMPARED}{AT}.env[0].value"],
    ),
    (
        "one variable fewer",
        {"env": (MODE,)},
        "spec_changed",
        [{"path": f"{AT}.env[1]", "before": {"name": "PASS", "value": "(sensitive)"}}],
        [f"{NOT_COMPARED}{AT}.env[0].value"],
    ),
    (
        "what counts",
        {"env": (MODE, PASS), "more": "lifecycle: {ignoreChanges: [spec.jobSpec.scheduling]}\n"},
        "up_to_date",
        [],
        [],
    ),
    (
        "what counts, the withheld value itself",
        {"env": ("{name: MODE, value: slow}", PASS), "more": f'lifecycle: {{ignoreChanges: ["{AT}.env"]}}\n'},
        "up_to_date",
        [],
        [],
    ),
]


@pytest.mark.parametrize(("what", "now", "reason", "fields", "notes"), WITHHELD, ids=[row[0] for row in WITHHELD])
def test_what_a_plan_says_of_withheld_values_where_a_manifest_changes(
    stage: Stage, service: Service, what: str, now: dict[str, Any], reason: str, fields: list[Any], notes: list[str]
) -> None:
    stage.monkeypatch.setenv("RECONCILER_SECRET_HOUSE", SECRET)
    with_env(stage, *now.get("base", (MODE, PASS)))
    stage.ok("apply", "--yes")
    stage.ok("snapshot", "--out", FILE)
    with_env(stage, *now["env"], image=now.get("image", "gcr.io/demo/train:1"), more=now.get("more", ""))
    done = stage.ok("plan", "--against", FILE, "-o", "json", "--allow-cancel", "1")
    [change] = done.json["changes"]
    assert change["reason"] == reason
    assert [
        {key: field[key] for key in field if key in ("path", "before", "after")} for field in change["fields"]
    ] == fields
    assert change["notes"] == notes


def test_a_label_of_another_version_proves_nothing_and_starts_nothing(stage: Stage, service: Service) -> None:
    with_env(stage, MODE)
    stage.ok("apply", "--yes")
    stage.ok("snapshot", "--out", FILE)
    content = read(stage)
    text = json.dumps(content)
    label = content["scopes"][0]["jobs"][0]["row"]["labels"]["reconciler_fingerprint"]
    stage.write(FILE, sealed(json.loads(text.replace(label, "v0-" + "0" * 40))))
    with_env(stage, "{name: MODE, value: slow}")
    [change] = stage.ok("plan", "--against", FILE, "-o", "json").json["changes"]
    assert (change["action"], change["reason"]) == ("noop", "up_to_date")
    assert change["notes"] == [f"{NOT_COMPARED}{AT}.env[0].value"]


# ---------------------------------------------------------------- hostile files


def deep(levels: int) -> Callable[[dict[str, Any]], str]:
    def spoil(content: dict[str, Any]) -> str:
        value: Any = "x"
        for _ in range(levels):
            value = {"a": value}
        content["scopes"][0]["jobs"][0]["row"]["jobSpec"] = value
        return sealed(content)

    return spoil


def forged(path: str, value: Any) -> Callable[[dict[str, Any]], str]:
    def spoil(content: dict[str, Any]) -> str:
        *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
        node: Any = content
        for step in steps:
            node = node[step]
        node[last] = value
        return sealed(content)

    return spoil


JOB_AT = "scopes/0/jobs/0"
ENV_AT = f"{JOB_AT}/row/jobSpec/workerPoolSpecs/0/containerSpec/env"
HOSTILE: list[tuple[str, Callable[[dict[str, Any]], str], list[str]]] = [
    ("an edit", lambda content: json.dumps(content | {"backend": "google"}), ["was edited"]),
    ("another time", lambda content: json.dumps(content | {"createdAt": "2030-01-01T00:00:00Z"}), ["was edited"]),
    ("no JSON", lambda content: "{", ["not a snapshot", "snapshot --out"]),
    ("a plan file", lambda content: json.dumps({"formatVersion": "1.0", "changes": []}), ["not a snapshot"]),
    ("another version", lambda content: json.dumps(content | {"formatVersion": "2.0"}), ["'2.0'", "'1.0'"]),
    ("an unknown field", lambda content: sealed(content | {"more": 1}), ["more"]),
    (
        "a missing field",
        lambda content: json.dumps({key: content[key] for key in content if key != "ledger"}),
        ["ledger"],
    ),
    ("an unknown field of a job", forged(f"{JOB_AT}/more", 1), ["does not know"]),
    ("rows that are text", forged(f"{JOB_AT}/row", "x"), ["shape"]),
    ("labels that are numbers", forged(f"{JOB_AT}/row/labels", {"reconciler_kind": 1}), ["shape"]),
    ("true for a count", forged("scopes/0/runs", True), ["does not know"]),
    ("a value that must be withheld", forged(ENV_AT, [{"name": "A", "value": "b"}]), ["must not hold"]),
    ("a key twice", lambda content: '{"kind": "Snapshot", "kind": "Snapshot"}', ["twice"]),
    ("no number", lambda content: json.dumps(content).replace('"runs": 1', '"runs": NaN'), ["NaN"]),
    (
        "an endless number",
        lambda content: json.dumps(content).replace('"runs": 1', '"runs": ' + "1" * 5000),
        ["snapshot"],
    ),
    ("half a character", lambda content: json.dumps(content | {"backend": "\ud800"}), ["JSON does not have"]),
    ("deep nesting", deep(200), ["nests deeper"]),
    ("nesting beyond measure", lambda content: '{"kind":' * 100_000, ["not a snapshot"]),
    ("an IAM policy that is none", forged(f"{JOB_AT}/policy", {"bindings": [{"members": [1]}]}), ["lacks", "role"]),
]


@pytest.mark.parametrize(("what", "spoil", "parts"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_a_snapshot_that_is_not_as_it_was_written_is_refused_with_3(
    stage: Stage, service: Service, taken: dict[str, Any], what: str, spoil: Callable[[Any], str], parts: list[str]
) -> None:
    stage.write(FILE, spoil(taken))
    done = stage.run("plan", "--against", FILE)
    assert (done.code, done.out) == (3, "")
    told(done, *parts)
    assert service.requests == []


def test_an_endless_snapshot_is_refused_within_bounds(stage: Stage, service: Service) -> None:
    stage.monkeypatch.setattr("reconciler.files.planfile.LARGEST", 4096)
    done = stage.run("plan", "--against", "/dev/zero")
    assert done.code == 3
    told(done, "/dev/zero", "larger than any snapshot")
    missing = stage.run("plan", "--against", "nowhere.json")
    assert missing.code == 1
    told(missing, "nowhere.json cannot be read")


CONTROL = "\x1b[2J\x07\u202e::error::x\r\n|`<script>"


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_control_characters_in_a_snapshot_reach_no_output(
    stage: Stage, service: Service, taken: dict[str, Any], form: str
) -> None:
    taken["scopes"][0]["lacking"] = CONTROL
    taken["scopes"][0]["jobs"][0]["row"]["displayName"] = CONTROL
    taken["createdAt"] = CONTROL
    stage.write(FILE, sealed(taken))
    done = stage.run("plan", "--against", FILE, "-o", form)
    assert done.code == 4
    assert not {*"\x1b\x07\u202e\r"} & {*done.out, *done.err}
    assert "<script>x" not in done.out


WILD: list[Any] = [
    None,
    [],
    {},
    7,
    "x",
    True,
    [[]],
    [{}],
    {"a": [1]},
    {"workerPoolSpecs": 1},
    {"workerPoolSpecs": [None]},
]


@pytest.mark.parametrize("wild", WILD, ids=repr)
def test_a_spec_of_any_shape_is_compared_without_a_crash(
    stage: Stage, service: Service, taken: dict[str, Any], wild: Any
) -> None:
    taken["scopes"][0]["jobs"][0]["row"]["jobSpec"] = wild
    stage.write(FILE, sealed(taken))
    stage.job(replicas=2)
    done = stage.run("plan", "--against", FILE)
    assert done.code in (0, 3, 4)
    told(done)


def test_flags_that_cannot_be_honoured_are_refused(stage: Stage, service: Service, taken: Any) -> None:
    done: Done = stage.run("snapshot")
    assert done.code == 1
    told(done, "--out")
    assert stage.run("plan", "--against", "").code == 1
    nobody = stage.run("plan", "--against", FILE, "--impersonate-service-account", "a@b.c")
    assert nobody.code == 1
    told(nobody, "no credentials")


def test_a_policy_that_could_not_be_read_is_asked_for_by_name(stage: Stage, service: Service) -> None:
    stage.write("score.yaml", ML_JOB)
    stage.ok("apply", "--yes")
    service.spoil("GET", ":getIamPolicy", refusal(403, "PERMISSION_DENIED", "No."))
    stage.ok("snapshot", "--out", FILE)
    stage.ok("plan", "--against", FILE)
    binding = 'iamPolicy: {bindings: [{role: roles/ml.jobOwner, members: ["user:ann@example.com"]}]}\nspec:'
    stage.write("score.yaml", ML_JOB.replace("spec:", binding))
    done = stage.run("plan", "--against", FILE)
    assert done.code == 1
    told(done, "the snapshot has no IAM policy of projects/demo-project/jobs/score_", "plan with credentials")
