"""Read the world a plan is made from: complete lists, what the ledger still waits for, and full specs where needed.

Only GET requests leave from here. A list that fails is an error, never an empty list.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from reconciler.core.plan import by_address
from reconciler.core.plan.observed import Observed, group, renames
from reconciler.core.runs import heads, labels, names
from reconciler.engine.world import World
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import IdForm, Kind, Kinds, Verb
from reconciler.vocabulary.model import Desired, DesiredState, LedgerRun, Run, Scope, Stack
from reconciler.vocabulary.plans import ScopeCount
from reconciler.vocabulary.ports import Intent, KindScope, Row

POLL = 5.0
"""Seconds between lists while an open intent settles."""


def observe(world: World, stack: Stack, desired: Sequence[Desired], also: Collection[str] = ()) -> Observed:
    """Return everything a plan needs to know. Waits where a stopped apply left a create that lists may not show yet.

    `also` names kinds to list besides those of the manifests and the ledger.
    """
    ledger = world.store.ledger.runs()
    ever = _ever(world)
    wanted = {want.kind for want in desired} | set(also) | {old.kind for old in ledger} | {kind for kind, _ in ever}
    kind_scopes = _kind_scopes(stack, world.kinds, wanted)
    runs, counts = _settled_lists(world, stack, kind_scopes)
    left = _left(world, stack, set(ever) - {(kind.name, scope) for kind, scope in kind_scopes})
    known = {run.run_key for run in runs}
    runs += _remembered(world, stack, [old for old in ledger if old.phase is None and old.run_key not in known], left)
    runs += _derived(world, stack, desired, runs, ledger)
    runs = _rivals(world, stack, desired, runs)
    full, gone = _full(world, stack, desired, runs)
    runs = [run for run in runs if run.resource not in gone]
    return Observed(
        runs=tuple(sorted(runs, key=lambda run: (run.kind, run.name, run.resource))),
        scopes=tuple(counts),
        ledger=ledger,
        full=full,
        policies=_policies(world, stack, desired, runs),
        left=left,
    )


def _rivals(world: World, stack: Stack, desired: Sequence[Desired], runs: Sequence[Run]) -> list[Run]:
    """Get the active runs of every address that seems to have two: a list may still show one that has ended.

    Cancelling the other as its duplicate would then leave none.
    """
    active = [run for run in runs if run.active]
    grouped = group(active, stack, renames(desired))
    doubtful = [run for rivals in grouped.values() if len(rivals) > 1 for run in rivals]

    def fetch(run: Run) -> Run | None:
        kind = world.kinds[run.kind]
        try:
            return read_run(world.api.get(kind, run.resource), kind, run.scope)
        except errors.NotFound:
            return None

    now = dict(zip((run.resource for run in doubtful), world.each(fetch, doubtful), strict=True))
    looked = [now.get(run.resource, run) for run in runs]
    return [run for run in looked if run is not None]


def _kind_scopes(stack: Stack, kinds: Kinds, wanted: Collection[str]) -> list[tuple[Kind, Scope]]:
    """Return every (kind, scope) to list: the stack's kinds, else those that are wanted or known, else all."""
    names = set(stack.kinds) or set(wanted) & set(kinds)
    kind_scopes = {
        (name, scope if kinds[name].located else Scope(scope.project))
        for name in (names or set(kinds))
        for scope in stack.scopes
        if scope.location or not kinds[name].located  # a scope of a project alone is for APIs without locations
    }
    return [(kinds[name], scope) for name, scope in sorted(kind_scopes)]


def _left(world: World, stack: Stack, kind_scopes: Collection[KindScope]) -> tuple[ScopeCount, ...]:
    """List the places the stack was applied to and no longer covers; counts what of ours is active there.

    One that is closed to us may be gone for good: it is no error, and a gap that whoever plans has to hear of.
    """

    def count(kind_scope: KindScope) -> ScopeCount:
        try:
            return ScopeCount(*kind_scope, *active_in(world, stack, kind_scope))
        except errors.ApiError as refused:
            if not closed(refused):
                raise
            return ScopeCount(*kind_scope, 0, refused.message)

    return tuple(world.each(count, sorted(kind_scopes)))


def _ever(world: World) -> list[KindScope]:
    return [kind_scope for kind_scope in world.store.kind_scopes() if kind_scope[0] in world.kinds]


def left_behind(world: World, stack: Stack) -> tuple[KindScope, ...]:
    """Return the remembered places that the stack no longer covers, ordered."""
    ever = _ever(world)
    covered = {(kind.name, scope) for kind, scope in _kind_scopes(stack, world.kinds, {kind for kind, _ in ever})}
    return tuple(sorted(set(ever) - covered))


def covered_keys(world: World, stack: Stack, kinds: Collection[str]) -> frozenset[str]:
    """Return the run keys that complete lists of some kinds show in the places the stack covers."""
    kind_scopes = [kind_scope for kind_scope in _kind_scopes(stack, world.kinds, kinds) if kind_scope[0].name in kinds]
    listed = world.each(lambda kind_scope: _list(world, stack, *kind_scope), kind_scopes)
    return frozenset(run.run_key for runs, _ in listed for run in runs)


def active_in(world: World, stack: Stack, kind_scope: KindScope) -> tuple[int, str]:
    """Count our active runs in a place, and say what its list lacks."""
    runs, listed = _list(world, stack, world.kinds[kind_scope[0]], kind_scope[1])
    return sum(run.active and stack.owns(run.owner) for run in runs), listed.lacking


def closed(refused: errors.ApiError) -> bool:
    """Say whether an answer means that a place is not ours to look at: forbidden, or not there."""
    return refused.status in (403, 404)


def _settled_lists(
    world: World, stack: Stack, kind_scopes: Sequence[tuple[Kind, Scope]]
) -> tuple[list[Run], list[ScopeCount]]:
    """List everything; while a create of a stopped apply may still be hidden by list lag, list again."""
    began = world.clock.now()
    while True:
        asked = world.clock.now()
        listed = world.each(lambda kind_scope: _list(world, stack, *kind_scope), kind_scopes)
        runs = [run for found, _ in listed for run in found]
        hidden = _hidden(world, {run.run_key for run in runs})
        # An intent that claims a later time than ours was written under a clock that runs ahead. What counts is when the
        # lists were asked for: one that was answered early has not seen what came while the others took their time.
        settled = max((min(intent.at, began) + stack.settle for intent in hidden), default=asked)
        if settled <= asked:
            return runs, [count for _, count in listed]
        world.clock.sleep(min(POLL, max(settled - world.clock.now(), 0.0)))


def _hidden(world: World, seen: set[str]) -> list[Intent]:
    intents = world.store.journals.open_intents()
    return [intent for intent in intents if intent.verb == "create" and intent.run_key not in seen]


def _list(world: World, stack: Stack, kind: Kind, scope: Scope) -> tuple[list[Run], ScopeCount]:
    runs: list[Run] = []
    lacking = ""
    try:
        for page in world.api.list(kind, scope, labels.label_filter(stack), kind.list_mask):
            runs += [run for run in (read_run(row, kind, scope) for row in page) if run is not None]
    except errors.ListIncomplete as gap:
        lacking = gap.message
    return runs, ScopeCount(kind.name, scope, sum(stack.owns(run.owner) for run in runs), lacking)


def read_run(row: Row, kind: Kind, scope: Scope) -> Run | None:
    """Read a row; an API whose ids we choose has no `name` field, and the resource name is built from the id."""
    own = row.get(kind.id_field) if kind.id_form is IdForm.CLIENT else None
    resource = f"{names.collection(kind, scope)}/{own}" if own else str(row.get("name", ""))
    return labels.read(row, kind, scope, resource)


def _remembered(world: World, stack: Stack, waiting: Sequence[LedgerRun], left: Sequence[ScopeCount] = ()) -> list[Run]:
    """Get every run the ledger holds as not ended and the lists did not show: lists lag, and ml hides old jobs.

    `left` are the places the stack left: of a run that may be in one whose list has a gap already, no answer is needed.
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
            if not closed(refused) or not any(gap.lacking and lies_in(old, gap.kind, gap.scope, stack) for gap in left):
                raise
            return None
        run = _read_alone(row, kind, old.resource, stack)
        return run if run and run.run_key == old.run_key else None

    return [run for run in world.each(fetch, waiting) if run is not None]


def lies_in(old: LedgerRun, kind: str, scope: Scope, stack: Stack) -> bool:
    """Say whether a run may be one of a place. Its name has the project's number, which no place tells.

    Kind and location do, and the run's key where it was made in this place or in one that the stack covers.
    """
    parts = old.resource.split("/")
    location = parts[3] if len(parts) > 3 and parts[2] == "locations" else ""
    if old.kind != kind or location != scope.location:
        return False
    covered = (each if location else Scope(each.project) for each in stack.scopes)
    return labels.home(old, (stack.uid, *stack.former_uids), (scope, *covered)) in (None, scope)


def _read_alone(row: Row, kind: Kind, resource: str, stack: Stack) -> Run | None:
    """Read a row that came out of no list. Its name has the project's number where scopes have its id.

    So two projects may both fit; the run's key was made in one of them.
    """
    runs = [run for run in (read_run(row, kind, scope) for scope in _scopes_of(resource, stack)) if run is not None]
    return next((run for run in runs if labels.is_at_home(run)), runs[0] if runs else None)


def _scopes_of(resource: str, stack: Stack) -> list[Scope]:
    """Return the stack's scopes a resource name may lie in, its own where none fits."""
    parts = resource.split("/")
    project = parts[1] if len(parts) > 1 else ""
    location = parts[3] if len(parts) > 3 and parts[2] == "locations" else ""
    scopes = [scope for scope in stack.scopes if not location or scope.location == location]
    exact = [scope for scope in scopes if scope.project == project]
    found = exact or scopes or [Scope(project, location)]
    return found if location else [Scope(scope.project) for scope in found]


def with_runs(world: World, stack: Stack, observed: Observed, expected: Mapping[str, str]) -> Observed:
    """Get the runs among `expected` (resource to kind) that the lists did not show: lists lag, a get does not."""
    shown = {run.resource for run in observed.runs}

    def fetch(resource: str) -> Run | None:
        kind = world.kinds[expected[resource]]
        try:
            return _read_alone(world.api.get(kind, resource), kind, resource, stack)
        except errors.NotFound:
            return None

    found = world.each(fetch, [resource for resource in sorted(expected) if resource not in shown])
    return replace(observed, runs=(*observed.runs, *(run for run in found if run is not None)))


def _derived(
    world: World, stack: Stack, desired: Sequence[Desired], runs: Sequence[Run], ledger: Sequence[LedgerRun]
) -> list[Run]:
    """Get the ids we would choose next where the lists show no run: ml lists hide jobs after 90 days (docs)."""
    shown = {(run.kind, run.name) for run in runs}

    def probe(want: Desired) -> list[Run]:
        kind = world.kinds[want.kind]
        number = heads.next_number((), [old for old in ledger if (old.kind, old.name) == (want.kind, want.name)])
        found: list[Run] = []
        while True:
            resource = f"{names.collection(kind, want.scope)}/{names.client_id(want.name, stack.uid, number)}"
            try:
                run = read_run(world.api.get(kind, resource), kind, want.scope)
            except errors.NotFound:
                return found
            if run is not None:
                found.append(run)
            number += 1

    wanted = [
        want
        for want in desired
        if world.kinds[want.kind].id_form is IdForm.CLIENT and (want.kind, want.name) not in shown
    ]
    return [run for found in world.each(probe, wanted) for run in found]


def _full(
    world: World, stack: Stack, desired: Sequence[Desired], runs: Sequence[Run]
) -> tuple[dict[str, Row], set[str]]:
    """Fetch every run whose label cannot settle whether its spec is the manifest's; say also which are gone."""
    grouped = group(runs, stack, renames(desired))
    todo = [run for want in desired for run in by_address.to_compare(want, grouped.get((want.kind, want.name), ()))]

    def fetch(run: Run) -> Row | None:
        try:
            return world.api.get(world.kinds[run.kind], run.resource)
        except errors.NotFound:
            return None

    rows = dict(zip((run.resource for run in todo), world.each(fetch, todo), strict=True))
    gone = {resource for resource, row in rows.items() if row is None}
    return {resource: row for resource, row in rows.items() if row is not None}, gone


def _policies(world: World, stack: Stack, desired: Sequence[Desired], runs: Sequence[Run]) -> dict[str, Row]:
    """Read the IAM policy of every run that may turn out to be the head of a manifest that speaks of one."""
    grouped = group(runs, stack, renames(desired))
    todo = [
        run
        for want in desired
        if want.iam is not None
        and want.lifecycle.desired is DesiredState.PRESENT
        and world.kinds[want.kind].can(Verb.GET_IAM_POLICY)
        for run in heads.candidates(grouped.get((want.kind, want.name), ()))
    ]
    policies = world.each(lambda run: world.api.get_iam_policy(world.kinds[run.kind], run.resource), todo)
    return {run.resource: policy for run, policy in zip(todo, policies, strict=True)}
