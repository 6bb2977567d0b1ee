"""The use case behind `snapshot`: observe as a plan does, of every kind there is, and keep what was read. Calls GET only.

What a snapshot holds must answer for manifests that nobody has written yet: the spec of every run that could stand for
an address, whatever its manifest will say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.core.documents import snapshot_json
from reconciler.core.documents.snapshot_json import Held, Listed, Snapshot
from reconciler.core.plan.observed import sort_by_address
from reconciler.core.runs import heads
from reconciler.engine.reading import coverage, observe, rows
from reconciler.engine.world import World
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind, Verb
from reconciler.vocabulary.model import Desired, Run, Scope, Stack
from reconciler.vocabulary.ports import JobsApi, KindScope, Row


@dataclass(frozen=True, slots=True)
class Shot:
    """A snapshot, and the kind scopes that were closed to whoever took it: a plan that needs one of them will be blocked."""

    snapshot: Snapshot
    closed: Mapping[KindScope, str]


@dataclass(slots=True)
class _Recorder:
    """vocabulary.ports.JobsApi that keeps what is read through it.

    Lists are read without a mask: one page holds a hundred specs, which would be a hundred gets. A kind scope is read
    by several filters, and each list is kept under its own. `needed` are kinds whose lists must not fail; any other
    that is closed to us is left out. Single dictionary operations make it safe for threads.
    """

    api: JobsApi
    needed: Collection[str]
    lists: dict[tuple[KindScope, str], list[Row]] = field(default_factory=dict)
    lacking: dict[tuple[KindScope, str], str] = field(default_factory=dict)
    closed: dict[KindScope, str] = field(default_factory=dict)
    got: dict[str, Row | None] = field(default_factory=dict)
    policies: dict[str, Row] = field(default_factory=dict)

    def list(self, kind: Kind, scope: Scope, label_filter: str, mask: Sequence[str] = ()) -> Iterator[tuple[Row, ...]]:
        """Yield every page and keep it. Raises errors.ListIncomplete for a kind scope that is closed and not needed."""
        del mask
        kind_scope = (kind.name, scope)
        asked = (kind_scope, label_filter)
        read: list[Row] = []
        try:
            for page in self.api.list(kind, scope, label_filter):
                read += page
                yield page
        except errors.ListIncomplete as gap:
            self.lists[asked], self.lacking[asked] = read, gap.message
            raise
        except errors.ApiError as refused:
            if not coverage.closed(refused):
                raise
            if kind.name in self.needed:  # no error of a kind scope that the stack left: a gap that a plan reports
                self.lists[asked], self.lacking[asked] = [], refused.message
                raise
            self.closed[kind_scope] = refused.message
            raise errors.ListIncomplete(refused.message) from refused
        self.lists[asked] = read

    def shown(self) -> Mapping[KindScope, Sequence[Row]]:
        """Return what all lists of each kind scope showed together, but for those that are closed."""
        united: dict[KindScope, list[Row]] = {}
        for (kind_scope, _), listed in sorted(self.lists.items(), key=lambda item: item[0]):
            if kind_scope not in self.closed:
                united.setdefault(kind_scope, []).extend(listed)
        return united

    def lacks(self, kind_scope: KindScope) -> str:
        """Say what the lists of a kind scope lack."""
        gaps = (gap for (each, _), gap in sorted(self.lacking.items()) if each == kind_scope)
        return "; ".join(dict.fromkeys(gaps))

    def get(self, kind: Kind, resource: str) -> Row:
        """Read a job and keep it, or that it is not there."""
        try:
            row = self.got[resource] = self.api.get(kind, resource)
        except errors.NotFound:
            self.got[resource] = None
            raise
        return row

    def get_iam_policy(self, kind: Kind, resource: str) -> Row:
        """Read a policy and keep it."""
        policy = self.policies[resource] = self.api.get_iam_policy(kind, resource)
        return policy

    def __getattr__(self, name: str) -> Any:
        raise errors.BackendRefused(f"{name}: taking a snapshot reads and does nothing else")


def take(world: World, stack: Stack, desired: Sequence[Desired]) -> Shot:
    """Return what a plan of this stack could read now. Waits, like a plan, for what a stopped apply left open.

    `desired` says which kinds and ids have to be looked at. Raises what a plan raises.
    """
    store = world.store
    store.require_format()
    needed = {want.kind for want in desired} | {old.kind for old in store.ledger.runs()} | {*stack.kinds}
    recorder = _Recorder(world.api, needed | {kind for kind, _ in store.kind_scopes()})
    observed = observe.observe(
        replace(world, api=recorder), stack, desired, world.kinds, {want.address for want in desired}
    )
    addresses = sort_by_address(stack, (), observed.runs)  # under their own names: a manifest that renames may come
    standing = [run for known in addresses.values() for run in _candidates(known.runs)]
    _read_policies(world, recorder, standing)
    jobs = _held(world, recorder, observed.runs, {run.resource for run in standing})
    shown = {
        kind_scope: _resources(rows, world.kinds[kind_scope[0]], kind_scope[1])
        for kind_scope, rows in recorder.shown().items()
    }
    listed = {resource for resources in shown.values() for resource in resources}
    lists = [
        Listed(
            *kind_scope,
            tuple(jobs[each] for each in sorted(shown[kind_scope]) if each in jobs),
            recorder.lacks(kind_scope),
        )
        for kind_scope in sorted(shown)
    ]
    unlisted = [(run.kind, jobs[run.resource]) for run in observed.runs if run.resource not in listed]
    return Shot(
        Snapshot(
            stack=stack.name,
            uid=stack.uid,
            former_uids=stack.former_uids,
            backend=stack.backend,
            lists=tuple(lists),
            unlisted=tuple(unlisted),
            ledger=observed.ledger,
            kind_scopes=store.kind_scopes(),
        ),
        closed={kind_scope: recorder.closed[kind_scope] for kind_scope in sorted(recorder.closed)},
    )


def _candidates(runs: Sequence[Run]) -> Sequence[Run]:
    """Return the runs that may stand for an address, also in a plan that does not look at the ids of unmarked ones."""
    chosen = [*heads.candidates(runs), *heads.candidates([run for run in runs if run.marked])]
    return list({run.resource: run for run in chosen}.values())


def _read_policies(world: World, recorder: _Recorder, standing: Sequence[Run]) -> None:
    """Read the policies that no manifest speaks of yet; one that may not be read, or is gone, stays unknown."""

    def read(run: Run) -> None:
        try:
            recorder.get_iam_policy(world.kinds[run.kind], run.resource)
        except errors.ApiError as refused:
            if not coverage.closed(refused):
                raise

    todo = [run for run in standing if world.kinds[run.kind].can(Verb.GET_IAM_POLICY)]
    world.each(read, [run for run in todo if run.resource not in recorder.policies])


def _resources(listed: Sequence[Row], kind: Kind, scope: Scope) -> frozenset[str]:
    runs = (rows.read_run(row, kind, scope) for row in listed)
    return frozenset(run.resource for run in runs if run is not None)


def _held(world: World, recorder: _Recorder, runs: Sequence[Run], standing: Collection[str]) -> dict[str, Held]:
    """Return what is kept of every job, by resource: the spec of those that some manifest may be compared with.

    What was read by a get is kept whole too: a plan will ask for it again.
    """
    jobs: dict[str, Held] = {}
    for run in runs:
        kind, row = world.kinds[run.kind], recorder.got.get(run.resource)
        full = row is not None or run.resource in standing
        row = row or run.row
        held = snapshot_json.whole(row, kind) if full else snapshot_json.identity(row, kind)
        policy = recorder.policies.get(run.resource)
        bindings = None if policy is None else {"bindings": [dict(each) for each in policy.get("bindings", ())]}
        jobs[run.resource] = Held(run.resource, held, full, bindings)
    return jobs
