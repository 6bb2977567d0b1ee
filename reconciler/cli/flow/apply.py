"""What apply and destroy share once a plan is drawn: ask, carry out, wait, report, and say it in an exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from reconciler.cli.environment import EnvironmentSecrets
from reconciler.cli.flow import plan
from reconciler.cli.terminal import confirm, event_log, flags, outputs
from reconciler.cli.terminal.event_log import EventLog
from reconciler.cli.terminal.progress import Progress
from reconciler.core.plan import guards
from reconciler.core.validate import body
from reconciler.engine.events import Control, Event
from reconciler.engine.reading import wait
from reconciler.engine.writing.apply import Applier, Settings
from reconciler.renderers import table
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.plans import Applied, Status

FORMATS = (*table.OUTCOME_FORMATS, event_log.NAME)
"""The forms of what an apply did; the last is written while it runs."""


@dataclass(slots=True)
class Signals:
    """The signals that arrived. The first asks to stop, the second stops at once: the journal is whole either way."""

    stop: threading.Event = field(default_factory=threading.Event)
    number: int = 0


def show(drawn: plan.Drawn, targets: Sequence[tuple[str, str]], color: str) -> None:
    """Show the plan before anybody is asked: on stdout, or on stderr where stdout belongs to a machine."""
    machine = any(name != "text" and not file for name, file in targets)
    plan.render(drawn.plan, drawn.document, [("text", "")], color, to=sys.stderr if machine else sys.stdout)


def carry_out(drawn: plan.Drawn, targets: Sequence[tuple[str, str]], given: dict[str, Any], *, ask: bool) -> int:
    """Apply a drawn plan and return the exit code. A saved plan's blocks come after its staleness, with the applier."""
    allowed = flags.allowed(given, destroying=given.get("destroying", False))
    blocked = [blocker for blocker in drawn.plan.blocked if not guards.permitted(blocker, allowed)]
    if blocked and ask:
        raise errors.PlanBlocked("; ".join(f"{blocker.rule}: {blocker.message}" for blocker in blocked))
    if ask and drawn.plan.has_changes and not given["yes"]:
        confirm.confirm(
            "Do you want to perform these actions?",
            alone="add --yes, or apply a reviewed plan file",
            refused="apply was not confirmed; nothing was called",
        )
    with EventLog(targets, drawn.digest) as log, _signals() as signals, Progress(sys.stderr) as progress:

        def tell(event: Event) -> None:
            progress.tell(event)
            log.tell(event)

        control = Control(tell, signals.stop)
        applier = Applier(
            drawn.world, drawn.workspace.stack, EnvironmentSecrets(given["secret_env"]), body.BodyCheck(), control
        )
        settings = Settings(
            allowed, saved=not ask, parallelism=given["parallelism"], keep_going=given["on_error"] == "continue"
        )
        log.begin(drawn.plan.summary())
        applied = applier.apply(drawn.plan, drawn.digest, settings)
        ended: Mapping[str, Phase] = {}
        late, blind = False, None
        if given["wait"] and not signals.stop.is_set():
            try:
                ended, late = wait.wait(
                    drawn.world, _started(applied), given["wait"] == "finished", given["timeout"], control
                )
            except errors.ReconcilerError as unseen:
                blind = unseen  # told once it is told what was done
        log.end(applied.outcomes)
    outputs.write(
        [target for target in targets if target[0] != event_log.NAME],
        lambda name, style: table.OUTCOME_FORMATS[name](drawn.digest, applied.outcomes, style),
        given["color"],
    )
    for problem in (applied.broken, blind):
        if problem is not None:
            raise problem
    log.require_whole()
    return _exit_code(applied, ended, late=late, signal_number=signals.number)


@contextmanager
def _signals() -> Iterator[Signals]:
    """Turn the first SIGINT or SIGTERM into a request to stop; a second one ends the process."""
    arrived = Signals()

    def handle(number: int, _frame: object) -> None:
        if arrived.stop.is_set():
            # Threads in the middle of a call would hold up any other way out; what they did is in the journal.
            with suppress(OSError):
                os.write(2, b"Stopped.\n")
            os._exit(128 + number)
        arrived.number = number
        arrived.stop.set()
        with suppress(RuntimeError, OSError):  # this very thread was writing to stderr, or nobody reads that any more
            outputs.say("Stopping: what is in flight is finished and recorded. Once more stops at once.")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _started(applied: Applied) -> dict[str, str]:
    """Return address to resource of every run this apply started."""
    started = (Status.CREATED, Status.REPLACED)
    return {outcome.address: outcome.resource for outcome in applied.outcomes if outcome.status in started}


def _exit_code(applied: Applied, ended: Mapping[str, Phase], *, late: bool, signal_number: int) -> int:
    stuck = [outcome for outcome in applied.outcomes if outcome.stuck]
    if stuck and all(outcome.status is Status.FAILED for outcome in applied.outcomes):
        return 1
    if signal_number:
        return 128 + signal_number
    if stuck:
        return 8
    if any(phase in (Phase.FAILED, Phase.CANCELLED, Phase.EXPIRED, Phase.ENDED_UNKNOWN) for phase in ended.values()):
        return 6
    return 7 if late else 0
