"""action.yml: its steps run as they stand, in the environment of a runner, against a stand-in for GitHub's comments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ready import comments, expressions
from tests.ready.comments import BOT, Comments
from tests.ready.runner import REPOSITORY, Done, Log, Runner, read
from tests.support.checkout import ROOT, git
from tests.support.stage import JOB, STACK

TOKEN = "ghs_a-token-that-nobody-may-print"
MARK = "<!-- reconciler plan of demo 3fa94c1b -->"


def event(number: int = 7, repository: str = REPOSITORY) -> dict[str, Any]:
    return {"pull_request": {"number": number, "head": {"repo": {"full_name": repository}}}}


@pytest.fixture
def thread() -> Iterator[Comments]:
    with comments.serving(TOKEN) as served:
        yield served


@pytest.fixture
def runner(tmp_path: Path, thread: Comments) -> Runner:
    return Runner(tmp_path / "runner", thread.url, token=TOKEN)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository whose stack stands in a folder of it."""
    stack = tmp_path / "checkout" / "stack"
    stack.mkdir(parents=True)
    (stack / "reconciler.yaml").write_text(STACK.format(backend="embedded", more=""))
    (stack / "train.yaml").write_text(job())
    git(stack.parent, "init", "-q")
    (stack.parent / ".gitignore").write_text(".reconciler/\n")
    git(stack.parent, "add", "-A")
    git(stack.parent, "commit", "-q", "-m", "Start")
    return stack.parent


def job(name: str = "train", more: str = "", image: str = "gcr.io/demo/train:1") -> str:
    return JOB.format(name=name, more=more, replicas=1, image=image)


def plan(runner: Runner, checkout: Path, **more: Any) -> Done:
    return runner.act(checkout, more.pop("event", event()), command="plan", path="stack", **more)


def test_a_plan_is_saved_told_and_commented(runner: Runner, checkout: Path, thread: Comments) -> None:
    done = plan(runner, checkout)
    assert done.ok, done.log.text
    saved = json.loads(Path(done.outputs["plan-file"]).read_bytes())
    assert done.outputs["digest"] == saved["digest"]
    assert saved["source"]["dirty"] is False, "what the action writes must not look like an edit"
    assert {key: done.outputs[key] for key in ("exit-code", "has-changes", "blocked", "create", "cancel")} == {
        "exit-code": "0", "has-changes": "true", "blocked": "false", "create": "1", "cancel": "0"
    }  # fmt: skip
    [body] = thread.bodies()
    assert body.startswith(f"{MARK}\n**")
    assert saved["digest"] in body
    assert "https://github.example.com/people/jobs/actions/runs/4711" in body
    assert body.splitlines()[1] in done.summary
    assert Path(done.outputs["html-file"]).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_comment_is_brought_up_to_date_however_long_the_thread(
    runner: Runner, checkout: Path, thread: Comments
) -> None:
    for number in range(130):
        thread.say(7, f"a word, {number}")
    thread.say(8, f"{MARK}\nof another pull request", BOT)
    plan(runner, checkout)
    for number in range(130):
        thread.say(7, f"a word more, {number}")
    (checkout / "stack" / "more.yaml").write_text(job("more"))
    done = plan(runner, checkout)
    [body] = thread.bodies()
    assert done.outputs["digest"] in body
    assert "CustomJob/more" in body
    assert thread.bodies(8) == [f"{MARK}\nof another pull request"]


def test_a_mark_in_somebody_elses_comment_is_not_ours(runner: Runner, checkout: Path, thread: Comments) -> None:
    thread.say(7, f"{MARK}\n**Plan: nothing at all**", "mallory")
    plan(runner, checkout)
    assert thread.bodies(login="mallory") == [f"{MARK}\n**Plan: nothing at all**"]
    assert len(thread.bodies()) == 1


def test_each_run_may_comment_anew(runner: Runner, checkout: Path, thread: Comments) -> None:
    for _ in range(2):
        assert plan(runner, checkout, comment="new").ok
    assert len(thread.bodies()) == 2


def test_without_changes_there_is_no_comment_unless_one_is_there(
    runner: Runner, checkout: Path, thread: Comments
) -> None:
    (checkout / "stack" / "train.yaml").write_text(job(more="lifecycle: {desired: Cancelled}\n"))
    done = plan(runner, checkout)
    assert (done.ok, done.outputs["has-changes"], thread.bodies()) == (True, "false", [])
    thread.say(7, f"{MARK}\nan older plan", BOT)
    done = plan(runner, checkout)
    [body] = thread.bodies()
    assert done.outputs["digest"] in body


@pytest.mark.parametrize(
    ("case", "inputs", "happening"),
    [
        ("comment off", {"comment": "off"}, event()),
        ("a push", {}, {"ref": "refs/heads/main"}),
        ("a fork", {}, event(repository="somebody/jobs")),
        ("a fork that is gone", {}, {"pull_request": {"number": 7, "head": {"repo": None}}}),
    ],
)
def test_where_nothing_may_be_said_nothing_is_asked(
    case: str, inputs: dict[str, str], happening: dict[str, Any], runner: Runner, checkout: Path, thread: Comments
) -> None:
    done = plan(runner, checkout, event=happening, **inputs)
    assert done.ok, done.log.text
    assert thread.requests == []
    assert done.outputs["digest"] in done.summary


def test_a_blocked_plan_is_commented_and_fails_the_step(runner: Runner, checkout: Path, thread: Comments) -> None:
    stack = checkout / "stack"
    (stack / "other.yaml").write_text(job("other"))
    first = plan(runner, checkout)
    inputs = {"plan_file": first.outputs["plan-file"], "expect_digest": first.outputs["digest"]}
    assert runner.act(checkout, {}, name="push", command="apply", path="stack", **inputs).ok
    git(stack, "rm", "-q", "train.yaml")
    done = plan(runner, checkout)
    assert (done.ok, done.outputs["exit-code"], done.outputs["blocked"]) == (False, "4", "true")
    assert "Blocked" in thread.bodies()[0]
    assert "Blocked" in done.summary
    done = plan(runner, checkout, allow_cancel="1")
    assert (done.ok, done.outputs["blocked"], done.outputs["cancel"]) == (True, "false", "1"), done.log.text


def test_a_commit_without_a_plan_takes_the_old_one_out_of_the_comment(
    runner: Runner, checkout: Path, thread: Comments
) -> None:
    old = plan(runner, checkout).outputs["digest"]
    (checkout / "stack" / "train.yaml").write_text(job().replace("machineType", "machinType"))
    done = plan(runner, checkout)
    assert (done.ok, done.outputs["exit-code"], done.outputs["digest"]) == (False, "1", "")
    [body] = thread.bodies()
    assert "No plan of this commit" in body
    assert old not in body


def test_a_plan_of_an_earlier_commit_does_not_pass_for_this_ones(runner: Runner, checkout: Path) -> None:
    kept = checkout.parent / "kept.plan.json"
    assert plan(runner, checkout, plan_file=str(kept)).outputs["plan-file"] == str(kept)
    (checkout / "stack" / "train.yaml").write_text(job().replace("machineType", "machinType"))
    done = plan(runner, checkout, plan_file=str(kept))
    assert (done.ok, done.outputs["plan-file"], kept.exists()) == (False, "", False)


def test_a_comment_that_is_refused_fails_the_step_and_says_why(
    runner: Runner, checkout: Path, thread: Comments
) -> None:
    thread.forbidden = True
    done = plan(runner, checkout)
    assert not done.ok
    assert "pull-requests: write" in done.log.text
    assert "Traceback" not in done.log.text


def test_apply_does_the_plan_of_that_digest_and_no_other(runner: Runner, checkout: Path) -> None:
    seen = plan(runner, checkout).outputs
    for digest, file in (("", seen["plan-file"]), ("sha256:" + "0" * 64, seen["plan-file"]), (seen["digest"], "")):
        done = runner.act(
            checkout, {}, name="push", command="apply", path="stack", plan_file=file, expect_digest=digest
        )
        assert not done.ok
        assert "Applied" not in done.summary
    assert plan(runner, checkout).outputs["create"] == "1", "nothing was created"
    done = runner.act(
        checkout, {}, name="push", command="apply", path="stack",
        plan_file=seen["plan-file"], expect_digest=seen["digest"],
    )  # fmt: skip
    assert done.ok, done.log.text
    assert "**Applied: 1 created**" in done.summary
    assert plan(runner, checkout).outputs["has-changes"] == "false"


def test_validate_annotates_and_leaves_a_report(runner: Runner, checkout: Path) -> None:
    done = runner.act(checkout, event(), command="validate", path="stack")
    assert (done.ok, done.log.commands) == (True, [])
    (checkout / "stack" / "train.yaml").write_text(job().replace("machineType", "machinType"))
    done = runner.act(checkout, event(), command="validate", path="stack")
    assert (done.ok, done.outputs["exit-code"]) == (False, "1")
    assert any(line.startswith("::error ") and "file=stack/train.yaml" in line for line in done.log.commands)
    report = json.loads(Path(done.outputs["sarif-file"]).read_bytes())
    assert len(report["runs"][0]["results"]) == len(done.log.commands)


HOSTILE = (
    "::error::forged",
    "##[error]forged",
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    "${{ github.token }}",
    "]]>--><script>alert(1)</script>",
)


def test_hostile_text_stays_text(runner: Runner, checkout: Path, thread: Comments) -> None:
    manifest = job().replace('"gcr.io/demo/train:1"}', f'"a", args: {json.dumps(HOSTILE)}}}')
    (checkout / "stack" / "train.yaml").write_text(manifest)
    done = plan(runner, checkout, plan_file="plans " + "".join(HOSTILE).replace("/", "") + ".json")
    assert done.ok, done.log.text
    assert done.log.commands == []
    told = runner.act(checkout, event(), command="validate", path="stack" + "".join(HOSTILE))
    assert (told.ok, told.log.commands) == (False, [])
    (checkout / "stack" / "train.yaml").write_text(manifest.replace("args", json.dumps("".join(HOSTILE))))
    told = runner.act(checkout, event(), command="validate", path="stack")
    assert all(line.startswith("::error col=") and "title=reconciler" in line for line in told.log.commands)
    assert told.log.commands
    assert list(checkout.rglob("pwned")) == []


def test_inputs_are_never_code(runner: Runner, checkout: Path) -> None:
    bad = "$(touch pwned)`touch pwned`"
    for inputs in (
        {"command": bad}, {"command": "plan", "select": bad}, {"command": "plan", "comment": bad},
        {"command": "plan", "allow_cancel": bad}, {"command": "apply", "plan_file": bad, "expect_digest": bad},
    ):  # fmt: skip
        done = runner.act(checkout, event(), path="stack", **inputs)
        assert "Traceback" not in done.log.text
        assert not done.ok or "select" in inputs
    assert list(checkout.rglob("pwned")) == []


def test_nothing_in_the_checkout_is_imported(runner: Runner, checkout: Path) -> None:
    for name in ("click.py", "json.py", "venv.py", "sitecustomize.py", "reconciler.py"):
        for folder in (checkout, checkout / "stack"):
            (folder / name).write_text("raise SystemExit('code of the checkout ran')\n")
    done = plan(runner, checkout)
    assert done.ok, done.log.text
    assert "code of the checkout" not in done.log.text


def test_the_token_reaches_the_comments_and_nothing_else(runner: Runner, checkout: Path, thread: Comments) -> None:
    done = plan(runner, checkout)
    assert all(TOKEN in request.headers["authorization"] for request in thread.requests)
    told = done.log.text + done.summary + json.dumps(dict(done.outputs)) + "".join(thread.bodies())
    assert TOKEN not in told
    kept = [
        path for path in runner.home.rglob("*") if path.is_file() and not path.is_relative_to(runner.home / "program")
    ]
    assert [path for path in kept if TOKEN.encode() in path.read_bytes()] == []
    steps = read(ROOT / "action.yml")["runs"]["steps"]
    assert [step["id"] for step in steps if "inputs.token" in json.dumps(step)] == ["comment"]


def test_a_large_plan_fits_into_comment_and_summary(runner: Runner, checkout: Path, thread: Comments) -> None:
    documents = "---\n".join(
        job(f"train-{number:03}", image=f"gcr.io/demo/{'x' * 200}:{number}") for number in range(500)
    )
    (checkout / "stack" / "train.yaml").write_text(documents)
    done = plan(runner, checkout)
    assert done.ok, done.log.text
    assert done.outputs["create"] == "500"
    assert len(thread.bodies()[0]) < comments.LONGEST
    assert len(done.summary.encode()) < 1024 * 1024


def test_select_takes_several_globs(runner: Runner, checkout: Path) -> None:
    for name in ("one", "two", "three"):
        (checkout / "stack" / f"{name}.yaml").write_text(job(name))
    assert plan(runner, checkout, select="*/one\n*/two").outputs["create"] == "2"


def test_a_part_never_takes_the_place_of_the_whole_s_comment(runner: Runner, checkout: Path, thread: Comments) -> None:
    for name in ("one", "two"):
        (checkout / "stack" / f"{name}.yaml").write_text(job(name))
    whole = plan(runner, checkout).outputs["digest"]
    parts = [plan(runner, checkout, select=globs).outputs["digest"] for globs in ("*/one", "*/two", "*/one */two")]
    again = plan(runner, checkout, select="*/two\n*/one\n*/one").outputs["digest"]
    assert again == parts[-1], "the same part, however it is written"
    bodies = thread.bodies()
    assert [body for body in bodies if body.startswith(f"{MARK}\n")] == bodies[:1]
    assert [digest in body for digest, body in zip((whole, *parts), bodies, strict=True)] == [True] * 4
    assert all("A part of the stack: --select" in body for body in bodies[1:])
    assert "A part of the stack" not in bodies[0]


def test_a_part_without_a_plan_is_taken_out_of_its_own_comment_alone(
    runner: Runner, checkout: Path, thread: Comments
) -> None:
    whole = plan(runner, checkout).outputs["digest"]
    part = plan(runner, checkout, select="*/train").outputs["digest"]
    (checkout / "stack" / "train.yaml").write_text("")
    done = plan(runner, checkout, select="*/train")
    assert (done.ok, done.outputs["exit-code"]) == (False, "1")
    first, second = thread.bodies()
    assert whole in first
    assert part not in second
    assert "No plan of this commit" in second


def test_a_glob_that_fits_nothing_fails_the_step(runner: Runner, checkout: Path, thread: Comments) -> None:
    done = plan(runner, checkout, select="*/train */trian")
    assert (done.ok, done.outputs["exit-code"], thread.bodies()) == (False, "1", [])
    assert "--select */trian matches no address" in done.log.text


def test_no_script_holds_an_expression_and_every_output_is_written_somewhere() -> None:
    action = read(ROOT / "action.yml")
    assert [step["id"] for step in action["runs"]["steps"] if "${{" in step["run"]] == []
    for name, about in action["outputs"].items():
        assert about["value"] == f"${{{{ steps.run.outputs.{name} }}}}"


def test_the_runner_of_these_tests_obeys_as_the_real_one() -> None:
    log = Log("::error::a\n::stop-commands::w\n::error::b\n  ##[error]c\n::w::\n  ::warning::d\ne ##[group]\n")
    assert log.commands == ["::error::a", "::warning::d", "e ##[group]"]


@pytest.mark.parametrize("expression", ["inputs.nothing", "inputs.a == ", "a(b)", "github.secret", "1 + 1"])
def test_an_expression_that_is_not_known_is_an_error(expression: str) -> None:
    with pytest.raises(expressions.UnknownExpression):
        expressions.evaluate(expression, {"inputs": {"a": "b"}, "github": {}})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("inputs.a == 'b'", True), ("inputs.a != 'b' || 'c'", "c"), ("'' || inputs.a", "b"),
        ("inputs.a == 'x' && 'y' || 'z'", "z"), ("steps.one.outputs.none", ""),
    ],
)  # fmt: skip
def test_expressions_mean_what_they_mean_on_a_runner(expression: str, value: object) -> None:
    contexts = {"inputs": {"a": "b"}, "steps": {"one": {"outputs": {}}}}
    assert expressions.evaluate(expression, contexts) == value
