"""Every situation an address can be in, as a product of dimensions, each built into a small world."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from reconciler.core.spec import fingerprint
from reconciler.vocabulary.kinds import Kind, Phase
from reconciler.vocabulary.model import Desired, DesiredState, Lifecycle, OnChange, Removal, Rerun, Run
from tests.support import jobs
from tests.support.jobs import HERE, KINDS, THERE, World, live, manifest, remembered

UNSUCCESSFUL = (Phase.FAILED, Phase.CANCELLED, Phase.EXPIRED)
GONE = "v1-" + "0" * 40


@dataclass(frozen=True, slots=True)
class Case:
    """One situation. `wanted` None is an address in no manifest, `phase` None one without a newest run.

    `ledger` is a run newer than every live one, whose record is gone. `older` are runs from before the newest: `active`
    and `stopping` ones of the same or another spec, a finished one, or `duplicate`: a younger run with the newest's run key
    that healing cancelled.
    """

    wanted: DesiredState | None = DesiredState.PRESENT
    phase: Phase | None = None
    spec: str = "equal"
    token: str = "none"
    ledger: str = "none"
    on_change: OnChange = OnChange.ASK
    on_removal: Removal = Removal.ASK
    rerun: bool = False
    protect: bool = False
    kind: str = "CustomJob"
    older: str = "none"

    def __str__(self) -> str:
        told = [str(self.wanted or "removed"), str(self.phase or "no run")]
        plain = Case()
        for each in fields(self)[2:]:
            value = getattr(self, each.name)
            if value != getattr(plain, each.name):
                told.append(f"{each.name}={value}".lower())
        return " · ".join(told)


DIMENSIONS: dict[str, tuple[Any, ...]] = {
    "wanted": (*DesiredState, None),
    "phase": (None, *Phase),
    "spec": ("equal", "differs", "moved"),
    "token": ("none", "same", "new"),
    "ledger": ("none", "succeeded", "failed", "unknown", "other spec"),
    "on_change": tuple(OnChange),
    "on_removal": tuple(Removal),
    "rerun": (False, True),
    "protect": (False, True),
    "kind": ("CustomJob", "Job"),
    "older": ("none", "finished", "active", "active other", "stopping other", "duplicate"),
}


def size(dimensions: dict[str, tuple[Any, ...]]) -> int:
    """Return how many cases a product has."""
    total = 1
    for values in dimensions.values():
        total *= len(values)
    return total


def case_at(index: int, dimensions: dict[str, tuple[Any, ...]]) -> Case:
    """Return one case of a product, the last dimension counting fastest."""
    chosen = {}
    for name, values in reversed(dimensions.items()):
        index, place = divmod(index, len(values))
        chosen[name] = values[place]
    return Case(**chosen)


def narrowed(**only: Any) -> dict[str, tuple[Any, ...]]:
    """Return the dimensions with some of them narrowed to one value or a few."""
    return {
        name: (only[name] if isinstance(only.get(name), tuple) else (only[name],)) if name in only else values
        for name, values in DIMENSIONS.items()
    }


def desired_of(case: Case) -> Desired:
    """Return the manifest of a case, or for a removed one the manifest it had."""
    life = Lifecycle(
        desired=case.wanted or DesiredState.PRESENT,
        on_change=case.on_change,
        on_removal=case.on_removal,
        rerun=Rerun(on=UNSUCCESSFUL if case.rerun else (), token="" if case.token == "none" else "again"),
        protect=case.protect,
    )
    return manifest(case.kind, life=life)


def world_of(case: Case) -> World:
    """Build what is live and what the ledger remembers."""
    desired = desired_of(case)
    kind = KINDS[case.kind]
    token = fingerprint.token_hash("again") if case.token == "same" else ""
    other = replace(desired, spec=jobs.spec_of(kind, other=True))
    runs = list(_older(case, desired, other))
    if case.phase is not None:
        there = other if case.spec == "differs" else desired
        if case.spec == "moved":
            there = replace(desired, scope=THERE if kind.located else replace(HERE, project="demo-2", location=""))
        newest = live(there, 3, case.phase, token=token, resource=_name(there, kind, 3))
        runs.append(newest)
        if case.older == "duplicate":
            runs.append(
                live(
                    there,
                    3,
                    Phase.CANCELLED,
                    token=token,
                    resource=_name(there, kind, 90),
                    created="2026-01-01T00:04:00Z",
                )
            )
    world = World(runs)
    world.remember()
    world.ledger.extend(_gone(case, desired, kind, token))
    return world


def _name(desired: Desired, kind: Kind, number: int) -> str:
    parent = f"projects/{desired.scope.project}"
    middle = f"/locations/{desired.scope.location}" if kind.located else ""
    return f"{parent}{middle}/{kind.collection}/{number}"


def _older(case: Case, desired: Desired, other: Desired) -> Iterator[Run]:
    if case.older == "finished":
        yield live(desired, 1, Phase.SUCCEEDED)
        yield live(other, 2, Phase.FAILED)
    elif case.older == "active":
        yield live(desired, 1, Phase.RUNNING)
        yield live(other, 2, Phase.SUCCEEDED)
    elif case.older == "active other":
        yield live(desired, 1, Phase.FAILED)
        yield live(other, 2, Phase.PENDING)
    elif case.older == "stopping other":
        yield live(other, 1, Phase.STOPPING)
        yield live(other, 2, Phase.RUNNING)


def _gone(case: Case, desired: Desired, kind: Kind, token: str) -> Iterator[Any]:
    if case.ledger == "none":
        return
    phase = {"succeeded": Phase.SUCCEEDED, "failed": Phase.FAILED, "unknown": None, "other spec": Phase.SUCCEEDED}
    run = live(desired, 5, Phase.RUNNING, token=token)
    if case.ledger == "other spec":
        run = replace(run, fingerprint=GONE, run_key="5-" + "0" * 32)
    yield remembered(run, phase[case.ledger])
