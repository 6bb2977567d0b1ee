"""The life of a journal: opened, written to by intent and outcome, closed, and put away once no intent of it is open.

Said once for every store; where the lines are kept, and how they survive a crash, is a `Lines`' business.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from reconciler.stores.journal_lines import Trace
from reconciler.vocabulary import errors
from reconciler.vocabulary.ports import Clock, Intent

_DIGEST = re.compile(r"[A-Za-z0-9_:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Session:
    """One journal of a plan's digest. At most one of a digest is open; `generation` tells its mark from a later one."""

    digest: str
    name: str = ""
    generation: int = 0


class Lines(Protocol):
    """Where the lines of journals are kept. Every method raises errors.StoreFailed."""

    def find(self, digest: str) -> Session | None:
        """Return the session of a digest that is not put away, None for none."""

    def begin(self, digest: str) -> Session:
        """Begin a session, or return the one that somebody else began meanwhile."""

    def sessions(self) -> Iterator[Session]:
        """Yield every session that is not put away."""

    def was_closed(self, digest: str) -> bool:
        """Say whether a session of a digest was closed and put away."""

    def is_closed(self, session: Session) -> bool:
        """Say whether a session was closed."""

    def read(self, session: Session) -> Trace:
        """Return the intents of a session in the order they were written, and those of them without an outcome."""

    def pending(self, session: Session) -> tuple[Intent, ...]:
        """Return the intents of a session without an outcome, each with its age by the clock of who keeps the lines."""

    def name(self, session: Session, number: int) -> str:
        """Name the intent of a number, so that no other writer gives the same name."""

    def holding(self, intent: Intent) -> tuple[str, str]:
        """Return digest and name of the session that an intent's name tells of. Raises errors.StoreFailed."""

    def add_intent(self, session: Session, intent: Intent) -> None:
        """Write an intent; returns once it would survive a power cut."""

    def add_outcome(self, session: Session, intent: Intent, status: str, resource: str, error: str) -> None:
        """Write what came of an intent; the first outcome written stays."""

    def close(self, session: Session) -> None:
        """Write that the plan was applied to its end; returns once that would survive a power cut."""

    def put_away(self, session: Session) -> None:
        """Keep a closed session where only `was_closed` looks for it."""


def _held() -> None:
    """Let an intent pass: the lock of this store cannot be lost unseen."""


class Journals:
    """vocabulary.ports.Journals over any `Lines`. Thread-safe; between processes the stack's lock keeps writers apart.

    `check` is asked between an intent and its call: it raises errors.LockHeld where the lock is lost. Reading needs no
    lock and writes nothing.
    """

    def __init__(self, lines: Lines, clock: Clock, check: Callable[[], None] = _held) -> None:
        self._lines = lines
        self._clock = clock
        self._check = check
        self._guard = threading.RLock()

    def open(self, digest: str) -> Journal:
        """Start the journal of a plan, or go on with the one that a stopped apply left.

        Whether a closed one forbids that is for the caller to ask by `state`; here a further one is started.
        """
        _require_digest(digest)
        with self._guard:
            session = self._lines.find(digest)
            if session is None or self._put_away_if_done(session):
                session = self._lines.begin(digest)
            return Journal(self, session, len(self._lines.read(session).intents))

    def open_intents(self) -> tuple[Intent, ...]:
        """Return the intents of any journal that have no outcome yet, each with its age, oldest first."""
        pending = [intent for session in self._lines.sessions() for intent in self._lines.pending(session)]
        return tuple(sorted(pending, key=lambda intent: intent.at))

    def state(self, digest: str) -> str:
        """Say `none`, `open` or `closed`."""
        _require_digest(digest)
        session = self._lines.find(digest)
        if session is not None:
            return "closed" if self._lines.is_closed(session) else "open"
        return "closed" if self._lines.was_closed(digest) else "none"

    def intents(self, digest: str) -> tuple[Intent, ...]:
        """Return every intent of a plan's open journal, with or without an outcome."""
        _require_digest(digest)
        session = self._lines.find(digest)
        if session is None or self._lines.is_closed(session):
            return ()
        return self._lines.read(session).intents

    def settle(self, intent: Intent, status: str, resource: str = "") -> None:
        """Record what a later look-up found out about an open intent. Raises errors.StoreFailed where none holds it."""
        digest, name = self._lines.holding(intent)
        _require_digest(digest)
        with self._guard:
            session = self._lines.find(digest)
            if session is None or session.name != name:
                raise errors.StoreFailed(f"no open journal holds the intent {intent.id}", "plan again")
            self._lines.add_outcome(session, intent, status, resource, "")
            self._put_away_if_done(session)

    def write(self, session: Session, number: int, address: str, verb: str, resource: str, run_key: str) -> Intent:
        """Write an intent down, then make sure that the lock is still ours. Raises errors.LockHeld where it is not."""
        intent = Intent(self._lines.name(session, number), address, verb, resource, run_key, self._clock.now())
        self._lines.add_intent(session, intent)
        try:
            self._check()
        except errors.ReconcilerError:
            with suppress(errors.StoreFailed):
                self._lines.add_outcome(session, intent, "not_sent", "", "")
            raise
        return intent

    def outcome(self, session: Session, intent: Intent, status: str, resource: str, error: str) -> None:
        """Write down what came of an intent; one lost to a power cut leaves it open, and it is then looked up."""
        self._lines.add_outcome(session, intent, status, resource, error)

    def close(self, session: Session) -> None:
        """Close a session; it is put away unless an intent of it is open."""
        with self._guard:
            self._lines.close(session)
            now = self._lines.find(session.digest)
            if now is not None and now.name == session.name:
                self._put_away_if_done(now)

    def _put_away_if_done(self, session: Session) -> bool:
        """Put a closed session without open intents away; say whether it is gone."""
        if not self._lines.is_closed(session) or self._lines.read(session).pending:
            return False
        self._lines.put_away(session)
        return True


class Journal:
    """vocabulary.ports.Journal of one session. Thread-safe."""

    def __init__(self, journals: Journals, session: Session, written: int) -> None:
        self._journals = journals
        self._session = session
        self._numbers = itertools.count(written + 1)  # a session that is gone on with counts on behind its intents

    def intent(self, address: str, verb: str, resource: str, run_key: str = "") -> Intent:
        """Write down, durably, what is about to be sent. Raises errors.LockHeld where the lock is lost: send nothing."""
        return self._journals.write(self._session, next(self._numbers), address, verb, resource, run_key)

    def outcome(self, intent: Intent, status: str, resource: str = "", error: str = "") -> None:
        """Write down what came of it."""
        self._journals.outcome(self._session, intent, status, resource, error)

    def close(self) -> None:
        """Mark the plan as applied to its end."""
        self._journals.close(self._session)


def _require_digest(digest: str) -> None:
    if not _DIGEST.fullmatch(digest):
        raise errors.StoreFailed(f"{digest!r} is not a plan's digest")
