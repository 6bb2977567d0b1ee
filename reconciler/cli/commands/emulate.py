"""`reconciler emulate`: the job APIs as a server on this machine."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import lives
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.terminal import outputs
from reconciler.files import documents, positions, schemas
from reconciler.vocabulary import errors

if TYPE_CHECKING:
    from reconciler.emulator.app import Emulator
    from reconciler.emulator.faults.model import Fault
    from reconciler.emulator.serving.server import Handle
    from reconciler.vocabulary.kinds import Kinds
    from reconciler.vocabulary.wire import Transport


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8085, show_default=True, help="0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Listen on another address.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="Answer for this host name too; repeatable.")
@click.option("--db", default=":memory:", metavar="FILE", help="Keep the jobs in a file; in memory unless named.")
@click.option(
    "--clock",
    type=click.Choice(["wall", "manual"]),
    default="wall",
    help="wall: this machine's; manual: moved by requests only.",
)
@click.option(
    "--behaviour",
    "behaviours",
    multiple=True,
    metavar="NAME=CHOICE",
    help="Choose a behaviour that nobody has recorded (docs/fidelity.md); repeatable.",
)
@click.option(
    "--life",
    default="recorded",
    show_default=True,
    metavar="NAME",
    help="How jobs live: recorded, instant, manual or random:SEED (docs/emulator.md).",
)
@click.option("--faults", metavar="FILE", help="Faults to inject, as YAML or JSON (docs/emulator.md).")
@click.option("--run-jobs", is_flag=True, help="Run container commands on this machine, as you (docs/running-jobs.md).")
@click.pass_obj
def command(
    surroundings: Surroundings,
    port: int,
    host: str,
    allow_host: tuple[str, ...],
    db: str,
    clock: str,
    behaviours: tuple[str, ...],
    life: str,
    faults: str | None,
    *,
    run_jobs: bool,
) -> int:
    """Serve Vertex AI customJobs and nasJobs and AI Platform jobs until interrupted."""
    from reconciler.emulator import app, behaviour, switches
    from reconciler.emulator.serving import allowed_hosts, server
    from reconciler.emulator.state.clocks import ManualClock

    kinds = schemas.load_kinds()
    injected = _read_faults(faults, kinds) if faults is not None else ()
    switched = switches.read(behaviours)
    timings = lives.read(life, f"--life {life}")
    chosen = ManualClock() if clock == "manual" else surroundings.clock
    # a delayed reply keeps its caller waiting for real, whatever clock the jobs live by
    emulator = app.Emulator(
        kinds,
        db,
        chosen,
        app.random_ids(surroundings.chance),
        timings,
        behaviours=switches.behaviours(behaviour.load(), switched),
        faults=(*switches.faults(switched), *injected),
        sleep=surroundings.clock.sleep,
    )
    try:
        handle = server.serve(_running(emulator, host, surroundings) if run_jobs else emulator, host, port, allow_host)
        outputs.say(f"Serving on {handle.url} (jobs in {db}). In a stack: spec.backend: http://127.0.0.1:{handle.port}")
        if not allowed_hosts.is_loopback(handle.host):
            outputs.say(
                f"Warning: {handle.host} is not loopback. Whoever reaches it may do everything, without a password."
            )
        for name, choice in switched.items():
            outputs.say(f"Behaviour {name}: {choice}.")
        if life != "recorded":
            outputs.say(f"Life of jobs: {life}.")
        if run_jobs:
            outputs.say("Container commands run on this machine, as you, for whoever can reach the port.")
        if injected:
            outputs.say(f"{len(injected)} fault(s) from {faults} are in force.")
        _run(handle)
        outputs.say("Stopped.")
    finally:
        emulator.close()
    return 0


def _running(emulator: Emulator, host: str, surroundings: Surroundings) -> Transport:
    """Let an emulator run jobs; the flag alone can, since no file and no variable may start programs."""
    from reconciler.emulator.running import browsers
    from reconciler.emulator.running.service import Machine
    from reconciler.emulator.serving import allowed_hosts

    if host != "localhost" and not allowed_hosts.is_loopback(host):
        raise errors.InputError(
            f"--run-jobs with --host {host}: whoever reaches that address could run programs as you",
            "leave one of the two out",
        )
    # nothing else of this environment: it holds what is ours, tokens and all
    kept = {"PATH": surroundings.environment.variable("PATH") or os.defpath, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
    emulator.run_jobs(Machine(kept, surroundings.ticks))
    return browsers.refusing(emulator)


def _run(handle: Handle) -> None:
    """Serve until SIGINT or SIGTERM: what was taken is answered first. A second signal ends the process at once."""

    def stop(_number: int, _frame: object) -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        handle.close()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, stop)
        handle.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        handle.close()


def _read_faults(file: str, kinds: Kinds) -> tuple[Fault, ...]:
    """Read a faults file. Raises errors.InputError with every problem and its place."""
    from reconciler.emulator.faults import parse

    reading = documents.read(Path(file), file)
    problems = list(reading.problems)
    found: tuple[Fault, ...] = ()
    if len(reading.documents) == 1:
        found, wrong = parse.read(reading.documents[0].value, kinds.keys())
        problems += [replace(each, file=file, document=reading.documents[0].index) for each in wrong]
    if problems:
        placed = positions.Locator(Path()).place_all(problems)
        raise errors.InputError(f"the faults in {file} cannot be used", problems=placed)
    if len(reading.documents) != 1:
        raise errors.InputError(
            f"{file} holds {len(reading.documents)} documents, faults are one", "write a map with a list `faults`"
        )
    return found
