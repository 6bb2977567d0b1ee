"""The record of each apply as immutable objects in a bucket: one a line, so that none is ever torn. Knows no plan."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable
from contextlib import suppress

from reconciler.stores import journal_lines
from reconciler.stores.cloud_storage import Bucket, Stored, carrying
from reconciler.vocabulary import errors
from reconciler.vocabulary.ports import Clock, Intent

_DIGEST = re.compile(r"[A-Za-z0-9_:-]{1,128}")
_SUFFIX = ".jsonl"
_INTENT, _OUTCOME = ".intent" + _SUFFIX, ".outcome" + _SUFFIX
"""In this order by name, so that an intent stands before its outcome."""


class BucketJournals:
    """vocabulary.ports.Journals below `root` of a bucket.

    `open/DIGEST` marks an open journal and names its session, `lines/DIGEST/SESSION/` holds its lines, and
    `closed/DIGEST/SESSION` closes it. Only the mark of an open one is ever deleted, so that finding what is open stays
    cheap. `chance` gives names nobody else draws; `check` is asked between each intent and its call.
    """

    def __init__(
        self, bucket: Bucket, root: str, clock: Clock, chance: Callable[[], str], check: Callable[[], None]
    ) -> None:
        self._bucket = bucket
        self._root = root
        self._clock = clock
        self._chance = chance
        self._check = check
        self._guard = threading.RLock()

    def open(self, digest: str) -> BucketJournal:
        """Start the journal of a plan, or go on with the one a stopped apply left.

        Whether a closed one forbids that is for the caller to ask by `state`; here a further one is started.
        """
        name = self._mark(digest)
        with self._guard:
            mark = self._bucket.head(name)
            if mark is not None and self._retired(digest, mark):
                mark = None
            if mark is None:
                line = journal_lines.header_line(digest, self._clock.now())
                said = {"session": self._chance()} | carrying(line)
                mark = self._bucket.insert(name, said, line) or self._bucket.head(name)
            if mark is None:
                raise errors.StoreFailed(f"{self._bucket.url(name)} comes and goes", "somebody else is applying")
            return BucketJournal(self, digest, self._session(mark), self._clock)

    def open_intents(self) -> tuple[Intent, ...]:
        """Return the intents of any journal that have no outcome yet, oldest first."""
        found = [self._trace(self._digest_of(mark), self._session(mark)) for mark in self._marks()]
        return tuple(sorted((intent for each in found for intent in each.pending), key=lambda intent: intent.at))

    def state(self, digest: str) -> str:
        """Say `none`, `open` or `closed`."""
        mark = self._bucket.head(self._mark(digest))
        if mark is not None:
            return "closed" if self._is_closed(digest, self._session(mark)) else "open"
        closed = self._bucket.listing(f"{self._root}closed/{_safe(digest)}/")
        return "none" if next(closed, None) is None else "closed"

    def intents(self, digest: str) -> tuple[Intent, ...]:
        """Return every intent of a plan's open journal, with or without an outcome."""
        mark = self._bucket.head(self._mark(digest))
        if mark is None or self._is_closed(digest, self._session(mark)):
            return ()
        return self._trace(digest, self._session(mark)).intents

    def settle(self, intent: Intent, status: str, resource: str = "") -> None:
        """Record what a later look-up found out about an open intent. Raises errors.StoreFailed where none holds it."""
        digest, session, _ = self._parts(intent)
        mark = self._bucket.head(self._mark(digest))
        if mark is None or self._session(mark) != session:
            raise errors.StoreFailed(f"no open journal holds the intent {intent.id}", "plan again")
        self.outcome(intent, status, resource, "")
        with self._guard:
            self._retired(digest, mark)

    def intent(self, intent: Intent) -> None:
        """Write an intent down, then make sure that the lock is still ours. Raises errors.LockHeld where it is not."""
        line = journal_lines.intent_line(intent)
        name = self._line(intent, _INTENT)
        if self._bucket.insert(name, carrying(line), line) is None:
            raise errors.StoreFailed(f"{self._bucket.url(name)} is there already", "run again")
        try:
            self._check()
        except errors.ReconcilerError:
            with suppress(errors.StoreFailed):
                self.outcome(intent, "not_sent", "", "")
            raise

    def outcome(self, intent: Intent, status: str, resource: str, error: str) -> None:
        """Write down what came of an intent; the first outcome written stays."""
        line = journal_lines.outcome_line(intent, status, resource, error, self._clock.now())
        self._bucket.insert(self._line(intent, _OUTCOME), {}, line)

    def close(self, digest: str, session: str) -> None:
        """Mark a plan as spent; its open mark stays as long as an intent of it is open."""
        name = f"{self._root}closed/{_safe(digest)}/{session}{_SUFFIX}"
        with self._guard:
            self._bucket.insert(name, {}, journal_lines.closing_line(self._clock.now()))
            mark = self._bucket.head(self._mark(digest))
            if mark is not None and self._session(mark) == session:
                self._retired(digest, mark)

    def written(self, digest: str, session: str) -> int:
        """Return how many lines a session has."""
        return sum(1 for _ in self._bucket.listing(self._lines(digest, session)))

    def _retired(self, digest: str, mark: Stored) -> bool:
        """Delete the mark of a closed journal without open intents; say whether it is gone."""
        session = self._session(mark)
        if not self._is_closed(digest, session) or self._trace(digest, session).pending:
            return False
        self._bucket.delete(mark.name, mark.generation)
        return True

    def _trace(self, digest: str, session: str) -> journal_lines.Trace:
        """Read a session from its listing alone; an outcome counts by its name."""
        items = list(self._bucket.listing(self._lines(digest, session)))
        settled = {item.name.removesuffix(_OUTCOME) for item in items if item.name.endswith(_OUTCOME)}
        intents: list[Intent] = []
        pending: list[Intent] = []
        for item in items:
            if item.name.endswith(_OUTCOME):
                continue
            found = self._read(item)
            intents.append(found)
            if item.name.removesuffix(_INTENT) not in settled:
                pending.append(found)
        return journal_lines.Trace(tuple(intents), tuple(pending), closed=False)

    def _read(self, item: Stored) -> Intent:
        line = self._bucket.read(item.name) if item.content is None else item.content
        found = journal_lines.read(line, self._bucket.url(item.name)).intents
        # An intent must never be overlooked, nor be settled under another name than its own.
        if len(found) != 1 or self._line(found[0], _INTENT) != item.name:
            raise journal_lines.damaged(self._bucket.url(item.name))
        return found[0]

    def _marks(self) -> list[Stored]:
        marks = list(self._bucket.listing(f"{self._root}open/"))
        for mark in marks:
            if not mark.name.endswith(_SUFFIX):
                raise journal_lines.damaged(self._bucket.url(mark.name))
        return marks

    def _digest_of(self, mark: Stored) -> str:
        return mark.name.rpartition("/")[2].removesuffix(_SUFFIX)

    def _session(self, mark: Stored) -> str:
        session = mark.metadata.get("session", "")
        if not _DIGEST.fullmatch(session):
            raise journal_lines.damaged(self._bucket.url(mark.name))
        return session

    def _is_closed(self, digest: str, session: str) -> bool:
        return self._bucket.head(f"{self._root}closed/{_safe(digest)}/{session}{_SUFFIX}") is not None

    def _mark(self, digest: str) -> str:
        return f"{self._root}open/{_safe(digest)}{_SUFFIX}"

    def _lines(self, digest: str, session: str) -> str:
        return f"{self._root}lines/{_safe(digest)}/{session}/"

    def _line(self, intent: Intent, suffix: str) -> str:
        digest, session, stem = self._parts(intent)
        return f"{self._lines(digest, session)}{stem}{suffix}"

    def _parts(self, intent: Intent) -> tuple[str, str, str]:
        """Split the id of an intent into digest, session and the name of its lines."""
        parts = intent.id.split("/")
        if len(parts) != 3 or not all(map(_DIGEST.fullmatch, parts)):
            raise errors.StoreFailed(f"no open journal holds the intent {intent.id!r}", "plan again")
        return parts[0], parts[1], parts[2]

    def name(self, digest: str, session: str, number: int) -> str:
        """Name an intent: no other runner draws the same."""
        return f"{digest}/{session}/{number:06}-{self._chance()}"


class BucketJournal:
    """vocabulary.ports.Journal of one session. Thread-safe."""

    def __init__(self, journals: BucketJournals, digest: str, session: str, clock: Clock) -> None:
        self._journals = journals
        self._digest = digest
        self._session = session
        self._clock = clock
        # At least as many as there are intents: a resumed session goes on behind them.
        self._numbers = itertools.count(journals.written(digest, session) + 1)

    def intent(self, address: str, verb: str, resource: str, run_key: str = "") -> Intent:
        """Write down what is about to be sent, and make sure that the lock is still ours.

        Raises errors.LockHeld where it is not: then nothing may be sent.
        """
        name = self._journals.name(self._digest, self._session, next(self._numbers))
        intent = Intent(name, address, verb, resource, run_key, self._clock.now())
        self._journals.intent(intent)
        return intent

    def outcome(self, intent: Intent, status: str, resource: str = "", error: str = "") -> None:
        """Write down what came of it."""
        self._journals.outcome(intent, status, resource, error)

    def close(self) -> None:
        """Mark the plan as spent."""
        self._journals.close(self._digest, self._session)


def _safe(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise errors.StoreFailed(f"{digest!r} is not a plan's digest")
    return digest.replace(":", "-")
