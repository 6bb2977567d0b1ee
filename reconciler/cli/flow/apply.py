"""What apply and destroy share once a plan is drawn: ask, carry out, wait, report, and say it in an exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from reconciler.cli import wiring
from reconciler.cli.flow import exit_code, given, plan
from reconciler.cli.flow.exit_code import Waited
from reconciler.cli.terminal import confirm, outputs
from reconciler.cli.terminal.event_log import EventLog
from reconciler.cli.terminal.progress import Progress
from reconciler.core.plan import guards
from reconciler.core.validate import body
from reconciler.engine.events import Control, Event
from reconciler.engine.reading import wait
from reconciler.engine.writing.apply import Applier, Settings
from reconciler.files import checkout
from reconciler.renderers import jsonl, table
from reconciler.vocabulary import errors
from reconciler.vocabulary.plans import Applied, Lineage, Status
from reconciler.vocabulary.ports import Secrets


@dataclass(slots=True)
class Signals:
    """The signals that arrived. The first asks to stop, the second stops at once: the journal is whole either way."""

    stop: threading.Event = field(default_factory=threading.Event)
    number: int = 0


def show(drawn: plan.Drawn, asked: given.Applying) -> None:
    """Show the plan before anybody is asked: on stdout, or on stderr where stdout belongs to a machine."""
    machine = any(name != "text" and not file for name, file in asked.targets)
    plan.render(drawn.plan, drawn.document, [("text", "")], asked.color, to=sys.stderr if machine else sys.stdout)


def carry_out(drawn: plan.Drawn, asked: given.Applying, secrets: Secrets, *, saved: bool) -> int:
    """Apply a drawn plan and return the exit code. A saved plan's blocks come after its staleness, with the applier."""
    if not saved:
        _ask(drawn, asked)
    clock = drawn.workspace.surroundings.clock
    with EventLog(asked.targets, drawn.digest, clock) as log, _signals() as signals, Progress(sys.stderr) as progress:

        def tell(event: Event) -> None:
            progress.tell(event)
            log.tell(event)

        control = Control(tell, signals.stop)
        applier = Applier(
            drawn.world, drawn.workspace.stack, secrets, body.BodyCheck(), control,
            lambda applied: _lineage(drawn, applied, told=not saved),
        )  # fmt: skip
        log.begin(drawn.plan.summary())
        applied = applier.apply(drawn.plan, drawn.digest, _settings(asked, saved=saved))
        waited = _wait(drawn, asked, applied, control)
        log.end(applied.outcomes)
    _report(drawn.digest, asked, applied)
    for problem in (applied.broken, waited.blind):
        if problem is not None:
            raise problem
    log.require_whole()
    return exit_code.of_apply(applied, waited, signals.number)


def _ask(drawn: plan.Drawn, asked: given.Applying) -> None:
    """Go on only with a plan that nothing blocks and that somebody wants. Raises errors.PlanBlocked or InputError."""
    blocked = [blocker for blocker in drawn.plan.blocked if not guards.permitted(blocker, asked.allowed)]
    if blocked:
        raise errors.PlanBlocked("; ".join(f"{blocker.rule}: {blocker.message}" for blocker in blocked))
    if drawn.plan.has_changes and not asked.yes:
        confirm.confirm(
            "Do you want to perform these actions?",
            drawn.workspace.surroundings.stdin,
            alone="add --yes, or apply a reviewed plan file",
            refused="apply was not confirmed; nothing was called",
        )


def _lineage(drawn: plan.Drawn, applied: str, *, told: bool) -> Lineage:
    """Say how the plan's commit and the one checked out stand to the one applied last; tell it where nobody has."""
    found = wiring.lineage(drawn.workspace, (drawn.plan.revision, *_head(drawn)), applied)
    if not told:
        plan.tell_lineage(found, applied)
    return found


def _head(drawn: plan.Drawn) -> tuple[str, ...]:
    """Return the commit that is checked out now, which a saved plan need not be of."""
    commit = checkout.head(drawn.workspace.root).commit
    return (commit,) if commit else ()


def _settings(asked: given.Applying, *, saved: bool) -> Settings:
    return Settings(asked.allowed, saved=saved, parallelism=asked.parallelism, keep_going=asked.on_error == "continue")


def _wait(drawn: plan.Drawn, asked: given.Applying, applied: Applied, control: Control) -> Waited:
    """Wait for what was started, where that is asked and nobody asked to stop. What goes wrong is told after the outcomes."""
    if not asked.wait or control.stop.is_set():
        return Waited()
    try:
        return Waited(*wait.wait(drawn.world, _started(applied), asked.wait == "finished", asked.timeout, control))
    except errors.ReconcilerError as unseen:
        return Waited(blind=unseen)


def _report(digest: str, asked: given.Applying, applied: Applied) -> None:
    outputs.write(
        [target for target in asked.targets if target[0] != jsonl.NAME],
        lambda name, style: table.OUTCOME_FORMATS[name](digest, applied.outcomes, style),
        asked.color,
    )


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
            outputs.say("Stopping: calls under way are finished and recorded. Interrupt again to stop at once.")

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
