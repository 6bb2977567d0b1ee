"""`--rate`: what it holds back, where it holds by default, what it refuses, and the time it costs as plan tells it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from reconciler.cli import wiring
from reconciler.transport.rate import Budget
from reconciler.vocabulary.wire import Request
from tests.support.faults import is_create
from tests.support.stage import Service, Stage, told


def create_times(stage: Stage, service: Service) -> list[float]:
    """The machine's time at every create from now on."""
    times: list[float] = []

    def see(request: Request) -> None:
        if is_create(request):
            times.append(stage.clock.now())

    service.spoils.append(see)
    return times


def jobs(stage: Stage, count: int) -> None:
    for number in range(1, count):
        stage.job(f"train-{number}")


def test_creates_keep_to_the_submissions_asked_for(stage: Stage, service: Service) -> None:
    jobs(stage, 5)
    times = create_times(stage, service)
    stage.ok("apply", "--yes", "--parallelism", 1, "--rate", "100,2")
    assert [round(at - times[0]) for at in times] == [0, 0, 60, 60, 120]


def test_one_number_makes_a_tenth_of_it_submissions(stage: Stage, service: Service) -> None:
    jobs(stage, 4)
    times = create_times(stage, service)
    stage.ok("apply", "--yes", "--parallelism", 1, "--rate", "30")
    assert [round(at - times[0]) for at in times] == [0, 0, 0, 60]


def test_a_backend_on_this_machine_has_no_budget_unless_asked(stage: Stage, service: Service) -> None:
    jobs(stage, 70)
    before = stage.clock.now()
    stage.ok("apply", "--yes")
    assert stage.clock.now() == before


def test_the_embedded_backend_is_held_to_what_is_asked(stage: Stage) -> None:
    stage.stack()
    jobs(stage, 3)
    before = stage.clock.now()
    stage.ok("apply", "--yes", "--parallelism", 1, "--rate", "100,1")
    assert stage.clock.now() - before >= 60


@pytest.mark.parametrize("arguments", [["plan"], ["status"], ["apply", "--yes"], ["destroy", "--yes"]])
def test_reads_of_every_command_keep_to_the_requests_asked_for(
    stage: Stage, service: Service, arguments: list[str]
) -> None:
    stage.stack(service.url, "kinds: [CustomJob, NasJob, Job]\n")
    stage.ok("apply", "--yes")
    service.emulator.set_state(service.rows()[0]["name"], "JOB_STATE_SUCCEEDED")
    before, asked = stage.clock.now(), len(service.requests)
    stage.ok(*arguments, "--rate", "1")
    assert stage.clock.now() - before >= 60 * (len(service.requests) - asked - 1) >= 120


def test_a_saved_plan_is_applied_at_the_rate_of_apply(stage: Stage, service: Service) -> None:
    jobs(stage, 3)
    stage.ok("plan", "--out", "p.json")
    times = create_times(stage, service)
    stage.ok("apply", "p.json", "--parallelism", 1, "--rate", "100,1")
    assert [round(at - times[0]) for at in times] == [0, 60, 120]


@pytest.mark.parametrize("command", ["plan", "apply", "destroy", "status"])
@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ("0", ["--rate '0'", "600,60"]),
        ("-1", ["--rate"]),
        ("9" * 5000, ["--rate"]),
        ("many", ["--rate 'many'", "600,60"]),
        ("", ["--rate ''"]),
        ("60,", ["--rate '60,'"]),
        (",60", ["--rate ',60'"]),
        ("600,0", ["--rate '600,0'"]),
        ("600,60,6", ["--rate '600,60,6'"]),
        ("1.5", ["--rate '1.5'"]),
        ("٣", ["--rate"]),
        ("99999999", ["--rate '99999999'"]),
        ("60,600", ["--rate 60,600", "a submission is a request too"]),
    ],
)
def test_a_rate_that_is_none_is_refused(
    stage: Stage, service: Service, command: str, given: str, parts: list[str]
) -> None:
    done = stage.run(command, "--rate", given)
    assert done.code == 1
    told(done, *parts)
    assert service.requests == []


@pytest.mark.parametrize(
    ("backend", "asked", "budget"),
    [
        ("google", None, Budget(540, 54)),
        ("google", Budget(60, 6), Budget(60, 6)),
        ("embedded", None, None),
        ("embedded", Budget(60, 6), Budget(60, 6)),
        ("http://127.0.0.1:8085", None, None),
        ("http://127.0.0.1:8085", Budget(60, 6), Budget(60, 6)),
    ],
)
def test_google_alone_has_a_budget_by_default(
    stage: Stage, backend: str, asked: Budget | None, budget: Budget | None
) -> None:
    stage.stack()
    found = wiring.open_workspace(".", stage.surroundings())
    assert wiring.budget(replace(found, stack=replace(found.stack, backend=backend)), asked) == budget


# ---------------------------------------------------------------- what plan tells of it


def minutes_told(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"about (\d+) min", text)]


@pytest.mark.parametrize(("count", "rate", "minutes"), [(5, "100,2", 2), (4, "100,2", 1), (7, "100,1", 6)])
def test_plan_tells_the_minutes_that_its_apply_then_takes(
    stage: Stage, service: Service, count: int, rate: str, minutes: int
) -> None:
    jobs(stage, count)
    [line] = [line for line in stage.ok("plan", "--rate", rate).out.splitlines() if "min at" in line]
    limit = {"2": "2 job submissions", "1": "1 job submission"}[rate.partition(",")[2]]
    assert line == f"Quota: about {minutes} min at {limit} a minute for project demo-project."
    before = stage.clock.now()
    stage.ok("apply", "--yes", "--parallelism", 1, "--rate", rate)
    assert round((stage.clock.now() - before) / 60) == minutes


@pytest.mark.parametrize(("count", "arguments"), [(2, ["--rate", "100,2"]), (30, []), (5, ["--rate", "100,100"])])
def test_plan_tells_nothing_of_an_apply_within_a_minute(
    stage: Stage, service: Service, count: int, arguments: list[str]
) -> None:
    jobs(stage, count)
    assert "Quota" not in stage.ok("plan", *arguments).out


def test_the_time_is_in_text_and_markdown_and_neither_in_the_digest_nor_in_the_file(
    stage: Stage, service: Service
) -> None:
    jobs(stage, 5)
    slow, quick = (["--rate", "100,2", "--out", "slow.json"], ["--out", "quick.json"])
    assert minutes_told(stage.ok("plan", *slow, "-o", "text", "-o", "markdown=plan.md").out) == [2]
    assert minutes_told((stage.root / "plan.md").read_text()) == [2]
    stage.ok("plan", *quick)
    digests = [stage.ok("show", file, "--verify").out for file in ("slow.json", "quick.json")]
    assert digests[0] == digests[1]
    assert "Quota" not in (stage.root / "slow.json").read_text()
    assert minutes_told(stage.run("apply", "--rate", "100,2").out) == [2]


def test_a_replace_counts_its_cancel_and_its_looks(stage: Stage, service: Service) -> None:
    jobs(stage, 4)
    stage.ok("apply", "--yes")
    for number in range(1, 4):
        stage.job(f"train-{number}", replicas=2)
    told_ = stage.run("plan", "--allow-cancel", "3", "--rate", "5,5").out
    assert "about 2 min at 5 requests a minute" in told_
