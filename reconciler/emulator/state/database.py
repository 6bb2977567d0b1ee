"""The emulator's jobs on SQLite, in memory or in a file that processes may share.

It knows no HTTP and no kind."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.emulator.state import lifecycle, rows
from reconciler.emulator.state.rows import Change, Job, Key
from reconciler.vocabulary import errors

_FORMAT = 1
_BUSY_SECONDS = 30.0
_LARGEST_LOG = 64 * 1024 * 1024
"""Bytes that the write-ahead log keeps on disk after a large write."""

_AT_ONCE = 1000
"""Jobs that are moved on before the next are read: a long sleep must not fill the memory."""

_FEW = 1000
"""Jobs that are sorted rather than found in the order of a list (measured: 1 ms for 300, 50 ms to walk 100,000)."""

_ORDERS = {"updated": "jobs_listed", "created": "jobs_made"}
_LED = "jobs.id IN (SELECT labels.job FROM labels WHERE labels.key=? AND labels.value=?)"


class State:
    """All jobs and finished operations. Every use happens inside `transaction`, one at a time in this process.

    `watch` hears of the changes of every transaction, in their order, once it is committed.
    """

    def __init__(self, database: str, watch: Callable[[Sequence[Change]], None] | None = None) -> None:
        self._lock = threading.RLock()
        self._path = database
        self._watch = watch
        self._changes: list[Change] = []
        try:
            if database != ":memory:":
                Path(database).parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                database, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error
        try:
            self._prepare()
        except (sqlite3.Error, errors.StoreFailed) as error:
            self._connection.close()
            raise error if isinstance(error, errors.StoreFailed) else self._failed(error) from error

    def _failed(self, error: Exception) -> errors.StoreFailed:
        return errors.StoreFailed(
            f"the emulator's database {self._path} could not be opened: {error}",
            "check that the folder can be written and that the file is a database of the emulator, or delete the file",
        )

    def _prepare(self) -> None:
        with contextlib.suppress(sqlite3.OperationalError):
            # SQLite does not wait here while another process does the same; every journal mode is correct, WAL is faster
            self._connection.execute("PRAGMA journal_mode=WAL")
        # A commit is in the system's hands, which kill -9 does not reach; FULL waits for the disk, for power cuts, and
        # took 1.3 times as long on an idle machine and 4 times on a busy one (bench.emulator).
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(f"PRAGMA journal_size_limit={_LARGEST_LOG}")
        with self.transaction(write=True) as connection:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, _FORMAT):
                raise self._failed(ValueError(f"it has format {found}, this version reads {_FORMAT}"))
            for statement in rows.TABLES.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={_FORMAT}")

    def close(self) -> None:
        """Close the database; a second close does nothing."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def transaction(self, write: bool) -> Iterator[sqlite3.Connection]:
        """Hold the database for one request; a write takes the file's lock at once, so that no process is surprised."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            self._changes = []
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk ends it by itself
                    self._connection.execute("ROLLBACK")
                raise
            if self._changes and self._watch is not None:
                self._watch(self._changes)

    def copy(self) -> State:
        """Copy everything into memory; belongs inside a transaction that writes nothing."""
        copied = State(":memory:")
        self._connection.backup(copied._connection)
        return copied

    def has_due(self, now: int) -> bool:
        """Say whether a step of any job is due."""
        with self._lock:
            return self._connection.execute("SELECT 1 FROM jobs WHERE due <= ? LIMIT 1", (now,)).fetchone() is not None

    def advance(self, now: int) -> None:
        """Take all due steps of all jobs; belongs inside a write."""
        while due := list(self._jobs("due <= ? ORDER BY due LIMIT ?", (now, _AT_ONCE))):
            for job in due:
                life = lifecycle.advance(job.life, now)
                steps = len(job.life.ahead) - len(life.ahead)  # the same version however often somebody looked
                self._save(replace(job, life=life, version=job.version + steps))

    def next_created(self, now: int) -> int:
        """Return `now`, or one microsecond after the newest job where the clock has not moved on."""
        newest = self._connection.execute("SELECT max(created) FROM jobs").fetchone()[0]
        return now if newest is None or newest < now else int(newest) + 1

    def find(self, key: Key) -> Job | None:
        """Read one job."""
        found = self._jobs(
            "kind=? AND project=? AND location=? AND job=?", (key.kind, key.project, key.location, key.job)
        )
        return next(found, None)

    def add(self, job: Job) -> bool:
        """Store a new job; False where its id is taken."""
        row = {**rows.row(job), "kind": job.key.kind, "project": job.key.project}
        row |= {"location": job.key.location, "job": job.key.job}
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        cursor = self._connection.execute(f"INSERT OR IGNORE INTO jobs ({names}) VALUES ({marks})", row)
        if not cursor.rowcount or cursor.lastrowid is None:
            return False
        self._label(cursor.lastrowid, job.body.get("labels", {}))
        self._changes.append((job.key, job))
        return True

    def save(self, job: Job, relabel: bool = False) -> None:
        """Write a job back; its labels are indexed anew only where they changed."""
        self._changes.append((job.key, job))
        self._save(job)
        if relabel:
            self._connection.execute("DELETE FROM labels WHERE job=?", (job.id,))
            self._label(job.id, job.body.get("labels", {}))

    def _save(self, job: Job) -> None:
        row = rows.row(job)
        marks = ", ".join(f"{name}=:{name}" for name in row)
        self._connection.execute(f"UPDATE jobs SET {marks} WHERE id=:id", {**row, "id": job.id})

    def remove(self, job: Job) -> None:
        """Delete a job's record."""
        self._changes.append((job.key, None))
        self._connection.execute("DELETE FROM labels WHERE job=?", (job.id,))
        self._connection.execute("DELETE FROM jobs WHERE id=?", (job.id,))

    def led(self, where: str, values: Sequence[Any], carried: Sequence[tuple[str, str]]) -> tuple[str, tuple[Any, ...]]:
        """Start a condition from the rarest of the labels (key and value) that all matches carry, if few jobs carry it.

        Otherwise a list that asks for one job in 100,000 walks through all of them.
        """
        count = "SELECT count(*) FROM (SELECT 1 FROM labels WHERE key=? AND value=? LIMIT ?)"
        found = [(self._connection.execute(count, (*label, _FEW + 1)).fetchone()[0], label) for label in carried]
        few, label = min(found, default=(_FEW + 1, ("", "")))
        return (f"{_LED} AND ({where})", (*label, *values)) if few <= _FEW else (where, tuple(values))

    def listed(
        self,
        scope: Key,
        where: str,
        values: Sequence[Any],
        after: tuple[int, str] | None,
        most: int,
        by: str = "updated",
    ) -> list[Job]:
        """Return at most `most` jobs of a scope that match, by update time descending, then id, after a position.

        `by` may be "created": the time of the position and of the order is then the one of creation.
        """
        clauses = ["kind=? AND project=? AND location=?"]
        bound: list[Any] = [scope.kind, scope.project, scope.location]
        if after is not None:
            clauses.append(f"{by} <= ? AND NOT ({by} = ? AND job <= ?)")
            bound += [after[0], after[0], after[1]]
        text = f"{' AND '.join(clauses)} AND ({where}) ORDER BY {by} DESC, job LIMIT ?"
        return list(self._jobs(text, (*bound, *values, most), _table(where, by)))

    def shown_before(
        self, scope: Key, where: str, values: Sequence[Any], position: tuple[int, str], most: int, by: str = "updated"
    ) -> list[Job]:
        """Return at most `most` jobs that match, those that a list shows last up to a position, in its order."""
        clauses = f"kind=? AND project=? AND location=? AND {by} >= ? AND NOT ({by} = ? AND job > ?)"
        bound = (scope.kind, scope.project, scope.location, position[0], *position)
        text = f"{clauses} AND ({where}) ORDER BY {by}, job DESC LIMIT ?"
        return list(self._jobs(text, (*bound, *values, most), _table(where, by)))[::-1]

    def stored_after(self, after: int, most: int) -> list[Job]:
        """Return at most `most` jobs of every scope whose own number is above `after`, in the order of the numbers."""
        return list(self._jobs("id > ? ORDER BY id LIMIT ?", (after, most)))

    def clear(self) -> None:
        """Remove every job and operation."""
        gone = self._connection.execute("SELECT kind, project, location, job FROM jobs ORDER BY id").fetchall()
        self._changes.extend((Key(*row), None) for row in gone)
        for table in ("labels", "jobs", "operations"):
            self._connection.execute(f"DELETE FROM {table}")

    def created_after(self, at: int) -> list[Job]:
        """Return the jobs of every scope created after a time, oldest first."""
        return list(self._jobs("created > ? ORDER BY created", (at,)))

    def add_operation(self, name: str, body: Mapping[str, Any]) -> bool:
        """Store a finished operation; False where its name is taken."""
        return (
            self._connection.execute(
                "INSERT OR IGNORE INTO operations VALUES (?, ?)", (name, json.dumps(body))
            ).rowcount
            == 1
        )

    def operations(
        self, prefix: str, where: str, values: Sequence[Any], after: str, most: int
    ) -> list[tuple[str, Mapping[str, Any]]]:
        """Return at most `most` operations whose names start so, by name, after an id; each with its id.

        A record whose body is only a `name` stands for the operation of that name. `where` speaks of `found.body`.
        """
        text = (
            "SELECT listed.name, found.body FROM operations listed"
            " JOIN operations found ON found.name = json_extract(listed.body, '$.name')"
            f" WHERE listed.name > ? AND listed.name < ? AND ({where}) ORDER BY listed.name LIMIT ?"
        )
        bound = (prefix + after, prefix[:-1] + chr(ord(prefix[-1]) + 1), *values, most)
        rows = self._connection.execute(text, bound).fetchall()
        return [(name.removeprefix(prefix), json.loads(body)) for name, body in rows]

    def remove_operation(self, name: str) -> None:
        """Delete the record of an operation."""
        self._connection.execute("DELETE FROM operations WHERE name=?", (name,))

    def operation(self, name: str) -> Mapping[str, Any] | None:
        """Read one operation by its full name."""
        row = self._connection.execute("SELECT body FROM operations WHERE name=?", (name,)).fetchone()
        found: Mapping[str, Any] | None = json.loads(row[0]) if row else None
        return found

    def _label(self, job: int, labels: Mapping[str, str]) -> None:
        rows = [(job, key, value) for key, value in labels.items()]
        self._connection.executemany("INSERT INTO labels VALUES (?, ?, ?)", rows)

    def _jobs(self, where: str, values: Sequence[Any], table: str = "jobs") -> Iterator[Job]:
        text = f"SELECT {rows.COLUMNS} FROM {table} WHERE {where}"
        return map(rows.job, self._connection.execute(text, values).fetchall())


def _table(where: str, by: str) -> str:
    """Say how SQLite is to read a list: it keeps no statistics here and may take an index that leaves all to be sorted.

    NOT INDEXED leaves it the numbers of the jobs, which a label leads to.
    """
    return "jobs NOT INDEXED" if _LED in where else f"jobs INDEXED BY {_ORDERS[by]}"
