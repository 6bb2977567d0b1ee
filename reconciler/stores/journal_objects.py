"""The lines of each journal as immutable objects in a bucket: one a line, so that none is ever torn. Knows no plan."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from reconciler.stores import journal_lines
from reconciler.stores.cloud_storage import Bucket, Stored, carrying
from reconciler.stores.journal import Session
from reconciler.vocabulary import errors
from reconciler.vocabulary.ports import Clock, Intent

_PART = re.compile(r"[A-Za-z0-9_:-]{1,128}")
_SUFFIX = ".jsonl"
_INTENT, _OUTCOME = ".intent" + _SUFFIX, ".outcome" + _SUFFIX
"""In this order by name, so that an intent stands before its outcome."""


class ObjectLines:
    """stores.journal.Lines below `root` of a bucket.

    `open/DIGEST` marks an open journal and names its session, `lines/DIGEST/SESSION/` holds its lines, and
    `closed/DIGEST/SESSION` closes it. Only the mark of an open one is ever deleted, so that finding what is open stays
    cheap. `chance` gives names nobody else draws.
    """

    def __init__(self, bucket: Bucket, root: str, clock: Clock, chance: Callable[[], str]) -> None:
        self._bucket = bucket
        self._root = root
        self._clock = clock
        self._chance = chance

    def find(self, digest: str) -> Session | None:
        """Return the session that the mark of a digest names."""
        mark = self._bucket.head(self._mark(digest))
        return None if mark is None else self._session(digest, mark)

    def begin(self, digest: str) -> Session:
        """Mark a new session; where somebody else did so meanwhile, theirs is gone on with."""
        name = self._mark(digest)
        line = journal_lines.header_line(digest, self._clock.now())
        said = {"session": self._chance()} | carrying(line)
        mark = self._bucket.insert(name, said, line) or self._bucket.head(name)
        if mark is None:
            raise errors.StoreFailed(f"{self._bucket.url(name)} comes and goes", "somebody else is applying")
        return self._session(digest, mark)

    def sessions(self) -> Iterator[Session]:
        """Yield the session of every mark; what is not named as ours are is passed over."""
        marks = [mark for mark in self._bucket.listing(f"{self._root}open/") if mark.name.endswith(_SUFFIX)]
        yield from (self._session(mark.name.rpartition("/")[2].removesuffix(_SUFFIX), mark) for mark in marks)

    def was_closed(self, digest: str) -> bool:
        """Say whether any session of a digest was closed."""
        return next(self._bucket.listing(f"{self._root}closed/{_safe(digest)}/"), None) is not None

    def is_closed(self, session: Session) -> bool:
        """Say whether the object that closes a session is there."""
        return self._bucket.head(self._closing(session)) is not None

    def read(self, session: Session) -> journal_lines.Trace:
        """Read a session from its listing alone; an outcome counts by its name, and other names are passed over."""
        items = list(self._bucket.listing(self._lines(session.digest, session.name)))
        settled = {item.name.removesuffix(_OUTCOME) for item in items if item.name.endswith(_OUTCOME)}
        intents: list[Intent] = []
        pending: list[Intent] = []
        for item in items:
            if not item.name.endswith(_INTENT):
                continue
            found = self._read(item)
            intents.append(found)
            if item.name.removesuffix(_INTENT) not in settled:
                pending.append(found)
        return journal_lines.Trace(tuple(intents), tuple(pending), closed=False)

    def pending(self, session: Session) -> tuple[Intent, ...]:
        """Return the open intents of a session; what lists an object tells its age too."""
        return self.read(session).pending

    def name(self, session: Session, number: int) -> str:
        """Name an intent: no other runner draws the same."""
        return f"{session.digest}/{session.name}/{number:06}-{self._chance()}"

    def holding(self, intent: Intent) -> tuple[str, str]:
        """Return digest and session that an intent's name begins with."""
        digest, session, _ = self._parts(intent)
        return digest, session

    def add_intent(self, session: Session, intent: Intent) -> None:
        """Write an intent as an object of its own."""
        del session  # its name tells
        line = journal_lines.intent_line(intent)
        name = self._line(intent, _INTENT)
        if self._bucket.insert(name, carrying(line), line) is None:
            raise errors.StoreFailed(f"{self._bucket.url(name)} is there already", "run again")

    def add_outcome(self, session: Session, intent: Intent, status: str, resource: str, error: str) -> None:
        """Write an outcome as an object of its own; the first one written stays."""
        del session
        line = journal_lines.outcome_line(intent, status, resource, error, self._clock.now())
        self._bucket.insert(self._line(intent, _OUTCOME), {}, line)

    def close(self, session: Session) -> None:
        """Write the object that closes a session."""
        self._bucket.insert(self._closing(session), {}, journal_lines.closing_line(self._clock.now()))

    def put_away(self, session: Session) -> None:
        """Delete the mark of a session, where it is still this session's."""
        self._bucket.delete(self._mark(session.digest), session.generation)

    def _read(self, item: Stored) -> Intent:
        line = self._bucket.read(item.name) if item.content is None else item.content
        found = journal_lines.read(line, self._bucket.url(item.name)).intents
        # An intent must never be overlooked, nor be settled under another name than its own.
        if len(found) != 1 or self._line(found[0], _INTENT) != item.name:
            raise journal_lines.damaged(self._bucket.url(item.name))
        return replace(found[0], age=item.age)

    def _session(self, digest: str, mark: Stored) -> Session:
        name = mark.metadata.get("session", "")
        if not _PART.fullmatch(name):
            raise journal_lines.damaged(self._bucket.url(mark.name))
        return Session(digest, name, mark.generation)

    def _mark(self, digest: str) -> str:
        return f"{self._root}open/{_safe(digest)}{_SUFFIX}"

    def _closing(self, session: Session) -> str:
        return f"{self._root}closed/{_safe(session.digest)}/{session.name}{_SUFFIX}"

    def _lines(self, digest: str, session: str) -> str:
        return f"{self._root}lines/{_safe(digest)}/{session}/"

    def _line(self, intent: Intent, suffix: str) -> str:
        digest, session, stem = self._parts(intent)
        return f"{self._lines(digest, session)}{stem}{suffix}"

    def _parts(self, intent: Intent) -> tuple[str, str, str]:
        """Split the name of an intent into digest, session and the name of its lines."""
        parts = intent.id.split("/")
        if len(parts) != 3 or not all(map(_PART.fullmatch, parts)):
            raise errors.StoreFailed(f"no open journal holds the intent {intent.id!r}", "plan again")
        return parts[0], parts[1], parts[2]


def _safe(digest: str) -> str:
    return digest.replace(":", "-")
