"""Filters against a plain reading of AIP-160: random jobs, random filters, the same answer as a slow evaluator's."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import service
from tests.support.service import CUSTOM, ML, Service

STATES = ("JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED", "JOB_STATE_CANCELLED")
NAMES = (
    "a",
    "ab",
    "ba",
    "a*b",
    "train [1]",
    'say "hi"',
    "it's",
    "back\\slash",
    "été?",
    "AND",
    "OR x",
    "-a",
    "a.b:c",
    "a?b",
    "a[b]",
    "[a",
    "a-b1",
)
KEYS = ("team", "n", "e-mail_2", "éa")
VALUES = ("", "a", "ab", "b-a", "1")
TIMES = tuple(datetime.datetime(2025, 6, 15, 15, 6, 40, tzinfo=datetime.UTC) + datetime.timedelta(0, n) for n in (0, 7))


@dataclass(frozen=True)
class Written:
    """A filter as text, what binds it, and what it means for one job's JSON."""

    text: str
    level: str  # simple, term, factor, sequence, expression: the rule of the grammar it comes from
    holds: Callable[[Any], bool]


LEVELS = ("simple", "term", "factor", "sequence", "expression")


def held(part: Written, most: str) -> str:
    """Write a part where the grammar takes at most the rule `most`: in parentheses if it is above it."""
    return part.text if LEVELS.index(part.level) <= LEVELS.index(most) else f"({part.text})"


def negated(part: Written, sign: str) -> Written:
    return Written(sign + held(part, "simple"), "term", lambda job: not part.holds(job))


def either(parts: list[Written]) -> Written:
    text = " OR ".join(held(part, "term") for part in parts)
    return Written(text, "factor", lambda job: any(part.holds(job) for part in parts))


def beside(parts: list[Written]) -> Written:
    text = " ".join(held(part, "factor") for part in parts)
    return Written(text, "sequence", lambda job: all(part.holds(job) for part in parts))


def every(parts: list[Written]) -> Written:
    text = " AND ".join(held(part, "sequence") for part in parts)
    return Written(text, "expression", lambda job: all(part.holds(job) for part in parts))


def quoted(text: str, quote: str) -> str:
    return quote + re.sub(r"([\\*'\"])", r"\\\1", text) + quote


ANY = "any"
"""In a pattern, what `*` stands for; every other part is one character."""


def fits(pattern: list[str], text: str) -> bool:
    """Match the slow way: try every length for what `*` stands for."""
    if not pattern:
        return not text
    if pattern[0] == ANY:
        return any(fits(pattern[1:], text[length:]) for length in range(len(text) + 1))
    return text[:1] == pattern[0] and fits(pattern[1:], text[1:])


@st.composite
def texts(draw: st.DrawFn, field: str, among: tuple[str, ...], read: Callable[[Any], str | None]) -> Written:
    """Compare text: exact ones with every character escaped, or patterns of plain letters and `*`."""
    comparator = draw(st.sampled_from(("=", "!=", ":")))
    space = draw(st.sampled_from(("", " ")))
    if comparator != "!=" and draw(st.booleans()):
        pattern = draw(st.lists(st.sampled_from((*"ab?[]*- 1", ANY, ANY, ANY)), min_size=1, max_size=6))
        written = "".join("*" if part == ANY else re.sub(r"[*]", r"\\*", part) for part in pattern)
        plain = not set(pattern) & {*" *"} and written != "*"  # the bare * alone asks for existence
        shown = draw(st.sampled_from((written, f'"{written}"'))) if plain else f'"{written}"'

        def like(job: Any) -> bool:
            value = read(job)
            return value is not None and fits(pattern, value)

        return Written(f"{field}{space}{comparator}{space}{shown}", "simple", like)
    wanted = draw(st.sampled_from(among))
    shown = quoted(wanted, draw(st.sampled_from("'\"")))

    def same(job: Any) -> bool:
        value = read(job)
        return value is not None and (value == wanted) == (comparator != "!=")

    return Written(f"{field}{space}{comparator}{space}{shown}", "simple", same)


@st.composite
def states(draw: st.DrawFn) -> Written:
    comparator, state = draw(st.sampled_from(("=", "!="))), draw(st.sampled_from(STATES))
    shown = draw(st.sampled_from((state, f'"{state}"')))
    return Written(f"state{comparator}{shown}", "simple", lambda job: (job["state"] == state) == (comparator == "="))


ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


@st.composite
def times(draw: st.DrawFn) -> Written:
    comparator, moment = draw(st.sampled_from(sorted(ORDERS))), draw(st.sampled_from(TIMES))
    hours = draw(st.integers(-12, 12))
    local = moment.astimezone(datetime.timezone(datetime.timedelta(hours=hours)))
    shown = local.isoformat(timespec=draw(st.sampled_from(("seconds", "milliseconds", "microseconds"))))
    field = draw(st.sampled_from(("create_time", "createTime")))

    def compared(job: Any) -> bool:
        return ORDERS[comparator](datetime.datetime.fromisoformat(job["createTime"]), moment)

    return Written(f'{field}{comparator}"{shown}"', "simple", compared)


@st.composite
def labels(draw: st.DrawFn) -> Written:
    key = draw(st.sampled_from(KEYS))
    spelt = draw(st.sampled_from((key, f'"{key}"')))
    text = draw(st.sampled_from(("", f"labels:{spelt}", f"labels.{spelt}:*")))
    if text:
        return Written(text, "simple", lambda job: key in job.get("labels", {}))
    return draw(texts(f"labels.{spelt}", VALUES, lambda job: job.get("labels", {}).get(key)))


NAMED = texts("display_name", NAMES, lambda job: str(job["displayName"]))
FILTERS = st.recursive(
    NAMED | states() | times() | labels(),
    lambda below: (
        st.builds(negated, below, st.sampled_from(("NOT ", "-", "NOT  ")))
        | st.builds(either, st.lists(below, min_size=2, max_size=3))
        | st.builds(beside, st.lists(below, min_size=2, max_size=3))
        | st.builds(every, st.lists(below, min_size=2, max_size=3))
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[Service, list[Any]]]:
    """Thirty jobs over all names, states, two times and many label sets."""
    with service.opened("in process") as jobs:
        for number in range(30):
            if number == 15:
                jobs.clock.advance(7 - (jobs.clock.now() - 1_750_000_000.0))
            marks = {key: VALUES[(number + at) % 5] for at, key in enumerate(KEYS) if (number * 7 + at * 3) % 4}
            made = jobs.create(CUSTOM, service.custom_job(displayName=NAMES[number % len(NAMES)], labels=marks))
            jobs.emulator.set_state(made["name"], STATES[number % 4])
        yield jobs, jobs.rows(CUSTOM, "customJobs")


@given(FILTERS)
@settings(max_examples=600)
def test_a_filter_means_what_the_grammar_says(filled: tuple[Service, list[Any]], written: Written) -> None:
    jobs, rows = filled
    found = jobs.rows(CUSTOM, "customJobs", filter=written.text)
    assert [row["name"] for row in found] == [row["name"] for row in rows if written.holds(row)]


def test_the_thirty_jobs_tell_filters_apart(filled: tuple[Service, list[Any]]) -> None:
    _, rows = filled
    assert len({str(row.get("labels")) for row in rows}) > 8
    assert {row["displayName"] for row in rows} == set(NAMES)
    assert {row["createTime"][:19] + "Z" for row in rows} == {f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in TIMES}


@given(st.text("()\"'\\ANDORT:=!<>*.- labestn_0", max_size=60))
@settings(max_examples=400)
def test_any_text_is_a_filter_or_a_refusal(filled: tuple[Service, list[Any]], text: str) -> None:
    answer = filled[0].send("GET", CUSTOM, filter=text)
    assert answer.status == 200 or (answer.status, answer.error) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("jobId:rnn*", {"rnn_1", "rnn_2", "rnn_3"}),
        ("jobId:rnn* AND state:QUEUED", {"rnn_1", "rnn_2"}),
        ("job_id=rnn_1 OR job_id=cnn_1", {"rnn_1", "cnn_1"}),
        ("NOT state:QUEUED", {"rnn_3"}),
        ("state!=QUEUED", {"rnn_3"}),
        ("labels.n=2", {"rnn_2"}),
        ("labels:n AND NOT labels.n:3", {"rnn_1", "rnn_2"}),
        ("createTime>2020-01-01T00:00:00Z state=FAILED", {"rnn_3"}),
    ],
)
def test_lists_of_ml_speak_of_job_ids_and_states_without_prefix(text: str, found: set[str]) -> None:
    with service.opened("in process") as jobs:
        for job in ("rnn_1", "rnn_2", "rnn_3"):
            jobs.create(ML, service.ml_job(job, labels={"n": job[-1]}))
        jobs.create(ML, service.ml_job("cnn_1"))
        jobs.emulator.set_state("projects/demo/jobs/rnn_3", "FAILED")
        assert {row["jobId"] for row in jobs.rows(ML, "jobs", filter=text)} == found


@pytest.mark.parametrize(
    "text", ["state:JOB_STATE_FAILED", "display_name:a", "jobId>a", "trainingInput.region=r", "rnn"]
)
def test_ml_refuses_what_its_jobs_do_not_have(text: str) -> None:
    with service.opened("in process") as jobs:
        answer = jobs.send("GET", ML, filter=text)
        assert (answer.status, answer.error) == (400, "INVALID_ARGUMENT")
