"""`reconciler emulate`: the job APIs as a server on this machine."""

from __future__ import annotations

import random

import click

from reconciler.cli import outputs
from reconciler.cli.clock import WallClock
from reconciler.files import schemas


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8085, help="0 takes a free one.")
@click.option("--db", default=":memory:", metavar="FILE", help="Keep the jobs in a file.")
@click.option("--clock", type=click.Choice(["wall", "manual"]), default="wall", help="manual: moved by requests only.")
def command(port: int, db: str, clock: str) -> int:
    """Serve Vertex AI customJobs and nasJobs and AI Platform jobs on 127.0.0.1 until interrupted."""
    from reconciler.emulator import app, server
    from reconciler.emulator.clocks import ManualClock

    chosen = ManualClock() if clock == "manual" else WallClock()
    emulator = app.Emulator(schemas.load_kinds(), db, chosen, app.random_ids(random.SystemRandom()))
    try:
        handle = server.serve(emulator, port=port)
        outputs.say(
            f"Serving on http://127.0.0.1:{handle.port} (jobs in {db}). In a stack: spec.backend: http://127.0.0.1:{handle.port}"
        )
        try:
            handle.run()
        except KeyboardInterrupt:
            outputs.say("Stopped.")
        finally:
            handle.close()
    finally:
        emulator.close()
    return 0
