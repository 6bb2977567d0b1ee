"""The job APIs as a snapshot remembers them: nothing is sent anywhere. What it does not cover it says, and never calls empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.core.documents.snapshot_json import Snapshot
from reconciler.vocabulary import errors
from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.model import Scope
from reconciler.vocabulary.ports import Row

_HINT = "take a snapshot that has it, or plan with credentials"


class SnapshotJobs:
    """vocabulary.ports.JobsApi over a snapshot of this very stack: its lists hold the stack's jobs, whatever the filter.

    Any other method of the port is refused.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._lists = {(listed.kind, listed.scope): listed for listed in snapshot.lists}
        self._jobs = {job.resource: job for job in snapshot.jobs}

    def list(self, kind: Kind, scope: Scope, label_filter: str, mask: Sequence[str] = ()) -> Iterator[tuple[Row, ...]]:
        """Yield what the list showed. Raises errors.ListIncomplete for one that is lacking or that nobody read."""
        del label_filter, mask
        listed = self._lists.get((kind.name, scope))
        if listed is None:
            raise errors.ListIncomplete("the snapshot does not cover it")
        yield tuple(job.row for job in listed.jobs)
        if listed.lacking:
            raise errors.ListIncomplete(listed.lacking)

    def get(self, kind: Kind, resource: str) -> Row:
        """Return a job as it was. Raises errors.NotFound for one that was not there, errors.ApiError without its spec."""
        del kind
        job = self._jobs.get(resource)
        if job is None:
            raise errors.NotFound(f"{resource} is not in the snapshot", status=404, code="NOT_FOUND")
        if not job.full:
            raise errors.ApiError(f"the snapshot has no spec of {resource}", _HINT)
        return job.row

    def get_iam_policy(self, kind: Kind, resource: str) -> Row:
        """Return a job's policy as it was. Raises errors.ApiError where it was not read."""
        del kind
        job = self._jobs.get(resource)
        if job is None or job.policy is None:
            raise errors.ApiError(f"the snapshot has no IAM policy of {resource}", _HINT)
        return job.policy

    def __getattr__(self, name: str) -> Any:
        raise errors.BackendRefused(f"{name}: a snapshot can only be read; nothing can be sent to it")
