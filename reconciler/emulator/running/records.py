"""What is on disk about runs: a folder a job, and in it who keeps it and which processes are its own.

It judges no process."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from reconciler.emulator.running.processes import Identity
from reconciler.emulator.state.rows import Key
from reconciler.vocabulary import errors

_FILE = "run.json"


@dataclass(frozen=True, slots=True)
class Record:
    """A job that was taken to be run: by which process, and what runs for it; `ended` once all of it is over."""

    key: Key
    keeper: Identity
    processes: tuple[Identity, ...] = ()
    ended: bool = False


class Folder:
    """The folder of all runs."""

    def __init__(self, root: Path) -> None:
        """Open it for this user alone. Raises errors.StoreFailed where it cannot be had."""
        self._root = root
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if root.is_symlink() or root.stat().st_uid != os.getuid():
                raise PermissionError(f"{root} is a link or belongs to somebody else")
            root.chmod(0o700)
        except OSError as error:
            raise errors.StoreFailed(
                f"the folder of running jobs {root} cannot be used: {error}", "choose another file with --db"
            ) from error

    def of(self, key: Key) -> Path:
        """Return the folder of a job; its name is a hash, because ids come from callers."""
        return self._root / hashlib.sha256(json.dumps(astuple(key)).encode()).hexdigest()[:24]

    def output(self, key: Key) -> Path:
        """Return where a job's output is kept."""
        return self.of(key) / "output"

    def work(self, key: Key, replica: str) -> Path:
        """Make the folder that a replica works in."""
        made = self.of(key) / "work" / replica
        made.mkdir(parents=True, exist_ok=True)
        return made

    def write(self, record: Record) -> None:
        """Write a record, whole or not at all."""
        folder = self.of(record.key)
        folder.mkdir(exist_ok=True)
        unfinished_file = folder / f"{_FILE}.unfinished"
        unfinished_file.write_text(json.dumps(asdict(record)), encoding="utf-8")
        unfinished_file.replace(folder / _FILE)

    def unfinished(self) -> Iterator[Record]:
        """Yield the records of runs that have not ended; what is no record of ours is left alone."""
        for file in sorted(self._root.glob(f"*/{_FILE}")):
            try:
                record = _parse(json.loads(file.read_text(encoding="utf-8")))
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                continue
            if not record.ended:
                yield record

    def remove(self, key: Key) -> None:
        """Remove everything about a job."""
        shutil.rmtree(self.of(key), ignore_errors=True)

    def remove_all(self) -> None:
        """Remove the folder itself."""
        shutil.rmtree(self._root, ignore_errors=True)


def _parse(value: object) -> Record:
    if not isinstance(value, dict):
        raise TypeError("no record")
    key, keeper, processes = value["key"], value["keeper"], value["processes"]
    if not isinstance(key, dict) or not isinstance(keeper, dict) or not isinstance(processes, Sequence):
        raise TypeError("no record")
    if not all(isinstance(part, str) for part in key.values()):
        raise TypeError("no key")
    return Record(Key(**key), _identity(keeper), tuple(map(_identity, processes)), value["ended"] is True)


def _identity(value: object) -> Identity:
    if not isinstance(value, dict):
        raise TypeError("no process")
    pid, started = value["pid"], value["started"]
    if not isinstance(pid, int) or isinstance(pid, bool) or pid < 2 or not isinstance(started, str):
        raise TypeError("no process")
    return Identity(pid, started)
