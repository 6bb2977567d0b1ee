"""The store of a stack that says `store: none`: it remembers nothing once the process ends, and locks nobody out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from reconciler.stores.journal import Journals, Session
from reconciler.stores.journal_lines import Trace
from reconciler.vocabulary import ports
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import LedgerRun, Removal


class NoLedger:
    """vocabulary.ports.Ledger that forgets at once: the live jobs' labels are all there is."""

    def runs(self) -> tuple[LedgerRun, ...]:
        """Return no run."""
        return ()

    def started(self, run: LedgerRun) -> None:
        """Forget that a run exists."""

    def ended(self, run: LedgerRun, phase: Phase) -> None:
        """Forget how a run ended."""

    def removal_changed(self, run: LedgerRun, removal: Removal) -> None:
        """Forget what the manifest says now."""


class MemoryLines:
    """stores.journal.Lines of one process: they guard against sending twice while it runs, no longer.

    Single dictionary operations make it safe for threads.
    """

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock
        self._written: dict[str, float] = {}
        self._intents: dict[str, dict[str, ports.Intent]] = {}
        self._settled: set[str] = set()
        self._closed: set[str] = set()

    def find(self, digest: str) -> Session | None:
        """Return the session of a digest."""
        return Session(digest) if digest in self._intents else None

    def begin(self, digest: str) -> Session:
        """Begin a session in place of one that was closed."""
        self._intents[digest] = {}
        self._closed.discard(digest)
        return Session(digest)

    def sessions(self) -> Iterator[Session]:
        """Yield every session."""
        yield from map(Session, [*self._intents])

    def was_closed(self, digest: str) -> bool:
        """Say whether a session of a digest was closed."""
        return digest in self._closed

    def is_closed(self, session: Session) -> bool:
        """Say whether a session was closed."""
        return session.digest in self._closed

    def read(self, session: Session) -> Trace:
        """Return the intents of a session."""
        written = tuple(self._intents.get(session.digest, {}).values())
        pending = tuple(intent for intent in written if intent.id not in self._settled)
        return Trace(written, pending, closed=self.is_closed(session))

    def pending(self, session: Session) -> tuple[ports.Intent, ...]:
        """Return the open intents of a session with the time that has passed for this process."""
        now = self._clock.monotonic()
        return tuple(replace(each, age=now - self._written[each.id]) for each in self.read(session).pending)

    def name(self, session: Session, number: int) -> str:
        """Name an intent."""
        return f"{session.digest}/{number}"

    def holding(self, intent: ports.Intent) -> tuple[str, str]:
        """Return the digest that an intent's name begins with."""
        return intent.id.rpartition("/")[0], ""

    def add_intent(self, session: Session, intent: ports.Intent) -> None:
        """Remember what is about to be sent."""
        self._settled.discard(intent.id)
        self._written[intent.id] = self._clock.monotonic()
        self._intents[session.digest][intent.id] = intent

    def add_outcome(self, session: Session, intent: ports.Intent, status: str, resource: str, error: str) -> None:
        """Remember that the outcome is known; nobody can ask for it once the process is over."""
        del session, status, resource, error
        self._settled.add(intent.id)

    def close(self, session: Session) -> None:
        """Remember that the plan was applied to its end."""
        self._closed.add(session.digest)

    def put_away(self, session: Session) -> None:
        """Forget the intents of a closed session."""
        self._intents.pop(session.digest, None)


class NoStore:
    """vocabulary.ports.Store for `store: none`."""

    def __init__(self, clock: ports.Clock) -> None:
        self.ledger: ports.Ledger = NoLedger()
        self.journals: ports.Journals = Journals(MemoryLines(clock), clock)

    def require_format(self) -> None:
        """Do nothing: nobody else ever wrote here."""

    def lock(self, purpose: str) -> AbstractContextManager[None]:
        """Lock nothing: nothing is written that others could see."""
        del purpose
        return nullcontext()

    def assert_held(self) -> None:
        """Do nothing: there is no lock to lose."""

    def holder(self) -> ports.Holder | None:
        """Return None: nobody can hold what is not kept."""
        return None

    def break_lock(self) -> None:
        """Do nothing: there is no lock."""

    def kind_scopes(self) -> tuple[ports.KindScope, ...]:
        """Return no kind scope."""
        return ()

    def remember_kind_scopes(self, kind_scopes: Iterable[ports.KindScope]) -> None:
        """Forget them at once."""

    def forget_kind_scopes(self, kind_scopes: Iterable[ports.KindScope]) -> None:
        """Do nothing: none is remembered."""

    def applied_commit(self) -> str:
        """Return no commit: none is remembered."""
        return ""

    def remember_commit(self, commit: str) -> None:
        """Forget it at once."""
