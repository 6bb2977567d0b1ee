"""What a ledger must hold of each run's removal policy, as far as it can be known from outside, and what that forbids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from reconciler.vocabulary.model import Desired
from tests.simulation.truth import Job, Truth

Key = tuple[str, str]
"""Kind and run key."""


@dataclass
class Policies:
    """The policies that may be recorded last, by run. One is sure where a whole apply of a manifest that says it came last.

    `alone` says that one lock keeps applies apart, whatever befalls them.
    """

    truth: Truth
    alone: bool
    recorded: dict[Key, set[str]] = field(default_factory=dict)
    crowd: int = 0
    crowded: bool = False

    def of(self, job: Job) -> set[str]:
        """Return what may be recorded of a job's run: at first what its label said when it was seen first."""
        first = min(self.truth.duplicates(job), key=lambda duplicate: duplicate.order)
        return self.recorded.setdefault((job.kind, job.key), {first.stamps[0]})

    @contextmanager
    def applying(self, wanted: Sequence[Desired], before: float, *, complete: bool) -> Iterator[None]:
        """Follow an apply of manifests; runs made later than `before` it may not have seen, and not all if not `complete`."""
        said = [(job, want.lifecycle.removal.value) for want in wanted for job in self._runs(want)]
        for job, policy in said:
            self.of(job).add(policy)
        self.crowd += 1
        self.crowded = self.crowded or self.crowd > 1
        try:
            yield
            if complete and (self.alone or not self.crowded):
                for job, policy in said:
                    if job.made < before and not self._stripped(job):
                        self.recorded[job.kind, job.key] = {policy}
        finally:
            self.crowd -= 1
            self.crowded = self.crowd > 0

    def _runs(self, want: Desired) -> list[Job]:
        names = (want.name, want.formerly) if want.formerly else (want.name,)
        return [job for job in self.truth.of(want.kind, *names) if job.key]

    def _stripped(self, job: Job) -> bool:
        return any((duplicate.kind, duplicate.id) in self.truth.stripped for duplicate in self.truth.duplicates(job))

    def asking(self) -> frozenset[tuple[str, str]]:
        """Return kind and id of every job whose run is surely last recorded as one to ask for."""
        return frozenset((job.kind, job.id) for job in self.truth.jobs.values() if job.key and self.of(job) == {"ask"})

    def forbids(self, job: Job, verb: str) -> str:
        """Say why a run that no manifest names must not be cancelled or deleted; empty where it may."""
        for said, where in ((set(job.stamps), "stamped"), (self.of(job), "last recorded")):
            if said == {"keep"}:
                return f"{where} keep"
            if verb == "delete" and "delete" not in said:
                return f"{where} {' or '.join(sorted(said))}"
        return ""

    def may_stay(self, job: Job) -> bool:
        """Say whether an active run that no manifest names may go on."""
        return "keep" in {job.stamps[-1], *self.of(job)}
