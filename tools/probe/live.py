"""Ask the real job APIs what nobody has recorded, and write down what they answer. It only reads unless told otherwise.

`python -m tools.probe.live --project P --location L [--write]`. With `--write` small jobs are started, cancelled and
deleted: that costs money, so it says how much at most and asks first."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import json
import pathlib
import secrets
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from reconciler.api.endpoints import Endpoints
from reconciler.cli.clock import WallClock
from reconciler.files import schemas
from reconciler.transport import google, hosts
from reconciler.transport.http import HttpTransport, open_session
from reconciler.vocabulary import errors
from reconciler.vocabulary.ports import Clock
from reconciler.vocabulary.wire import Transport
from tools.pages.doubts import DOUBTS
from tools.pages.markdown_tables import cell, code, table
from tools.probe import probes
from tools.probe.probes import PROBES, Probe
from tools.probe.session import Observation, Session

DOLLARS_A_JOB = 0.15
"""Chosen, not looked up: a quarter of an hour of an n1-standard-4 at well above its list price."""

PLACES = ("global", "us", "eu")


def run(arguments: Sequence[str], clock: Clock | None = None) -> int:
    """Probe and write the reports; return the exit code: 0, 1 for a refusal, 2 where a job was left behind."""
    given = _parser().parse_args(list(arguments))
    chosen = [probe for probe in PROBES if given.write or not probe.writes]
    if given.only:
        chosen = [probe for probe in chosen if probe.name in given.only]
    most = sum(probe.jobs for probe in chosen) * DOLLARS_A_JOB
    if most > given.budget:
        print(f"These probes may cost {most:.2f} dollars, the budget is {given.budget:.2f}: see --budget and --only.")
        return 1
    if given.write and not _is_sure(given, chosen, most):
        print("Nothing was asked.")
        return 1
    try:
        with _reaching(given.endpoint, given.location) as (transport, endpoints):
            kinds = schemas.load_kinds()
            mark = f"p{secrets.token_hex(6)}"
            session = Session(transport, endpoints, kinds, given.project, given.location, clock or WallClock(), mark)
            left = probe(session, chosen)
    except errors.ReconcilerError as problem:
        print(f"Error: {problem}. {problem.hint}", file=sys.stderr)
        return 1
    _write(given, session, left)
    return 2 if left else 0


def probe(session: Session, chosen: Iterable[Probe]) -> list[str]:
    """Run probes; whatever they started is ended afterwards. Return the jobs that could not be ended."""
    left: list[str] = []
    try:
        for each in chosen:
            session.probe = each.name
            each.run(session)
    finally:
        left = session.end_all()
    return left


def report(session: Session, left: Sequence[str], write: bool) -> dict[str, Any]:
    """Return everything that was seen, as JSON; the project is named nowhere but in `project`."""
    return {
        "project": session.project,
        "location": session.location,
        "write": write,
        "observations": [dataclasses.asdict(each) for each in session.observed],
        "left": list(left),
    }


def seen(observed: Sequence[Observation], grade: str) -> str:
    """Write what was seen beside what is not known, as a Markdown table that could stand in docs/fidelity.md."""
    by_probe: dict[str, list[str]] = {}
    for each in observed:
        by_probe.setdefault(each.probe, []).append(_told(each))
    rows = [
        (cell(doubt.question), cell(doubt.does), grade, "<br>".join(map(cell, by_probe[doubt.probe])))
        for doubt in DOUBTS
        if doubt.probe in by_probe
    ]
    return table(("was not known", "the emulator", "grade", "seen"), rows)


def _told(each: Observation) -> str:
    if each.note:
        return each.note
    return f"{code(each.asked)}: {each.status} {each.code} {each.message}".strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools.probe.live", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--project", required=True, help="the id of a project that you may spend money in")
    parser.add_argument("--location", default="us-central1")
    parser.add_argument("--write", action="store_true", help="start, cancel and delete small jobs too")
    parser.add_argument("--yes", action="store_true", help="do not ask before writing")
    parser.add_argument(
        "--budget", type=float, default=5.0, metavar="DOLLARS", help="most that it may cost (default 5)"
    )
    parser.add_argument("--only", action="append", choices=[each.name for each in PROBES], help="may be repeated")
    parser.add_argument("--endpoint", default="", metavar="URL", help="ask a server on this machine instead, unsigned")
    parser.add_argument("--report", type=pathlib.Path, default=pathlib.Path("probe.json"), metavar="FILE")
    parser.add_argument("--table", type=pathlib.Path, default=pathlib.Path("probe.md"), metavar="FILE")
    return parser


def _is_sure(given: argparse.Namespace, chosen: Sequence[Probe], most: float) -> bool:
    jobs = sum(each.jobs for each in chosen)
    print(f"Up to {jobs} jobs ({probes.MACHINE}) will be started in {given.project}, cancelled and deleted.")
    print(
        f"Most creates ought to be refused. At most it costs about {most:.2f} dollars, if every job runs its whole time."
    )
    if given.yes:
        return True
    print(f"Type the project's id to go on ({given.project}): ", end="", flush=True)
    return sys.stdin.readline().strip() == str(given.project)


@contextlib.contextmanager
def _reaching(endpoint: str, location: str) -> Iterator[tuple[Transport, Endpoints]]:
    """Open the way to Google, or to a server on this machine: credentials go to Google's hosts alone."""
    with HttpTransport() as http, open_session(2) as session:
        if endpoint:
            yield google.loopback(http), Endpoints(endpoint)
            return
        apis = {kind.api for kind in schemas.load_kinds().values()}
        allowed = hosts.allowed_hosts(apis, {location, *PLACES})
        yield google.authorized(http, google.DefaultCredentials(session), allowed), Endpoints("google")


def _write(given: argparse.Namespace, session: Session, left: Sequence[str]) -> None:
    day = datetime.datetime.fromtimestamp(session.clock.now(), tz=datetime.UTC).date().isoformat()
    given.report.write_text(json.dumps(report(session, left, given.write), indent=2) + "\n", encoding="utf-8")
    grade = f"not the service ({day})" if given.endpoint else f"R ({day})"
    given.table.write_text(seen(session.observed, grade) + "\n", encoding="utf-8")
    replies = sum(1 for each in session.observed if each.status)
    print(f"{replies} replies in {given.report}; what they say to the open questions in {given.table}.")
    for job in left:
        print(f"LEFT BEHIND, end it by hand: {job}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
