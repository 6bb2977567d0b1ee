"""`reconciler logs`: what the newest run of an address printed, as the emulator that ran it has kept it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import click

from reconciler.cli import wiring
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import completions, flags, outputs
from reconciler.engine.reading import find
from reconciler.renderers import results
from reconciler.vocabulary import errors
from reconciler.vocabulary.wire import Request, Transport

EVERY = 0.5
"""Seconds between looks under --follow."""


@click.command()
@click.argument("address", metavar="ADDRESS", callback=flags.not_empty, shell_complete=completions.addresses)
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@click.pass_obj
def command(surroundings: Surroundings, address: str, *, follow: bool) -> int:
    """Print the output of the newest run of ADDRESS (Kind/name) on an emulator that runs jobs.

    Exit 0 once it is printed, however the run ended; 1 where there is no such run, or no output of it.
    """
    workspace = wiring.open_workspace(".", surroundings)
    backend = workspace.stack.backend
    _refuse_others(backend)
    with wiring.open_world(workspace, reading=True) as world, wiring.open_emulator(workspace) as emulator:
        desired = wiring.require(wiring.read_manifests(workspace, "."))
        run = find.find(world, workspace.stack, desired, address).live
        for page in _pages(emulator, f"{backend}/emulator/v1/{run.resource}:logs"):
            _print(page)
            if page.ended or not (follow or page.lines):
                return 0
            if not page.lines:
                world.clock.sleep(EVERY)
    return 0


def _refuse_others(backend: str) -> None:
    """Raise errors.InputError for a backend whose jobs print nothing that could be read here."""
    if backend == "embedded":
        raise errors.InputError(
            "the embedded emulator runs no jobs, so there is no output",
            "start `reconciler emulate --run-jobs` and name its address in spec.backend or RECONCILER_BACKEND",
        )
    if backend == "google":
        raise errors.InputError(
            "`logs` reads from an emulator; what a job on Google prints is in Cloud Logging",
            "`reconciler status ADDRESS` shows its id; then: gcloud logging read 'resource.labels.job_id=\"ID\"'",
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines of output as (replica, text), how many before them are lost, and whether none will follow."""

    lines: tuple[tuple[str, str], ...]
    dropped: int
    ended: bool
    last: int


def _pages(emulator: Transport, url: str) -> Iterator[Page]:
    """Yield answers without end, each with the lines after those of the one before.

    Raises errors.ApiError where the emulator refuses, errors.TransportFailed where its answer makes no sense.
    """
    from reconciler.api import envelopes

    after = 0
    while True:
        reply = emulator(Request("GET", f"{url}?after={after}", {"accept": "application/json"}))
        found = envelopes.decode(reply, "the output")
        try:
            lines = tuple((str(line["replica"]), str(line["text"])) for line in found["lines"])
            last = int(found["lines"][-1]["n"]) if lines else after
            page = Page(lines, int(found["dropped"]), found["ended"] is True, last)
        except (KeyError, TypeError, ValueError, IndexError) as broken:
            raise errors.TransportFailed("the output: the reply is not what an emulator answers") from broken
        if lines and last <= after:
            raise errors.TransportFailed("the output: the reply repeats what was there before")
        yield page
        after = last


def _print(page: Page) -> None:
    """Write lines to stdout, and to stderr how many are lost."""
    if page.dropped:
        outputs.say(f"{page.dropped} older line(s) are kept no more.")
    for replica, text in page.lines:
        click.echo(results.output_line(replica, text))
