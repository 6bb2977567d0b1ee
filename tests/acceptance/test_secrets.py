"""A secret is named in the manifest, reaches the service, and stands nowhere else: no file, no stream, no error."""

from __future__ import annotations

import json

import pytest

from reconciler.vocabulary.wire import Request, Response
from tests.support.faults import is_create, refusal
from tests.support.stage import JOB, Done, Service, Stage

VALUE = "s3cr3t-of-the-house"
"""A value that nothing else could contain by chance."""


def job_with(stage: Stage, entry: str, name: str = "train") -> None:
    text = JOB.format(name=name, more="", replicas=1, image="gcr.io/demo/train:1")
    stage.write(f"{name}.yaml", text.replace('{imageUri: "', f'{{env: [{entry}], imageUri: "'))


def kept(stage: Stage) -> str:
    """Everything the tool wrote: plans, journals, ledger, lock, and results."""
    return b"".join(content for name, content in stage.files().items() if not name.endswith((".yaml", ".db"))).decode()


def sent(service: Service) -> list[str]:
    return [request.body.decode() for request in service.writes]


def hides(stage: Stage, *all_done: Done) -> None:
    for done in all_done:
        assert VALUE not in done.out + done.err
    assert VALUE not in kept(stage)


def test_a_value_from_the_environment_reaches_the_service_and_nothing_else(stage: Stage, service: Service) -> None:
    stage.monkeypatch.setenv("HOUSE", VALUE)
    job_with(stage, "{name: PASS, valueFrom: {env: HOUSE}}")
    told = [stage.ok("validate")]
    told += [stage.ok("plan", "--out", "a.plan.json", "-o", form, "-v") for form in ("text", "json", "markdown")]
    told += [stage.ok("show", "a.plan.json", "-o", form) for form in ("text", "json", "markdown")]
    told.append(stage.ok("apply", "a.plan.json", "--secret-env", "HOUSE", "-o", "json=result.txt"))
    told += [stage.ok("status"), stage.ok("status", "-o", "json"), stage.ok("status", "CustomJob/train")]
    told.append(stage.ok("plan", "-v"))
    assert VALUE in sent(service)[0]
    assert "valueFrom" not in sent(service)[0]
    env = service.rows()[0]["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]["env"]
    assert env == [{"name": "PASS", "value": VALUE}]
    hides(stage, *told)
    assert stage.actions() == {"CustomJob/train": "noop"}


def test_a_changed_secret_is_no_drift_and_never_compared(stage: Stage, service: Service) -> None:
    stage.monkeypatch.setenv("HOUSE", VALUE)
    job_with(stage, "{name: PASS, valueFrom: {env: HOUSE}}")
    stage.ok("apply", "--yes", "--secret-env", "HOUSE")
    stage.monkeypatch.setenv("HOUSE", "another")
    assert stage.actions() == {"CustomJob/train": "noop"}
    job_with(stage, "{name: PASS, valueFrom: {env: HOUSE}}, {name: MORE, value: x}")
    done = stage.run("plan", "-o", "json", "-v", "--allow-cancel", "1")
    assert done.json["changes"][0]["action"] == "replace"
    hides(stage, done, stage.run("plan", "-v"), stage.run("plan", "-o", "markdown"))


REFUSALS = [
    ("a variable nobody allowed", {"HOUSE": VALUE}, [], "--secret-env HOUSE"),
    ("another one allowed", {"HOUSE": VALUE, "GARDEN": "x"}, ["--secret-env", "GARDEN"], "--secret-env HOUSE"),
    ("a variable that is not set", {}, ["--secret-env", "HOUSE"], "HOUSE is not set"),
    ("an empty variable", {"HOUSE": ""}, ["--secret-env", "HOUSE"], "HOUSE is not set"),
]


@pytest.mark.parametrize(("what", "variables", "flags", "part"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_a_secret_that_may_not_be_read_is_refused_and_nothing_is_sent(
    stage: Stage, service: Service, what: str, variables: dict[str, str], flags: list[str], part: str
) -> None:
    stage.monkeypatch.delenv("HOUSE", raising=False)
    for name, value in variables.items():
        stage.monkeypatch.setenv(name, value)
    stage.ok("apply", "--yes")
    service.requests.clear()
    job_with(stage, "{name: PASS, valueFrom: {env: HOUSE}}")
    job_with(stage, "{name: PASS, valueFrom: {env: CELLAR}}", "other")
    stage.job("sound")
    done = stage.run("apply", "--yes", "--allow-cancel", "1", "--on-error", "continue", *flags)
    assert done.code == 1
    for told in (part, "CELLAR", "--secret-env CELLAR"):
        assert told in done.err
    assert service.writes == []
    hides(stage, done)


def test_variables_of_our_prefix_need_no_flag(stage: Stage, service: Service) -> None:
    stage.monkeypatch.setenv("RECONCILER_SECRET_HOUSE", VALUE)
    job_with(stage, "{name: PASS, valueFrom: {env: RECONCILER_SECRET_HOUSE}}")
    done = stage.ok("apply", "--yes")
    assert VALUE in sent(service)[0]
    hides(stage, done)


ECHOES = [
    ("refused", 400, "INVALID_ARGUMENT", 1),
    ("failed", 500, "INTERNAL", 8),
]


@pytest.mark.parametrize(("what", "status", "code", "exit_code"), ECHOES, ids=[row[0] for row in ECHOES])
def test_a_service_that_quotes_the_secret_is_not_repeated(
    stage: Stage, service: Service, what: str, status: int, code: str, exit_code: int
) -> None:
    stage.monkeypatch.setenv("HOUSE", VALUE)
    job_with(stage, "{name: PASS, valueFrom: {env: HOUSE}}")

    def echo(request: Request) -> Response | None:
        return refusal(status, code, f"Cannot take {request.body.decode()}") if is_create(request) else None

    service.spoils.append(echo)
    done = stage.run("apply", "--yes", "--secret-env", "HOUSE")
    again = stage.run("apply", "--yes", "--secret-env", "HOUSE", "-o", "json")
    assert done.code == again.code == exit_code
    assert "(sensitive)" in done.out
    hides(stage, done, again)


def test_a_literal_secret_is_warned_of_and_hidden_in_every_rendering(stage: Stage, service: Service) -> None:
    job_with(stage, f"{{name: API_KEY, value: {VALUE}}}, {{name: MONKEYS, value: plain}}")
    warned = stage.ok("validate")
    assert "warning" in warned.out
    assert "API_KEY" in warned.out
    assert "MONKEYS" not in warned.out
    shown = [stage.ok("plan", "-o", form, "-v") for form in ("text", "json", "markdown")]
    stage.ok("plan", "--out", "a.plan.json")
    shown += [stage.ok("show", "a.plan.json", "-o", form, "-v") for form in ("text", "json", "markdown")]
    assert all(VALUE not in done.out + done.err for done in [warned, *shown])
    assert VALUE in (stage.root / "a.plan.json").read_text()
    stage.write("withheld.plan.json", shown[1].out)
    assert stage.run("apply", "withheld.plan.json").code == 3
    stage.ok("apply", "a.plan.json")
    job_with(stage, "{name: API_KEY, value: another}, {name: MONKEYS, value: plain}")
    for form in ("text", "json", "markdown"):
        done = stage.run("plan", "-o", form, "-v", "--allow-cancel", "1")
        assert VALUE not in done.out + done.err
        assert "another" not in done.out
        assert "(sensitive)" in done.out


def test_a_token_for_the_service_shows_nowhere(stage: Stage, service: Service) -> None:
    stage.monkeypatch.setenv("RECONCILER_TOKEN", VALUE)
    service.spoil("GET", "customJobs", refusal(401, "UNAUTHENTICATED", "No."))
    done = stage.run("plan")
    assert done.code == 1
    hides(stage, done)
    service.spoils.clear()
    hides(stage, stage.ok("apply", "--yes"))
    assert json.loads(sent(service)[0])["labels"]["reconciler_name"] == "train"


LONG = "\n".join(f"{number:03}-line-of-a-private-key-that-nobody-may-see" for number in range(90))
"""A value of many lines, longer than what is kept of a reply."""

QUOTES = {
    "cut short": lambda value: f"Cannot take {value}",
    "with its white space folded": lambda value: f"Cannot take {' '.join(value[:1500].split())}",
    "as JSON": lambda value: f"Cannot take {json.dumps(value[:900])}",
}


@pytest.mark.parametrize("what", QUOTES)
def test_a_service_that_quotes_a_part_of_the_secret_is_not_repeated(stage: Stage, service: Service, what: str) -> None:
    stage.monkeypatch.setenv("HOUSE", LONG)
    job_with(stage, "{name: PASS, valueFrom: {env: HOUSE}}")
    message = QUOTES[what](LONG)
    service.spoils.append(lambda request: refusal(400, "INVALID_ARGUMENT", message) if is_create(request) else None)
    done = stage.run("apply", "--yes", "--secret-env", "HOUSE")
    assert done.code == 1
    assert "Cannot take (sensitive)" in done.err.replace('"', "")
    for text in (done.out, done.err, kept(stage)):
        assert "private-key" not in text
