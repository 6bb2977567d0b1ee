"""The tree of errors this tool raises, each with the exit code a caller sees. Knows nothing of how they are printed.

ReconcilerError
├── InputError               problems in manifests, stack or command line, all of them at once
├── ApiError                 the service answered with an error
│   ├── InvalidRequest       400 INVALID_ARGUMENT
│   ├── FailedPrecondition   400 FAILED_PRECONDITION
│   ├── Unauthenticated      401
│   ├── PermissionDenied     403
│   ├── NotFound             404
│   ├── Conflict             409
│   ├── RateLimited          429, too many requests
│   ├── QuotaExhausted       429, hardware quota: waiting seconds does not help
│   ├── ListIncomplete       200, and the reply says that it lacks something
│   └── ServerFailed         5xx: what was asked may have happened
├── TransportFailed          no reply that could be read: what was asked may have happened
├── BackendRefused           credentials or host not allowed; nothing was sent
├── PlanRefused              the plan file may not be applied; nothing was called
│   ├── PlanUnreadable · PlanEdited · WrongDigest · WrongVersion · StalePlan · PlanAlreadyApplied
├── PlanBlocked              a guard stands in the way
├── LockHeld                 somebody else is applying
└── StoreFailed              the store could not be read or written
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.vocabulary.model import Problem


class ReconcilerError(Exception):
    """Anything this tool can explain: what happened, and in `hint` the way out."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(ReconcilerError):
    """Input that cannot be used. `problems` holds every one that was found, never only the first."""

    def __init__(self, message: str, hint: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message, hint)
        self.problems = tuple(problems)


class ApiError(ReconcilerError):
    """The service's error envelope. `status` is the HTTP code, `code` the canonical name such as NOT_FOUND."""

    def __init__(self, message: str, hint: str = "", *, status: int = 0, code: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code


class InvalidRequest(ApiError):
    """400 INVALID_ARGUMENT: the request itself is wrong and will stay wrong."""


class FailedPrecondition(ApiError):
    """400 FAILED_PRECONDITION: the resource is not in a state that allows this."""


class Unauthenticated(ApiError):
    """401: no credentials, or expired ones."""


class PermissionDenied(ApiError):
    """403: may also stand for a project or job that does not exist (facts: permission is checked first)."""


class NotFound(ApiError):
    """404: the resource does not exist."""


class Conflict(ApiError):
    """409: an id that is taken, or an etag that moved."""


class RateLimited(ApiError):
    """429 for too many requests a minute: not carried out, wait and send again.

    `retry_after` are the seconds the service asked for, 0 where it did not.
    """

    retry_after: float = 0.0


class QuotaExhausted(ApiError):
    """429 for hardware quota: not carried out, and sending again within seconds is useless."""


class ServerFailed(ApiError):
    """5xx: the service failed; a write may have happened."""


class ListIncomplete(ApiError):
    """A list was read to its end, and said of itself that it does not show everything."""


class TransportFailed(ReconcilerError):
    """Time-out, cut connection or unreadable reply. `sent` is False only where the request surely never left."""

    def __init__(self, message: str, hint: str = "", *, sent: bool = True) -> None:
        super().__init__(message, hint)
        self.sent = sent


class BackendRefused(ReconcilerError):
    """The request would have carried a credential to a place it must not go, or there is none to carry."""


class PlanRefused(ReconcilerError):
    """The plan file may not be applied as it stands. Nothing was called."""

    exit_code = 3


class PlanUnreadable(PlanRefused):
    """Not a plan, or a plan with fields this version does not know."""


class PlanEdited(PlanRefused):
    """Digest or seal do not fit the content."""


class WrongDigest(PlanRefused):
    """The digest that was approved is not this plan's."""


class WrongVersion(PlanRefused):
    """Another formatVersion than the one this tool reads."""


class StalePlan(PlanRefused):
    """The live jobs are no longer what the plan was made from."""


class PlanAlreadyApplied(PlanRefused):
    """This plan was applied to its end before."""


class PlanBlocked(ReconcilerError):
    """At least one guard blocks the plan and the command line does not allow it all the same."""

    exit_code = 4


class LockHeld(ReconcilerError):
    """Another process holds the stack's lock."""

    exit_code = 5


class StoreFailed(ReconcilerError):
    """The store of lock, ledger and journal could not be used."""
