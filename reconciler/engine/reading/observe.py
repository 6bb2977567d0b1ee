"""Read the world a plan is made from: complete lists, what the ledger still waits for, and full specs where needed.

Only GET requests leave from here. A list that fails is an error, never an empty list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from reconciler.core.plan import by_address
from reconciler.core.plan.observed import Key, Known, Observed, sort_by_address
from reconciler.core.runs import heads, marks, names
from reconciler.core.spec import fingerprint
from reconciler.engine.reading import coverage, rows, settle
from reconciler.engine.world import World
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import IdForm, Kind, Phase, Verb
from reconciler.vocabulary.model import Desired, DesiredState, LedgerRun, Run, Stack
from reconciler.vocabulary.plans import ScopeCount
from reconciler.vocabulary.ports import Row


def observe(
    world: World, stack: Stack, desired: Sequence[Desired], also: Collection[str] = (), starting: Collection[str] = ()
) -> Observed:
    """Return everything a plan needs to know. Waits where a stopped apply left a create that lists may not show yet.

    `also` names kinds to list besides those of the manifests and the ledger, `starting` addresses that may start a run
    whatever their manifests and the lists say.
    """
    world.store.require_format()
    ledger = world.store.ledger.runs()
    ever = coverage.ever(world)
    wanted = {want.kind for want in desired} | set(also) | {old.kind for old in ledger} | {kind for kind, _ in ever}
    covered = coverage.covered(stack, world.kinds, wanted)
    runs, counts = settle.settled_lists(world, stack, covered)
    left = coverage.look_at_left(world, stack, set(ever) - {(kind.name, scope) for kind, scope in covered})
    runs = _with(runs, _remembered(world, stack, _unseen(stack, ledger, runs), left))
    addresses = sort_by_address(stack, desired, runs, ledger)
    asked = [want for want in desired if want.address in starting or _may_start(want, _known(addresses, want).runs)]
    runs = _with(runs, _derived(world, stack, asked, addresses))
    addresses = _looked_again(world, stack, sort_by_address(stack, desired, runs, ledger))
    full, gone = _full(world, desired, addresses)
    addresses = {key: replace(known, runs=_without(known.runs, gone)) for key, known in addresses.items()}
    foreign = [run for run in runs if not stack.owns(run.owner)]
    ours = [run for known in addresses.values() for run in known.runs]
    return Observed(
        runs=tuple(sorted((*ours, *foreign), key=lambda run: (run.kind, run.name, run.resource))),
        scopes=tuple(counts),
        ledger=ledger,
        full=full,
        policies=_policies(world, desired, addresses),
        left=left,
        addresses=addresses,
    )


def _unseen(stack: Stack, ledger: Sequence[LedgerRun], runs: Sequence[Run]) -> list[LedgerRun]:
    """Return what the ledger holds as not ended and no list shows as that run: lists lag, and labels get lost.

    A twin that carries its key does not stand for the job that the ledger names. One with another owner's label is
    another owner's, unless its key was made with a uid of ours.
    """
    ours = [run for run in runs if stack.owns(run.owner)]
    theirs = {run.run_key for run in runs if not stack.owns(run.owner)}
    keys, jobs = {run.run_key for run in ours}, {(run.run_key, run.resource) for run in ours}

    def shown(old: LedgerRun) -> bool:
        if old.run_key in keys:
            return not old.resource or (old.run_key, old.resource) in jobs
        return old.run_key in theirs and not rows.is_made_here(old, stack)

    return [old for old in ledger if old.phase is None and not shown(old)]


def _with(runs: Sequence[Run], found: Sequence[Run]) -> list[Run]:
    """Add what a get found to what lists showed; where both have a job, the get knows better who it is."""
    got = {run.resource for run in found}
    return [*(run for run in runs if run.resource not in got), *found]


def _without(runs: Sequence[Run], gone: Collection[str]) -> tuple[Run, ...]:
    return tuple(run for run in runs if run.resource not in gone)


def _looked_again(world: World, stack: Stack, addresses: Mapping[Key, Known]) -> dict[Key, Known]:
    """Get the active runs of every address that seems to have two: a list may still show one that has ended.

    Cancelling the other as its duplicate would then leave none.
    """
    rivals = {key: [run for run in known.runs if run.active] for key, known in addresses.items()}
    doubtful = [run for active in rivals.values() if len(active) > 1 for run in active]

    def fetch(run: Run) -> Run | None:
        kind = world.kinds[run.kind]
        try:
            row = world.api.get(kind, run.resource)
        except errors.NotFound:
            return None
        return marks.read(marks.seen(run), row, kind, run.scope, run.resource, stack)

    now = dict(zip((run.resource for run in doubtful), world.each(fetch, doubtful), strict=True))
    return {key: replace(known, runs=_replaced(known.runs, now)) for key, known in addresses.items()}


def _replaced(runs: Iterable[Run], now: Mapping[str, Run | None]) -> tuple[Run, ...]:
    """Put what a get returned in place of what a list showed; None is a run that is gone."""
    looked = (now.get(run.resource, run) for run in runs)
    return tuple(run for run in looked if run is not None)


def _remembered(world: World, stack: Stack, waiting: Sequence[LedgerRun], left: Sequence[ScopeCount] = ()) -> list[Run]:
    """Get every run the ledger holds as not ended and the lists did not show: lists lag, and ml hides old jobs.

    One whose labels no longer make it ours is unmarked: it lives, whatever it says of itself.

    `left` are the kind scopes the stack left: of a run that may be in one whose list has a gap already, no answer is needed.
    """

    def fetch(old: LedgerRun) -> Run | None:
        kind = world.kinds.get(old.kind)
        if kind is None or not old.resource:
            return None
        try:
            row = world.api.get(kind, old.resource)
        except errors.NotFound:
            return None
        except errors.ApiError as refused:
            if not coverage.closed(refused) or not any(
                gap.lacking and coverage.lies_in(old, gap.kind, gap.scope, stack) for gap in left
            ):
                raise
            return None
        return rows.read_known(row, kind, old, stack)

    return [run for run in world.each(fetch, waiting) if run is not None]


def with_runs(world: World, stack: Stack, observed: Observed, expected: Mapping[str, str]) -> Observed:
    """Get the runs among `expected` (resource to kind) that the lists did not show: lists lag, a get does not."""
    shown = {run.resource for run in observed.runs}

    def fetch(resource: str) -> Run | None:
        kind = world.kinds[expected[resource]]
        try:
            return rows.read_alone(world.api.get(kind, resource), kind, resource, stack)
        except errors.NotFound:
            return None

    found = world.each(fetch, [resource for resource in sorted(expected) if resource not in shown])
    return replace(observed, runs=(*observed.runs, *(run for run in found if run is not None)))


def _derived(world: World, stack: Stack, desired: Sequence[Desired], addresses: Mapping[Key, Known]) -> list[Run]:
    """Get the ids we would choose next for some manifests: ml lists hide jobs after 90 days (docs).

    A job that lost our labels is in no list either, and its id still says whose it is.
    """
    shown = {run.resource for known in addresses.values() for run in known.runs}

    def probe(want: Desired) -> list[Run]:
        kind, known = world.kinds[want.kind], _known(addresses, want)
        number = heads.next_number(known.runs, known.past)
        found: list[Run] = []
        while True:  # a renamed address counts on where its old name stopped
            taken = [got for name in (want.name, want.formerly) if name and (got := named(want, kind, name, number))]
            if not taken:
                return found
            found += [run for run, _ in taken if run is not None and run.resource not in shown]
            number += 1

    def named(want: Desired, kind: Kind, name: str, number: int) -> tuple[Run | None, str] | None:
        resource = f"{names.collection(kind, want.scope)}/{names.client_id(name, stack.uid, number)}"
        try:
            row = world.api.get(kind, resource)
        except errors.NotFound:
            return None
        return marks.read(marks.derived(name, number, stack), row, kind, want.scope, resource, stack), resource

    chosen = [want for want in desired if world.kinds[want.kind].id_form is IdForm.CLIENT]
    return [run for found in world.each(probe, chosen) for run in found]


def _may_start(want: Desired, runs: Sequence[Run]) -> bool:
    """Say whether a create might follow, or no run is known.

    None follows beside a run of this very spec that is active or succeeded, unless a token asks for one more.
    """
    if not runs:
        return True
    same = [run for run in runs if run.fingerprint == want.fingerprint]
    done = any(run.active or run.phase is Phase.SUCCEEDED for run in same)
    token = fingerprint.token_hash(want.lifecycle.rerun.token)
    asked = bool(token) and all(run.token != token for run in same)
    return want.lifecycle.desired is DesiredState.PRESENT and (asked or not done)


def _full(world: World, desired: Sequence[Desired], addresses: Mapping[Key, Known]) -> tuple[dict[str, Row], set[str]]:
    """Fetch every run whose label cannot settle whether its spec is the manifest's; say also which are gone."""
    todo = [run for want in desired for run in by_address.to_compare(want, _known(addresses, want).runs)]

    def fetch(run: Run) -> Row | None:
        try:
            return world.api.get(world.kinds[run.kind], run.resource)
        except errors.NotFound:
            return None

    read = dict(zip((run.resource for run in todo), world.each(fetch, todo), strict=True))
    gone = {resource for resource, row in read.items() if row is None}
    return {resource: row for resource, row in read.items() if row is not None}, gone


def _known(addresses: Mapping[Key, Known], want: Desired) -> Known:
    return addresses.get((want.kind, want.name), Known())


def _policies(world: World, desired: Sequence[Desired], addresses: Mapping[Key, Known]) -> dict[str, Row]:
    """Read the IAM policy of every run that may turn out to be the head of a manifest that speaks of one."""
    todo = [
        run
        for want in desired
        if want.iam is not None
        and want.lifecycle.desired is DesiredState.PRESENT
        and world.kinds[want.kind].can(Verb.GET_IAM_POLICY)
        for run in heads.candidates(_known(addresses, want).runs)
        if run.marked
    ]
    policies = world.each(lambda run: world.api.get_iam_policy(world.kinds[run.kind], run.resource), todo)
    return {run.resource: policy for run, policy in zip(todo, policies, strict=True)}
