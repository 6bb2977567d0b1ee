"""Write down what was seen: into the ledger runs, outcomes and policies, into the journals what became of intents."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.plan.observed import Observed
from reconciler.core.runs import heads
from reconciler.engine.world import World
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import LedgerRun, Removal, Run, Stack


def by_key(stack: Stack, observed: Observed) -> dict[str, Run]:
    """Return our live runs by run key, unmarked ones too. The oldest run of a key is the run, a younger one its duplicate."""
    firsts: dict[str, Run] = {}
    for run in heads.order([run for run in observed.runs if stack.owns(run.owner) and run.run_key]):
        firsts.setdefault(run.run_key, run)
    return firsts


def remember(world: World, stack: Stack, observed: Observed, removals: Mapping[str, Removal] | None = None) -> None:
    """Write what was seen into the ledger: runs it does not hold yet, and outcomes it does not know.

    Of an unmarked run nothing is written: it is there, and what becomes of it is not ours to say. `removals` are what
    manifests say now of live runs, by run key; what the ledger holds otherwise is recorded anew.
    Runs are written side by side: after a night a stack may have hundreds of outcomes, and a bucket is slow.
    """
    held = {old.run_key: old for old in observed.ledger}
    firsts = by_key(stack, observed)
    there = {run.run_key for run in observed.runs}
    asked = removals or {}

    def record(run: Run) -> None:
        ledger = world.store.ledger
        if run.run_key not in held:
            ledger.started(ledger_run(run))
        known = held.get(run.run_key) or ledger_run(run)
        if not run.active and known.phase is None:
            ledger.ended(known, heads.outcome(run, (known,)))
        now = asked.get(run.run_key)
        if now is not None and known.removal is not now:
            world.store.assert_held()  # a late record would take a number that another holder of the lock went past
            ledger.removal_changed(known, now)

    world.each(record, [run for run in firsts.values() if run.marked])
    gone = [
        old
        for key, old in held.items()
        if old.phase is None and old.resource and old.kind in world.kinds and key not in there
    ]
    world.each(lambda old: world.store.ledger.ended(old, Phase.ENDED_UNKNOWN), gone)


def settle_intents(world: World, observed: Observed) -> None:
    """Close the open intents of stopped applies: what the complete, settled lists show is what came of them."""
    by_key = {run.run_key: run for run in observed.runs}
    for intent in world.store.journals.open_intents():
        found = by_key.get(intent.run_key) if intent.verb == "create" else None
        world.store.journals.settle(intent, "found" if found else "settled", found.resource if found else "")


def ledger_run(run: Run) -> LedgerRun:
    """Return what the ledger keeps of a live run."""
    return LedgerRun(
        kind=run.kind,
        name=run.name,
        number=run.number,
        run_key=run.run_key,
        fingerprint=run.fingerprint,
        token=run.token,
        removal=run.removal or Removal.ASK,
        phase=None,
        resource=run.resource,
    )
